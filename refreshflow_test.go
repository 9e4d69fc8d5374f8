package passbearer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

func TestRefresh(t *testing.T) {
	const ninetyDaysLess = "+300h 0>1 +300h 1>2 +300h 2>3 +300h 3>4 +300h 4>5 +300h 5>6 +300h 6>7 +59h59m59.999999999s "
	none := passbearer.SessionsOptions{}
	tests := []struct {
		name   string
		client time.Duration // its RefreshGrace
		opts   passbearer.SessionsOptions
		script string
	}{
		{"rotation", 0, none, "0>1 1>2 2>3 +335h 3>4"},

		{"two tabs", 0, none, "0>1 0=1 +10s 0=1 0=1"},
		{"two tabs, later", 0, none, "+1h 0>1 0=1 +10s 0=1 1>2 +10s 1=2 +1ns 1!"},
		{"two tabs go on", 0, none, "0>1 0=1 1>2 1=2 +10s 1=2 2>3"},
		{"a repeat does not renew the window", 0, none, "0>1 +6s 0=1 +4.001s 0! 1x:ended"},
		{"window + 1 ms", 0, none, "0>1 +10.001s 0! 1x:ended"},
		{"window + 1 ns", 0, none, "0>1 +10.000000001s 0! 1x:ended"},
		{"theft is told once", 0, none, "0>1 +11s 0! 0x:ended 1x:ended 0x:ended"},
		{"two behind in the window", 0, none, "0>1 1>2 0! 2x:ended 1x:ended"},
		{"two behind, a repeat between", 0, none, "0>1 0=1 1>2 0! 2x:ended"},
		{"three behind", 0, none, "0>1 1>2 2>3 0! 3x:ended"},
		{"far behind", 0, none, "0>1 1>2 2>3 3>4 +300h 1! 4x:ended"},
		{"no grace", 0, passbearer.SessionsOptions{Grace: -1}, "0>1 1>2 1! 2x:ended"},
		{"another grace", 0, passbearer.SessionsOptions{Grace: time.Minute}, "0>1 +1m 0=1 +1ns 0! 1x:ended"},
		{"the client's grace is longer", time.Hour, none, "0>1 +1h 0=1 +1ns 0! 1x:ended"},
		{"the client's grace is shorter", time.Second, passbearer.SessionsOptions{Grace: time.Hour}, "0>1 +1s 0=1 +1ns 0!"},
		{"the client's grace is none", -1, none, "0>1 0! 1x:ended"},
		{"the client's grace is the only one", 5 * time.Second, passbearer.SessionsOptions{Grace: -1}, "0>1 +5s 0=1 +1ns 0!"},
		{"the clock goes back", 0, none, "0>1 clock-1h 0=1 1>2"},
		{"the clock goes back without grace", -1, none, "0>1 clock-1h 0! 1x:ended"},

		{"idle almost", 0, none, "+335h59m59.999999999s 0>1 +335h59m59.999999999s 1>2"},
		{"idle", 0, none, "+336h 0x:expired"},
		{"idle after a rotation", 0, none, "+1h 0>1 +336h 1x:expired"},
		{"a repeat is no use", 0, none, "0>1 +10s 0=1 +335h59m50s 1x:expired"},
		{"90 days almost", 0, none, ninetyDaysLess + "7>8"},
		{"90 days", 0, none, ninetyDaysLess + "+1ns 7x:expired"},
		{"90 days, though just used", 0, none, ninetyDaysLess + "7>8 +1ns 8x:expired 7x:expired"},
		{"other lifetimes", 0, passbearer.SessionsOptions{IdleLifetime: time.Minute, Lifetime: 90 * time.Second}, "+59.999999999s 0>1 +30s 1>2 +1ns 2x:expired"},
		{"other idle lifetime", 0, passbearer.SessionsOptions{IdleLifetime: time.Minute}, "+59.999999999s 0>1 +1m 1x:expired"},
		{"other absolute lifetime", 0, passbearer.SessionsOptions{Lifetime: time.Minute}, "+59.999999999s 0>1 +1ns 1x:expired"},
		{"expired, old token", 0, none, "0>1 1>2 +336h 0x:expired"},

		{"disabled", 0, none, "disable 0x:user enable 0x:epoch"},
		{"disabled, epoch forgotten", 0, none, "flag 0x:user unflag 0>1"},
		{"disabled, old token", 0, none, "0>1 1>2 flag 0x:user"},
		{"deleted", 0, none, "delete 0x:user"},
		{"signed out everywhere", 0, none, "epoch 0x:epoch"},
		{"signed out everywhere after a rotation", 0, none, "0>1 epoch 1x:epoch 0x:epoch"},
		{"an epoch restored", 0, none, "epoch- 0x:epoch"},
		{"password changed", 0, none, "0>1 password 0x:epoch 1x:epoch"},
		{"password rehashed", 0, none, "rehash 0>1"},

		{"ended", 0, none, "0>1 end 1x:ended 0x:ended"},
		{"unknown", 0, none, "0>1 forget 1x:unknown 0x:unknown"},
		{"revoked here", 0, none, "revoke 0x:revoked unrevoke 0>1 revoke 0x:revoked 1x:revoked"},
		{"row of another user", 0, none, "swapuser 0x:unbound"},
		{"row of nobody", 0, none, "swapnobody 0x:unbound"},
		{"row of another client", 0, none, "swapclient 0x:unbound"},
		{"row of another user, old token", 0, none, "0>1 1>2 swapuser 0x:unbound 2x:unbound"},

		{"lost a write", 0, none, "0>1 1>2 lose1 2^3 3>4"},
		{"lost the first write", 0, none, "0>1 lose1 1^2 2>3"},
		{"lost a write, the other tab is first", 0, none, "0>1 1>2 lose1 1>2 2>3"},
		{"healed, and repeated", 0, none, "0>1 lose1 1^2 1=2 +10s 1=2 +1ns 1! 2x:ended"},
		{"healed, and an older token", 0, none, "0>1 1>2 lose1 2^3 1! 3x:ended"},
		{"healed, and an older token of the lost write", 0, none, "0>1 lose1 1^2 0! 2x:ended"},
		{"healed long after", 0, none, "0>1 +300h lose1 +300h 1^2"},
		{"lost a write again", 0, none, "0>1 lose1 1^2 lose1 2^3 3>4"},
		{"lost two writes", 0, none, "0>1 1>2 lose2 2? 2x:ended 1x:ended 0x:ended"},
		{"lost two writes, one client is older", 0, none, "0>1 1>2 lose2 1^2 2>3"},
		{"lost three writes", 0, none, "0>1 1>2 2>3 lose3 3? 0x:ended"},
		{"healed, the row lost two", 0, none, "0>1 lose1 1^2 lose2 2? 1x:ended"},
		{"lost a write, ended", 0, none, "0>1 lose1 end 1x:ended"},
		{"lost a write, expired", 0, none, "0>1 lose1 +336h 1x:expired"},
		{"lost a write, revoked here", 0, none, "0>1 lose1 revoke 1x:revoked"},
		{"lost a write, other epoch", 0, none, "0>1 lose1 epoch 1x:epoch"},
		{"lost a write, disabled", 0, none, "0>1 lose1 flag 1x:user"},
		{"lost a write, deleted", 0, none, "0>1 lose1 delete 1x:user"},
		{"lost a write, row of another user", 0, none, "0>1 lose1 swapuser 1x:unbound"},
		{"lost two writes, revoked here", 0, none, "0>1 1>2 lose2 revoke 2x:revoked"},
		{"lost two writes, other epoch", 0, none, "0>1 1>2 lose2 epoch 2x:epoch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, rigOptions{clientGrace: tt.client, sessions: tt.opts}, func(_ *testing.T, r *rig) { r.run(tt.script) })
		})
	}
}

