package passbearer_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/faults"
	"github.com/passbearer/passbearer/memstore"
)

func inMemory(*testing.T) faults.Stores {
	s := memstore.New()
	return faults.Stores{Users: s, Sessions: s, Clients: s}
}

// TestFaultsEverywhere counts, with -v, how many there were.
func TestFaultsEverywhere(t *testing.T) { faults.Everywhere(t, inMemory) }

func TestSlowDatabase(t *testing.T) { faults.SlowEverywhere(t, inMemory) }

// TestSoak takes -faults.soak=30m for as long a load.
func TestSoak(t *testing.T) {
	faults.Soak(t, func(*testing.T) faults.Stores {
		s := &memstore.Store{RevocationLifetime: faults.SoakLifetime}
		return faults.Stores{Users: s, Sessions: s, Clients: s}
	})
}

func TestClockJumps(t *testing.T) {
	clock := new(faults.Clock)
	faults.ClockJumps(t, clock, func(*testing.T) faults.Stores {
		s := &memstore.Store{Now: clock.Now}
		return faults.Stores{Users: s, Sessions: s, Clients: s}
	})
}

func TestStoreTimeoutIsWhatItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := faults.New(t, inMemory(t), faults.Options{StoreTimeout: time.Minute})
		u := a.AddUser(t, true)
		a.Script.On(func(ctx context.Context, p faults.Point) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for request, takes := range map[time.Duration]time.Duration{time.Hour: time.Minute, time.Second: time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), request)
			start := time.Now()
			require.Equal(t, 503, a.SignIn(ctx, u.Name, u.Password).Status)
			require.Equal(t, takes, time.Since(start), "a request that has %v", request)
			cancel()
		}
	})
	require.PanicsWithValue(t, "passbearer: TokenHandlerOptions.StoreTimeout is negative: leave it zero for the default", func() {
		passbearer.NewTokenHandler(memstore.New(), new(fakeIssuer), &passbearer.TokenHandlerOptions{StoreTimeout: -1})
	})
}

// TestRefreshHasOneStoreTimeout: three steps of 25 seconds are more than a minute.
func TestRefreshHasOneStoreTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := faults.New(t, inMemory(t), faults.Options{StoreTimeout: time.Minute})
		u := a.AddUser(t, true)
		token := a.SignIn(t.Context(), u.Name, u.Password).Refresh
		a.Script.On(func(ctx context.Context, p faults.Point) error {
			if p.After || p.Method == "ClientByID" { // who asks comes before
				return nil
			}
			select {
			case <-ctx.Done():
			case <-time.After(25 * time.Second):
			}
			return ctx.Err()
		})
		start := time.Now()
		require.Equal(t, 503, a.Refresh(t.Context(), token).Status)
		require.Equal(t, time.Minute, time.Since(start))
	})
}

// TestOwnRefreshGrantHasItsTime: Grants are the application's, also one with a name of ours.
func TestOwnRefreshGrantHasItsTime(t *testing.T) {
	called := false
	own := func(ctx context.Context, _ *passbearer.GrantRequest) (*passbearer.Grant, error) {
		_, limited := ctx.Deadline()
		require.False(t, limited)
		called = true
		return &passbearer.Grant{User: &passbearer.User{ID: "u1"}}, nil
	}
	o := rigOptions{handler: passbearer.TokenHandlerOptions{Grants: map[string]passbearer.GrantFunc{"refresh_token": own}}}
	bubble(t, o, func(t *testing.T, r *rig) {
		a := r.do(tokenRequest("grant_type", "refresh_token", "client_id", "app"))
		require.Equal(t, 200, a.status, a.raw)
		require.True(t, called)
	})
}

// TestSlowDirectory: one that checks passwords itself may have looked at this one.
func TestSlowDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t, nil)
		users := slowDirectory{b.store}
		b.TokenHandler = passbearer.NewTokenHandler(users, b.issuer, &passbearer.TokenHandlerOptions{Passwords: b.hasher, Observer: silence{}})
		start := time.Now()
		require.Equal(t, 503, serve(b, b.request("johndoe", "guess", home)).Code)
		require.Equal(t, passbearer.DefaultStoreTimeout, time.Since(start))
		n := 0
		b.TokenHandler = passbearer.NewTokenHandler(users, b.issuer, &passbearer.TokenHandlerOptions{Passwords: b.hasher, Observer: silence{}})
		for ; n < 100 && b.guess("johndoe") == 503; n++ {
		}
		require.Equal(t, 25, n, "each counts")
	})
}

type slowDirectory struct{ passbearer.UserStore }

func (slowDirectory) VerifyPassword(ctx context.Context, _, _ string) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}
