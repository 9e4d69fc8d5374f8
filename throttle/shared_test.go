package throttle_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/throttle"
)

// recorder keeps what a Store is asked for.
type recorder struct {
	throttle.Memory
	cells []int64
}

func (r *recorder) ReserveAttempt(ctx context.Context, takes []throttle.Take) ([]time.Duration, error) {
	r.cells = nil
	for _, take := range takes {
		r.cells = append(r.cells, take.Cell)
	}
	return r.Memory.ReserveAttempt(ctx, takes)
}

// TestShared pins what instances of different versions share: with other cells they would count apart, and with
// other tags users would lose their devices.
func TestShared(t *testing.T) {
	store := new(recorder)
	l := newLimiter(t, throttle.Options{Secrets: [][]byte{bytes.Repeat([]byte{7}, 32)}, Store: store,
		Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	r := requestFrom("192.0.2.1:1")
	cellsOf := func(a throttle.Attempt) []int64 {
		_, err := l.Reserve(context.Background(), a)
		require.NoError(t, err)
		return store.cells
	}
	a := throttle.Attempt{Request: r, Account: "alice", UserID: "u1", Epoch: 3}
	require.Equal(t, []int64{9431190, 4300081529, 8595930282}, cellsOf(a))
	require.Equal(t, []int64{12892256008}, cellsOf(throttle.Attempt{UserID: "u1"}))

	cookie := l.DeviceCookie(r, "u1", 3)
	require.Equal(t, "AQRSFcNecGE8r--R4aG_QVUNrfc", cookie.Value)
	r.AddCookie(cookie)
	require.Equal(t, []int64{12893431825}, cellsOf(a))
}
