package password_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/password"
)

// TestCollect: hashes have their memory collected, for a twentieth of their time.
func TestCollect(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	const hash = 40 * time.Millisecond
	for _, row := range []struct {
		cost time.Duration
		want []int // the hashes that a collection came after
	}{
		{0, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}},
		{hash / 20, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}},
		{hash/20 + 1, []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21}},
		{hash / 2, []int{1, 11, 21}},
		{time.Minute, []int{1}},
	} {
		require.Equal(t, row.want, collections(t, hash, row.cost), row.cost)
	}

	debug.SetGCPercent(-1)
	require.Empty(t, collections(t, hash, 0), "GOGC=off")
	debug.SetGCPercent(100)

	own := make([]byte, 5*policyMemory+1)
	require.Empty(t, collections(t, hash, 0), "a large heap")
	runtime.KeepAlive(own)
}

const policyMemory = 64 << 20

// collections has 21 sign-ins with one slot, each of which takes some time, and each collection some; it returns
// after which there was one.
func collections(t *testing.T, hash, cost time.Duration) (after []int) {
	quarter := time.Duration(max(1, runtime.GOMAXPROCS(0)/4))
	runtime.GC() // finds out what is alive
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: password.Params{Memory: policyMemory / 1024, Time: 1, Threads: 1}, Concurrency: 1})
		n := 0
		h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte {
			n++
			time.Sleep(hash)
			return make([]byte, keyLen)
		})
		h.SetGC(func() {
			require.Equal(t, 1, h.Stats().Running, "the slot is kept")
			time.Sleep((cost + quarter - 1) / quarter)
			after = append(after, n)
		})
		for range 21 {
			_, _, err := h.Verify(t.Context(), "password", "")
			require.NoError(t, err)
		}
	})
	return after
}

// TestCollected: the real collector is called, and finds the memory.
func TestCollected(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	h := newHasher(t, password.Options{Concurrency: 1})
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := h.Hash(t.Context(), "password")
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Greater(t, after.NumForcedGC, before.NumForcedGC)
	require.Less(t, after.HeapAlloc, before.HeapAlloc+10<<20, "of 19 MiB")
}
