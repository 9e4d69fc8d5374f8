package passbearer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// tooMany is the one body of refusals by the throttle.
const tooMany = `{"detail":"Too many sign-in attempts","error":"temporarily_unavailable","error_description":"Too many sign-in attempts"}` + "\n"

// besieged is an endpoint with sessions, and what its hashes cost. Time stands still.
type besieged struct {
	*endpoint
	t        *testing.T
	hasher   *password.Hasher
	sessions *passbearer.Sessions
	guesses  int
}

func newBesieged(t *testing.T, change func(*passbearer.TokenHandlerOptions)) *besieged {
	t.Helper()
	hasher, err := password.New(&password.Options{Params: password.Params{Memory: 64, Time: 1, Threads: 1}})
	require.NoError(t, err)
	b := &besieged{t: t, hasher: hasher}
	b.endpoint = newEndpoint(t, nil)
	require.NoError(t, b.store.AddUser(t.Context(), passbearer.User{ID: "u3", Name: "sso"}))
	require.NoError(t, b.store.AddUser(t.Context(), passbearer.User{ID: "u4", Name: "unusable", PasswordHash: "!"}))
	b.sessions = passbearer.NewSessions(b.store, b.store, refreshKeys(t, goldenIssuer, secretA), &passbearer.SessionsOptions{Observer: silence{}})
	b.restart(change)
	return b
}

// restart makes another handler on the same users and sessions.
func (b *besieged) restart(change func(*passbearer.TokenHandlerOptions)) {
	opts := passbearer.TokenHandlerOptions{Passwords: b.hasher, Sessions: b.sessions, Observer: b.events}
	if change != nil {
		change(&opts)
	}
	b.TokenHandler = passbearer.NewTokenHandler(b.store, b.issuer, &opts)
}

// request signs in from an address, with a device's cookie if there is one.
func (b *besieged) request(name, password, remote string, cookies ...string) *http.Request {
	r := tokenRequest("username", name, "password", password)
	r.RemoteAddr = remote
	for _, cookie := range cookies {
		r.Header.Add("Cookie", cookie)
	}
	return r
}

// guess makes a guess of its own each time, from an address of its own.
func (b *besieged) guess(name string) int {
	b.guesses++
	n := b.guesses
	return serve(b, b.request(name, fmt.Sprint("guess ", n), fmt.Sprintf("8.%d.%d.1:1", n/200, n%200))).Code
}

// besiege guesses until the account's allowance is used up, and returns how many
// guesses there were.
func (b *besieged) besiege(name string) (n int) {
	b.t.Helper()
	for ; ; n++ {
		switch status := b.guess(name); status {
		case 429:
			return n
		default:
			require.Equal(b.t, 400, status)
		}
		require.Less(b.t, n, 1000)
	}
}

// silence is an observer that may be called concurrently.
type silence struct{}

func (silence) Event(context.Context, passbearer.Event) {}

const home = "203.0.113.7:1"

// TestThrottle: by default, for all names alike, and without a hash or another call of
// the store.
func TestThrottle(t *testing.T) {
	for _, name := range []string{"johndoe", "JohnDoe", "janedoe", "alice", "sso", "unusable", strings.Repeat("n", 1025)} {
		t.Run(name[:3], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBesieged(t, nil)
				require.Equal(t, 25, b.besiege(name))
				require.EqualValues(t, 25, b.hasher.Stats().Hashes)
				for range 75 {
					w := serve(b, b.request(name, "secret", home))
					require.Equal(t, 429, w.Code, "the right one too")
					require.Equal(t, tooMany, w.Body.String())
					require.Equal(t, http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Retry-After": {"60"}}, w.Header())
				}
				if len(name) <= 1024 {
					require.Equal(t, 429, b.guess(strings.ToUpper(name)), "by another spelling")
				}
				require.EqualValues(t, 25, b.hasher.Stats().Hashes)
				require.Empty(t, b.issuer.issued)

				time.Sleep(10 * time.Hour)
				require.Equal(t, 400, b.guess(name))
				require.Equal(t, 429, b.guess(name))
			})
		})
	}
}

