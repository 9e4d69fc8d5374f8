package mfa_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/mfa"
	"github.com/passbearer/passbearer/throttle"
)

func TestGrant(t *testing.T) {
	r := newRig(t, nil)
	asked := r.post("grant_type", "password", "username", "johndoe", "password", "secret", "scope", "items")
	require.Equal(t, 400, asked.status)
	require.Equal(t, "mfa_required", asked.Error)
	require.EqualValues(t, 300, asked.Expires)
	require.Equal(t, "no-store", asked.header.Get("Cache-Control"))
	require.Empty(t, asked.Access)
	require.Empty(t, r.issuer.claims)

	r.now.Add(60)
	a := r.requireGrant(asked.Token)
	require.Equal(t, "items", a.Scope)
	require.Len(t, r.issuer.claims, 1)
	c := r.issuer.claims[0]
	require.Equal(t, "u1", c.Subject)
	require.Equal(t, "web", c.ClientID)
	require.Equal(t, "2fa", c.ACR)
	require.Equal(t, "pwd otp mfa", c.AMR)
	require.Equal(t, passbearer.NumericDate(r.now.Load()), c.AuthTime)
	require.Zero(t, c.Confirmation)
	require.EqualValues(t, 8, c.Epoch, "one more than the user's")
	require.Equal(t, passbearer.EventSignedIn, r.events.last().Kind)
}

