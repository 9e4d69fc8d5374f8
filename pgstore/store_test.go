package pgstore_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
	"github.com/passbearer/passbearer/storetest"
	"github.com/passbearer/passbearer/throttle"
)

func TestUsers(t *testing.T)       { t.Parallel(); storetest.TestUserStore(t, open) }
func TestClients(t *testing.T)     { t.Parallel(); storetest.TestClientStore(t, open) }
func TestSessions(t *testing.T)    { t.Parallel(); storetest.TestSessionStore(t, open) }
func TestRevocations(t *testing.T) { t.Parallel(); storetest.TestRevocationStore(t, open) }
func TestThrottle(t *testing.T)    { t.Parallel(); storetest.TestThrottleStore(t, open) }
func TestReplays(t *testing.T)     { t.Parallel(); storetest.TestReplayStore(t, open) }

// suites runs all of them.
func suites(t *testing.T, open func(*testing.T) *pgstore.Store) {
	t.Run("users", func(t *testing.T) { t.Parallel(); storetest.TestUserStore(t, open) })
	t.Run("clients", func(t *testing.T) { t.Parallel(); storetest.TestClientStore(t, open) })
	t.Run("sessions", func(t *testing.T) { t.Parallel(); storetest.TestSessionStore(t, open) })
	t.Run("revocations", func(t *testing.T) { t.Parallel(); storetest.TestRevocationStore(t, open) })
	t.Run("throttle", func(t *testing.T) { t.Parallel(); storetest.TestThrottleStore(t, open) })
	t.Run("replays", func(t *testing.T) { t.Parallel(); storetest.TestReplayStore(t, open) })
}

// TestOnAnotherClock: the server's is an hour ahead.
func TestOnAnotherClock(t *testing.T) {
	t.Parallel()
	s, _ := clockServer(t)
	url := with(t, s.url("postgres"), "pool_max_conns", "8")
	suites(t, func(t *testing.T) *pgstore.Store { return openAt(t, url, nil) })
}

// pooler starts a PgBouncer before the shared server, in transaction mode.
func pooler(t *testing.T) (url, direct string) {
	t.Helper()
	path, _ := exec.LookPath("pgbouncer")
	need(t, path, "PgBouncer")
	if os.Getenv(urlEnv) != "" {
		t.Skip("PgBouncer needs the private server: unset " + urlEnv)
	}
	direct = serverURL(t)
	behind, err := mainServer()
	require.NoError(t, err)
	dir, err := ownDir()
	require.NoError(t, err)
	ini := fmt.Sprintf(`[databases]
* = host=%s port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
`, behind.dir, dir)
	require.NoError(t, os.WriteFile(dir+"/ini", []byte(ini), 0o644))
	cmd, err := command(nil, path, dir+"/ini")
	require.NoError(t, err)
	exited := make(chan struct{})
	require.NoError(t, launch(cmd, dir+"/log", exited))
	bouncer := &server{dir: dir, process: cmd.Process, exited: exited}
	t.Cleanup(func() { bouncer.kill(syscall.SIGKILL) })
	require.NoError(t, bouncer.ready())
	return with(t, bouncer.url("postgres"), "pool_max_conns", "8"), direct
}

func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	url, direct := pooler(t)
	t.Run("suites", func(t *testing.T) {
		suites(t, func(t *testing.T) *pgstore.Store {
			opts := options(t)
			opts.ListenURL = direct
			return openAt(t, url, opts)
		})
	})
	t.Run("LISTEN through it is refused", func(t *testing.T) {
		err := openAt(t, url, nil).WatchRevocations(t.Context(), func(passbearer.RevocationNews) {})
		require.ErrorContains(t, err, "ListenURL")
	})
	t.Run("the mode in the URL is honoured", func(t *testing.T) {
		everything(t, openAt(t, with(t, url, "default_query_exec_mode", "simple_protocol"), nil))
		for at, mode := range map[string]pgx.QueryExecMode{
			url:    pgx.QueryExecModeExec, // which is what it takes, where nothing is said
			direct: pgx.QueryExecModeCacheStatement,
			with(t, url, "default_query_exec_mode", "simple_protocol"): pgx.QueryExecModeSimpleProtocol,
			with(t, direct, "default_query_exec_mode", "exec"):         pgx.QueryExecModeExec,
		} {
			require.Equal(t, mode, pgstore.Mode(openAt(t, at, nil)))
		}
		s, err := pgstore.Open(t.Context(), with(t, url, "default_query_exec_mode", "cache_statement"), options(t))
		if err != nil { // PgBouncer before 1.21
			require.ErrorContains(t, err, "prepared statement")
			return
		}
		defer s.Close()
		require.Equal(t, pgx.QueryExecModeCacheStatement, pgstore.Mode(s))
	})
}