// TestRefreshBroken breaks one call of one refresh. The client's token must not
// be lost: it is good as soon as the fault is gone.
func TestRefreshBroken(t *testing.T) {
	down := func(context.Context) error { return errDown }
	nothing := func(context.Context) error { return errNothing }
	panics := func(context.Context) error { panic("secret cause") }
	noTime := func(s *passbearer.Session) { s.AsOf = time.Time{} }
	anothers := func(s *passbearer.Session) { s.ID = "another" }
	on := func(call string, f func(context.Context) error) func(*rig) {
		return func(r *rig) { r.store.on[call] = f }
	}
	row := func(call string, f func(*passbearer.Session)) func(*rig) {
		return func(r *rig) { r.store.row[call] = f }
	}
	user := func(f func(*passbearer.User)) func(*rig) { return func(r *rig) { r.store.user = f } }
	done := func(r *rig) { r.store.after["SwapGeneration"] = errDown }
	tests := []struct {
		name    string
		before  string
		fault   func(*rig)
		present int
		status  int
		after   string
		cause   string
	}{
		{"SessionByID is down", "", on("SessionByID", down), 0, 503, "0>1", "load the session: secret cause: db-7 is down"},
		{"SessionByID returns nothing", "", on("SessionByID", nothing), 0, 503, "0>1", "the SessionStore returned neither the session with AsOf nor an error"},
		{"SessionByID panics", "", on("SessionByID", panics), 0, 500, "0>1", "panic: secret cause"},
		{"SessionByID without AsOf", "", row("SessionByID", noTime), 0, 503, "0>1", "the SessionStore returned neither the session with AsOf nor an error"},
		{"SessionByID returns another", "", row("SessionByID", anothers), 0, 503, "0>1", "the SessionStore returned neither the session with AsOf nor an error"},
		{"SessionByID is down for a repeat", "0>1", on("SessionByID", down), 0, 503, "0=1 1>2", "load the session: secret cause: db-7 is down"},
		{"UserByID is down", "", on("UserByID", down), 0, 503, "0>1", "load the user: secret cause: db-7 is down"},
		{"UserByID returns nothing", "", on("UserByID", nothing), 0, 503, "0>1", "the UserStore returned neither a user nor an error"},
		{"UserByID panics", "", on("UserByID", panics), 0, 500, "0>1", "panic: secret cause"},
		{"UserByID returns another", "", user(func(u *passbearer.User) { u.ID = "u2" }), 0, 503, "0>1", "the UserStore returned another user"},
		{"UserByID without an id", "", user(func(u *passbearer.User) { u.ID = "" }), 0, 503, "0>1", "the UserStore returned a user without an id"},
		{"UserByID is down for an old token", "0>1 1>2", on("UserByID", down), 0, 503, "0! 2x:ended", "load the user: secret cause: db-7 is down"},
		{"SwapGeneration is down", "", on("SwapGeneration", down), 0, 503, "0>1", "move the session on: secret cause: db-7 is down"},
		{"SwapGeneration returns nothing", "", on("SwapGeneration", nothing), 0, 503, "0>1", "the SessionStore returned neither the session with AsOf nor an error"},
		{"SwapGeneration panics", "", on("SwapGeneration", panics), 0, 500, "0>1", "panic: secret cause"},
		{"SwapGeneration without AsOf", "", row("SwapGeneration", noTime), 0, 503, "0=1 1>2", "the SessionStore returned neither the session with AsOf nor an error"},
		{"SwapGeneration returns another", "", row("SwapGeneration", anothers), 0, 503, "0=1 1>2", "the SessionStore returned neither the session with AsOf nor an error"},
		{"SwapGeneration's answer is lost", "", done, 0, 503, "0=1 1>2", "move the session on: secret cause: db-7 is down"},
		{"SwapGeneration is down for a lost write", "0>1 lose1", on("SwapGeneration", down), 1, 503, "1^2", "move the session on: secret cause: db-7 is down"},
		{"SwapGeneration's answer is lost for a lost write", "0>1 lose1", done, 1, 503, "1=2 2>3", "move the session on: secret cause: db-7 is down"},
		{"EndSession is down for a stolen token", "0>1 +11s", on("EndSession", down), 0, 503, "0! 1x:ended", "end the session: secret cause: db-7 is down"},
		{"EndSession panics for a stolen token", "0>1 +11s", on("EndSession", panics), 0, 500, "0! 1x:ended", "panic: secret cause"},
		{"EndSession is down for two lost writes", "0>1 1>2 lose2", on("EndSession", down), 2, 503, "2? 0x:ended", "end the session: secret cause: db-7 is down"},
		{"the issuer is down", "", func(r *rig) { r.issuer.err = errDown }, 0, 503, "0>1", "issue the access token: secret cause: db-7 is down"},
		{"the issuer is down for a repeat", "0>1", func(r *rig) { r.issuer.err = errDown }, 0, 503, "0=1 1>2", "issue the access token: secret cause: db-7 is down"},
		{"the issuer is down for a lost write", "0>1 lose1", func(r *rig) { r.issuer.err = errDown }, 1, 503, "1^2", "issue the access token: secret cause: db-7 is down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, rigOptions{})
				r.signIn()
				r.run(tt.before)
				r.seen.take()
				tt.fault(r)
				r.store.calls = nil
				a := r.refresh(r.tokens[tt.present])
				require.Equal(t, tt.status, a.status)
				require.Equal(t, map[int]string{503: "temporarily_unavailable", 500: "server_error"}[tt.status], a.body.Error)
				require.Equal(t, tt.status == 503, a.header.Get("Retry-After") == "1")
				require.NotContains(t, a.raw, "secret")
				require.NotContains(t, a.raw, r.tokens[0][:20])
				told := r.seen.take()
				require.Len(t, told, 1)
				require.Equal(t, map[int]passbearer.EventKind{503: passbearer.EventUnavailable, 500: passbearer.EventPanic}[tt.status], told[0].Kind)
				require.ErrorContains(t, told[0].Err, tt.cause)
				require.Equal(t, strings.HasSuffix(tt.cause, "is down"), errors.Is(told[0].Err, errDown))
				require.True(t, r.kept().EndedAt.IsZero())
				if r.issuer.err != nil {
					require.Equal(t, []string{"SessionByID", "UserByID"}, r.store.calls)
				}
				clear(r.store.on)
				clear(r.store.after)
				clear(r.store.row)
				r.store.user, r.issuer.err = nil, nil
				r.run(tt.after)
			})
		})
	}
}