// TestRefusedNames: what is no name counts for itself, and for nobody's account.
func TestRefusedNames(t *testing.T) {
	b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) {
		o.CanonicalName = func(typed string) (string, error) {
			if strings.HasPrefix(typed, "!") {
				return "johndoe", errDown
			}
			return typed, nil
		}
	})
	for _, name := range []string{"!", "!johndoe", "johndoe"} {
		require.Equal(t, 25, b.besiege(name), name)
	}
}

// TestParallelGuesses: 200 at once are no more than one after the other.
func TestParallelGuesses(t *testing.T) {
	b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) { o.Observer = silence{} })
	var statuses [1000]atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			statuses[serve(b, b.request("johndoe", fmt.Sprint("guess ", i), fmt.Sprintf("8.8.%d.8:1", i))).Code].Add(1)
		})
	}
	group.Wait()
	require.EqualValues(t, 200, statuses[400].Load()+statuses[429].Load())
	require.EqualValues(t, 25, statuses[400].Load())
	require.EqualValues(t, 25, b.hasher.Stats().Hashes)
}

// TestParallelSignIns: whoever knows the password is not in their own way.
func TestParallelSignIns(t *testing.T) {
	b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) { o.Observer = silence{} })
	for range 5 {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if w := serve(b, b.request("johndoe", "secret", home)); w.Code != 200 {
					t.Error(w.Code, w.Body)
				}
			})
		}
		group.Wait()
	}
	require.Equal(t, 25, b.besiege("johndoe"), "and costs nothing")
}

func TestSuccessResetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t, nil)
		for range 24 {
			require.Equal(t, 400, b.guess("johndoe"))
			require.Equal(t, 200, serve(b, b.request("johndoe", "secret", home)).Code)
			require.Equal(t, 400, serve(b, b.request("alice", "secret", home)).Code) // disabled, and it counts
		}
		require.Equal(t, 1, b.besiege("johndoe"))
		require.Equal(t, 24, b.besiege("alice"), "the same password from the same address counts once")
	})
}

// TestRefunds: what was not looked at is no guess.
func TestRefunds(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		verify func(*http.Request) (bool, error) // nil is the handler's own
		ctx    context.Context
		status int
		counts bool
	}{
		{"queue is full", func(*http.Request) (bool, error) { return false, password.ErrBusy }, t.Context(), 503, false},
		{"directory is down", func(*http.Request) (bool, error) { return true, errDown }, t.Context(), 503, false},
		{"panic", func(*http.Request) (bool, error) { panic("bind") }, t.Context(), 500, false},
		{"hung up before the hash", nil, canceled, 503, false},
		{"hung up amid the bind", func(*http.Request) (bool, error) { return false, context.Canceled }, canceled, 503, true},
		{"right", func(*http.Request) (bool, error) { return true, nil }, t.Context(), 200, false},
		{"wrong", func(*http.Request) (bool, error) { return false, nil }, t.Context(), 400, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBesieged(t, nil)
				checking := tt.verify
				var users passbearer.UserStore = b.store
				if tt.verify != nil {
					users = verifying{b.store, func(string, string) (bool, error) { return checking(nil) }}
				}
				h := passbearer.NewTokenHandler(users, b.issuer, &passbearer.TokenHandlerOptions{Passwords: b.hasher, Observer: silence{}})
				n := 0
				for ; n < 60; n++ {
					r := b.request("johndoe", fmt.Sprint("guess ", n), home).WithContext(tt.ctx)
					if status := serve(h, r).Code; status == 429 {
						break
					} else {
						require.Equal(t, tt.status, status)
					}
				}
				if tt.counts {
					require.Equal(t, 25, n)
					return
				}
				require.Equal(t, 60, n)
				checking = func(*http.Request) (bool, error) { return false, nil }
				b.TokenHandler = h
				require.Equal(t, 25, b.besiege("johndoe"))
			})
		})
	}
}

