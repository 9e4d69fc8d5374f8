package sqlitestore_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/sqlitestore"
	"github.com/passbearer/passbearer/throttle"
)

func attempt(cell int64) []throttle.Take {
	return []throttle.Take{{Cell: cell, Limit: throttle.Limit{Burst: 2, Every: time.Hour}}}
}

// use takes attempts until there is no room, and returns how many.
func use(t *testing.T, s *sqlitestore.Store, cell int64) (n int) {
	t.Helper()
	for ; ; n++ {
		waits, err := s.ReserveAttempt(t.Context(), attempt(cell))
		require.NoError(t, err)
		if waits != nil {
			return n
		}
		require.Less(t, n, 100)
	}
}

// TestThrottleIsShared: with other processes, and with this one after a restart.
func TestThrottleIsShared(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	one, two := openFile(t, path, nil), openFile(t, path, nil)
	require.Equal(t, 2, use(t, one, 1))
	require.Equal(t, 0, use(t, two, 1))
	require.NoError(t, two.RefundAttempt(t.Context(), attempt(1)))
	require.Equal(t, 1, use(t, one, 1))
	require.NoError(t, one.Close())
	require.Equal(t, 0, use(t, openFile(t, path, nil), 1))
}

func TestThrottleClock(t *testing.T) { synctest.Test(t, throttleClock) }

func throttleClock(t *testing.T) {
	var c clock
	path := newPath(t)
	s := openFile(t, path, &sqlitestore.Options{Now: c.now})
	use(t, s, 1)
	c.offset += time.Hour
	require.Equal(t, 1, use(t, s, 1))
	c.offset -= 24 * time.Hour
	waits, err := s.ReserveAttempt(t.Context(), attempt(1))
	require.NoError(t, err)
	require.Equal(t, []time.Duration{time.Hour}, waits, "a clock that was set back locks nobody out for a day")
	c.offset += time.Hour
	require.Equal(t, 1, use(t, s, 1))

	use(t, s, 2)
	sweepAll(t, s)
	require.Equal(t, 2, countRows(t, path, "passbearer_throttle"))
	c.offset += 2 * time.Hour
	use(t, s, 2)
	sweepAll(t, s)
	require.Equal(t, 1, countRows(t, path, "passbearer_throttle"), "what is idle is removed")
	require.Equal(t, 0, use(t, s, 2))
	require.Equal(t, 2, use(t, s, 1))
}

// TestUpgrade: a file of the first version is brought up to date, and keeps what
// is in it.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	first, err := os.ReadFile("migrations/0001_initial.sql")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	db := raw(t, path)
	for _, script := range []string{string(first), "CREATE TABLE passbearer_version (version INTEGER NOT NULL) STRICT",
		"INSERT INTO passbearer_version VALUES (1)", "INSERT INTO passbearer_users VALUES ('u1', 'johndoe', '', 'me', 0, 7)"} {
		_, err := db.ExecContext(t.Context(), script)
		require.NoError(t, err)
	}
	for range 2 {
		s := openFile(t, path, nil)
		user, err := s.UserByName(t.Context(), "johndoe")
		require.NoError(t, err)
		require.EqualValues(t, 7, user.Epoch)
		require.NoError(t, s.RefundAttempt(t.Context(), attempt(1)))
	}
}

// BenchmarkAttempt is what one that succeeds costs: it is taken and given back.
func BenchmarkAttempt(b *testing.B) {
	s, takes := openWith(b, nil), attempt(1)
	for b.Loop() {
		waits, err := s.ReserveAttempt(b.Context(), takes)
		require.NoError(b, err)
		require.Nil(b, waits)
		require.NoError(b, s.RefundAttempt(b.Context(), takes))
	}
}