// TestBeginBroken breaks a sign-in at its last steps.
func TestBeginBroken(t *testing.T) {
	tests := []struct {
		name   string
		fault  func(*rig)
		status int
		calls  []string
	}{
		{"CreateSession is down", func(r *rig) { r.fail("CreateSession", errDown) }, 503, []string{"CreateSession"}},
		{"CreateSession finds the id", func(r *rig) { r.fail("CreateSession", errors.New("exists")) }, 503, []string{"CreateSession"}},
		{"CreateSession panics", func(r *rig) { r.store.on["CreateSession"] = func(context.Context) error { panic("secret") } }, 500, []string{"CreateSession"}},
		{"the issuer is down", func(r *rig) { r.issuer.err = errDown }, 503, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rigOptions{})
			tt.fault(r)
			a := r.do(tokenRequest("client_id", "app", "username", "johndoe", "password", "secret"))
			require.Equal(t, tt.status, a.status)
			require.Equal(t, tt.status == 503, a.header.Get("Retry-After") == "1")
			require.NotContains(t, a.raw, "secret")
			require.Equal(t, tt.calls, r.store.calls)
			list, err := r.engine.List(t.Context(), "u1")
			require.NoError(t, err)
			require.Empty(t, list)
			require.NotContains(t, r.seen.kinds(), passbearer.EventSignedIn)
			if tt.name == "CreateSession is down" {
				require.ErrorIs(t, r.seen.all[0].Err, errDown)
				require.ErrorContains(t, r.seen.all[0].Err, "create the session: ")
			}
		})
	}
}

