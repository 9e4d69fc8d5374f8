package bearertest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
	"github.com/passbearer/passbearer/memstore"
)

const acr = "urn:example:2fa"

// newAPI is an application as it would be written without a thought of tests.
func newAPI(verifier passbearer.TokenVerifier) http.Handler {
	guard := passbearer.NewGuard(verifier, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /items/", guard.Require("items:read").HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
		extra, _ := passbearer.ExtraClaims[struct{ Tenant string }](c)
		fmt.Fprintf(w, "%s of %s", c.Subject, extra.Tenant)
	}))
	mux.Handle("POST /payments", guard.RequireACR(acr).HandlerFunc(func(http.ResponseWriter, *http.Request, *passbearer.Claims) {}))
	mux.Handle("POST /password", guard.RequireAuthAge(time.Minute).HandlerFunc(func(http.ResponseWriter, *http.Request, *passbearer.Claims) {}))
	return mux
}

func call(h http.Handler, request, token string) *http.Response {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, nil)
	if token != "" {
		r = bearertest.Authorize(r, token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestTokens(t *testing.T) {
	api := newAPI(bearertest.Verifier())
	edit := func(f func(*passbearer.Claims)) func(*passbearer.Claims) { return f }
	for _, tt := range []struct {
		name, request string
		scope         passbearer.Scope
		edit          []func(*passbearer.Claims)
		status        int
		challenge     string
	}{
		{"all is well", "GET /items/", "items:read", nil, 200, ""},
		{"among others", "GET /items/", "items:write items:read", nil, 200, ""},
		{"no scope", "GET /items/", "", nil, 403, `Bearer error="insufficient_scope", scope="items:read"`},
		{"expired", "GET /items/", "items:read", []func(*passbearer.Claims){bearertest.Expired}, 401, `Bearer error="invalid_token"`},
		{"expired and more", "GET /items/", "items:read", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.ACR = acr }), bearertest.Expired}, 401, `Bearer error="invalid_token"`},
		{"other audience", "GET /items/", "items:read", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.Audience = "https://other.example" })}, 401, `Bearer error="invalid_token"`},
		{"other issuer", "GET /items/", "items:read", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.Issuer = "https://other.example" })}, 401, `Bearer error="invalid_token"`},
		{"not yet", "GET /items/", "items:read", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.NotBefore = c.Expiry - 1 })}, 401, `Bearer error="invalid_token"`},
		{"too long", "GET /items/", "items:read", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.Expiry += 48 * 3600 })}, 401, `Bearer error="invalid_token"`},
		{"weak", "POST /payments", "", nil, 401, `Bearer error="insufficient_user_authentication", acr_values="` + acr + `"`},
		{"strong", "POST /payments", "", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.ACR = acr })}, 200, ""},
		{"fresh", "POST /password", "", nil, 200, ""},
		{"stale", "POST /password", "", []func(*passbearer.Claims){edit(func(c *passbearer.Claims) { c.AuthTime -= 120 })}, 401, `Bearer error="insufficient_user_authentication", max_age="60"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := call(api, tt.request, bearertest.Token(t, "johndoe", tt.scope, tt.edit...))
			if tt.status == http.StatusOK {
				require.Equal(t, http.StatusOK, res.StatusCode)
				return
			}
			bearertest.WantChallenge(t, res, tt.status, tt.challenge)
		})
	}
	bearertest.WantChallenge(t, call(api, "GET /items/", ""), 401, `Bearer`)
	bearertest.WantChallenge(t, call(api, "GET /items/", bearertest.NewIssuer().Token(t, "johndoe", "items:read")), 401, `Bearer error="invalid_token"`)
}

// What a token says reaches the application as it was put in.
func TestClaims(t *testing.T) {
	token := bearertest.Token(t, "johndoe", "items:read", func(c *passbearer.Claims) { c.Extra = `{"Tenant":"blue"}` })
	w := httptest.NewRecorder()
	newAPI(bearertest.Verifier()).ServeHTTP(w, bearertest.Authorize(httptest.NewRequest("GET", "/items/", nil), token))
	require.Equal(t, "johndoe of blue", w.Body.String())

	c, err := bearertest.Verifier().VerifyToken(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, bearertest.IssuerURL, c.Issuer)
	require.True(t, c.Audience.Has(bearertest.Audience))
	require.Equal(t, bearertest.ClientID, c.ClientID)
	require.NotEmpty(t, c.ID)
	require.Equal(t, c.IssuedAt, c.AuthTime)
	require.Equal(t, passbearer.DefaultAccessTokenLifetime, c.Expiry.Time().Sub(c.IssuedAt.Time()))
}

func TestAuthorizeReplaces(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Add("Authorization", "Basic Og==")
	require.Same(t, r, bearertest.Authorize(r, "t"))
	require.Equal(t, []string{"Bearer t"}, r.Header["Authorization"])
}

func TestImpossibleToken(t *testing.T) {
	failed := &recorder{TB: t}
	failed.run(func() { bearertest.Token(failed, "johndoe", "", func(c *passbearer.Claims) { c.Extra = "no JSON" }) })
	require.Contains(t, failed.text, "no token can say this")
	failed = &recorder{TB: t}
	failed.run(func() { bearertest.Token(failed, "johndoe", `a"b`) })
	require.Contains(t, failed.text, "scope is not valid")
}