// TestStoreFailsBeforeTheThrottle: nothing is counted, nor hashed.
func TestStoreFailsBeforeTheThrottle(t *testing.T) {
	b := newBesieged(t, nil)
	var err error
	users := userStore{byName: func(name string) (*passbearer.User, error) {
		if err != nil {
			return nil, err
		}
		return b.store.UserByName(t.Context(), name)
	}}
	b.TokenHandler = passbearer.NewTokenHandler(users, b.issuer, &passbearer.TokenHandlerOptions{Passwords: b.hasher, Observer: silence{}})
	err = errDown
	for range 60 {
		require.Equal(t, 503, b.guess("johndoe"))
	}
	require.Zero(t, b.hasher.Stats().Hashes)
	err = nil
	require.Equal(t, 25, b.besiege("johndoe"))
}

// TestPostedTwice: a client that tries two ways to authenticate posts a wrong
// password twice, which is one guess.
func TestPostedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t, nil)
		for i := range 10 {
			for range 2 {
				require.Equal(t, 400, serve(b, b.request("johndoe", fmt.Sprint("wrong ", i), home)).Code)
			}
		}
		require.EqualValues(t, 20, b.hasher.Stats().Hashes, "each is hashed")
		require.Equal(t, 15, b.besiege("johndoe"))
	})
}

// TestSessionsGoOn though their user's account is throttled.
func TestSessionsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t, nil)
		_, body, _ := b.signIn(t)
		b.besiege("johndoe")
		for range 50 {
			var status int
			status, body, _ = post(t, b, "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string))
			require.Equal(t, 200, status)
		}
	})
}

// cookieOf is what a browser sends back.
func cookieOf(t *testing.T, header http.Header) string {
	t.Helper()
	cookies := (&http.Response{Header: header}).Cookies()
	require.Len(t, cookies, 1)
	require.Equal(t, throttle.DeviceCookie, cookies[0].Name)
	return cookies[0].Name + "=" + cookies[0].Value
}

// TestDevice: nobody can lock out a user whose device has signed in before.
func TestDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t, nil)
		w := serve(b, b.request("johndoe", "secret", home))
		require.Equal(t, 200, w.Code)
		cookie := cookieOf(t, w.Header())
		b.besiege("johndoe")
		for i := range 200 { // the address's allowance too
			serve(b, b.request(fmt.Sprint("user", i), "wrong", home))
		}
		require.Equal(t, 429, serve(b, b.request("johndoe", "secret", home)).Code)
		w = serve(b, b.request("JohnDoe", "secret", home, cookie))
		require.Equal(t, 200, w.Code)
		cookie = cookieOf(t, w.Header())
		require.Equal(t, 429, serve(b, b.request("alice", "secret", home, cookie)).Code, "another's cookie")
		w = serve(b, b.request("johndoe", "wrong", home, cookie))
		require.Equal(t, 400, w.Code)
		require.Empty(t, w.Header()["Set-Cookie"])

		// Another process with the same keys knows it, and one with others does not.
		b.restart(nil)
		b.besiege("johndoe")
		require.Equal(t, 200, serve(b, b.request("johndoe", "secret", home, cookie)).Code)
		b.sessions = passbearer.NewSessions(b.store, b.store, refreshKeys(t, goldenIssuer, secretB), &passbearer.SessionsOptions{Observer: silence{}})
		b.restart(nil)
		b.besiege("johndoe")
		require.Equal(t, 429, serve(b, b.request("johndoe", "secret", home, cookie)).Code)
	})
}