// TestSessionRow compares the whole of a new row, and of what the tokens of a
// session say.
func TestSessionRow(t *testing.T) {
	authTime := time.Date(1999, 12, 31, 12, 0, 0, 0, time.UTC)
	grant := passbearer.Grant{Scope: "me", AuthTime: authTime, ACR: "urn:acr", AMR: "pwd otp", Extra: `{"tenant":"t1"}`}
	o := rigOptions{
		sessions: passbearer.SessionsOptions{IdleLifetime: time.Hour, Lifetime: 3 * time.Hour},
		handler: passbearer.TokenHandlerOptions{Grants: map[string]passbearer.GrantFunc{"own": func(context.Context, *passbearer.GrantRequest) (*passbearer.Grant, error) {
			g := grant
			g.User = &passbearer.User{ID: "u1", Epoch: 7, Scope: "me"}
			return &g, nil
		}}},
	}
	bubble(t, o, func(t *testing.T, r *rig) {
		r.store.user = func(u *passbearer.User) { u.Epoch = 7 }
		req := tokenRequest("grant_type", "own", "client_id", "web")
		req.Header.Set("User-Agent", "curl/8")
		a := r.do(req)
		require.Equal(t, 200, a.status, a.raw)
		r.sid = r.issuer.last().SessionID
		now := time.Now().Add(r.store.offset)
		token, ok := r.keys.Open(a.body.Refresh)
		require.True(t, ok)
		require.Equal(t, passbearer.Session{
			ID: token.SessionID(), UserID: "u1", ClientID: "web", Scope: "me", Epoch: 7, Generation: 0,
			AuthTime: authTime, ACR: "urn:acr", AMR: "pwd otp", Extra: `{"tenant":"t1"}`,
			UserAgent: "curl/8", IdleLifetime: time.Hour, Lifetime: 3 * time.Hour, CreatedAt: now, LastUsedAt: now,
		}, r.kept())

		first := r.issuer.last()
		require.Equal(t, passbearer.NumericDate(authTime.Unix()), first.AuthTime)
		for range 3 {
			time.Sleep(50 * time.Minute)
			req := tokenRequest("grant_type", "refresh_token", "refresh_token", a.body.Refresh, "client_id", "web")
			req.Header.Set("User-Agent", "another")
			a = r.do(req)
			require.Equal(t, 200, a.status, a.raw)
			later := r.issuer.last()
			require.Equal(t, passbearer.NumericDate(time.Now().Unix()), later.IssuedAt)
			require.NotEqual(t, first.ID, later.ID)
			later.IssuedAt, later.Expiry, later.ID = first.IssuedAt, first.Expiry, first.ID
			require.Equal(t, first, later, "auth_time above all never moves")
			require.Equal(t, "curl/8", r.kept().UserAgent)
		}
	})
}

