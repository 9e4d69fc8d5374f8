package throttle_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/throttle"
)

// visit is a user's attempt with a device's cookie.
type visit struct {
	user   string
	epoch  int64
	cookie *http.Cookie
	from   string // empty is home
}

func (r *rig) visit(v visit) throttle.Attempt {
	a := r.attempt("name of "+v.user, cmp.Or(v.from, home))
	a.UserID, a.Epoch = v.user, v.epoch
	if v.cookie != nil {
		a.Request.AddCookie(v.cookie)
	}
	return a
}

// signIn succeeds, and returns the cookie.
func (r *rig) signIn(v visit) *http.Cookie {
	r.t.Helper()
	a := r.visit(v)
	res, err := r.Reserve(r.t.Context(), a)
	require.NoError(r.t, err)
	require.NoError(r.t, res.Refund(r.t.Context()))
	return r.DeviceCookie(a.Request, a.UserID, a.Epoch)
}

// besiege uses up what strangers may do: the account's and the address's allowance.
func (r *rig) besiege(user string) {
	r.t.Helper()
	_, e := r.failures(func() throttle.Attempt { return r.attempt("name of "+user, cafe) })
	require.Equal(r.t, "account", e.By)
	n := 0
	_, e = r.failures(func() throttle.Attempt { n++; return r.attempt(strings.Repeat("x", n), home) })
	require.Equal(r.t, "address", e.By)
}

func TestDevice(t *testing.T) {
	r := newRig(t, throttle.Options{})
	cookie := r.signIn(visit{user: "u1"})
	r.besiege("u1")
	require.NotNil(t, r.fail(r.visit(visit{user: "u1"})), "without a cookie")
	for range 100 { // right ones cost nothing
		r.signIn(visit{user: "u1", cookie: cookie})
	}
	n, e := r.failures(func() throttle.Attempt { return r.visit(visit{user: "u1", cookie: cookie}) })
	require.Equal(t, 25, n)
	require.Equal(t, "account", e.By, "a device whose allowance is used up is a stranger")
	r.move(10 * time.Hour)
	n, _ = r.failures(func() throttle.Attempt { return r.visit(visit{user: "u1", cookie: cookie}) })
	require.Equal(t, 2, n, "its own, and a stranger's")
}

// TestDeviceUsedUp: a stranger's attempt is given back to what it was taken from.
func TestDeviceUsedUp(t *testing.T) {
	r := newRig(t, throttle.Options{Device: throttle.Limit{Burst: 1, Every: time.Hour}})
	v := visit{user: "u1"}
	v.cookie = r.signIn(v)
	require.Nil(t, r.fail(r.visit(v)), "its own")
	for range 3 {
		require.Nil(t, r.failWith(r.visit(v), "wrong"), "a stranger's, and its repeats")
	}
	for range 30 {
		r.signIn(v)
	}
	n, e := r.failures(func() throttle.Attempt { return r.visit(v) })
	require.Equal(t, 24, n)
	require.Equal(t, "account", e.By)
}

func TestDeviceCookieAttributes(t *testing.T) {
	r := newRig(t, throttle.Options{})
	cookie := r.signIn(visit{user: "u1"})
	w := httptest.NewRecorder()
	http.SetCookie(w, cookie)
	require.Regexp(t, `^__Host-passbearer-device=[\w-]{27}; Path=/; Max-Age=15552000; HttpOnly; Secure; SameSite=Strict$`, w.Header().Get("Set-Cookie"))
	require.NoError(t, cookie.Valid())
	require.Nil(t, r.signIn(visit{}), "nobody")
	none := newRig(t, throttle.Options{NoDeviceCookie: true, Secrets: secrets(1)})
	require.Nil(t, none.signIn(visit{user: "u1"}))
	none.besiege("u1")
	genuine := newRig(t, throttle.Options{Secrets: secrets(1)}).signIn(visit{user: "u1"})
	require.NotNil(t, none.fail(none.visit(visit{user: "u1", cookie: genuine})))
}

// TestDeviceIsBound: to the user, the epoch and the secret, and for its lifetime.
func TestDeviceIsBound(t *testing.T) {
	old, new := throttle.Options{Secrets: secrets(1)}, throttle.Options{Secrets: append(secrets(2), secrets(1)...)}
	cookie := newRig(t, old).signIn(visit{user: "u1", epoch: 3})
	text := cookie.Value
	with := func(value string) *http.Cookie { return &http.Cookie{Name: throttle.DeviceCookie, Value: value} }
	for _, tt := range []struct {
		name  string
		opts  throttle.Options
		visit visit
		after time.Duration
		known bool
	}{
		{"itself", old, visit{"u1", 3, cookie, ""}, 0, true},
		{"another user", old, visit{"u2", 3, cookie, ""}, 0, false},
		{"nobody", old, visit{"", 3, cookie, ""}, 0, false},
		{"a later epoch", old, visit{"u1", 4, cookie, ""}, 0, false},
		{"an earlier epoch", old, visit{"u1", 2, cookie, ""}, 0, false},
		{"on its last day", old, visit{"u1", 3, cookie, ""}, throttle.DeviceLifetime, true},
		{"expired", old, visit{"u1", 3, cookie, ""}, throttle.DeviceLifetime + 12*time.Hour, false},
		{"a new secret before the old one", new, visit{"u1", 3, cookie, ""}, 0, true},
		{"another secret", throttle.Options{Secrets: secrets(3)}, visit{"u1", 3, cookie, ""}, 0, false},
		{"a process's own secret", throttle.Options{}, visit{"u1", 3, cookie, ""}, 0, false},
		{"among others", old, visit{"u1", 3, with("AAAA.x.." + text), ""}, 0, true},
		{"cut", old, visit{"u1", 3, with(text[:26]), ""}, 0, false},
		{"longer", old, visit{"u1", 3, with(text + "A"), ""}, 0, false},
		{"empty", old, visit{"u1", 3, with(""), ""}, 0, false},
		{"garbage", old, visit{"u1", 3, with(strings.Repeat(".", 4000)), ""}, 0, false},
	} {
		r := newRig(t, tt.opts)
		r.besiege("u1")
		r.besiege("")
		r.besiege("u2")
		r.move(tt.after)
		if tt.after > 0 {
			r.besiege("u1")
		}
		require.Equal(t, tt.known, r.fail(r.visit(tt.visit)) == nil, tt.name)
	}
	// No bit of it can be changed.
	r := newRig(t, old)
	r.besiege("u1")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			require.NotNil(t, r.fail(r.visit(visit{"u1", 3, with(base64.RawURLEncoding.EncodeToString(raw)), ""})), "byte %d, bit %d", i, bit)
			raw[i] ^= 1 << bit
		}
	}
	require.Nil(t, r.fail(r.visit(visit{"u1", 3, with(base64.RawURLEncoding.EncodeToString(raw)), ""})))
}

