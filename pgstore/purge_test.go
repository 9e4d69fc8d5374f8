package pgstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
)

// fill adds rows of every kind of death, and some that live.
const fill = `
	INSERT INTO {s}.sessions (id, user_id, client_id, scope, epoch, generation, acr, amr, jkt, extra, user_agent, idle_lifetime, lifetime, created_at, last_used_at, ended_at, dead_after)
	SELECT kind || n, 'u1', 'web', '', 0, 0, '', '', '', '', '', 3600000000000, 36000000000000, t, t, CASE kind WHEN 'ended' THEN t END, t + interval '2 days'
	FROM generate_series(1, 1200) AS n,
		(VALUES ('ended', clock_timestamp() - interval '3 days'), ('expired', clock_timestamp() - interval '3 days'), ('live', clock_timestamp())) AS kinds (kind, t);
	INSERT INTO {s}.revocations SELECT 1, kind || n, 0, t
	FROM generate_series(1, 1200) AS n, (VALUES ('expired', clock_timestamp() - interval '1 second'), ('live', clock_timestamp() + interval '1 day')) AS kinds (kind, t)`

// TestPurge deletes the dead in batches, passes over what is locked, and holds
// nobody up.
func TestPurge(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	opts.PurgeInterval = -1
	openAt(t, at, opts)
	execute(t, at, strings.ReplaceAll(fill, "{s}", opts.Schema))
	conn := connect(t, at)
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT FROM "+opts.Schema+".sessions WHERE id = 'ended7' FOR UPDATE")
	require.NoError(t, err)

	opts.PurgeInterval = 20 * time.Millisecond
	s, other := openAt(t, at, opts), openAt(t, at, opts) // two processes purge
	left := func() string {
		return value[string](t, at, strings.ReplaceAll(`SELECT
			(SELECT count(*) FILTER (WHERE id LIKE 'live%') || ' ' || count(*) FILTER (WHERE id NOT LIKE 'live%') FROM {s}.sessions) || ' ' ||
			(SELECT count(*) FILTER (WHERE key LIKE 'live%') || ' ' || count(*) FILTER (WHERE key NOT LIKE 'live%') FROM {s}.revocations)`, "{s}", opts.Schema))
	}
	until(t, "all but the locked one are gone", func() bool { return left() == "1200 1 1200 0" })
	require.NoError(t, other.CreateSession(t.Context(), passbearer.Session{ID: "live new", IdleLifetime: time.Hour, Lifetime: time.Hour}))
	require.NoError(t, tx.Rollback(t.Context()))
	until(t, "the locked one is gone too", func() bool { return left() == "1201 0 1200 0" })
	_, err = s.SessionByID(t.Context(), "live7")
	require.NoError(t, err)
}

// TestPurgeSpares rows until a day after their end at most, by the clock of the
// server.
func TestPurgeSpares(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s, ctx := openAt(t, at, opts), t.Context()
	for id, lifetimes := range map[string][2]time.Duration{
		"idle first": {time.Hour, 100 * time.Hour}, "absolute first": {100 * time.Hour, time.Hour}, "ended": {100 * time.Hour, 100 * time.Hour},
		"for ever": {1<<63 - 1, 1<<63 - 1},
	} {
		require.NoError(t, s.CreateSession(ctx, passbearer.Session{ID: id, IdleLifetime: lifetimes[0], Lifetime: lifetimes[1]}))
		if id == "ended" {
			require.NoError(t, s.EndSession(ctx, id))
			require.InDelta(t, 24, value[float64](t, at, "SELECT extract(epoch FROM dead_after - ended_at)::float8 / 3600 FROM "+opts.Schema+".sessions WHERE id = $1", id), 0.1)
			continue
		}
		for generation := range int64(2) {
			execute(t, at, "UPDATE "+opts.Schema+".sessions SET dead_after = clock_timestamp() WHERE id = $1 AND $2 > 0", id, generation) // a swap puts it off
			_, swapped, err := s.SwapGeneration(ctx, id, generation, generation+1)
			require.NoError(t, err)
			require.True(t, swapped)
			hours := value[float64](t, at, `SELECT extract(epoch FROM dead_after - least(last_used_at + idle_lifetime / 1000 * interval '1 microsecond',
				created_at + lifetime / 1000 * interval '1 microsecond'))::float8 / 3600 FROM `+opts.Schema+`.sessions WHERE id = $1`, id)
			require.Greater(t, hours, 0.0, id)
			require.LessOrEqual(t, hours, 24.001, id)
		}
	}
}

// TestRotationsTouchNoIndex: they are heap-only updates.
func TestRotationsTouchNoIndex(t *testing.T) {
	t.Parallel()
	at := newDatabase(t, "")
	s := openAt(t, at, &pgstore.Options{Schema: pgstore.DefaultSchema})
	require.NoError(t, s.CreateSession(t.Context(), passbearer.Session{ID: "one", IdleLifetime: time.Hour, Lifetime: 100 * time.Hour}))
	const rotations = 200
	for g := range int64(rotations) {
		_, swapped, err := s.SwapGeneration(t.Context(), "one", g, g+1)
		require.NoError(t, err)
		require.True(t, swapped)
	}
	s.Close() // the connections tell their counts when they end
	until(t, "the statistics", func() bool {
		return value[int](t, at, "SELECT n_tup_upd::int FROM pg_stat_user_tables WHERE relname = 'sessions'") == rotations
	})
	hot := value[int](t, at, "SELECT n_tup_hot_upd::int FROM pg_stat_user_tables WHERE relname = 'sessions'")
	require.GreaterOrEqual(t, hot, rotations-5, "of %d rotations", rotations)
}