// TestRefusals: whatever is wrong, nothing is issued, and the code is looked at only
// when all else is right.
func TestRefusals(t *testing.T) {
	const badToken, badCode = "The mfa_token is not valid: sign in again", "Incorrect code"
	disable := func(r *rig) { must(r.users.SetDisabled(r.t.Context(), "u1", true)) }
	for _, tt := range []struct {
		name   string
		before func(*rig)          // before the password
		after  func(*rig)          // after it
		pairs  []string            // instead of the right parameters
		change func(string) string // of the mfa_token
		status int
		error  string
		detail string
		asked  bool // for the code
		event  passbearer.EventKind
	}{
		{name: "wrong code", pairs: []string{"otp", "654321"}, status: 400, error: "invalid_grant", detail: badCode, asked: true, event: passbearer.EventSignInFailed},
		{name: "no code", pairs: []string{"otp", ""}, status: 400, error: "invalid_request", detail: "Missing parameter: otp"},
		{name: "no token", pairs: []string{"mfa_token", ""}, status: 400, error: "invalid_request", detail: "Missing parameter: mfa_token"},
		{name: "garbage", pairs: []string{"mfa_token", "garbage"}, status: 400, error: "invalid_grant", detail: badToken, event: passbearer.EventSignInFailed},
		{name: "too long", pairs: []string{"mfa_token", strings.Repeat("A", 9000)}, status: 400, error: "invalid_grant", detail: badToken},
		{name: "cut", change: func(s string) string { return s[:len(s)-4] }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "longer", change: func(s string) string { return s + "AAAA" }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "padded", change: func(s string) string { return s + "=" }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "with a line break", change: func(s string) string { return s[:9] + "\n" + s[9:] }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "with a line break at its end", change: func(s string) string { return s + "\r\n" }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "expired", after: func(r *rig) { r.now.Add(300) }, status: 400, error: "invalid_grant", detail: badToken, event: passbearer.EventSignInFailed},
		{name: "another client", pairs: []string{"client_id", "app"}, status: 400, error: "invalid_grant", detail: badToken, event: passbearer.EventSignInFailed},
		{name: "a key that the password had not", pairs: []string{"DPoP", "key"}, status: 400, error: "invalid_grant", detail: badToken, event: passbearer.EventSignInFailed},
		{name: "another secret", after: func(r *rig) { r.secret = []byte(strings.Repeat("t", 32)); r.build() }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "disabled", after: disable, status: 400, error: "invalid_grant", detail: badToken, event: passbearer.EventSignInFailed},
		{name: "disabled by a store that keeps the epoch", after: func(r *rig) { r.users.other = &passbearer.User{ID: "u1", Disabled: true, Epoch: 7} }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "disabled and enabled", after: func(r *rig) { disable(r); must(r.users.SetDisabled(r.t.Context(), "u1", false)) }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "signed out everywhere", after: func(r *rig) { must(r.users.RaiseEpoch(r.t.Context(), "u1")) }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "password changed", after: func(r *rig) { must(r.users.SetPasswordHash(r.t.Context(), "u1", "", "x")) }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "user is gone", after: func(r *rig) { r.users.err = passbearer.ErrUserNotFound }, status: 400, error: "invalid_grant", detail: badToken},
		{name: "users are down", after: func(r *rig) { r.users.err = errDown }, status: 503, error: "temporarily_unavailable", event: passbearer.EventUnavailable},
		{name: "users answer for another service", after: func(r *rig) { r.users.err = &passbearer.Error{StatusCode: 400, ErrorCode: "other"} }, status: 503, error: "temporarily_unavailable"},
		{name: "another user", after: func(r *rig) { r.users.other = &passbearer.User{ID: "u2", Epoch: 7} }, status: 503, error: "temporarily_unavailable"},
		{name: "scope is lost", before: func(r *rig) {
			r.opts.ScopePolicy = func(_ context.Context, q passbearer.ScopeRequest) (passbearer.Scope, error) {
				return "", &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_scope", ErrorDescription: string(q.Asked)}
			}
		}, status: 400, error: "invalid_scope", detail: "items"},
		{name: "scope is malformed", before: func(r *rig) {
			r.opts.ScopePolicy = func(context.Context, passbearer.ScopeRequest) (passbearer.Scope, error) { return "a  b", nil }
		}, status: 503, error: "temporarily_unavailable"},
		{name: "verification is down", before: func(r *rig) { r.verifies(true, errDown) }, status: 503, error: "temporarily_unavailable", asked: true, event: passbearer.EventUnavailable},
		{name: "verification answers itself", before: func(r *rig) {
			r.verifies(true, &passbearer.Error{StatusCode: 400, ErrorCode: "invalid_grant", ErrorDescription: "Another code was sent"})
		}, status: 400, error: "invalid_grant", detail: "Another code was sent", asked: true},
		{name: "verification panics", before: func(r *rig) {
			r.verify = func(context.Context, *passbearer.User, string) (bool, error) { panic("verify") }
		}, status: 500, error: "server_error", asked: true, event: passbearer.EventPanic},
		{name: "redeemed", before: func(r *rig) { r.opts.Replays = replays(func() (bool, error) { return false, nil }) }, status: 400, error: "invalid_grant", detail: badToken, asked: true},
		{name: "replays are down", before: func(r *rig) { r.opts.Replays = replays(func() (bool, error) { return true, errDown }) }, status: 503, error: "temporarily_unavailable", asked: true},
		{name: "counters are down", before: func(r *rig) { r.opts.Throttle = limiter(r.t, brokenCounters{}) }, status: 503, error: "temporarily_unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.before)
			token := r.signIn("scope", "items")
			if tt.after != nil {
				tt.after(r)
			}
			if tt.change != nil {
				token = tt.change(token)
			}
			a := r.redeem(token, code, tt.pairs...)
			require.Equal(t, tt.status, a.status, a.Detail)
			require.Equal(t, tt.error, a.Error)
			if tt.detail != "" {
				require.Equal(t, tt.detail, a.Detail)
			}
			require.NotContains(t, a.Detail, errDown.Error())
			if tt.status == 503 {
				require.Equal(t, "1", a.header.Get("Retry-After"))
			}
			require.Empty(t, a.Access)
			require.Empty(t, r.issuer.claims)
			require.Equal(t, tt.asked, r.asked.Load() > 0)
			if tt.event != "" {
				require.Equal(t, tt.event, r.events.last().Kind)
			}
		})
	}
}

func must[T any](_ T, err error) {
	if err != nil {
		panic(err)
	}
}

func (r *rig) verifies(ok bool, err error) {
	r.verify = func(context.Context, *passbearer.User, string) (bool, error) { return ok, err }
}

func limiter(t testing.TB, store throttle.Store) *throttle.Limiter {
	l, err := throttle.New(&throttle.Options{Store: store, Secrets: [][]byte{secret}})
	require.NoError(t, err)
	return l
}