// TestASessionBoundToAKey: who stole its refresh token has no use of it.
func TestASessionBoundToAKey(t *testing.T) {
	o := rigOptions{handler: passbearer.TokenHandlerOptions{Grants: map[string]passbearer.GrantFunc{
		"own": func(context.Context, *passbearer.GrantRequest) (*passbearer.Grant, error) {
			return &passbearer.Grant{User: &passbearer.User{ID: "u1"}, JKT: "thumb"}, nil
		}}}}
	bubble(t, o, func(t *testing.T, r *rig) {
		a := r.do(tokenRequest("grant_type", "own", "client_id", "app"))
		require.Equal(t, 200, a.status, a.raw)
		r.sid = r.issuer.last().SessionID
		require.Equal(t, passbearer.Confirmation{Method: "jkt", Thumbprint: "thumb"}, r.issuer.last().Confirmation)
		require.Equal(t, "thumb", r.kept().JKT)
		r.seen.take()
		require.Equal(t, refusedRefresh, r.refresh(a.body.Refresh).raw)
		seen := r.seen.take()
		require.Len(t, seen, 1)
		require.Equal(t, passbearer.ErrUnproved, seen[0].Err)
	})
}

func TestAuthTimeNeverMoves(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		signedIn := r.issuer.last()
		require.Equal(t, passbearer.NumericDate(time.Now().Unix()), signedIn.AuthTime)
		require.Equal(t, "pwd", signedIn.AMR)
		for i := range 5 {
			time.Sleep(time.Hour)
			r.run(fmt.Sprintf("%d>%d", i, i+1))
			last := r.issuer.last()
			require.Equal(t, signedIn.AuthTime, last.AuthTime)
			require.Equal(t, signedIn.IssuedAt+passbearer.NumericDate((i+1)*3600), last.IssuedAt)
		}
		require.EqualValues(t, signedIn.AuthTime, r.kept().AuthTime.Unix())
	})
}

// TestEpochIsTheOneReadWithTheHash: a password changed during a sign-in ends
// the session that is begun with the old one.
func TestEpochIsTheOneReadWithTheHash(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.store.on["CreateSession"] = func(ctx context.Context) error { return second(r.store.SetPasswordHash(ctx, "u1", r.hash, "new")) }
	r.signIn()
	require.Equal(t, refusedRefresh, r.refresh(r.tokens[0]).raw)
	require.Equal(t, passbearer.ErrEpoch, r.seen.all[0].Err)
}

