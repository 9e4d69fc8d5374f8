package memstore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/storetest"
)

func TestReplays(t *testing.T) {
	for name, offset := range map[string]time.Duration{"on time": 0, "an hour ahead": time.Hour, "an hour behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			storetest.TestReplayStore(t, func(*testing.T) *memstore.Store {
				return &memstore.Store{Now: func() time.Time { return time.Now().Add(offset) }}
			})
		})
	}
}

// TestReplaysAreBounded: nothing is forgotten to make room.
func TestReplaysAreBounded(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := &memstore.Store{Now: func() time.Time { return now }}
	use := func(id int, lifetime time.Duration) (bool, error) {
		return s.UseOnce(t.Context(), strconv.Itoa(id), lifetime)
	}
	for id := range 1_000_000 {
		first, err := use(id, time.Duration(1+id%2)*time.Minute)
		require.NoError(t, err)
		require.True(t, first)
	}
	first, err := use(1_000_000, time.Minute)
	require.ErrorContains(t, err, "1,000,000 ids")
	require.False(t, first)
	first, err = use(7, time.Minute)
	require.NoError(t, err, "what is known is refused as such")
	require.False(t, first)

	now = now.Add(time.Minute) // half of them expire, in no order that they came in
	for id, want := range map[int]bool{0: true, 1: false, 999_998: true, 999_999: false, 1_000_000: true} {
		first, err := use(id, time.Minute)
		require.NoError(t, err)
		require.Equal(t, want, first, id)
	}
	require.Equal(t, 500_003, memstore.UsedIDs(s), "what is over takes no memory")

	now = now.Add(-time.Hour)
	first, err = use(1, time.Minute)
	require.NoError(t, err)
	require.False(t, first, "a clock that is set back revives nothing")
}

func BenchmarkUseOnce(b *testing.B) {
	now := time.Unix(1_000_000, 0)
	s := &memstore.Store{Now: func() time.Time { return now }}
	for n := 0; b.Loop(); n++ { // 100,000 are known
		now = now.Add(time.Millisecond)
		first, err := s.UseOnce(b.Context(), "benchmark:"+strconv.Itoa(n), 100*time.Second)
		require.NoError(b, err)
		require.True(b, first)
	}
}
