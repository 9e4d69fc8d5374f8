package password_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passbearer/passbearer/password"
	"github.com/stretchr/testify/require"
)

// stall makes each hash of h wait for a receive from the channel returned.
func stall(h *password.Hasher) chan<- struct{} {
	next := make(chan struct{})
	h.SetKDF(func(_, _ []byte, _, _ uint32, _ uint8, keyLen uint32) []byte {
		<-next
		return make([]byte, keyLen)
	})
	return next
}

// loads reads the numbers of h that are of now.
func loads(h *password.Hasher) [2]int {
	s := h.Stats()
	return [2]int{s.Running, s.Waiting}
}

func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Concurrency: 2, Queue: 3})
		next := stall(h)
		var failed atomic.Int32
		for range 5 {
			go func() {
				if _, err := h.Hash(t.Context(), "password"); err != nil {
					failed.Add(1)
				}
			}()
		}
		synctest.Wait()
		require.Equal(t, [2]int{2, 3}, loads(h))

		start := time.Now()
		_, err := h.Hash(t.Context(), "password")
		require.Equal(t, password.ErrBusy, err)
		_, _, err = h.Verify(t.Context(), "password", "")
		require.Equal(t, password.ErrBusy, err)
		require.Zero(t, time.Since(start), "refused without waiting")
		require.Equal(t, uint64(2), h.Stats().Refused)
		require.Equal(t, uint64(2), h.Stats().Hashes, "no work for the refused or the waiting")

		for _, want := range [][2]int{{2, 2}, {2, 1}, {2, 0}, {1, 0}, {0, 0}} {
			next <- struct{}{}
			synctest.Wait()
			require.Equal(t, want, loads(h))
		}
		require.Zero(t, failed.Load())
		require.Equal(t, uint64(5), h.Stats().Hashes)
	})
}

func TestNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Concurrency: 1, Queue: -1})
		next := stall(h)
		go h.Verify(t.Context(), "password", "")
		synctest.Wait()
		_, err := h.Hash(t.Context(), "password")
		require.Equal(t, password.ErrBusy, err)
		next <- struct{}{}
		synctest.Wait()
		go func() { next <- struct{}{} }()
		_, err = h.Hash(t.Context(), "password")
		require.NoError(t, err)
	})
}

func TestZeroQueueIs64(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Concurrency: 1})
		next := stall(h)
		for range 66 {
			go h.Verify(t.Context(), "password", "")
		}
		synctest.Wait()
		require.Equal(t, [2]int{1, 64}, loads(h))
		require.Equal(t, uint64(1), h.Stats().Refused)
		close(next)
	})
}

// TestQueueIsFair: callers are served in the order in which they came.
func TestQueueIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Concurrency: 1})
		next := stall(h)
		var served []int
		for i := range 20 {
			go func() {
				h.Hash(t.Context(), "password")
				served = append(served, i)
			}()
			synctest.Wait()
		}
		for i := range 20 {
			next <- struct{}{}
			synctest.Wait()
			require.Len(t, served, i+1)
			require.Equal(t, i, served[i])
		}
	})
}

var errMend = errors.New("the client went away")

func TestContextDoneBefore(t *testing.T) {
	h := newHasher(t, password.Options{Params: cheap, Concurrency: 1})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errMend)
	_, err := h.Hash(ctx, "password")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errMend)
	ok, rehash, err := h.Verify(ctx, "password", "")
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, ok || rehash)
	require.Zero(t, h.Stats())
}

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, password.Options{Params: cheap, Concurrency: 1})
		next := stall(h)
		go h.Verify(t.Context(), "password", "")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := h.Hash(ctx, "password")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, [2]int{1, 0}, loads(h), "left the queue")
		require.Equal(t, uint64(1), h.Stats().Hashes)
		require.Zero(t, h.Stats().Refused)
		next <- struct{}{}
		synctest.Wait()
		require.Equal(t, [2]int{0, 0}, loads(h))
	})
}
