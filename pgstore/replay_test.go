package pgstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/pgstore"
)

func useOnce(t testing.TB, s *pgstore.Store, id string, lifetime time.Duration) bool {
	t.Helper()
	first, err := s.UseOnce(t.Context(), id, lifetime)
	require.NoError(t, err)
	return first
}

func TestReplaysAreShared(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	one, two := openAt(t, at, opts), openAt(t, at, opts)
	require.True(t, useOnce(t, one, "a", time.Hour))
	require.False(t, useOnce(t, two, "a", time.Hour))
	require.True(t, useOnce(t, two, "b", time.Hour))
	require.False(t, useOnce(t, one, "b", time.Hour))
}

// TestReplayFails: the answer is an error, and never that it was the first use.
func TestReplayFails(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s := openAt(t, at, opts)
	for _, id := range []string{"\xff", "a\x00"} { // which no text can be
		first, err := s.UseOnce(t.Context(), id, time.Hour)
		require.ErrorContains(t, err, "pgstore: use an id: ")
		require.False(t, first)
	}
	execute(t, at, "DROP TABLE "+opts.Schema+".used_ids")
	first, err := s.UseOnce(t.Context(), "a", time.Hour)
	require.ErrorContains(t, err, "pgstore: use an id: ")
	require.False(t, first)
}

func TestPurgeUsedIDs(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	opts.PurgeInterval = 20 * time.Millisecond
	s := openAt(t, at, opts)
	require.True(t, useOnce(t, s, "long", time.Hour))
	require.True(t, useOnce(t, s, "short", time.Millisecond))
	until(t, "the expired one is gone", func() bool {
		return value[string](t, at, "SELECT string_agg(id, ' ') FROM "+opts.Schema+".used_ids") == "long"
	})
	require.False(t, useOnce(t, s, "long", time.Hour))
}

func BenchmarkUseOnce(b *testing.B) {
	s := openAt(b, serverURL(b), options(b))
	for n := 0; b.Loop(); n++ {
		require.True(b, useOnce(b, s, fmt.Sprint(n), time.Minute))
	}
}
