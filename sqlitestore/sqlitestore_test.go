package sqlitestore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/sqlitestore"
	"github.com/passbearer/passbearer/storetest"
)

// open makes a store on a file of its own.
func open(t *testing.T) *sqlitestore.Store { return openWith(t, nil) }

func openWith(t testing.TB, opts *sqlitestore.Options) *sqlitestore.Store {
	return openFile(t, filepath.Join(t.TempDir(), "test.db"), opts)
}

func openFile(t testing.TB, path string, opts *sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// onClock has a clock that differs from the process's.
func onClock(offset time.Duration) func(*testing.T) *sqlitestore.Store {
	return func(t *testing.T) *sqlitestore.Store {
		return openWith(t, &sqlitestore.Options{Now: func() time.Time { return time.Now().Add(offset) }})
	}
}

func suites(t *testing.T, open func(*testing.T) *sqlitestore.Store) {
	t.Run("users", func(t *testing.T) { storetest.TestUserStore(t, open) })
	t.Run("clients", func(t *testing.T) { storetest.TestClientStore(t, open) })
	t.Run("sessions", func(t *testing.T) { storetest.TestSessionStore(t, open) })
	t.Run("revocations", func(t *testing.T) { storetest.TestRevocationStore(t, open) })
	t.Run("throttle", func(t *testing.T) { storetest.TestThrottleStore(t, open) })
	t.Run("replays", func(t *testing.T) { storetest.TestReplayStore(t, open) })
}

func TestStore(t *testing.T)              { t.Parallel(); suites(t, open) }
func TestStoreOnAClockAhead(t *testing.T) { t.Parallel(); suites(t, onClock(time.Hour)) }
func TestStoreOnAClockBehind(t *testing.T) {
	t.Parallel()
	suites(t, onClock(-time.Hour))
}
