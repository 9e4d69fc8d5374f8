package sqlitestore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

// The store's own sweeper stands still in these tests: they run in bubbles, where
// no time passes by itself.
func TestSweep(t *testing.T)            { synctest.Test(t, sweepWhatIsDead) }
func TestSweepBatches(t *testing.T)     { synctest.Test(t, sweepInBatches) }
func TestSweepRevocations(t *testing.T) { synctest.Test(t, sweepRevocations) }

// clock is one that a test moves.
type clock struct{ offset time.Duration }

func (c *clock) now() time.Time { return time.Now().Add(c.offset) }

// sweepAll goes through the table once, as the store does by itself.
func sweepAll(t *testing.T, s *sqlitestore.Store) (steps int) {
	t.Helper()
	for last := int64(0); ; steps++ {
		next, pause, err := sqlitestore.SweepOnce(t.Context(), s, last)
		require.NoError(t, err)
		if next == 0 {
			require.GreaterOrEqual(t, pause, time.Second)
			return steps
		}
		require.Greater(t, next, last)
		last = next
	}
}

func countRows(t *testing.T, path, table string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

func has(t *testing.T, s *sqlitestore.Store, id string) bool {
	t.Helper()
	_, err := s.SessionByID(t.Context(), id)
	if !errors.Is(err, passbearer.ErrSessionNotFound) {
		require.NoError(t, err)
	}
	return err == nil
}

func sweepWhatIsDead(t *testing.T) {
	var c clock
	s := openWith(t, &sqlitestore.Options{Now: c.now})
	ctx, day := t.Context(), 24*time.Hour
	for id, lifetimes := range map[string][2]time.Duration{
		"idle": {day, 30 * day}, "absolute": {30 * day, day}, "used": {2 * day, 30 * day}, "ended": {30 * day, 30 * day}, "live": {30 * day, 30 * day},
		"forever": {1<<63 - 1, 1<<63 - 1},
	} {
		row := liveSession(id)
		row.IdleLifetime, row.Lifetime = lifetimes[0], lifetimes[1]
		require.NoError(t, s.CreateSession(ctx, row))
	}
	require.NoError(t, s.EndSession(ctx, "ended"))
	remaining := func() (ids []string) {
		sweepAll(t, s)
		for _, id := range []string{"idle", "absolute", "used", "ended", "live", "forever"} {
			if has(t, s, id) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	require.Len(t, remaining(), 6)
	c.offset = sqlitestore.KeepDead - time.Minute
	require.Len(t, remaining(), 6, "a dead session stays for a day")
	_, swapped, err := s.SwapGeneration(ctx, "used", 0, 1)
	require.NoError(t, err)
	require.True(t, swapped)
	c.offset = sqlitestore.KeepDead + time.Minute
	require.Equal(t, []string{"idle", "absolute", "used", "live", "forever"}, remaining())
	c.offset = 2*day + time.Minute
	require.Equal(t, []string{"used", "live", "forever"}, remaining())
	c.offset = 5 * day
	require.Equal(t, []string{"live", "forever"}, remaining())
	c.offset = 40 * day
	require.Equal(t, []string{"forever"}, remaining())
	require.True(t, c.offset > 0 && has(t, s, "forever"), "a lifetime of 292 years is not over")
	row, err := s.SessionByID(ctx, "forever")
	require.NoError(t, err)
	_, swapped, err = s.SwapGeneration(ctx, "forever", row.Generation, 1)
	require.NoError(t, err)
	require.True(t, swapped)
}

// sweepInBatches: no transaction removes more than a few, however many are
// dead, and the ones between live on.
func sweepInBatches(t *testing.T) {
	var c clock
	path := newPath(t)
	s := openFile(t, path, &sqlitestore.Options{Now: c.now})
	const n = 10 * sqlitestore.SweepBatch
	fill(t, path, n)
	for i := range 10 {
		row := liveSession(fmt.Sprint("live", i))
		row.IdleLifetime, row.Lifetime = 1000*time.Hour, 1000*time.Hour
		require.NoError(t, s.CreateSession(t.Context(), row))
	}
	count := func() int { return countRows(t, path, "passbearer_sessions") }
	require.Equal(t, n+10, count())
	c.offset = 3 * 24 * time.Hour
	before := count()
	next, _, err := sqlitestore.SweepOnce(t.Context(), s, 0)
	require.NoError(t, err)
	require.NotZero(t, next)
	require.Equal(t, before-sqlitestore.SweepBatch, count())
	require.LessOrEqual(t, sweepAll(t, s), 10)
	require.Equal(t, 10, count())
	for i := range 10 {
		require.True(t, has(t, s, fmt.Sprint("live", i)))
	}
}

func sweepRevocations(t *testing.T) {
	var c clock
	path := newPath(t)
	s := openFile(t, path, &sqlitestore.Options{Now: c.now, RevocationLifetime: time.Hour})
	const n = sqlitestore.SweepBatch + 10
	for i := range n {
		require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: fmt.Sprint(i)}))
	}
	require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: "long", Lifetime: 3 * time.Hour}))
	count := func() int { return countRows(t, path, "passbearer_revocations") }
	sweepAll(t, s)
	require.Equal(t, n+1, count())
	c.offset = time.Hour + time.Minute
	require.Equal(t, []string{"long"}, firstNews(t, s), "the expired ones are not told")
	sweepAll(t, s)
	require.Equal(t, 1, count())
	c.offset = 4 * time.Hour
	sweepAll(t, s)
	require.Zero(t, count())

	// A number is not used again, or a watcher that saw the old ones would miss it.
	require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: "next"}))
	var number int
	require.NoError(t, raw(t, path).QueryRow("SELECT n FROM passbearer_revocations").Scan(&number))
	require.Equal(t, n+2, number)
}

// TestSweepsByItself: in a bubble two minutes pass at once.
func TestSweepsByItself(t *testing.T) {
	path := newPath(t)
	s := openFile(t, path, nil)
	for i := range 2 * sqlitestore.SweepBatch {
		require.NoError(t, s.CreateSession(t.Context(), liveSession(fmt.Sprint(i))))
	}
	require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: "jti"}))
	require.NoError(t, s.Close())
	wall := time.Now().Add(3 * sqlitestore.KeepDead)
	synctest.Test(t, func(t *testing.T) {
		base := time.Now() // the bubble has a clock of its own
		s, err := sqlitestore.Open(path, &sqlitestore.Options{Now: func() time.Time { return wall.Add(time.Since(base)) }})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.CreateSession(t.Context(), liveSession("late")))
		require.True(t, has(t, s, "0"), "opening is not held up by it")
		time.Sleep(2 * time.Minute)
		for i := range 2 * sqlitestore.SweepBatch {
			require.False(t, has(t, s, fmt.Sprint(i)))
		}
		require.True(t, has(t, s, "late"))
		require.Zero(t, countRows(t, path, "passbearer_revocations"))
	})
}
