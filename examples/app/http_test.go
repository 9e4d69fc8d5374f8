package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// cookies are those that an answer sets, each as it is on the wire without its value.
func cookies(a answer) map[string]string {
	set := map[string]string{}
	for _, line := range a.header["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, "; ")
		name, _, _ := strings.Cut(pair, "=")
		set[name] = attributes
	}
	return set
}

func TestTokensInCookies(t *testing.T) {
	const kept, flags = "; Max-Age=1209600", "; HttpOnly; Secure; SameSite=Strict"
	for _, test := range []struct {
		mode   string
		access string // attributes of its cookie
	}{
		{"cookie", "Path=/" + kept + flags},
		{"header", ""},
	} {
		t.Run(test.mode, func(t *testing.T) {
			s := start(t, options{mode: test.mode})
			v := s.visitor(t)
			signedIn := v.signUp("alice")
			refreshed := v.require(200, "POST /token/refresh", nil)
			for _, a := range []answer{signedIn, refreshed} {
				set := cookies(a)
				require.Equal(t, test.access, set[accessCookie])
				require.Equal(t, "Path=/token"+kept+flags, set[refreshCookie])
				require.Equal(t, "no-store", a.header.Get("Cache-Control"))
				require.NotContains(t, a.body, "refresh_token")
				require.Equal(t, test.mode == "header", strings.Contains(a.body, "access_token"), a.body)
			}
			require.Contains(t, cookies(signedIn), throttle.DeviceCookie)

			gone := cookies(v.require(204, "POST /token/sign-out", nil))
			require.Equal(t, "Path=/; Max-Age=0"+flags, gone[accessCookie])
			require.Equal(t, "Path=/token; Max-Age=0"+flags, gone[refreshCookie])
		})
	}
}

// In the one mode a token in the header is not looked at, in the other one in a cookie.
func TestTokensComeOneWay(t *testing.T) {
	for _, test := range []struct {
		mode           string
		cookie, header int
	}{
		{"cookie", 200, 401},
		{"header", 401, 200},
	} {
		t.Run(test.mode, func(t *testing.T) {
			s := start(t, options{mode: test.mode})
			v := s.visitor(t)
			a := v.signUp("alice")
			token := accessTokenOf(t, a)
			stranger := s.visitor(t)
			require.Equal(t, test.header, stranger.do("GET /api/me", nil, "Authorization", "Bearer "+token).status)
			require.Equal(t, test.cookie, stranger.do("GET /api/me", nil, "Cookie", accessCookie+"="+token).status)
		})
	}
}

// accessTokenOf reads an answer's access token, wherever it is.
func accessTokenOf(t *testing.T, a answer) string {
	t.Helper()
	for _, line := range a.header["Set-Cookie"] {
		if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name == accessCookie {
			return cookie.Value
		}
	}
	var body struct {
		AccessToken string `json:"access_token"`
	}
	a.decode(t, &body)
	require.NotEmpty(t, body.AccessToken)
	return body.AccessToken
}

