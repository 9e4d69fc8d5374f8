package sqlitestore_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/sqlitestore"
)

func useOnce(t testing.TB, s *sqlitestore.Store, id string, lifetime time.Duration) bool {
	t.Helper()
	first, err := s.UseOnce(t.Context(), id, lifetime)
	require.NoError(t, err)
	return first
}

// TestReplaysAreShared: with other processes, and with this one after a restart.
func TestReplaysAreShared(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	one, two := openFile(t, path, nil), openFile(t, path, nil)
	require.True(t, useOnce(t, one, "a", time.Hour))
	require.False(t, useOnce(t, two, "a", time.Hour))
	require.True(t, useOnce(t, two, "b", time.Hour))
	require.False(t, useOnce(t, one, "b", time.Hour))
	require.NoError(t, one.Close())
	require.False(t, useOnce(t, openFile(t, path, nil), "b", time.Hour))
	_, err := one.UseOnce(t.Context(), "c", time.Hour)
	require.ErrorContains(t, err, "sqlitestore: use an id: ")
}

func TestReplaysExpire(t *testing.T) { synctest.Test(t, replaysExpire) }

func replaysExpire(t *testing.T) {
	var c clock
	path := newPath(t)
	s := openFile(t, path, &sqlitestore.Options{Now: c.now})
	for n := range 600 { // more than two batches of the sweeper
		require.True(t, useOnce(t, s, fmt.Sprint(n), time.Minute))
	}
	require.True(t, useOnce(t, s, "long", time.Hour))
	sweepAll(t, s)
	require.Equal(t, 601, countRows(t, path, "passbearer_used_ids"))
	c.offset += time.Minute
	require.True(t, useOnce(t, s, "1", time.Hour), "before it is swept")
	require.False(t, useOnce(t, s, "1", time.Hour))
	sweepAll(t, s)
	require.Equal(t, 2, countRows(t, path, "passbearer_used_ids"))
	require.False(t, useOnce(t, s, "long", time.Hour))
	require.True(t, useOnce(t, s, "2", time.Hour))
}

func BenchmarkUseOnce(b *testing.B) {
	s := openWith(b, nil)
	for n := 0; b.Loop(); n++ {
		require.True(b, useOnce(b, s, fmt.Sprint(n), time.Minute))
	}
}