// TestDeviceOfSeveral: a cookie has the tokens of the last four users.
func TestDeviceOfSeveral(t *testing.T) {
	r := newRig(t, throttle.Options{})
	var cookie *http.Cookie
	for _, user := range []string{"u1", "u2", "u3", "u1", "u4", "u5", "u5"} {
		cookie = r.signIn(visit{user: user, cookie: cookie})
	}
	require.Len(t, strings.Split(cookie.Value, "."), 4)
	for user, known := range map[string]bool{"u1": true, "u2": false, "u3": true, "u4": true, "u5": true} {
		r := &rig{Limiter: r.Limiter, clock: r.clock, t: t, n: r.n}
		r.move(time.Hour)
		r.besiege(user)
		require.Equal(t, known, r.fail(r.visit(visit{user: user, cookie: cookie})) == nil, user)
	}
	r.move(throttle.DeviceLifetime + 24*time.Hour)
	require.Len(t, strings.Split(r.signIn(visit{user: "u1", cookie: cookie}).Value, "."), 1, "expired ones are left out")
}

// TestDeviceAllowances: a device keeps its allowance when it signs in again, and all
// devices of a user share eight.
func TestDeviceAllowances(t *testing.T) {
	r := newRig(t, throttle.Options{Device: throttle.Limit{Burst: 1, Every: time.Hour}})
	cookie := r.signIn(visit{user: "u1"})
	r.besiege("u1")
	require.Nil(t, r.fail(r.visit(visit{user: "u1", cookie: cookie})))
	r.move(10 * time.Hour) // one more for a stranger, and for the device
	for range 20 {
		cookie = r.signIn(visit{user: "u1", cookie: cookie})
	}
	n, _ := r.failures(func() throttle.Attempt { return r.visit(visit{user: "u1", cookie: cookie}) })
	require.Equal(t, 2, n)

	r = newRig(t, throttle.Options{Device: throttle.Limit{Burst: 2, Every: time.Hour}})
	cookie = r.signIn(visit{user: "u1"})
	r.besiege("u1")
	require.Nil(t, r.fail(r.visit(visit{user: "u1", cookie: cookie})))
	for i := range 20 {
		cookie = r.signIn(visit{user: "u1", cookie: cookie, from: fmt.Sprintf("9.9.%d.1", i)})
	}
	n, _ = r.failures(func() throttle.Attempt { return r.visit(visit{user: "u1", cookie: cookie}) })
	require.Equal(t, 1, n, "from other networks too")

	r = newRig(t, throttle.Options{Device: throttle.Limit{Burst: 1, Every: time.Hour}})
	var cookies []*http.Cookie
	for i := range 200 { // networks; one of the eight is missing with a probability of 10^-11
		cookies = append(cookies, r.signIn(visit{user: "u1", from: fmt.Sprintf("9.9.%d.1", i)}))
	}
	r.besiege("u1")
	failures := 0
	for _, cookie := range cookies {
		if r.fail(r.visit(visit{user: "u1", cookie: cookie})) == nil {
			failures++
		}
	}
	require.Equal(t, 8, failures)
}

// TestDevicesOfANetwork: signing in again and again there collects nothing.
func TestDevicesOfANetwork(t *testing.T) {
	r := newRig(t, throttle.Options{Device: throttle.Limit{Burst: 1, Every: time.Hour}})
	var cookies []*http.Cookie
	for i := range 200 {
		cookies = append(cookies, r.signIn(visit{user: "u1", from: fmt.Sprintf("9.9.9.%d", i)}))
	}
	r.besiege("u1")
	failures := 0
	for _, cookie := range cookies {
		if r.fail(r.visit(visit{user: "u1", cookie: cookie})) == nil {
			failures++
		}
	}
	require.Equal(t, 1, failures)
}

// TestDeviceRepeats: the same wrong password again is a hash again, for which a known
// device pays alone.
func TestDeviceRepeats(t *testing.T) {
	r := newRig(t, throttle.Options{Device: throttle.Limit{Burst: 3, Every: time.Hour}})
	cookie := r.signIn(visit{user: "u1"})
	r.besiege("u1")
	same := r.visit(visit{user: "u1", cookie: cookie})
	for range 3 {
		require.Nil(t, r.failWith(same, "wrong"))
	}
	require.NotNil(t, r.failWith(same, "wrong"))
}