func TestOtherSitesAreRefused(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.signUp("alice")
	for _, test := range []struct {
		request     string
		body        any
		here        int // answered to the page itself
		undisclosed int // and to who says nothing of where it comes from
	}{
		{"POST /token", tokenRequest("alice", good), 200, 403},
		{"POST /token/refresh", nil, 200, 403},
		{"POST /api/users", named("x", good), 422, 422},
		{"POST /api/me/password", map[string]string{"current": good, "new": "short"}, 422, 422},
		{"DELETE /api/me/sessions/nothing", nil, 404, 404},
		{"POST /api/users/bob/disable", nil, 403, 403},
		{"DELETE /api/me/sessions", nil, 204, 401}, // from here on, signed out
		{"POST /token/sign-out", nil, 204, 403},
	} {
		t.Run(test.request, func(t *testing.T) {
			for _, from := range [][]string{
				{"Origin", "https://evil.example"},
				{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
				{"Origin", strings.Replace(s.url, "localhost", "evil.localhost", 1), "Sec-Fetch-Site", "same-site"},
				{"Origin", "null", "Sec-Fetch-Site", "cross-site"},
				{"Origin", "", "Sec-Fetch-Site", "cross-site"},
				{"Origin", "", "Sec-Fetch-Site", "same-site"},
			} {
				a := v.require(403, test.request, test.body, from...)
				require.Contains(t, a.body, `"detail":`)
				require.Empty(t, a.header["Set-Cookie"], from)
				require.Empty(t, a.header["Access-Control-Allow-Origin"])
			}
			v.require(test.here, test.request, test.body, "Sec-Fetch-Site", "same-origin")
			v.origin = ""
			v.require(test.undisclosed, test.request, test.body)
			v.origin = s.url
		})
	}
}

// The scheme is a part of the origin, which net/http's protection does not compare.
func TestTokenEndpointComparesTheScheme(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.require(201, "POST /api/users", named("alice", good))
	v.origin = strings.Replace(s.url, "http:", "https:", 1)
	require.Equal(t, 403, v.signIn("alice", good).status)
}

func TestEveryAnswerHasThePolicy(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	for _, test := range []struct {
		request, contentType, caching string
		status                        int
	}{
		{"GET /", "text/html; charset=utf-8", "no-cache", 200},
		{"GET /app.js", "text/javascript; charset=utf-8", "no-cache", 200},
		{"GET /credentials.js", "text/javascript; charset=utf-8", "no-cache", 200},
		{"GET /style.css", "text/css; charset=utf-8", "no-cache", 200},
		{"GET /icon.svg", "image/svg+xml", "no-cache", 200},
		{"GET /nothing", "text/plain; charset=utf-8", "", 404},
		{"GET /api/me", "application/json", "no-store", 401},
		{"POST /token", "application/json", "no-store", 400},
	} {
		a := v.require(test.status, test.request, nil)
		require.Equal(t, test.contentType, a.header.Get("Content-Type"), test.request)
		require.Equal(t, test.caching, a.header.Get("Cache-Control"), test.request)
		require.Equal(t, contentSecurityPolicy, a.header.Get("Content-Security-Policy"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
		require.Equal(t, "same-origin", a.header.Get("Cross-Origin-Opener-Policy"))
		require.Equal(t, "same-origin", a.header.Get("Cross-Origin-Resource-Policy"))
	}
}

func TestSignUpRefuses(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.require(201, "POST /api/users", named("Alice", good))
	for _, test := range []struct {
		name, username, password string
		status                   int
		field                    string
		reasons                  []password.Reason
	}{
		{"no name", "", good, 422, "username", nil},
		{"a name with spaces", "bob ", good, 422, "username", nil},
		{"a name that looks like another", "аlice", good, 422, "username", nil},
		{"a name with markup", "<b>bob</b>", good, 422, "username", nil},
		{"a long name", strings.Repeat("b", 33), good, 422, "username", nil},
		{"a name that is taken", "alice", good, 409, "username", nil},
		{"the same in capitals", "ALICE", good, 409, "username", nil},
		{"no password", "bob", "", 422, "password", []password.Reason{password.ReasonTooShort}},
		{"a short and common password", "bob", "password", 422, "password", []password.Reason{password.ReasonTooShort, password.ReasonCommon}},
		{"their own name", "bartholomew-cubbins", "Bartholomew.Cubbins1", 422, "password", []password.Reason{password.ReasonContext}},
		{"the service's name", "bob", "example-example-passbearer", 422, "password", []password.Reason{password.ReasonContext}},
		{"over and over", "bob", "abcabcabcabcabcabc", 422, "password", []password.Reason{password.ReasonRepetitive}},
		{"a long password", "bob", strings.Repeat("correct horse ", 80), 422, "password", []password.Reason{password.ReasonTooLong}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got refusal
			v.require(test.status, "POST /api/users", named(test.username, test.password)).decode(t, &got)
			require.Equal(t, test.field, got.Field)
			require.Equal(t, test.reasons, got.Reasons)
			require.Regexp(t, `^[A-Z].*\.$`, got.Detail, "sentences")
		})
	}
	for _, test := range []struct {
		name, contentType string
		status            int
		body              any
	}{
		{"a form", "application/x-www-form-urlencoded", 415, named("bob", good)},
		{"plain text, as a form of another site may have", "text/plain", 415, named("bob", good)},
		{"no object", "application/json", 400, "bob"},
		{"too much", "application/json", 400, named("bob", strings.Repeat("x", maxBody))},
	} {
		t.Run(test.name, func(t *testing.T) {
			v.require(test.status, "POST /api/users", test.body, "Content-Type", test.contentType)
		})
	}
}

func TestSignUpsAreBounded(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.require(201, "POST /api/users", named("alice", good))
	for range 9 {
		v.require(409, "POST /api/users", named("alice", good))
	}
	a := v.require(429, "POST /api/users", named("bob", good))
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, 200, v.signIn("alice", good).status, "sign-in has an allowance of its own")
}

// TestSignUpsOfANetworkAreBounded: one host has all the addresses of its /64.
func TestSignUpsOfANetworkAreBounded(t *testing.T) {
	s := start(t, options{proxy: netip.MustParsePrefix("127.0.0.0/8")})
	v := s.visitor(t)
	for n := range 31 {
		want := 201
		if n == 30 {
			want = 429
		}
		v.require(want, "POST /api/users", named(fmt.Sprint("user", n), good), "X-Forwarded-For", fmt.Sprintf("2001:db8::%x", n+1))
	}
	v.require(201, "POST /api/users", named("bob", good), "X-Forwarded-For", "2001:db8:1::1")
}

func TestSignUpGivesNoScope(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.require(201, "POST /api/users", map[string]any{"username": "alice", "password": good, "scope": "admin", "Scope": "admin"})
	a := v.do("POST /token", url.Values{"username": {"alice"}, "password": {good}, "scope": {"admin"}})
	require.Equal(t, 400, a.status, a.body)
	require.Contains(t, a.body, "invalid_scope")
	v.signIn("alice", good)
	require.JSONEq(t, `{"username":"alice","scope":""}`, v.require(200, "GET /api/me", nil).body)
}

func TestExpiredTokenIsRenewed(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	require.Equal(t, `Bearer realm="api"`, v.require(401, "GET /api/me", nil).header.Get("WWW-Authenticate"), "nobody is signed in")
	v.signUp("alice")
	s.expire()
	require.Contains(t, v.require(401, "GET /api/me", nil).header.Get("WWW-Authenticate"), `error="invalid_token"`, "the page's sign to renew it")
	v.require(200, "POST /token/refresh", nil)
	v.require(200, "GET /api/me", nil)
	require.Len(t, v.sessions(), 1, "it is the same session")
}

// Tabs without locks: all send the same refresh token, and get the same successor.
func TestRefreshesAtOnceConverge(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.signUp("alice")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { assert.Equal(t, 200, v.do("POST /token/refresh", nil).status) })
	}
	all.Wait()
	v.require(200, "POST /token/refresh", nil)
	v.require(200, "GET /api/me", nil)
}