func TestClock(t *testing.T) {
	issuer := bearertest.NewIssuer()
	api := newAPI(issuer)
	start := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	issuer.Clock.Stop(start)
	token := issuer.Token(t, "johndoe", "items:read")
	c, err := issuer.VerifyToken(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, start, c.IssuedAt.Time())
	issuer.Clock.Advance(passbearer.DefaultAccessTokenLifetime - time.Second)
	require.Equal(t, http.StatusOK, call(api, "GET /items/", token).StatusCode)
	issuer.Clock.Advance(time.Second)
	bearertest.WantChallenge(t, call(api, "GET /items/", token), 401, `Bearer error="invalid_token"`)
	issuer.Clock.Advance(-time.Second)
	require.Equal(t, http.StatusOK, call(api, "GET /items/", token).StatusCode)
}

// A bubble's time is the Clock's, also of what was made outside.
func TestInBubble(t *testing.T) {
	outside := bearertest.Token(t, "johndoe", "items:read")
	synctest.Test(t, func(t *testing.T) {
		issuer, clock := bearertest.NewIssuer(), new(bearertest.Clock)
		for name, from := range map[string]struct {
			passbearer.TokenVerifier
			token string
		}{"shared": {bearertest.Verifier(), bearertest.Token(t, "johndoe", "items:read")}, "own": {issuer, issuer.Token(t, "johndoe", "items:read")}} {
			_, err := from.VerifyToken(t.Context(), from.token)
			require.NoError(t, err, name)
		}
		token := issuer.Token(t, "johndoe", "")
		clock.Advance(time.Hour)
		require.Equal(t, time.Now().Add(time.Hour), clock.Now())
		time.Sleep(passbearer.DefaultAccessTokenLifetime)
		require.Equal(t, time.Now().Add(time.Hour), clock.Now())
		_, err := issuer.VerifyToken(t.Context(), token)
		require.ErrorIs(t, err, passbearer.ErrInvalidToken)
		_, err = bearertest.Verifier().VerifyToken(t.Context(), outside) // of a future far away
		require.ErrorIs(t, err, passbearer.ErrInvalidToken)
	})
}

// An application that issues tokens itself is on one clock as a whole.
func TestSignInAndRefresh(t *testing.T) {
	johndoe, err := passbearer.NewUser(t.Context(), "johndoe", "secret", "items:read")
	require.NoError(t, err)
	issuer, store := bearertest.NewIssuer(), memstore.New(johndoe)
	store.Now = issuer.Clock.Now
	keys, err := passbearer.NewRefreshKeys(bearertest.IssuerURL, make([]byte, 32))
	require.NoError(t, err)
	tokens := passbearer.NewTokenHandler(store, issuer, &passbearer.TokenHandlerOptions{
		Sessions: passbearer.NewSessions(store, store, keys, nil),
		Now:      issuer.Clock.Now,
	})
	api := newAPI(issuer)
	post := func(form url.Values) (status int, answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}) {
		r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		tokens.ServeHTTP(w, r)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		return w.Code, answer
	}
	status, first := post(url.Values{"username": {"johndoe"}, "password": {"secret"}})
	require.Equal(t, 200, status)
	issuer.Clock.Advance(time.Hour)
	bearertest.WantChallenge(t, call(api, "GET /items/", first.Access), 401, `Bearer error="invalid_token"`)
	status, second := post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.Refresh}})
	require.Equal(t, 200, status)
	require.Equal(t, 200, call(api, "GET /items/", second.Access).StatusCode)
	issuer.Clock.Advance(passbearer.DefaultIdleLifetime + time.Second)
	status, _ = post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {second.Refresh}})
	require.Equal(t, 400, status)
}
