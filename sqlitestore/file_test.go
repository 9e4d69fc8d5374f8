package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

var johndoe = passbearer.User{ID: "u1", Name: "johndoe", PasswordHash: "$argon2id$not-a-real-one", Scope: "me", Epoch: 3}

// raw opens the file beside a store.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "test.db") }

func mode(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func skipWithoutModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	skipWithoutModes(t)
	path := newPath(t)
	s := openFile(t, path, nil)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		require.Equal(t, fs.FileMode(0o600), mode(t, name), name)
	}
}

func TestWideFileIsRefused(t *testing.T) {
	skipWithoutModes(t)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		for _, perm := range []fs.FileMode{0o644, 0o640, 0o620, 0o604} {
			path := newPath(t)
			openFile(t, path, nil).Close()
			require.NoError(t, os.WriteFile(path+suffix, nil, 0o600))
			require.NoError(t, os.Chmod(path+suffix, perm))
			_, err := sqlitestore.Open(path, nil)
			require.ErrorContains(t, err, "chmod 600", "%s %o", suffix, perm)
			require.Equal(t, perm, mode(t, path+suffix), "it is left as it was")
		}
	}
}

func TestOddPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("a dir", 0o700))
	for _, path := range []string{"plain.db", "a b?c=d#e%20f&g.db", "ü🔑.db", "a dir/;'\".db", "file:x.db", "-x"} {
		s := openFile(t, path, nil)
		require.NoError(t, s.AddUser(t.Context(), johndoe), path)
		require.NoError(t, s.Close())
		info, err := os.Stat(path)
		require.NoError(t, err, path)
		require.NotZero(t, info.Size(), path)
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, entries, 6, "no other file was made, and none is left over")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", ":memory:", dir, filepath.Join(dir, "no", "such.db"), filepath.Join(dir, "nul\x00.db")} {
		_, err := sqlitestore.Open(path, nil)
		require.Error(t, err, path)
	}
	for _, opts := range []sqlitestore.Options{{Readers: -1}, {BusyTimeout: -1}, {PollInterval: -1}, {RevocationLifetime: -1}} {
		_, err := sqlitestore.Open(newPath(t), &opts)
		require.ErrorContains(t, err, "negative")
	}
	_, err := sqlitestore.Open(newPath(t), &sqlitestore.Options{PollInterval: 2 * time.Second})
	require.ErrorContains(t, err, "heartbeat")
}