type brokenCounters struct{}

func (brokenCounters) ReserveAttempt(context.Context, []throttle.Take) ([]time.Duration, error) {
	return nil, errDown
}
func (brokenCounters) RefundAttempt(context.Context, []throttle.Take) error { return errDown }

// TestTokenIsUsedOnce: also when the code is right again.
func TestTokenIsUsedOnce(t *testing.T) {
	r := newRig(t, nil)
	token := r.signIn()
	require.Equal(t, "Incorrect code", r.redeem(token, "0").Detail)
	require.Equal(t, "Incorrect code", r.redeem(token, "1").Detail, "the token may be used until the code is right")
	r.requireGrant(token)
	for range 3 {
		require.Equal(t, "invalid_grant", r.redeem(token, code).Error)
	}
	require.Len(t, r.issuer.claims, 1)

	old := r.now.Load()
	token = r.signIn()
	r.now.Add(299)
	r.requireGrant(token)
	r.now.Store(old) // of a process whose clock is behind by nearly as much
	require.Equal(t, "invalid_grant", r.redeem(token, code).Error)
}

// TestTokenIsRemembered for as long as a process whose clock is behind would take it.
func TestTokenIsRemembered(t *testing.T) {
	store := &memstore.Store{}
	r := newRig(t, func(r *rig) { r.opts.Replays = store })
	var stored atomic.Int64
	store.Now = func() time.Time { return time.Unix(stored.Load(), 0) }
	stored.Store(r.now.Load())
	token := r.signIn()
	r.now.Add(100)
	stored.Add(100)
	r.requireGrant(token)
	stored.Add(499)
	require.Equal(t, "invalid_grant", r.redeem(token, code).Error)
}

// TestManyAtOnce: one of them is answered with tokens.
func TestManyAtOnce(t *testing.T) {
	r := newRig(t, func(r *rig) { r.opts.Throttle = generous(r.t) })
	for range 5 {
		token := r.signIn()
		var granted atomic.Int64
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 50 {
			all.Go(func() {
				<-start
				if a := r.redeem(token, code); a.status == 200 {
					granted.Add(1)
				} else if a.Error != "invalid_grant" {
					t.Errorf("%d %s", a.status, a.Error)
				}
			})
		}
		close(start)
		all.Wait()
		require.EqualValues(t, 1, granted.Load())
	}
	require.Len(t, r.issuer.claims, 5)
}

func generous(t testing.TB) *throttle.Limiter {
	l, err := throttle.New(&throttle.Options{Device: throttle.Limit{Burst: 1000, Every: time.Second}})
	require.NoError(t, err)
	return l
}

// TestThrottle: wrong codes are counted by user, whatever the token, and nothing else
// is.
func TestThrottle(t *testing.T) {
	r := newRig(t, nil)
	for range 100 {
		r.requireGrant(r.signIn())
	}
	token := r.signIn()
	r.verifies(false, errDown)
	for range 30 {
		require.Equal(t, 503, r.redeem(token, code).status, "what was not looked at does not count")
	}
	r.verifies(false, nil)
	for n := range 25 {
		if n == 10 {
			token = r.signIn()
		}
		require.Equal(t, 400, r.redeem(token, "0").status)
	}
	asked := r.asked.Load()
	for range 3 {
		a := r.redeem(r.signIn(), code)
		require.Equal(t, 429, a.status)
		require.Equal(t, "temporarily_unavailable", a.Error)
		require.Equal(t, "60", a.header.Get("Retry-After"))
		require.Equal(t, passbearer.EventSignInThrottled, r.events.last().Kind)
	}
	require.Equal(t, asked, r.asked.Load(), "the code is not looked at")
	require.NoError(t, r.users.AddUser(t.Context(), passbearer.User{ID: "u2", Name: "alice"}))
	require.Equal(t, 400, r.redeem(r.signIn("username", "alice"), code).status, "others have attempts of their own")
	r.verifies(true, nil)
	r.now.Add(10 * 3600)
	r.requireGrant(r.signIn())
}

