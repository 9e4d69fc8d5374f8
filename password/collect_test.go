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

const (
	policyMemory = 64 << 20
	hashTime     = 40 * time.Millisecond
)

// TestCollect: hashes have their memory collected, for a tenth of their time.
func TestCollect(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	each := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}
	for _, row := range []struct {
		cost time.Duration
		want []int // the hashes that a collection came after
	}{
		{0, each},
		{hashTime / 10, each},
		{hashTime/10 + 1, []int{1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20}},
		{hashTime, []int{1, 2, 12}},
		{time.Minute, []int{1, 2}},
	} {
		require.Equal(t, row.want, collections(t, row.cost), row.cost)
	}
	require.Equal(t, each, collections(t, hashTime/10, hashTime/10, time.Second), "some were interrupted")
	require.Equal(t, []int{1, 2, 3}, collections(t, hashTime/10, time.Second, time.Second), "two in a row")

	runtime.GOMAXPROCS(5)
	require.Equal(t, []int{1, 2, 12}, collections(t, hashTime/2), "of more processors")

	debug.SetGCPercent(-1)
	require.Empty(t, collections(t, 0), "GOGC=off")
	debug.SetGCPercent(100)

	own := make([]byte, 5*policyMemory+1)
	require.Empty(t, collections(t, 0), "a large heap")
	require.Equal(t, 1, atOnce(t), "which hashes that run have a part in")
	runtime.KeepAlive(own)
}

// TestCollectIsPaidFor by the hashes after it, though none was wanted in between.
func TestCollectIsPaidFor(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	n := 0
	signIn := func(h *password.Hasher, own int) int {
		heap := make([]byte, own)
		runtime.GC()
		_, _, err := h.Verify(t.Context(), "password", "")
		require.NoError(t, err)
		runtime.KeepAlive(heap)
		return n
	}
	synctest.Test(t, func(t *testing.T) {
		h := collecting(t, 1, func() { n++; time.Sleep(hashTime) })
		require.Equal(t, 1, signIn(h, 0))
		require.Equal(t, 1, signIn(h, 5*policyMemory+1), "a large heap")
		require.Equal(t, 2, signIn(h, 0))
		require.Equal(t, 2, signIn(h, 0), "the second is not paid for")
	})
}

// TestCollectAtOnce: a collection is made one at a time, and only whose hash it follows waits for it.
func TestCollectAtOnce(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	require.Equal(t, 1, atOnce(t))
}

// collections has 21 sign-ins, one after another, with collections of these costs in turn, and returns after which
// there was one.
func collections(t *testing.T, costs ...time.Duration) (after []int) {
	runtime.GC() // finds out what is alive
	synctest.Test(t, func(t *testing.T) {
		var h *password.Hasher
		n := 1
		h = collecting(t, 1, func() {
			require.Equal(t, 1, h.Stats().Running, "the slot is kept")
			time.Sleep(costs[len(after)%len(costs)])
			after = append(after, n)
		})
		for ; n <= 21; n++ {
			_, _, err := h.Verify(t.Context(), "password", "")
			require.NoError(t, err)
		}
	})
	return after
}

// atOnce has eight sign-ins at once, with a collection of a second, and returns how many waited for it.
func atOnce(t *testing.T) (waited int) {
	runtime.GC()
	synctest.Test(t, func(t *testing.T) {
		h := collecting(t, 8, func() { time.Sleep(time.Second) })
		times := make(chan time.Duration, 8)
		for range 8 {
			go func() {
				start := time.Now()
				_, _, err := h.Verify(t.Context(), "password", "")
				times <- time.Since(start)
				require.NoError(t, err)
			}()
		}
		for range 8 {
			if <-times > hashTime {
				waited++
			}
		}
	})
	return waited
}

func collecting(t *testing.T, slots int, gc func()) *password.Hasher {
	h := newHasher(t, password.Options{Params: password.Params{Memory: policyMemory / 1024, Time: 1, Threads: 1}, Concurrency: slots})
	h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte {
		time.Sleep(hashTime)
		return make([]byte, keyLen)
	})
	h.SetGC(gc)
	return h
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
