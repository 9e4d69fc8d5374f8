package pgstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
)

// unstorable are texts that PostgreSQL cannot have.
var unstorable = []string{"\x00", "john\x00doe", "johndoe\x00", "\xff", "j\xc3", "\xed\xa0\x80"}

// TestUnstorableIsUnknown: whoever types such a name is told that it is wrong, and
// not that the service is broken.
func TestUnstorableIsUnknown(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), t.Context()
	everything(t, s)
	for _, text := range unstorable {
		_, err := s.UserByName(ctx, text)
		require.ErrorIs(t, err, passbearer.ErrUserNotFound)
		_, err = s.UserByID(ctx, text)
		require.ErrorIs(t, err, passbearer.ErrUserNotFound)
		require.ErrorIs(t, s.UpdatePasswordHash(ctx, text, "", "x"), passbearer.ErrUserNotFound)
		_, err = s.SetPasswordHash(ctx, text, "", "x")
		require.ErrorIs(t, err, passbearer.ErrUserNotFound)
		_, err = s.SetDisabled(ctx, text, true)
		require.ErrorIs(t, err, passbearer.ErrUserNotFound)
		_, err = s.RaiseEpoch(ctx, text)
		require.ErrorIs(t, err, passbearer.ErrUserNotFound)
		_, err = s.ClientByID(ctx, text)
		require.ErrorIs(t, err, passbearer.ErrClientNotFound)
		_, err = s.SessionByID(ctx, text)
		require.ErrorIs(t, err, passbearer.ErrSessionNotFound)
		_, _, err = s.SwapGeneration(ctx, text, 0, 1)
		require.ErrorIs(t, err, passbearer.ErrSessionNotFound)
		require.NoError(t, s.EndSession(ctx, text))
		require.NoError(t, s.EndUserSessions(ctx, text))
		list, err := s.SessionsByUser(ctx, text, 10)
		require.NoError(t, err)
		require.Empty(t, list)
		require.Error(t, s.AddUser(ctx, passbearer.User{ID: "u2", Name: text}))
		require.Error(t, s.CreateSession(ctx, passbearer.Session{ID: "three", Extra: text}))
		require.Error(t, s.Revoke(ctx, passbearer.Revocation{TokenID: text}), "it would be lost")
	}
	require.Error(t, s.Revoke(ctx, passbearer.Revocation{Epoch: 1}))
	require.Error(t, s.AddClient(ctx, passbearer.Client{}))
	require.Error(t, s.AddUser(ctx, passbearer.User{ID: "u2"}))
}

// notUnknown fails unless err is an error, and none that says that something does
// not exist.
func notUnknown(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, unknown := range []error{passbearer.ErrUserNotFound, passbearer.ErrClientNotFound, passbearer.ErrSessionNotFound, passbearer.ErrUserExists, passbearer.ErrPasswordChanged} {
		require.NotErrorIs(t, err, unknown)
	}
}

// allFail calls what there is.
func allFail(ctx context.Context, t *testing.T, s *pgstore.Store) {
	t.Helper()
	for i, f := range []func() error{
		func() error { _, err := s.UserByName(ctx, "johndoe"); return err },
		func() error { _, err := s.UserByID(ctx, "u1"); return err },
		func() error { return s.AddUser(ctx, passbearer.User{ID: "u1", Name: "johndoe"}) },
		func() error { return s.UpdatePasswordHash(ctx, "u1", "", "x") },
		func() error { _, err := s.SetPasswordHash(ctx, "u1", "", "x"); return err },
		func() error { _, err := s.SetDisabled(ctx, "u1", true); return err },
		func() error { _, err := s.RaiseEpoch(ctx, "u1"); return err },
		func() error { _, err := s.ClientByID(ctx, "web"); return err },
		func() error { return s.AddClient(ctx, passbearer.Client{ID: "web"}) },
		func() error { _, err := s.SessionByID(ctx, "one"); return err },
		func() error { _, _, err := s.SwapGeneration(ctx, "one", 0, 1); return err },
		func() error { return s.CreateSession(ctx, passbearer.Session{ID: "one"}) },
		func() error { return s.EndSession(ctx, "one") },
		func() error { return s.EndUserSessions(ctx, "u1") },
		func() error { _, err := s.SessionsByUser(ctx, "u1", 10); return err },
		func() error { return s.Revoke(ctx, passbearer.Revocation{TokenID: "jti"}) },
		func() error { return s.WatchRevocations(ctx, func(passbearer.RevocationNews) {}) },
		func() error { _, err := s.ReserveAttempt(ctx, attempt(1, time.Hour)); return err },
		func() error { return s.RefundAttempt(ctx, attempt(1, time.Hour)) },
	} {
		err := f()
		notUnknown(t, err)
		require.Contains(t, err.Error(), "pgstore: ", "call %d says where it failed", i)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// TestBrokenServer: the tables are gone, then the connections.
func TestBrokenServer(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s := openAt(t, at, opts)
	execute(t, at, `DROP SCHEMA `+opts.Schema+` CASCADE`)
	allFail(t.Context(), t, s)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	allFail(canceled, t, s)

	s.Close()
	allFail(t.Context(), t, s)
}

// TestSilentServer accepts connections and says nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	start := time.Now()
	_, err = pgstore.Open(t.Context(), fmt.Sprintf("postgres://u:hunter2@%s/db?sslmode=disable", silent.Addr()), &pgstore.Options{Timeout: 200 * time.Millisecond})
	notUnknown(t, err)
	require.Less(t, time.Since(start), 5*time.Second)
	require.NotContains(t, err.Error(), "hunter2")
}

// TestHangingServer: a statement that waits for a lock is given up.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	opts.Timeout = time.Second
	s := openAt(t, at, opts)
	everything(t, s)
	conn := connect(t, at)
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE "+opts.Schema+".users")
	require.NoError(t, err)
	_, err = s.UserByID(t.Context(), "u1")
	notUnknown(t, err)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, tx.Rollback(t.Context()))
	_, err = s.UserByID(t.Context(), "u1")
	require.NoError(t, err)
}