// TestCancelledAttemptCounts: the code may have been looked at.
func TestCancelledAttemptCounts(t *testing.T) {
	r := newRig(t, func(r *rig) { r.opts.Timeout = time.Nanosecond })
	r.verify = func(ctx context.Context, _ *passbearer.User, _ string) (bool, error) {
		<-ctx.Done()
		return false, ctx.Err()
	}
	token := r.signIn()
	for range 25 {
		require.Equal(t, 503, r.redeem(token, code).status)
	}
	require.Equal(t, 429, r.redeem(token, code).status)
}

func TestRefundFails(t *testing.T) {
	r := newRig(t, func(r *rig) { r.opts.Throttle = limiter(r.t, noRefunds{new(throttle.Memory)}) })
	r.requireGrant(r.signIn())
	kinds := map[passbearer.EventKind]bool{}
	for _, e := range r.events.list {
		kinds[e.Kind] = true
	}
	require.True(t, kinds[passbearer.EventUnavailable])
}

type noRefunds struct{ throttle.Store }

func (noRefunds) RefundAttempt(context.Context, []throttle.Take) error { return errDown }

func TestRequired(t *testing.T) {
	var err error
	r := newRig(t, func(r *rig) {
		r.opts.Required = func(_ context.Context, u *passbearer.User) (bool, error) { return u.ID != "u1", err }
	})
	password := []string{"grant_type", "password", "username", "johndoe", "password", "secret"}
	require.Equal(t, 200, r.post(password...).status)
	c := r.issuer.claims[0]
	require.Empty(t, c.ACR)
	require.Equal(t, "pwd", c.AMR)
	require.NoError(t, r.users.AddUser(t.Context(), passbearer.User{ID: "u2", Name: "alice"}))
	r.signIn("username", "alice")
	require.Equal(t, "invalid_grant", r.post(append(password, "password", "wrong")...).Error, "the password comes first")
	err = errDown
	require.Equal(t, 503, r.post(password...).status)
}

// TestGrantIsKept: what the application decided after the password, and the key.
func TestGrantIsKept(t *testing.T) {
	r := newRig(t, func(r *rig) { r.opts.AMR = "sms mfa" })
	r.token.AfterPassword = func(ctx context.Context, req *passbearer.GrantRequest, g *passbearer.Grant) error {
		g.Extra, g.AMR = `{"tenant":"t1"}`, "pwd geo"
		return r.second.Challenge(ctx, req, g)
	}
	r.handler = passbearer.NewTokenHandler(&r.users, &r.issuer, &r.token)
	token := r.signIn("DPoP", "key")
	for _, other := range []string{"", "another"} {
		require.Equal(t, "invalid_grant", r.redeem(token, code, "DPoP", other).Error)
	}
	r.requireGrant(token, "DPoP", "key")
	c := r.issuer.claims[0]
	require.Equal(t, passbearer.Confirmation{Method: "jkt", Thumbprint: "key"}, c.Confirmation)
	require.Equal(t, `{"tenant":"t1"}`, c.Extra)
	require.Equal(t, "pwd geo sms mfa", c.AMR)
	require.Equal(t, passbearer.Scope("me items"), c.Scope)
}

// TestScopeIsAskedAgain: the user may have lost some of it.
func TestScopeIsAskedAgain(t *testing.T) {
	r := newRig(t, nil)
	token := r.signIn("scope", "items me")
	r.users.other = &passbearer.User{ID: "u1", Scope: "me more", Epoch: 7}
	require.Equal(t, "me", r.requireGrant(token).Scope)
}

// TestNothingGrantedStaysNothing: an AfterPassword took all that was asked for.
func TestNothingGrantedStaysNothing(t *testing.T) {
	r := newRig(t, nil)
	r.token.AfterPassword = func(ctx context.Context, req *passbearer.GrantRequest, g *passbearer.Grant) error {
		g.Scope = g.Scope.Intersect("read")
		return r.second.Challenge(ctx, req, g)
	}
	r.handler = passbearer.NewTokenHandler(&r.users, &r.issuer, &r.token)
	require.Empty(t, r.requireGrant(r.signIn("scope", "items")).Scope)
}

