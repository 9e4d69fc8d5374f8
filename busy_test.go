package passbearer_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// TestHashingQueueIsFull: never invalid_grant.
func TestHashingQueueIsFull(t *testing.T) {
	busy := verifying{memstore.New(), func(string, string) (bool, error) { return false, password.ErrBusy }}
	h := passbearer.NewTokenHandler(busy, new(fakeIssuer), nil)
	status, body, header := post(t, h, "username", "johndoe", "password", "secret")
	require.Equal(t, 503, status)
	require.Equal(t, "temporarily_unavailable", body["error"])
	require.Equal(t, "1", header.Get("Retry-After"))
}

// TestFullQueueSparesTheStores: they would be asked about thousands of sign-ins a second
// that cannot be hashed.
func TestFullQueueSparesTheStores(t *testing.T) {
	long := password.Params{Memory: 19 << 10, Time: 30, Threads: 1}
	hasher, err := password.New(&password.Options{Params: long, Limit: long, Concurrency: 1, Queue: -1})
	require.NoError(t, err)
	hashed := make(chan error)
	go func() {
		_, err := hasher.Hash(t.Context(), "takes long")
		hashed <- err
	}()
	for hasher.Stats().Running == 0 {
		runtime.Gosched()
	}
	limiter, err := throttle.New(&throttle.Options{Store: untouched{}, Secrets: [][]byte{make([]byte, 32)}})
	require.NoError(t, err)
	h := passbearer.NewTokenHandler(untouched{}, new(fakeIssuer), &passbearer.TokenHandlerOptions{Passwords: hasher, Throttle: limiter, Observer: silence{}})
	status, body, header := post(t, h, "username", "johndoe", "password", "secret")
	err = h.ChangePassword(t.Context(), "u1", "secret", "another")
	require.Equal(t, 1, hasher.Stats().Running, "all that while")
	require.Equal(t, 503, status)
	require.Equal(t, "temporarily_unavailable", body["error"])
	require.Equal(t, "1", header.Get("Retry-After"))
	require.ErrorIs(t, err, password.ErrBusy)
	require.Equal(t, 503, passbearer.AsError(err).StatusCode)
	require.EqualValues(t, 2, hasher.Stats().Refused)
	require.NoError(t, <-hashed)
}

// untouched panics when it is used.
type untouched struct {
	passbearer.UserStore
	passbearer.UserEditor
	throttle.Store
}
