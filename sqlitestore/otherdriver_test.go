//go:build cgo

package sqlitestore_test

import (
	"database/sql"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

// openOther opens a file with the driver that wraps SQLite's own C library. The
// file is never open with the other driver in the same process.
func openOther(t *testing.T) *sqlitestore.Store {
	t.Helper()
	s, _ := newOther(t, newPath(t), nil)
	return s
}

func newOther(t *testing.T, path string, opts *sqlitestore.Options) (*sqlitestore.Store, *sql.DB) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := sqlitestore.New(db, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, db
}

func TestOtherDriver(t *testing.T) {
	t.Parallel()
	suites(t, openOther)
}

// TestOtherDriverWaits: its errors say by the same words that the file is locked.
func TestOtherDriverWaits(t *testing.T) {
	const patience = 50 * time.Millisecond
	s, db := newOther(t, newPath(t), &sqlitestore.Options{BusyTimeout: patience})
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)
	start := time.Now()
	require.ErrorContains(t, s.AddUser(t.Context(), johndoe), "locked")
	require.GreaterOrEqual(t, time.Since(start), patience)
	_, err = s.UserByID(t.Context(), "u1")
	require.ErrorIs(t, err, passbearer.ErrUserNotFound)
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
}

func TestOtherDriverBreaks(t *testing.T) {
	s, _ := newOther(t, newPath(t), nil)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	sqlitestore.Break(s)
	s.UserByID(t.Context(), "u1")
	_, err := s.UserByID(t.Context(), "u1")
	for range sqlitestore.DefaultReaders {
		_, err = s.UserByID(t.Context(), "u1")
	}
	require.NoError(t, err)
}
