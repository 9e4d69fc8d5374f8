package pgstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/faults"
	"github.com/passbearer/passbearer/pgstore"
)

func faultStores(t *testing.T) faults.Stores {
	s := open(t)
	return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
}

// TestFaultsEverywhere counts, with -v, how many there were.
func TestFaultsEverywhere(t *testing.T) { t.Parallel(); faults.Everywhere(t, faultStores) }

// TestSoak takes -faults.soak=30m for as long a load.
func TestSoak(t *testing.T) {
	faults.Soak(t, func(t *testing.T) faults.Stores {
		opts := options(t)
		opts.RevocationLifetime = faults.SoakLifetime
		s := openAt(t, serverURL(t), opts)
		return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
	})
}

// TestClockJumps has a server whose clock jumps.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	jumping, clock := clockServer(t)
	clock.Set(0)
	faults.ClockJumps(t, clock, func(t *testing.T) faults.Stores {
		s := openAt(t, jumping.url("postgres"), nil)
		return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
	})
}

// TestConnectionsAreKilled between two calls of a request.
func TestConnectionsAreKilled(t *testing.T) {
	t.Parallel()
	at := newDatabase(t, "")
	var s *pgstore.Store
	faults.Everywhere(t, func(t *testing.T) faults.Stores {
		s = openAt(t, with(t, at, "pool_max_conns", "1"), options(t))
		return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
	}, faults.Incident{
		Name:   "the connections are killed",
		Happen: func() { killConnections(t, at) },
		Heal: func() { // the pool learns of it by a call that fails
			until(t, "there is a connection", func() bool {
				_, err := s.UserByID(t.Context(), "nobody")
				return errors.Is(err, passbearer.ErrUserNotFound)
			})
		},
	})
}

// killConnections ends those to a database that nobody else uses.
func killConnections(t *testing.T, at string) {
	execute(t, at, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
}

// TestConnectionIsKilledAmidACall, while it waits for a lock.
func TestConnectionIsKilledAmidACall(t *testing.T) {
	t.Parallel()
	at, opts := newDatabase(t, ""), options(t)
	s := openAt(t, at, opts)
	a := faults.New(t, faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}, faults.Options{StoreTimeout: time.Minute})
	u := a.AddUser(t, true)
	signIn := func() faults.Answer { return a.SignIn(t.Context(), u.Name, u.Password) }
	signedIn := signIn()
	require.Equal(t, 200, signedIn.Status)
	signedOut := signIn().Refresh
	for name, send := range map[string]func() faults.Answer{
		"CreateSession":  signIn,
		"SwapGeneration": func() faults.Answer { return a.Refresh(t.Context(), signedIn.Refresh) },
		"EndSession":     func() faults.Answer { return a.Revoke(t.Context(), signedOut) },
	} {
		conn := connect(t, at)
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "LOCK TABLE "+opts.Schema+".sessions IN EXCLUSIVE MODE") // which lets reads pass
		require.NoError(t, err)
		answers := make(chan faults.Answer, 1)
		go func() { answers <- send() }()
		const waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
		until(t, name+" waits", func() bool { return value[int](t, at, "SELECT count(*)::int "+waiting) == 1 })
		execute(t, at, "SELECT pg_terminate_backend(pid) "+waiting)
		answer := <-answers
		require.Equal(t, 503, answer.Status, "%s: %s", name, answer.Raw)
		require.Equal(t, "temporarily_unavailable", answer.Error)
		require.Equal(t, "1", answer.Header.Get("Retry-After"))
		require.NoError(t, conn.Close(t.Context()))
		require.Zero(t, a.Hasher.Stats().Running)
		require.Equal(t, 200, send().Status, name)
	}
}