func TestMissingServer(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free.Close()
	_, err = pgstore.Open(t.Context(), fmt.Sprintf("postgres://u:hunter2@%s/db?sslmode=disable", free.Addr()), nil)
	notUnknown(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

// TestURLsAreNotShown: what cannot be parsed may be a password all the same.
func TestURLsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:hunter2%zz@h/db", "postgres://u:hunter2@h:port/db", "user=u password=hunter2 port=x", "password='hunter2", "user=u password = hunter2 port=x",
		"postgres://u:hunter2@h/db?pool_max_conns=x", "postgres://u:hunter2@h/db?sslmode=x", "postgres://u:hunter2@[h/db",
	} {
		_, err := pgstore.Open(t.Context(), url, nil)
		notUnknown(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	s := openAt(t, serverURL(t), &pgstore.Options{Schema: options(t).Schema, ListenURL: "postgres://u:hunter2@h:port/db"})
	err := s.WatchRevocations(t.Context(), nil)
	require.ErrorContains(t, err, "ListenURL")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	at := serverURL(t)
	opts := &pgstore.Options{Schema: options(t).Schema, ListenURL: "postgres://u:hunter2@h/db"}
	s := openAt(t, with(t, at, "application_name", "hunter2"), opts)
	for _, v := range []any{s, *opts, opts} {
		var b strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			fmt.Fprintf(&b, verb, v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		require.NotContains(t, b.String(), "hunter2")
		require.Contains(t, b.String(), "pgstore.")
	}
}

// TestUnfitServers are refused at once, with the mend.
func TestUnfitServers(t *testing.T) {
	t.Parallel()
	latin := newDatabase(t, "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
	_, err := pgstore.Open(t.Context(), latin, nil)
	require.ErrorContains(t, err, "ENCODING 'UTF8'")

	forgetful := with(t, serverURL(t), "options", "-c synchronous_commit=off")
	_, err = pgstore.Open(t.Context(), forgetful, options(t))
	require.ErrorContains(t, err, "synchronous_commit")
	opts := options(t)
	opts.InsecureAsyncCommit = true
	everything(t, openAt(t, forgetful, opts))

	_, err = pgstore.Open(t.Context(), serverURL(t), &pgstore.Options{Timeout: -1})
	require.ErrorContains(t, err, "negative")
}

// TestSerializationFailures are tried again: here the first attempt waits for a
// transaction, which commits.
func TestSerializationFailures(t *testing.T) {
	t.Parallel()
	at, opts := with(t, serverURL(t), "options", "-c default_transaction_isolation=serializable"), options(t)
	s := openAt(t, at, opts)
	everything(t, s)
	conn := connect(t, at)
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE "+opts.Schema+".users SET scope = 'other'")
	require.NoError(t, err)
	raised := make(chan error, 1)
	go func() { _, err := s.RaiseEpoch(t.Context(), "u1"); raised <- err }()
	until(t, "it waits", func() bool {
		return value[int](t, at, "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%'||$1||'%' AND pid <> pg_backend_pid()", opts.Schema) > 0
	})
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-raised)
	require.Equal(t, "other", value[string](t, at, "SELECT scope FROM "+opts.Schema+".users"))
}

// TestRetriesEnd: a server that always fails so is asked four times.
func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s := openAt(t, at, opts)
	everything(t, s)
	for _, code := range []string{"40001", "40P01"} {
		execute(t, at, strings.NewReplacer("{s}", opts.Schema, "{code}", code).Replace(`
			DROP SEQUENCE IF EXISTS {s}.tries; CREATE SEQUENCE {s}.tries;
			CREATE OR REPLACE FUNCTION {s}.fail() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN PERFORM nextval('{s}.tries'); RAISE EXCEPTION USING ERRCODE = '{code}'; END $$;
			CREATE OR REPLACE TRIGGER fail BEFORE UPDATE ON {s}.users FOR EACH ROW EXECUTE FUNCTION {s}.fail()`))
		_, err := s.RaiseEpoch(t.Context(), "u1")
		notUnknown(t, err)
		require.EqualValues(t, 4, value[int64](t, at, "SELECT last_value FROM "+opts.Schema+".tries"))
	}
}

// TestReadOnlyConnections are given up, for the server they lead to has changed
// places with another.
func TestReadOnlyConnections(t *testing.T) {
	t.Parallel()
	at := newDatabase(t, "")
	s := openAt(t, at, &pgstore.Options{Schema: "test"})
	everything(t, s)
	writable := with(t, at, "options", "-c default_transaction_read_only=off")
	database := value[string](t, at, "SELECT current_database()")
	execute(t, writable, "ALTER DATABASE "+database+" SET default_transaction_read_only = on")
	execute(t, writable, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	until(t, "the store is read-only", func() bool {
		_, err := s.RaiseEpoch(t.Context(), "u1")
		notUnknown(t, err)
		return strings.Contains(err.Error(), "25006")
	})
	execute(t, writable, "ALTER DATABASE "+database+" RESET default_transaction_read_only")
	until(t, "it can write again", func() bool { _, err := s.RaiseEpoch(t.Context(), "u1"); return err == nil })
}