func TestRefusedRefreshTakesCookiesAway(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	a := v.require(400, "POST /token/refresh", nil)
	require.Contains(t, a.body, "Missing parameter: refresh_token")
	v.signUp("alice")

	require.Empty(t, cookies(v.signIn("alice", "wrong")), "signing in as somebody else has failed, and nothing else")
	v.require(200, "GET /api/me", nil)

	other := s.visitor(t)
	require.Equal(t, 200, other.signIn("alice", good).status)
	other.require(204, "DELETE /api/me/sessions", nil)
	a = v.require(400, "POST /token/refresh", nil)
	require.Contains(t, a.body, "invalid_grant")
	require.Contains(t, cookies(a)[accessCookie], "Max-Age=0")
	require.Contains(t, cookies(a)[refreshCookie], "Max-Age=0")
}

func TestSignOutIsDurable(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.signUp("alice")
	thief := s.visitor(t) // who has copied the cookies
	thief.client.Jar.SetCookies(at(t, s.url+"/token"), v.client.Jar.Cookies(at(t, s.url+"/token")))
	thief.require(200, "GET /api/me", nil)
	s.expire() // signing out needs no access token that is valid
	v.require(204, "POST /token/sign-out", nil)
	s.advance.Store(0)
	thief.require(401, "GET /api/me", nil)
	v.require(401, "GET /api/me", nil)
	require.Equal(t, 204, v.do("POST /token/sign-out", nil).status, "signed out already")
}

