package passbearer_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
)

// TestRehash: a hash of another cost is replaced at sign-in, unless the
// password was changed meanwhile.
func TestRehash(t *testing.T) {
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) {
		var err error
		o.Passwords, err = password.New(&password.Options{Params: password.Params{Memory: 128, Time: 1, Threads: 1}})
		require.NoError(t, err)
	})
	hash := func() string {
		u, err := e.store.UserByID(t.Context(), "u1")
		require.NoError(t, err)
		require.Zero(t, u.Epoch, "sessions go on")
		return u.PasswordHash
	}
	require.Contains(t, hash(), "m=64,")
	status, _, _ := post(t, e, "username", "johndoe", "password", "wrong")
	require.Equal(t, 400, status)
	require.Contains(t, hash(), "m=64,", "not for a wrong password")
	status, _, _ = e.signIn(t)
	require.Equal(t, 200, status)
	require.Contains(t, hash(), "m=128,")
	better := hash()
	status, _, _ = e.signIn(t)
	require.Equal(t, 200, status)
	require.Equal(t, better, hash(), "once")
	require.Equal(t, []passbearer.EventKind{passbearer.EventSignInFailed, passbearer.EventPasswordRehashed, passbearer.EventSignedIn, passbearer.EventSignedIn}, e.events.kinds())
}

// TestRehashIsACourtesy: signing in does not depend on it.
func TestRehashIsACourtesy(t *testing.T) {
	u := fastUser(t, "u1", "johndoe", "")
	seen := new(events)
	hasher, err := password.New(&password.Options{Params: password.Params{Memory: 128, Time: 1, Threads: 1}})
	require.NoError(t, err)
	opts := &passbearer.TokenHandlerOptions{Passwords: hasher, Observer: seen}
	readOnly := userStore{byName: func(string) (*passbearer.User, error) { return &u, nil }}
	status, _, _ := post(t, passbearer.NewTokenHandler(readOnly, new(fakeIssuer), opts), "username", "johndoe", "password", "secret")
	require.Equal(t, 200, status)
	failing := rehashFails{readOnly}
	status, _, _ = post(t, passbearer.NewTokenHandler(failing, new(fakeIssuer), opts), "username", "johndoe", "password", "secret")
	require.Equal(t, 200, status)
	require.Equal(t, []passbearer.EventKind{passbearer.EventSignedIn, passbearer.EventPasswordRehashed, passbearer.EventSignedIn}, seen.kinds())
	require.ErrorContains(t, seen.all[1].Err, "read-only")
}

type rehashFails struct{ userStore }

func (rehashFails) UpdatePasswordHash(context.Context, string, string, string) error {
	return errors.New("read-only")
}