func TestScopeOfARefresh(t *testing.T) {
	full := passbearer.Scope("me items:read items:write")
	tests := []struct {
		name   string
		signIn string
		has    passbearer.Scope // the user, meanwhile
		asked  string
		status int
		scope  passbearer.Scope
	}{
		{"none asked", "me items:read", full, "", 200, "me items:read"},
		{"all", "me items:read", full, "items:read me", 200, "items:read me"},
		{"narrower", "me items:read", full, "me", 200, "me"},
		{"beyond the session", "me items:read", full, "items:write", 400, ""},
		{"partly beyond the session", "me items:read", full, "me items:write", 400, ""},
		{"beyond the user", "me", full, "admin", 400, ""},
		{"the user has less", "me items:read", "items:read", "", 200, "items:read"},
		{"the user has less, asked for both", "me items:read", "items:read", "me items:read", 200, "items:read"},
		{"the user has less, asked for it", "me items:read", "items:read", "me", 400, ""},
		{"the user has nothing", "me", "", "", 200, ""},
		{"the user has more", "me", full + " admin", "", 200, "me"},
		{"malformed", "me", full, `"`, 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, rigOptions{})
			r.signIn("scope", tt.signIn)
			r.store.user = func(u *passbearer.User) { u.Scope = tt.has }
			r.store.calls = nil
			a := r.refresh(r.tokens[0], "scope", tt.asked)
			require.Equal(t, tt.status, a.status, a.raw)
			require.EqualValues(t, tt.signIn, r.kept().Scope, "the session keeps its scope")
			if tt.status == 200 {
				require.Equal(t, tt.scope, a.body.Scope)
				require.Equal(t, tt.scope, r.issuer.last().Scope)
				require.Equal(t, []passbearer.EventKind{passbearer.EventRefreshed}, r.seen.kinds())
			} else {
				require.Equal(t, "invalid_scope", a.body.Error)
				require.NotContains(t, strings.Join(r.store.calls, " "), "Swap", "not consumed")
				require.Empty(t, r.seen.all)
			}
			r.store.user = nil
			next := r.tokens[0]
			if tt.status == 200 {
				next = a.body.Refresh
			}
			a = r.refresh(next)
			require.Equal(t, 200, a.status, "%s", a.raw)
			require.EqualValues(t, tt.signIn, a.body.Scope, "narrowing was for once")
		})
	}
}

// TestStolenTokenAskedTooMuch: theft is theft, whatever else is wrong.
func TestStolenTokenAskedTooMuch(t *testing.T) {
	r := newRig(t, rigOptions{sessions: passbearer.SessionsOptions{Grace: -1}})
	r.signIn()
	require.Equal(t, 200, r.refresh(r.tokens[0]).status)
	require.Equal(t, refusedRefresh, r.refresh(r.tokens[0], "scope", "admin").raw)
	require.False(t, r.kept().EndedAt.IsZero())
}

func TestOtherClientsToken(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		before := r.kept()
		for _, client := range []string{"web", "app"} {
			r.seen.take()
			a := r.refresh(r.tokens[0], "client_id", client)
			if client == "app" {
				require.Equal(t, 200, a.status)
				continue
			}
			require.Equal(t, refusedRefresh, a.raw)
			require.Equal(t, []passbearer.Event{{Kind: passbearer.EventRefreshRefused, Time: time.Now(), UserID: "u1", ClientID: "web", SessionID: r.sid, Err: passbearer.ErrOtherClient}}, r.seen.take())
			require.Equal(t, before, r.kept())
		}
		time.Sleep(time.Minute)
		require.Equal(t, refusedRefresh, r.refresh(r.tokens[0], "client_id", "web").raw)
		require.True(t, r.kept().EndedAt.IsZero(), "another client cannot end the session with an old token")
	})
}

