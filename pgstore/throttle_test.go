package pgstore_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
	"github.com/passbearer/passbearer/throttle"
)

func attempt(cell int64, every time.Duration) []throttle.Take {
	return []throttle.Take{{Cell: cell, Limit: throttle.Limit{Burst: 2, Every: every}}}
}

// use takes attempts until there is no room, and returns how many.
func use(t *testing.T, s *pgstore.Store, takes []throttle.Take) (n int) {
	t.Helper()
	for ; ; n++ {
		waits, err := s.ReserveAttempt(t.Context(), takes)
		require.NoError(t, err)
		if waits != nil {
			return n
		}
		require.Less(t, n, 100)
	}
}

func TestThrottleIsShared(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	one, two := openAt(t, at, opts), openAt(t, at, opts)
	require.Equal(t, 2, use(t, one, attempt(1, time.Hour)))
	require.Equal(t, 0, use(t, two, attempt(1, time.Hour)))
	require.NoError(t, two.RefundAttempt(t.Context(), attempt(1, time.Hour)))
	require.Equal(t, 1, use(t, one, attempt(1, time.Hour)))
}

// TestThrottleRefusalWritesNothing: a flood costs the server reads.
func TestThrottleRefusalWritesNothing(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s := openAt(t, at, opts)
	use(t, s, attempt(1, time.Hour))
	const row = "SELECT string_agg(cell::text || ' ' || xmin::text || ' ' || ctid::text, ',') FROM "
	before := value[string](t, at, row+opts.Schema+".throttle")
	for range 3 {
		require.Equal(t, 0, use(t, s, append(attempt(2, time.Hour), attempt(1, time.Hour)...)))
	}
	require.Equal(t, before, value[string](t, at, row+opts.Schema+".throttle"))
}

// TestThrottleClock: whatever was ahead of its limit is mended when it shows.
func TestThrottleClock(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s := openAt(t, at, opts)
	use(t, s, attempt(1, time.Hour))
	execute(t, at, "UPDATE "+opts.Schema+".throttle SET whole_at = whole_at + 86400000000") // as if the clock had been set back
	waits, err := s.ReserveAttempt(t.Context(), attempt(1, time.Hour))
	require.NoError(t, err)
	require.InDelta(t, time.Hour, waits[0], float64(time.Minute))
	require.InDelta(t, 2*3600, value[float64](t, at, "SELECT whole_at / 1000000.0 - extract(epoch FROM clock_timestamp())::float8 FROM "+opts.Schema+".throttle"), 60)
}

func TestPurgeThrottle(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	opts.PurgeInterval = 20 * time.Millisecond
	s := openAt(t, at, opts)
	use(t, s, attempt(1, time.Hour))
	_, err := s.ReserveAttempt(t.Context(), attempt(2, time.Millisecond))
	require.NoError(t, err)
	until(t, "the idle one is gone", func() bool {
		return value[string](t, at, "SELECT string_agg(cell::text, ' ') FROM "+opts.Schema+".throttle") == "1"
	})
	require.Equal(t, 0, use(t, s, attempt(1, time.Hour)))
}

// TestUpgrade: tables of the first version are brought up to date, and keep what is
// in them.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	first, err := os.ReadFile("migrations/0001_tables.sql")
	require.NoError(t, err)
	script := "CREATE SCHEMA {schema}; CREATE TABLE {schema}.migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL);" + string(first) +
		"; INSERT INTO {schema}.migrations VALUES (1, now()); INSERT INTO {schema}.users VALUES ('u1', 'johndoe', '', 'me', false, 7)"
	execute(t, at, strings.ReplaceAll(script, "{schema}", opts.Schema))
	for range 2 {
		s := openAt(t, at, opts)
		user, err := s.UserByName(t.Context(), "johndoe")
		require.NoError(t, err)
		require.Equal(t, passbearer.User{ID: "u1", Name: "johndoe", Scope: "me", Epoch: 7}, *user)
		require.NoError(t, s.RefundAttempt(t.Context(), attempt(1, time.Hour)))
	}
}

// BenchmarkAttempt is what one that succeeds costs: it is taken and given back.
func BenchmarkAttempt(b *testing.B) {
	s, takes := openAt(b, serverURL(b), options(b)), attempt(1, time.Hour)
	for b.Loop() {
		waits, err := s.ReserveAttempt(b.Context(), takes)
		require.NoError(b, err)
		require.Nil(b, waits)
		require.NoError(b, s.RefundAttempt(b.Context(), takes))
	}
}