// TestPlantedCookie: a neighbour host may set a cookie of the same name, which is sent first.
func TestPlantedCookie(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.signUp("alice")
	planted := func(own []*http.Cookie) string {
		all := refreshCookie + "=planted"
		for _, c := range own {
			all += "; " + c.Name + "=" + c.Value
		}
		return all
	}(v.client.Jar.Cookies(at(t, s.url+"/token")))
	own := v.client.Jar
	v.client.Jar = nil
	a := v.require(400, "POST /token/refresh", nil, "Cookie", planted)
	require.Empty(t, cookies(a), "alice's own stay")
	v.require(204, "POST /token/sign-out", nil, "Cookie", planted)
	v.client.Jar = own
	v.require(401, "GET /api/me", nil)
}

func at(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

// What the store cannot end is not said to be over, and can be tried again.
func TestSignOutThatFails(t *testing.T) {
	s := start(t, options{})
	v := s.visitor(t)
	v.signUp("alice")
	require.NoError(t, s.store.close())
	s.store.close = func() error { return nil }
	require.Empty(t, cookies(v.require(503, "POST /token/sign-out", nil)))
	require.Empty(t, cookies(v.require(503, "POST /token/refresh", nil)), "no reason to sign anybody out")
}

func TestSessions(t *testing.T) {
	s := start(t, options{})
	one, two := s.visitor(t), s.visitor(t)
	one.signUp("alice")
	two.require(200, "POST /token", tokenRequest("alice", good), "User-Agent", "two")
	list := one.sessions()
	require.Len(t, list, 2)
	require.Equal(t, "two", list[0].UserAgent, "the newest first")
	require.False(t, list[0].Current)
	require.True(t, list[1].Current)
	require.True(t, two.sessions()[0].Current)
	require.WithinDuration(t, time.Now(), list[0].Since, time.Minute)

	mallory := s.visitor(t)
	mallory.signUp("mallory")
	mallory.require(404, "DELETE /api/me/sessions/"+list[0].ID, nil)
	require.Len(t, one.sessions(), 2, "another's session is nobody else's to end")

	one.require(204, "DELETE /api/me/sessions/"+list[0].ID, nil)
	two.require(401, "GET /api/me", nil)
	two.require(400, "POST /token/refresh", nil)
	require.Len(t, one.sessions(), 1)

	one.require(204, "DELETE /api/me/sessions/"+list[1].ID, nil)
	left := one.client.Jar.Cookies(at(t, s.url+"/token"))
	require.Len(t, left, 1)
	require.Equal(t, throttle.DeviceCookie, left[0].Name)
}

func TestSignOutEverywhere(t *testing.T) {
	s := start(t, options{})
	one, two := s.visitor(t), s.visitor(t)
	one.signUp("alice")
	two.signIn("alice", good)
	one.require(204, "DELETE /api/me/sessions", nil)
	for _, v := range []*visitor{one, two} {
		v.require(401, "GET /api/me", nil)
		v.require(400, "POST /token/refresh", nil)
	}
}

func TestChangePassword(t *testing.T) {
	for mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := start(t, options{mode: mode})
			one, two := s.visitor(t), s.visitor(t)
			signedIn := one.signUp("alice")
			if mode == "header" {
				one.bearer = accessTokenOf(t, signedIn)
			}
			two.signIn("alice", good)
			change := func(current, chosen string) answer {
				return one.do("POST /api/me/password", map[string]string{"current": current, "new": chosen})
			}
			for _, test := range []struct{ name, current, chosen, field string }{
				{"wrong", "wrong", another, "current"},
				{"short", good, "short", "new"},
				{"their name", good, "alice-alice-alice", "new"},
			} {
				a := change(test.current, test.chosen)
				require.Equal(t, 422, a.status, test.name)
				require.Contains(t, a.body, `"field":"`+test.field+`"`, test.name)
			}
			require.Len(t, one.sessions(), 2, "nothing has happened")

			a := change(good, another)
			require.Equal(t, 200, a.status, a.body)
			if mode == "header" {
				one.bearer = accessTokenOf(t, a)
			}
			list := one.sessions()
			require.Len(t, list, 1, "theirs alone is left")
			require.True(t, list[0].Current)
			one.require(200, "POST /token/refresh", nil)
			require.Equal(t, 400, two.do("POST /token/refresh", nil).status)
			require.Equal(t, 400, two.signIn("alice", good).status)
			require.Equal(t, 200, two.signIn("alice", another).status)
		})
	}
}