func TestTooLargeAGrant(t *testing.T) {
	for _, size := range []int{7000, 100_000} {
		r := newRig(t, nil)
		r.token.AfterPassword = func(ctx context.Context, req *passbearer.GrantRequest, g *passbearer.Grant) error {
			g.Extra = strings.Repeat("x", size)
			return r.second.Challenge(ctx, req, g)
		}
		r.handler = passbearer.NewTokenHandler(&r.users, &r.issuer, &r.token)
		require.Equal(t, 503, r.post("grant_type", "password", "username", "johndoe", "password", "secret").status)
	}
}

// TestSecretIsChanged: tokens of both are taken where both are known.
func TestSecretIsChanged(t *testing.T) {
	r := newRig(t, nil)
	old := r.signIn()
	r.secret, r.opts.OtherSecrets = []byte(strings.Repeat("n", 32)), [][]byte{secret}
	r.build()
	r.requireGrant(old)
	r.requireGrant(r.signIn())
	old = r.signIn()
	r.opts.OtherSecrets = nil
	r.build()
	r.requireGrant(old)
}

// TestTokensAreNotMixed: each kind is refused as any other, though all are of one
// secret.
func TestTokensAreNotMixed(t *testing.T) {
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://issuer.example", "https://issuer.example", nil)
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", secret)
	require.NoError(t, err)
	r := newRig(t, func(r *rig) { // by the clock of the system
		r.users.Now, r.opts.Now, r.token.Now = nil, nil, nil
		r.token.Sessions = passbearer.NewSessions(&r.users, r.users.Store, keys, &passbearer.SessionsOptions{Observer: &r.events})
	})
	r.handler = passbearer.NewTokenHandler(&r.users, tokens, &r.token)
	token := r.signIn()
	a := r.requireGrant(token)
	require.NotEmpty(t, a.Refresh)
	for _, text := range []string{token, r.signIn(), a.Refresh} {
		_, err := tokens.VerifyToken(t.Context(), text)
		require.ErrorIs(t, err, passbearer.ErrInvalidToken)
	}
	for _, text := range []string{token, r.signIn(), a.Access} {
		require.Equal(t, "invalid_grant", r.post("grant_type", "refresh_token", "refresh_token", text).Error)
	}
	asked := r.asked.Load()
	for _, text := range []string{a.Access, a.Refresh} {
		require.Equal(t, "invalid_grant", r.redeem(text, code).Error)
	}
	require.Equal(t, asked, r.asked.Load())
	refreshed := r.post("grant_type", "refresh_token", "refresh_token", a.Refresh)
	require.Equal(t, 200, refreshed.status)
	c, err := tokens.VerifyToken(t.Context(), refreshed.Access)
	require.NoError(t, err)
	require.Equal(t, "2fa", c.ACR, "a session keeps how it began")
	require.Equal(t, "pwd otp mfa", c.AMR)
}

// TestForgedTokensCostNoIO: not even the user is loaded.
func TestForgedTokensCostNoIO(t *testing.T) {
	r := newRig(t, nil)
	token := r.signIn()
	loads := r.users.loads.Load()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			require.Equal(t, "invalid_grant", r.redeem(base64.RawURLEncoding.EncodeToString(raw), code).Error)
			raw[i] ^= 1 << bit
		}
	}
	require.Equal(t, loads, r.users.loads.Load())
	require.Zero(t, r.asked.Load())
	r.requireGrant(token)
}

// TestTokenHasOneSpelling: of its last letter some bits may be unused.
func TestTokenHasOneSpelling(t *testing.T) {
	r := newRig(t, nil)
	for _, client := range []string{"a", "bc", "def"} { // of all lengths modulo 3
		require.NoError(t, r.users.AddClient(t.Context(), passbearer.Client{ID: client, Public: true}))
		token := r.signIn("client_id", client)
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if other := token[:len(token)-1] + string(last); other != token {
				require.Equal(t, "invalid_grant", r.redeem(other, code, "client_id", client).Error)
			}
		}
		require.Zero(t, r.asked.Swap(0))
		r.requireGrant(token, "client_id", client)
		r.asked.Store(0)
	}
}