func TestNewRefuses(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	_, err = sqlitestore.New(db, nil)
	require.ErrorContains(t, err, "not in a file")

	few := raw(t, newPath(t))
	few.SetMaxOpenConns(4)
	_, err = sqlitestore.New(few, nil)
	require.ErrorContains(t, err, "5 are needed")
	s, err := sqlitestore.New(few, &sqlitestore.Options{Readers: 3})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// TestConnections: each has the pragmas, also one that replaces another.
func TestConnections(t *testing.T) {
	s := open(t)
	for range 2 {
		for name, want := range map[string]string{"synchronous": "2", "foreign_keys": "1", "journal_mode": "wal", "busy_timeout": "5"} {
			got, err := sqlitestore.Pragma(t.Context(), s, name)
			require.NoError(t, err)
			require.Equal(t, slices.Repeat([]string{want}, 1+sqlitestore.DefaultReaders), got, name)
		}
		sqlitestore.Break(s)
		for range 1 + sqlitestore.DefaultReaders { // each fails once and then connects
			s.AddClient(t.Context(), passbearer.Client{ID: "web"})
			s.ClientByID(t.Context(), "web")
		}
		require.NoError(t, s.AddClient(t.Context(), passbearer.Client{ID: "web"}))
	}
}

// TestNewKeepsTheDatabase: Close gives back what New took.
func TestNewKeepsTheDatabase(t *testing.T) {
	db := raw(t, newPath(t))
	s, err := sqlitestore.New(db, nil)
	require.NoError(t, err)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	require.NoError(t, s.Close())
	require.Zero(t, db.Stats().InUse)
	var n int
	require.NoError(t, db.QueryRow("SELECT count(*) FROM passbearer_users").Scan(&n))
	require.Equal(t, 1, n)
}

func TestPersistence(t *testing.T) {
	ctx, path := t.Context(), newPath(t)
	client := passbearer.Client{ID: "web", SecretHash: "x", RefreshGrace: time.Second}
	row := passbearer.Session{ID: "s1", UserID: "u1", ClientID: "web", Scope: "me", AuthTime: time.Now(), IdleLifetime: time.Hour, Lifetime: 2 * time.Hour}
	s := openFile(t, path, nil)
	require.NoError(t, s.AddUser(ctx, johndoe))
	require.NoError(t, s.AddClient(ctx, client))
	require.NoError(t, s.CreateSession(ctx, row))
	swapped, ok, err := s.SwapGeneration(ctx, "s1", 0, 1)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, s.Revoke(ctx, passbearer.Revocation{TokenID: "jti"}))
	require.NoError(t, s.Close())
	require.NoFileExists(t, path+"-wal", "a store that was closed is one file")

	s = openFile(t, path, nil)
	user, err := s.UserByName(ctx, "johndoe")
	require.NoError(t, err)
	require.True(t, *user == johndoe)
	kept, err := s.ClientByID(ctx, "web")
	require.NoError(t, err)
	require.True(t, *kept == client)
	again, err := s.SessionByID(ctx, "s1")
	require.NoError(t, err)
	require.True(t, row.AuthTime.Equal(again.AuthTime), "to the nanosecond")
	again.AsOf = swapped.AsOf
	require.Equal(t, swapped, again)
	require.Equal(t, []string{"jti"}, firstNews(t, s))
}

// firstNews are the token ids that a new watcher is told.
func firstNews(t *testing.T, s passbearer.RevocationStore) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	err := s.WatchRevocations(ctx, func(news passbearer.RevocationNews) {
		require.True(t, news.Complete)
		for _, e := range news.Revocations {
			ids = append(ids, e.TokenID)
		}
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	return ids
}

// TestPoolInUse: a call waits for a connection of the application's pool no longer than its context or BusyTimeout.
func TestPoolInUse(t *testing.T) {
	for _, tt := range []struct {
		patience, context time.Duration
	}{{time.Hour, 20 * time.Millisecond}, {20 * time.Millisecond, time.Hour}} {
		db := raw(t, newPath(t))
		db.SetMaxOpenConns(1 + sqlitestore.DefaultReaders)
		s, err := sqlitestore.New(db, &sqlitestore.Options{BusyTimeout: tt.patience})
		require.NoError(t, err)
		var taken []*sql.Conn
		for range db.Stats().MaxOpenConnections - db.Stats().OpenConnections {
			c, err := db.Conn(t.Context())
			require.NoError(t, err)
			taken = append(taken, c)
		}
		ctx, cancel := context.WithTimeout(t.Context(), tt.context)
		failed := 0
		for range sqlitestore.DefaultReaders { // they come in turn
			if _, err = s.UserByID(ctx, "u1"); !errors.Is(err, passbearer.ErrUserNotFound) {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				failed++
			}
		}
		cancel()
		require.NotZero(t, failed)
		for _, c := range taken {
			require.NoError(t, c.Close())
		}
		for range sqlitestore.DefaultReaders {
			_, err = s.UserByID(t.Context(), "u1")
			require.ErrorIs(t, err, passbearer.ErrUserNotFound)
		}
		require.NoError(t, s.Close())
	}
}

// TestRevocationForEver is not swept away at once.
func TestRevocationForEver(t *testing.T) {
	s := open(t)
	require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{SessionID: "a", Lifetime: math.MaxInt64}))
	_, _, err := sqlitestore.SweepOnce(t.Context(), s, 0)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var told []passbearer.Revocation
	s.WatchRevocations(ctx, func(news passbearer.RevocationNews) { told = append(told, news.Revocations...); cancel() })
	require.Len(t, told, 1)
}
