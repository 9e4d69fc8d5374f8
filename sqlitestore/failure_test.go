package sqlitestore_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

func liveSession(id string) passbearer.Session {
	return passbearer.Session{ID: id, UserID: "u1", ClientID: "web", IdleLifetime: time.Hour, Lifetime: 24 * time.Hour}
}

// TestFullDisk: writes fail and change nothing, reads and the store go on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), newPath(t)
	openFile(t, path, nil).Close()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=max_page_count(40)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := sqlitestore.New(db, nil)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.AddUser(ctx, johndoe))
	created := 0
	for ; err == nil; created++ {
		require.Less(t, created, 10_000)
		row := liveSession(fmt.Sprint(created))
		row.Extra = string(make([]byte, 4096))
		err = s.CreateSession(ctx, row)
	}
	require.ErrorContains(t, err, "full")
	for range 10 {
		require.Error(t, s.CreateSession(ctx, passbearer.Session{ID: "big", Extra: string(make([]byte, 100_000))}))
		user, err := s.UserByID(ctx, "u1")
		require.NoError(t, err)
		require.True(t, *user == johndoe)
		_, err = s.SessionByID(ctx, fmt.Sprint(created-1))
		require.ErrorIs(t, err, passbearer.ErrSessionNotFound, "what failed is not there")
	}
	_, swapped, err := s.SwapGeneration(ctx, "0", 0, 1)
	require.NoError(t, err, "a write that needs no more room")
	require.True(t, swapped)
	_, err = db.ExecContext(ctx, "DELETE FROM passbearer_sessions WHERE id <> '0'")
	require.NoError(t, err)
	require.NoError(t, s.CreateSession(ctx, liveSession("after")), "there is room again")
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	pristine := func(t *testing.T) (string, []byte) {
		path := newPath(t)
		s := openFile(t, path, nil)
		for i := range 500 {
			require.NoError(t, s.CreateSession(t.Context(), liveSession(fmt.Sprint(i))))
		}
		require.NoError(t, s.Close())
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		return path, file
	}
	for name, damage := range map[string]func([]byte) []byte{
		"no SQLite file":        func(b []byte) []byte { copy(b, "hello, world"); return b },
		"cut off":               func(b []byte) []byte { return b[:len(b)-8192] },
		"a page is overwritten": func(b []byte) []byte { copy(b[len(b)-8192:], bytes.Repeat([]byte{0xaa}, 4096)); return b },
		"random bytes":          func([]byte) []byte { return bytes.Repeat([]byte("random"), 10_000) },
	} {
		t.Run(name, func(t *testing.T) {
			path, file := pristine(t)
			require.NoError(t, os.WriteFile(path, damage(file), 0o600))
			_, err := sqlitestore.Open(path, nil)
			require.Error(t, err)
			t.Log(err)
		})
	}
	path, _ := pristine(t)
	openFile(t, path, nil)
}

func TestSkipIntegrityCheck(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openFile(t, path, nil)
	for i := range 500 {
		require.NoError(t, s.CreateSession(t.Context(), liveSession(fmt.Sprint(i))))
	}
	require.NoError(t, s.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	copy(file[len(file)-8192:], bytes.Repeat([]byte{0xaa}, 4096))
	require.NoError(t, os.WriteFile(path, file, 0o600))
	openFile(t, path, &sqlitestore.Options{SkipIntegrityCheck: true})
}

// hold keeps the write lock until it is called.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	conn, err := raw(t, path).Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	return func() {
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

// TestWaiting: a call waits for another process that writes, as long as its context
// lives and no longer than the limit; reads need not wait.
func TestWaiting(t *testing.T) {
	path := newPath(t)
	s, impatient := openFile(t, path, nil), openFile(t, path, &sqlitestore.Options{BusyTimeout: 50 * time.Millisecond})
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	release := hold(t, path)

	start := time.Now()
	err := impatient.CreateSession(t.Context(), liveSession("a"))
	require.ErrorContains(t, err, "locked")
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)

	ctx, cancel := context.WithCancel(t.Context())
	lock, connection := asked{ctx, make(chan bool, 1000)}, asked{ctx, make(chan bool, 1000)}
	done := make(chan error, 2)
	go func() { done <- s.CreateSession(lock, liveSession("b")) }()
	lock.times(3) // for the connection twice, and for the lock
	go func() { done <- s.CreateSession(connection, liveSession("c")) }()
	connection.times(2)
	_, err = s.UserByID(t.Context(), "u1")
	require.NoError(t, err, "reads go on")
	require.Empty(t, done, "no write goes on beside another")
	cancel()
	cancelled := time.Now()
	for range 2 {
		require.ErrorIs(t, <-done, context.Canceled)
	}
	require.Less(t, time.Since(cancelled), sqlitestore.DefaultBusyTimeout/2)

	go func() { done <- s.CreateSession(t.Context(), liveSession("d")) }()
	release()
	require.NoError(t, <-done)
	for _, id := range []string{"a", "b", "c"} {
		_, err := s.SessionByID(t.Context(), id)
		require.ErrorIs(t, err, passbearer.ErrSessionNotFound)
	}
}

