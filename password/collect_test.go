package password_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/password"
)

// TestCollect: hashes have their memory collected, but where that is dear or not wanted.
func TestCollect(t *testing.T) {
	large := password.Params{Memory: 128 * 1024, Time: 1, Threads: 1} // so that a collection of this process is cheap
	require.EqualValues(t, 16, collections(t, large, 1))
	require.EqualValues(t, 16, collections(t, large, 7))
	require.EqualValues(t, 8, collections(t, large, 8))
	require.EqualValues(t, 2, collections(t, large, 32))

	require.Zero(t, collections(t, password.Params{Memory: 64, Time: 1, Threads: 1}, 1), "a small hash")

	off := debug.SetGCPercent(-1)
	require.Zero(t, collections(t, large, 1), "GOGC=off")
	debug.SetGCPercent(off)

	own := make([]*byte, 2<<20) // 16 MiB
	require.Zero(t, collections(t, large, 1), "a large heap")
	runtime.KeepAlive(own)
}

// collections returns how many 16 sign-ins at that policy begin, with that many slots.
func collections(t *testing.T, policy password.Params, slots int) uint32 {
	h := newHasher(t, password.Options{Params: policy, Concurrency: slots})
	h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte { return make([]byte, keyLen) })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 16 {
		_, _, err := h.Verify(t.Context(), "password", "")
		require.NoError(t, err)
	}
	runtime.ReadMemStats(&after)
	return after.NumForcedGC - before.NumForcedGC
}