// TestExecModes: every mode that pgx has works on a direct connection.
func TestExecModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"simple_protocol", "exec", "cache_describe", "describe_exec"} {
		t.Run(mode, func(t *testing.T) {
			everything(t, openAt(t, with(t, serverURL(t), "default_query_exec_mode", mode), nil))
		})
	}
}

// everything calls each method once or twice.
func everything(t *testing.T, s *pgstore.Store) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, s.AddUser(ctx, passbearer.User{ID: "u1", Name: "jörg '\\", PasswordHash: "first", Scope: "me"}))
	require.NoError(t, s.UpdatePasswordHash(ctx, "u1", "first", "second"))
	epoch, err := s.SetPasswordHash(ctx, "u1", "second", "third")
	require.NoError(t, err)
	require.EqualValues(t, 1, epoch)
	_, err = s.SetDisabled(ctx, "u1", true)
	require.NoError(t, err)
	_, err = s.RaiseEpoch(ctx, "u1")
	require.NoError(t, err)
	u, err := s.UserByName(ctx, "jörg '\\")
	require.NoError(t, err)
	require.Equal(t, passbearer.User{ID: "u1", Name: "jörg '\\", PasswordHash: "third", Scope: "me", Disabled: true, Epoch: 3}, *u)
	require.NoError(t, s.AddClient(ctx, passbearer.Client{ID: "web", RefreshGrace: -1}))
	_, err = s.ClientByID(ctx, "web")
	require.NoError(t, err)
	for _, id := range []string{"one", "two"} {
		require.NoError(t, s.CreateSession(ctx, passbearer.Session{ID: id, UserID: "u1", AuthTime: time.Unix(1e9, 0), IdleLifetime: time.Hour, Lifetime: 1<<63 - 1}))
	}
	row, swapped, err := s.SwapGeneration(ctx, "one", 0, 1<<60)
	require.NoError(t, err)
	require.True(t, swapped && row.AuthTime.Equal(time.Unix(1e9, 0)) && row.Live() && row.EndedAt.IsZero())
	require.NoError(t, s.EndSession(ctx, "one"))
	list, err := s.SessionsByUser(ctx, "u1", 5)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, s.EndUserSessions(ctx, "u1"))
	row, err = s.SessionByID(ctx, "two")
	require.NoError(t, err)
	require.False(t, row.Live())
	require.NoError(t, s.Revoke(ctx, passbearer.Revocation{TokenID: "jti"}))
	takes := []throttle.Take{{Cell: 1 << 33, Limit: throttle.Limit{Burst: 1, Every: time.Hour}}}
	waits, err := s.ReserveAttempt(ctx, takes)
	require.NoError(t, err)
	require.Nil(t, waits)
	waits, err = s.ReserveAttempt(ctx, takes)
	require.NoError(t, err)
	require.InDelta(t, time.Hour, waits[0], float64(time.Minute))
	require.NoError(t, s.RefundAttempt(ctx, takes))
}

func TestNewLeavesThePoolOpen(t *testing.T) {
	t.Parallel()
	pool := newPool(t, serverURL(t))
	s, err := pgstore.New(t.Context(), pool, options(t))
	require.NoError(t, err)
	everything(t, s)
	s.Close()
	s.Close()
	require.NoError(t, pool.Ping(t.Context()))
}