// TestDeviceIsForgotten with the password: whoever knew the old one may have a
// device.
func TestDeviceIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, err := throttle.New(nil)
		require.NoError(t, err)
		b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) { o.Throttle = limiter })
		cookie := cookieOf(t, serve(b, b.request("johndoe", "secret", home)).Header())
		require.NoError(t, b.ChangePassword(t.Context(), "u1", "secret", "another"))
		b.besiege("johndoe")
		require.Equal(t, 429, serve(b, b.request("johndoe", "another", home, cookie)).Code)
		renewed := limiter.DeviceCookie(b.request("", "", home, cookie), "u1", 1)
		require.Equal(t, 200, serve(b, b.request("johndoe", "another", home, renewed.Name+"="+renewed.Value)).Code, "unless the page sets it anew")
	})
}

// TestDeviceCookieOnlyWithTokens: at sign-in, and when it succeeds.
func TestDeviceCookieOnlyWithTokens(t *testing.T) {
	b := newBesieged(t, nil)
	status, body, header := b.signIn(t)
	require.Equal(t, 200, status)
	require.Len(t, header["Set-Cookie"], 1)
	status, _, header = post(t, b, "grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string))
	require.Equal(t, 200, status)
	require.Empty(t, header["Set-Cookie"])
	status, _, header = b.signIn(t, "scope", "unknown")
	require.Equal(t, 400, status)
	require.Empty(t, header["Set-Cookie"])
	b.issuer.err = errDown
	status, _, header = b.signIn(t)
	require.Equal(t, 503, status)
	require.Empty(t, header["Set-Cookie"])
}

func TestChangePasswordIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBesieged(t, nil)
		b.besiege("johndoe") // is not in the way
		change := func(current string) *passbearer.Error {
			err := b.ChangePassword(t.Context(), "u1", current, "another")
			if err == nil {
				return nil
			}
			var e *passbearer.Error
			require.ErrorAs(t, err, &e)
			return e
		}
		for range 25 {
			require.Equal(t, "invalid_grant", change("wrong").ErrorCode)
		}
		b.events.all = nil
		before := b.hasher.Stats().Hashes
		e := change("secret")
		require.Equal(t, 429, e.StatusCode)
		require.Equal(t, time.Minute, e.RetryAfter)
		require.Equal(t, before, b.hasher.Stats().Hashes)
		require.Equal(t, []passbearer.EventKind{passbearer.EventSignInThrottled}, b.events.kinds())
		require.Equal(t, "u1", b.events.all[0].UserID)
		time.Sleep(10 * time.Hour)
		require.Nil(t, change("secret"))
		require.Equal(t, 200, serve(b, b.request("johndoe", "another", home)).Code)
	})
}

// brokenThrottle is a throttle.Store that can fail.
type brokenThrottle struct {
	throttle.Memory
	reserve, refund error
}

func (b *brokenThrottle) ReserveAttempt(ctx context.Context, takes []throttle.Take) ([]time.Duration, error) {
	if b.reserve != nil {
		return nil, b.reserve
	}
	return b.Memory.ReserveAttempt(ctx, takes)
}

func (b *brokenThrottle) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	if b.refund != nil {
		return b.refund
	}
	return b.Memory.RefundAttempt(ctx, takes)
}

// TestThrottleStoreFails: nobody signs in, sessions go on, and a refund that fails
// spoils no sign-in.
func TestThrottleStoreFails(t *testing.T) {
	store := new(brokenThrottle)
	limiter, err := throttle.New(&throttle.Options{Store: store, Secrets: [][]byte{secretA}})
	require.NoError(t, err)
	b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) { o.Throttle = limiter })
	_, signedIn, _ := b.signIn(t)
	before := b.hasher.Stats().Hashes
	for _, store.reserve = range []error{errDown, &passbearer.Error{StatusCode: 401, ErrorCode: "invalid_grant"}} {
		b.events.all = nil
		status, body, header := b.signIn(t)
		require.Equal(t, 503, status)
		require.Equal(t, "temporarily_unavailable", body["error"])
		require.Equal(t, "1", header.Get("Retry-After"))
		require.Equal(t, []passbearer.EventKind{passbearer.EventUnavailable}, b.events.kinds())
		require.ErrorIs(t, b.events.all[0].Err, store.reserve)
	}
	require.Equal(t, 503, passbearer.AsError(b.ChangePassword(t.Context(), "u1", "secret", "another")).StatusCode)
	require.Equal(t, before, b.hasher.Stats().Hashes)
	status, _, _ := post(t, b, "grant_type", "refresh_token", "refresh_token", signedIn["refresh_token"].(string))
	require.Equal(t, 200, status)

	store.reserve, store.refund = nil, errDown
	b.events.all = nil
	status, _, _ = b.signIn(t)
	require.Equal(t, 200, status)
	require.Equal(t, []passbearer.EventKind{passbearer.EventUnavailable, passbearer.EventSignedIn}, b.events.kinds())
	require.ErrorIs(t, b.events.all[0].Err, errDown)
}