// TestOneClient is about a handler without a ClientStore.
func TestOneClient(t *testing.T) {
	r := newRig(t, rigOptions{})
	handler := func(id string) http.Handler {
		return passbearer.NewTokenHandler(r.store, r.issuer, &passbearer.TokenHandlerOptions{Sessions: r.engine, ClientID: id, Passwords: fastPasswords, Observer: r.seen})
	}
	status, body, _ := post(t, handler("mobile"), "username", "johndoe", "password", "secret")
	require.Equal(t, 200, status)
	token := body["refresh_token"].(string)
	status, body, _ = post(t, handler("desktop"), "grant_type", "refresh_token", "refresh_token", token)
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", body["error"])
	status, body, _ = post(t, handler("mobile"), "grant_type", "refresh_token", "refresh_token", token, "client_id", "ignored")
	require.Equal(t, 200, status)
	require.NotEqual(t, token, body["refresh_token"])
	status, body, _ = post(t, handler("mobile"), "grant_type", "refresh_token")
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_request", body["error"])
}

// TestKeysChangeUnderASession presents one session's tokens to processes that
// have the new secret and to those that have not.
func TestKeysChangeUnderASession(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.signIn()
	with := func(secrets ...[]byte) *rig {
		o := &rig{t: r.t, store: r.store}
		o.keys = refreshKeys(t, goldenIssuer, secrets...)
		o.engine = passbearer.NewSessions(r.store, r.store, o.keys, &passbearer.SessionsOptions{Observer: r.seen})
		o.handler = passbearer.NewTokenHandler(r.store, r.issuer, &passbearer.TokenHandlerOptions{Sessions: o.engine, Clients: r.store, Passwords: fastPasswords, Observer: r.seen})
		return o
	}
	accepting, signing, done := with(secretA, secretB), with(secretB, secretA), with(secretB)
	a1 := accepting.refresh(r.tokens[0])
	require.Equal(t, 200, a1.status)
	require.Equal(t, a1.body.Refresh, r.refresh(r.tokens[0]).body.Refresh, "the same successor in a process that knows one key")
	b1 := signing.refresh(r.tokens[0])
	require.Equal(t, 200, b1.status)
	require.NotEqual(t, a1.body.Refresh, b1.body.Refresh, "signed anew")
	require.Equal(t, refusedRefresh, done.refresh(a1.body.Refresh).raw)
	b2 := done.refresh(b1.body.Refresh)
	require.Equal(t, 200, b2.status)
	require.Equal(t, b2.body.Refresh, signing.refresh(a1.body.Refresh).body.Refresh, "either spelling is the one generation")
	require.EqualValues(t, 2, r.kept().Generation)
}

// TestRestart: what is known of a session is in its row alone.
func TestRestart(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.signIn()
	first := r.tokens[0]
	second := r.refresh(first).body.Refresh
	third := r.refresh(second).body.Refresh
	again := newRig(t, rigOptions{})
	again.store.Store, again.sid = r.store.Store, r.sid
	require.Equal(t, third, again.refresh(second).body.Refresh)
	require.Equal(t, refusedRefresh, again.refresh(first).raw)
	require.Equal(t, []passbearer.EventKind{passbearer.EventRefreshRepeated, passbearer.EventRefreshTokenStolen}, again.seen.kinds())
	require.Equal(t, refusedRefresh, r.refresh(third).raw)
}

// TestNothingInTheRowIsAToken presents all that a reader of the database has.
func TestNothingInTheRowIsAToken(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.signIn()
	row := r.kept()
	dump, err := json.Marshal(row)
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(r.tokens[0])
	require.NoError(t, err)
	for _, encode := range []func([]byte) string{base64.RawURLEncoding.EncodeToString, base64.StdEncoding.EncodeToString, func(b []byte) string { return fmt.Sprintf("%x", b) }} {
		require.NotContains(t, string(dump), encode(raw[5:21]), "the secret")
	}
	require.NotContains(t, string(dump), r.tokens[0])
	r.store.calls = nil
	require.Equal(t, refusedRefresh, r.refresh(row.ID).raw)
	id, err := base64.RawURLEncoding.DecodeString(row.ID)
	require.NoError(t, err)
	copy(raw[5:21], id)
	require.Equal(t, refusedRefresh, r.refresh(base64.RawURLEncoding.EncodeToString(raw)).raw)
	require.Empty(t, r.store.calls)
}