// TestTokenIsBounded: what is longer is not even authenticated.
func TestTokenIsBounded(t *testing.T) {
	r := newRig(t, nil)
	content := append([]byte{1}, make([]byte, 16+8+8)...)
	for range 6 {
		content = append(append(content, 2_000>>8, 2_000&0xff), make([]byte, 2_000)...)
	}
	_, opened := r.second.Reseal(r.second.Sign(content))
	require.False(t, opened)
}

func TestNew(t *testing.T) {
	users := memstore.New()
	verify := func(context.Context, *passbearer.User, string) (bool, error) { return false, nil }
	for _, tt := range []struct {
		secret []byte
		opts   *mfa.Options
		err    string // a part of one
	}{
		{secret, nil, ""},
		{secret, &mfa.Options{Lifetime: time.Hour}, ""},
		{secret[:31], nil, "31 bytes"},
		{nil, nil, "0 bytes"},
		{secret, &mfa.Options{OtherSecrets: [][]byte{{1}}}, "1 bytes"},
		{secret, &mfa.Options{Lifetime: time.Millisecond}, "Options.Lifetime"},
		{secret, &mfa.Options{Lifetime: time.Hour + 1}, "Options.Lifetime"},
		{secret, &mfa.Options{Lifetime: -time.Minute}, "Options.Lifetime"},
		{secret, &mfa.Options{Timeout: -1}, "Options.Timeout"},
	} {
		f, err := mfa.New(tt.secret, users, verify, tt.opts)
		if tt.err == "" {
			require.NoError(t, err)
			require.NotNil(t, f)
			continue
		}
		require.ErrorContains(t, err, tt.err)
		require.Nil(t, f)
	}
	require.Panics(t, func() { mfa.New(secret, nil, verify, nil) })
	require.Panics(t, func() { mfa.New(secret, users, nil, nil) })
}

func TestNothingIsPrinted(t *testing.T) {
	r := newRig(t, func(r *rig) { r.opts.OtherSecrets = [][]byte{secret} })
	type holder struct {
		f    *mfa.SecondFactor
		F    mfa.SecondFactor
		Opts mfa.Options
	}
	h := holder{r.second, *r.second, r.opts}
	token := r.signIn()
	r.redeem(token, "wrong-code")
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("x", "f", r.second, "opts", r.opts)
	for _, e := range r.events.list {
		passbearer.LogObserver(logger).Event(t.Context(), e)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&log, verb, *r.second)
		fmt.Fprintf(&log, verb, r.opts)
		fmt.Fprintf(&log, verb, h)
	}
	for _, leak := range []string{string(secret[:8]), "115 115 115", "73737373", "0x73, 0x73", token[:20], "wrong-code"} {
		require.NotContains(t, log.String(), leak)
	}
	require.Contains(t, log.String(), "mfa.SecondFactor{…}")
}

func TestUseTimeStep(t *testing.T) {
	var now atomic.Int64
	s := &memstore.Store{Now: func() time.Time { return time.Unix(now.Load(), 0) }}
	use := func(user string, step int64) bool {
		first, err := mfa.UseTimeStep(t.Context(), s, user, step)
		require.NoError(t, err)
		return first
	}
	long := strings.Repeat("ü", 500)
	for _, want := range []bool{true, false} {
		for _, user := range []string{"u1", "u2", "1 u1", long, long + "x"} {
			require.Equal(t, want, use(user, 1))
			require.Equal(t, want, use(user, 11))
		}
	}
	now.Add(599)
	require.False(t, use("u1", 1))
	_, err := mfa.UseTimeStep(t.Context(), replays(func() (bool, error) { return true, errDown }), "u1", 1)
	require.True(t, errors.Is(err, errDown))
}

// TestNotInTheURL: a URL is logged, and kept in histories.
func TestNotInTheURL(t *testing.T) {
	for _, query := range []string{"mfa_token=x", "otp=123456"} {
		r := httptest.NewRequest("POST", "/token?"+query, strings.NewReader("grant_type="+url.QueryEscape(mfa.GrantType)+"&mfa_token=x&otp=1"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err := passbearer.ParsePasswordForm(r)
		require.ErrorContains(t, err, "URL")
	}
}