// TestSpoofedAddress: headers are ignored unless a trusted proxy has set them.
func TestSpoofedAddress(t *testing.T) {
	spray := func(b *besieged) (n int) {
		for ; n < 150; n++ {
			r := b.request(fmt.Sprint("user", n), "password", "10.0.0.1:1")
			for _, header := range []string{"X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP"} {
				r.Header.Set(header, fmt.Sprintf("9.9.%d.9", n))
			}
			r.Header.Set("Forwarded", fmt.Sprintf("for=9.9.%d.9", n))
			if serve(b, r).Code == 429 {
				break
			}
		}
		return n
	}
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, 100, spray(newBesieged(t, nil)))
		limiter, err := throttle.New(&throttle.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}})
		require.NoError(t, err)
		require.Equal(t, 150, spray(newBesieged(t, func(o *passbearer.TokenHandlerOptions) { o.Throttle = limiter })))
	})
}

func TestThrottleEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, userID := range map[string]string{"johndoe": "u1", "hunter2-typed-as-a-name": ""} {
			b := newBesieged(t, nil)
			b.besiege(name)
			last := b.events.all[len(b.events.all)-1]
			var exceeded *throttle.Exceeded
			require.ErrorAs(t, last.Err, &exceeded)
			require.Equal(t, "account", exceeded.By)
			require.Equal(t, passbearer.Event{Kind: passbearer.EventSignInThrottled, Time: time.Now(), UserID: userID, ClientID: "first-party", Err: exceeded}, last)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", b.events.all, b.events.all, last), name)
		}
	})
}

func TestThrottleOptions(t *testing.T) {
	limiter, err := throttle.New(nil)
	require.NoError(t, err)
	require.PanicsWithValue(t, "passbearer: TokenHandlerOptions has both Throttle and InsecureSkipThrottling: leave one of them zero", func() {
		passbearer.NewTokenHandler(memstore.New(), new(fakeIssuer), &passbearer.TokenHandlerOptions{Throttle: limiter, InsecureSkipThrottling: true})
	})
	b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) { o.InsecureSkipThrottling = true })
	for range 200 {
		require.Equal(t, 400, serve(b, b.request("johndoe", "wrong", home)).Code)
	}
	status, _, header := b.signIn(t)
	require.Equal(t, 200, status)
	require.Empty(t, header["Set-Cookie"])
	shared := func(o *passbearer.TokenHandlerOptions) { o.Throttle = limiter }
	newBesieged(t, shared).besiege("johndoe")
	require.Equal(t, 429, newBesieged(t, shared).guess("johndoe"))
}

// TestNeverInvalidGrant: clients drop the session on it.
func TestNeverInvalidGrant(t *testing.T) {
	b := newBesieged(t, func(o *passbearer.TokenHandlerOptions) {
		flavour := passbearer.FastAPI{SignInStatus: 400}
		o.Deny = flavour.DenyTokenRequest
	})
	b.besiege("johndoe")
	w := serve(b, b.request("johndoe", "secret", home))
	require.Equal(t, 429, w.Code)
	require.Equal(t, `{"detail":"Too many sign-in attempts"}`+"\n", w.Body.String())
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Empty(t, w.Header().Get("WWW-Authenticate"))
}