// asked is a context that tells when somebody begins to wait for it.
type asked struct {
	context.Context
	c chan bool
}

func (a asked) Done() <-chan struct{} {
	select {
	case a.c <- true:
	default:
	}
	return a.Context.Done()
}

func (a asked) times(n int) {
	for range n {
		<-a.c
	}
}

// TestOpeningWaits where the file is not even in WAL mode yet.
func TestOpeningWaits(t *testing.T) {
	path := newPath(t)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	release := hold(t, path)
	start := time.Now()
	_, err := sqlitestore.Open(path, &sqlitestore.Options{BusyTimeout: 50 * time.Millisecond})
	require.ErrorContains(t, err, "locked")
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	release()
	openFile(t, path, nil)
}

func TestCancelledContext(t *testing.T) {
	s := open(t)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.UserByID(ctx, "u1")
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.RaiseEpoch(ctx, "u1")
	require.ErrorIs(t, err, context.Canceled)
	user, err := s.UserByID(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, johndoe.Epoch, user.Epoch)
}

// TestTransactionsEnd: whatever happens in one, it leaves no trace, and the next
// one works.
func TestTransactionsEnd(t *testing.T) {
	s := open(t)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	require.ErrorIs(t, sqlitestore.Step(t.Context(), s, func() error { return os.ErrInvalid }), os.ErrInvalid)
	require.Panics(t, func() { sqlitestore.Step(t.Context(), s, func() error { panic("a clock, say") }) })
	_, err := s.RaiseEpoch(t.Context(), "u1")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, sqlitestore.Step(ctx, s, func() error { cancel(); return nil }), "one that has begun is brought to its end")
	_, err = s.UserByID(t.Context(), "u1")
	require.ErrorIs(t, err, passbearer.ErrUserNotFound)
}

func TestClose(t *testing.T) {
	s := open(t)
	watching := make(chan error, 1)
	ready := make(chan struct{}, 1)
	go func() {
		watching <- s.WatchRevocations(t.Context(), func(passbearer.RevocationNews) {
			select {
			case ready <- struct{}{}:
			default:
			}
		})
	}()
	<-ready
	require.NoError(t, s.Close())
	require.ErrorContains(t, <-watching, "closed")
	require.NoError(t, s.Close())
	_, err := s.UserByID(t.Context(), "u1")
	require.ErrorContains(t, err, "closed")
	require.NotErrorIs(t, err, passbearer.ErrUserNotFound)
	require.ErrorContains(t, s.AddUser(t.Context(), johndoe), "closed")
	require.ErrorContains(t, s.WatchRevocations(t.Context(), func(passbearer.RevocationNews) {}), "closed")
}

func TestCloseWaitsForNobodyElse(t *testing.T) {
	path := newPath(t)
	s := openFile(t, path, nil)
	defer hold(t, path)()
	waiting := asked{t.Context(), make(chan bool, 1000)}
	done := make(chan error, 1)
	go func() { done <- s.CreateSession(waiting, liveSession("a")) }()
	waiting.times(3)
	start := time.Now()
	require.NoError(t, s.Close())
	require.ErrorContains(t, <-done, "closed")
	require.Less(t, time.Since(start), sqlitestore.DefaultBusyTimeout/2)
}

func TestAddRefuses(t *testing.T) {
	s := open(t)
	require.Error(t, s.AddUser(t.Context(), passbearer.User{ID: "u1"}))
	require.Error(t, s.AddUser(t.Context(), passbearer.User{Name: "johndoe"}))
	require.Error(t, s.AddClient(t.Context(), passbearer.Client{}))
}

// TestNothingIsPrinted: neither by the store nor by its errors.
func TestNothingIsPrinted(t *testing.T) {
	s := open(t)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "store", s)
	err := s.AddUser(t.Context(), johndoe)
	require.ErrorIs(t, err, passbearer.ErrUserExists)
	_, changed := s.SetPasswordHash(t.Context(), "u1", "$other", "$new")
	require.ErrorIs(t, changed, passbearer.ErrPasswordChanged)
	for _, text := range []string{log.String(), fmt.Sprint(err), fmt.Sprint(changed), fmt.Sprintf("%+v %#v %v %s", s, s, s, s)} {
		require.NotContains(t, text, "$")
		require.NotContains(t, text, "test.db")
		require.NotContains(t, text, "0x")
	}
}
