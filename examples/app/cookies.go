package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	// With the prefix __Host- a browser takes the cookie from this host alone, and not from a
	// neighbour such as blog.example.com, over TLS, and for Path=/.
	accessCookie = "__Host-app-access"

	// The refresh token is sent to the three routes below /token and to no other, so that nothing
	// else can log it, or be made to. That takes a Path, and so the weaker prefix: who controls a
	// neighbour host can plant a refresh token of their own, and have the user work in an account that
	// is not theirs. Where neighbours are not to be trusted, use __Host- and Path=/.
	refreshCookie = "__Secure-app-refresh"

	refreshPath = "/token/refresh"
	signOutPath = "/token/sign-out"
)

// setCookie sets one of the two, or deletes it. SameSite=Strict loses nothing, since only scripts
// of the page need them. The access token expires long before its cookie: an expired one is answered
// by error="invalid_token", so that the page knows that there is something to renew.
func setCookie(w http.ResponseWriter, name, value string) {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(passbearer.DefaultIdleLifetime / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if name == refreshCookie {
		cookie.Path = "/token"
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func clearCookies(w http.ResponseWriter) {
	setCookie(w, accessCookie, "")
	setCookie(w, refreshCookie, "")
}

// ownOrigin keeps other sites from signing a browser in as somebody else (login CSRF): for that no
// cookie need be sent, it is enough that one is set. It is stricter than CrossOriginProtection, which
// lets a request pass that says nothing of where it comes from: every browser says so with a POST.
func (a *app) ownOrigin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header["Origin"]; len(origin) != 1 || origin[0] != a.origin {
			respond(w, http.StatusForbidden, refusal{Detail: "Open the page at " + a.origin})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// refresh is the token endpoint for a page that cannot read its refresh token: it takes the one in
// the cookie. New tokens are answered as at sign-in.
func (a *app) refresh(w http.ResponseWriter, r *http.Request) {
	form := url.Values{"grant_type": {"refresh_token"}}
	for _, cookie := range r.CookiesNamed(refreshCookie) { // several, of which a neighbour host planted one, are refused
		form.Add("refresh_token", cookie.Value)
	}
	a.tokens.ServeHTTP(w, withForm(r, form))
}

// withForm is r as a token request.
func withForm(r *http.Request, form url.Values) *http.Request {
	body := form.Encode()
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Del("Authorization")
	return r
}

// denyTokenRequest also takes away what is of no use any more. A wrong password at sign-in leaves
// cookies alone.
func denyTokenRequest(w http.ResponseWriter, r *http.Request, err error) {
	if r.URL.Path == refreshPath && passbearer.AsError(err).ErrorCode == "invalid_grant" {
		clearCookies(w)
	}
	passbearer.DenyTokenRequest(w, r, err)
}

// signOut needs no access token: an expired one must not keep a user from signing out. Where the
// session cannot be ended the cookies stay, so that it can be tried again.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	for _, cookie := range r.CookiesNamed(refreshCookie) {
		if err := a.sessions.Revoke(r.Context(), clientID, cookie.Value); err != nil {
			fail(w, r, err)
			return
		}
	}
	clearCookies(w)
	w.WriteHeader(http.StatusNoContent)
}