// Strangers who guess at the account keep nobody from changing their password and staying signed in.
func TestChangePasswordUnderAttack(t *testing.T) {
	s := start(t, options{})
	one, stranger := s.visitor(t), s.visitor(t)
	one.signUp("alice")
	for n := range 25 {
		require.Equal(t, 400, stranger.signIn("alice", strings.Repeat("x", n+1)).status)
	}
	require.Equal(t, 429, stranger.signIn("alice", good).status)
	one.require(200, "POST /api/me/password", map[string]string{"current": good, "new": another})
	one.require(200, "GET /api/me", nil)
	require.Equal(t, 200, one.signIn("alice", another).status, "the device is known with the new password")
}

func TestAdmin(t *testing.T) {
	s := start(t, options{})
	alice, ada := s.visitor(t), s.visitor(t)
	alice.signUp("alice")
	require.Equal(t, 200, ada.signIn("ada", s.admin(t, "ada")).status)

	s.visitor(t).require(401, "POST /api/users/ada/disable", nil)
	a := alice.require(403, "POST /api/users/ada/disable", nil)
	require.Regexp(t, `error="insufficient_scope", .* scope="admin"$`, a.header.Get("WWW-Authenticate"))
	ada.require(404, "POST /api/users/nobody/disable", nil)
	ada.require(404, "POST /api/users/%FF/disable", nil)
	ada.require(409, "POST /api/users/ada/disable", nil)
	alice.require(200, "GET /api/me", nil)

	ada.require(204, "POST /api/users/Alice/disable", nil)
	alice.require(401, "GET /api/me", nil) // with an access token that would live on
	alice.require(400, "POST /token/refresh", nil)
	require.Contains(t, alice.signIn("alice", good).body, "Incorrect username or password")

	ada.require(204, "POST /api/users/alice/enable", nil)
	alice.require(401, "GET /api/me", nil)
	require.Equal(t, 200, alice.signIn("alice", good).status)
}

// An administrator who is disabled is none from the next request on.
func TestDisabledAdmin(t *testing.T) {
	s := start(t, options{})
	one, two := s.visitor(t), s.visitor(t)
	one.signIn("one", s.admin(t, "one"))
	two.signIn("two", s.admin(t, "two"))
	one.require(204, "POST /api/users/two/disable", nil)
	two.require(401, "POST /api/users/one/disable", nil)
}

func TestAdminIsAddedOnce(t *testing.T) {
	s := start(t, options{})
	secret := s.admin(t, "root")
	require.Len(t, secret, 26)
	require.ErrorIs(t, addAdmin(t.Context(), new(strings.Builder), s.store, "ROOT"), passbearer.ErrUserExists)
	v := s.visitor(t)
	require.Equal(t, 200, v.signIn("root", secret).status)
	v.require(409, "POST /api/users", named("root", good))
}

func TestDatabaseHoldsNoToken(t *testing.T) {
	db := filepath.Join(t.TempDir(), "app.db")
	s := start(t, options{db: db})
	v := s.visitor(t)
	v.signUp("alice")
	stored := readAll(t, db+"*")
	for _, cookie := range v.client.Jar.Cookies(at(t, s.url+"/token")) {
		require.NotContains(t, stored, cookie.Value, cookie.Name)
	}
	require.NotContains(t, stored, good)
	require.Contains(t, stored, "$argon2id$", "it is the right file")
}
