package authserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
)

const issuer = "https://issuer.example"

// full is a server with every endpoint. Its clients are web, which is public, and
// backend, other and api with the secret "s3cret"; tokens are for the audience api.
type full struct {
	*http.ServeMux
	store       *store
	tokens      *jwttoken.Tokens
	signIn      *passbearer.TokenHandler
	sessions    *passbearer.Sessions
	revocations *passbearer.Revocations
	guard       *passbearer.Guard
	verifyFails bool
}

func newFull(t *testing.T) *full {
	t.Helper()
	s := &full{ServeMux: http.NewServeMux(), store: &store{Store: memstore.New(passbearer.User{ID: "u1", Name: "johndoe", Scope: "a b"})}}
	require.NoError(t, s.store.AddClient(t.Context(), passbearer.Client{ID: "web", Public: true}))
	for _, id := range []string{"backend", "other", "api"} {
		require.NoError(t, s.store.AddClient(t.Context(), passbearer.Client{ID: id, SecretHash: passbearer.ClientSecretHash("s3cret")}))
	}
	var err error
	s.tokens, err = jwttoken.New(jwttoken.EphemeralKeys(), issuer, "api", nil)
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys(issuer, make([]byte, 32))
	require.NoError(t, err)
	s.revocations = passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	s.sessions = passbearer.NewSessions(s.store, s.store, keys, &passbearer.SessionsOptions{Revocations: s.revocations})
	s.signIn = passbearer.NewTokenHandler(s.store, s.tokens, &passbearer.TokenHandlerOptions{Sessions: s.sessions, Clients: s.store, ClientOptional: true,
		Claims: func(_ context.Context, _ *passbearer.GrantRequest, _ *passbearer.Grant, c *passbearer.Claims) error {
			c.Extra = `{"tenant":"blue"}`
			return nil
		}})
	verifier := s.revocations.Verifier(s.tokens)
	s.guard = passbearer.NewGuard(verifier, nil)
	s.Handle("/token", s.signIn)
	s.Handle("/revoke", authserver.NewRevocation(s.signIn, s.sessions, &authserver.RevocationOptions{Verifier: verifier, Store: s.store, Revocations: s.revocations}))
	s.Handle("/introspect", authserver.NewIntrospection(s.signIn, failing{verifier, &s.verifyFails}, &authserver.IntrospectionOptions{Sessions: s.sessions}))
	s.Handle("/items", s.guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	return s
}

type failing struct {
	passbearer.TokenVerifier
	fails *bool
}

func (v failing) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	if *v.fails {
		return nil, errors.New("secret cause")
	}
	return v.TokenVerifier.VerifyToken(ctx, token)
}

// do posts a form as a client, by Basic if it has a secret.
func (s *full) do(path, client string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	if client == "web" {
		form.Set("client_id", client)
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "web" && client != "" {
		r.SetBasicAuth(client, "s3cret")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *full) signInAs(t *testing.T, client string, pairs ...string) (access, refresh string) {
	t.Helper()
	w := s.do("/token", client, append(pairs, "grant_type", "password", "username", "johndoe", "password", "secret")...)
	require.Equal(t, 200, w.Code, w.Body)
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	return body.Access, body.Refresh
}

func (s *full) introspect(client, token string) string {
	return strings.TrimSpace(s.do("/introspect", client, "token", token).Body.String())
}

func (s *full) admits(token string) bool {
	r := httptest.NewRequest("GET", "/items", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code == 200
}

const nothing = `{"active":false}`

func TestIntrospection(t *testing.T) {
	s := newFull(t)
	access, refresh := s.signInAs(t, "backend", "scope", "b")
	unowned, unownedRefresh := s.signInAs(t, "")

	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.introspect("backend", access)), &told))
	c, err := s.tokens.VerifyToken(t.Context(), access)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"active": true, "scope": "b", "client_id": "backend", "token_type": "Bearer", "sub": "u1", "aud": "api", "iss": issuer,
		"jti": c.ID, "sid": c.SessionID, "exp": float64(c.Expiry), "iat": float64(c.IssuedAt), "auth_time": float64(c.AuthTime), "amr": []any{"pwd"}, "tenant": "blue"}, told)
	require.JSONEq(t, s.introspect("backend", access), s.introspect("api", access), "the resource server it is for")

	told = nil
	require.NoError(t, json.Unmarshal([]byte(s.introspect("backend", refresh)), &told))
	require.InDelta(t, time.Now().Add(passbearer.DefaultIdleLifetime).Unix(), told["exp"], 5)
	delete(told, "exp")
	require.Equal(t, map[string]any{"active": true, "scope": "b", "client_id": "backend", "sub": "u1", "sid": c.SessionID, "auth_time": float64(c.AuthTime), "amr": []any{"pwd"}}, told)

	for name, got := range map[string]string{
		"garbage":                      s.introspect("backend", "x"),
		"mangled":                      s.introspect("backend", access[:len(access)-2]),
		"another's access token":       s.introspect("other", access),
		"another's refresh token":      s.introspect("other", refresh),
		"a refresh token, to the api":  s.introspect("api", refresh),
		"nobody's client":              s.introspect("backend", unowned),
		"nobody's client, its refresh": s.introspect("backend", unownedRefresh),
	} {
		require.Equal(t, nothing, got, name)
	}
	require.NoError(t, s.sessions.End(t.Context(), "u1", c.SessionID))
	require.Equal(t, nothing, s.introspect("backend", access), "signed out")
	require.Equal(t, nothing, s.introspect("backend", refresh))
}

func TestIntrospectionRefuses(t *testing.T) {
	s := newFull(t)
	access, _ := s.signInAs(t, "backend")
	for _, tt := range []struct {
		name, client string
		pairs        []string
		fails        bool
		status       int
		code         string
	}{
		{"no client", "", []string{"token", access}, false, 401, "invalid_client"},
		{"public client", "web", []string{"token", access}, false, 401, "invalid_client"},
		{"unknown client", "nobody", []string{"token", access}, false, 401, "invalid_client"},
		{"no token", "backend", nil, false, 400, "invalid_request"},
		{"token twice", "backend", []string{"token", access, "token", access}, false, 400, "invalid_request"},
		{"verifier down", "backend", []string{"token", access}, true, 503, "temporarily_unavailable"},
	} {
		s.verifyFails = tt.fails
		w := s.do("/introspect", tt.client, tt.pairs...)
		require.Equal(t, tt.status, w.Code, tt.name)
		require.Contains(t, w.Body.String(), `"error":"`+tt.code+`"`, tt.name)
		require.NotContains(t, w.Body.String(), "secret cause")
		require.NotContains(t, w.Body.String(), "active")
	}
	bare := passbearer.NewTokenHandler(s.store, s.tokens, nil)
	for _, f := range []func(){
		func() { authserver.NewIntrospection(nil, s.tokens, nil) },
		func() { authserver.NewIntrospection(s.signIn, nil, nil) },
		func() { authserver.NewIntrospection(bare, s.tokens, nil) },
		func() { authserver.NewRevocation(s.signIn, s.sessions, &authserver.RevocationOptions{}) },
	} {
		require.Panics(t, f)
	}
	own := authserver.NewIntrospection(s.signIn, s.tokens, &authserver.IntrospectionOptions{Owns: func(client *passbearer.Client, c *passbearer.Claims) bool {
		return client.ID == "other" && c.Subject == "u1"
	}})
	s.Handle("/own", own)
	require.Contains(t, s.do("/own", "other", "token", access).Body.String(), `"active":true`)
	require.Equal(t, nothing+"\n", s.do("/own", "backend", "token", access).Body.String())
}

// lenient takes every token for one that says these claims, and a while longer than they say.
type lenient struct {
	claims passbearer.Claims
	leeway time.Duration
}

func (l lenient) VerifyToken(context.Context, string) (*passbearer.Claims, error) {
	return &l.claims, nil
}

func (l lenient) Leeway() time.Duration { return l.leeway }

// revoked remembers what it was told last.
type revoked struct {
	passbearer.RevocationStore
	last passbearer.Revocation
}

func (r *revoked) Revoke(_ context.Context, e passbearer.Revocation) error {
	r.last = e
	return nil
}

// TestRevocationOutlivesTheToken by what verifiers take it for longer, whose clocks may be late by as much.
func TestRevocationOutlivesTheToken(t *testing.T) {
	s := newFull(t)
	answer := func(v passbearer.TokenVerifier) (int, passbearer.Revocation) {
		store := new(revoked)
		s.ServeMux = http.NewServeMux()
		s.Handle("/revoke", authserver.NewRevocation(s.signIn, s.sessions, &authserver.RevocationOptions{Verifier: v, Store: store}))
		return s.do("/revoke", "web", "token", "x").Code, store.last
	}
	revoke := func(v passbearer.TokenVerifier) time.Duration {
		status, told := answer(v)
		require.Equal(t, 200, status)
		return told.Lifetime
	}
	inAnHour := passbearer.Claims{ID: "j1", ClientID: "web", Expiry: passbearer.NumericDate(time.Now().Add(time.Hour).Unix())}
	for leeway, longer := range map[time.Duration]time.Duration{0: time.Minute, 30 * time.Second: time.Minute, 5 * time.Minute: 10 * time.Minute} {
		v := lenient{inAnHour, leeway}
		require.InDelta(t, time.Hour+longer, revoke(v), float64(10*time.Second))
		require.InDelta(t, time.Hour+longer, revoke(s.revocations.Verifier(v)), float64(10*time.Second))
	}
	require.Greater(t, revoke(lenient{passbearer.Claims{ID: "j1", ClientID: "web", Expiry: 1 << 53}, 0}), 100*365*24*time.Hour)

	for _, c := range []passbearer.Claims{{ClientID: "web", Expiry: inAnHour.Expiry}, {ID: "j1", ClientID: "web"}} {
		status, told := answer(lenient{c, 0})
		require.Equal(t, 503, status, "it cannot be told how long to remember what")
		require.Zero(t, told)
	}
}

// TestRevocationOfAnAccessToken: it is over at once, and its session goes on.
func TestRevocationOfAnAccessToken(t *testing.T) {
	s := newFull(t)
	access, refresh := s.signInAs(t, "web")
	require.True(t, s.admits(access))
	w := s.do("/revoke", "other", "token", access)
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), `"error":"unauthorized_client"`)
	require.True(t, s.admits(access))

	for range 2 { // the second time it is no token any more
		w = s.do("/revoke", "web", "token", access, "token_type_hint", "refresh_token")
		require.Equal(t, 200, w.Code, w.Body)
		require.Equal(t, "{}\n", w.Body.String())
		require.False(t, s.admits(access))
	}
	told := make(chan passbearer.Revocation, 1)
	ctx, cancel := context.WithCancel(t.Context())
	s.store.WatchRevocations(ctx, func(news passbearer.RevocationNews) {
		for _, e := range news.Revocations {
			told <- e
		}
		cancel()
	})
	e := <-told
	require.Greater(t, e.Lifetime, passbearer.DefaultAccessTokenLifetime, "as long as verifiers with a leeway may take it")
	require.Less(t, e.Lifetime, passbearer.DefaultAccessTokenLifetime+2*time.Minute)

	w = s.do("/token", "web", "grant_type", "refresh_token", "refresh_token", refresh)
	require.Equal(t, 200, w.Code, "the session goes on")
	w = s.do("/revoke", "web", "token", refresh)
	require.Equal(t, 200, w.Code)
	require.Equal(t, 400, s.do("/token", "web", "grant_type", "refresh_token", "refresh_token", refresh).Code)

	access, _ = s.signInAs(t, "web")
	s.store.revokeFails = true
	w = s.do("/revoke", "web", "token", access)
	require.Equal(t, 503, w.Code)
	require.NotContains(t, w.Body.String(), "secret cause")
	require.True(t, s.admits(access), "what is not durable is not told")
}

func TestMetadata(t *testing.T) {
	s := newFull(t)
	endpoints := map[string]http.Handler{"/token": s.signIn,
		"/token/revoke":     authserver.NewRevocation(s.signIn, s.sessions, nil),
		"/token/introspect": authserver.NewIntrospection(s.signIn, s.tokens, nil)}
	get := func(h http.Handler, method string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/", nil)
		if len(header) > 0 {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	h := authserver.NewMetadata(issuer+"/auth", endpoints, &authserver.MetadataOptions{JWKS: "/jwks.json", Scopes: []string{"a", "b"}})
	w := get(h, "GET")
	require.JSONEq(t, `{"issuer":"https://issuer.example/auth","token_endpoint":"https://issuer.example/auth/token","jwks_uri":"https://issuer.example/auth/jwks.json",
		"scopes_supported":["a","b"],"response_types_supported":[],"grant_types_supported":["password","refresh_token"],
		"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],
		"revocation_endpoint":"https://issuer.example/auth/token/revoke","revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","none"],
		"introspection_endpoint":"https://issuer.example/auth/token/introspect","introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, w.Header().Get("Cache-Control"), "max-age")
	require.Equal(t, 304, get(h, "GET", "If-None-Match", w.Header().Get("ETag")).Code)
	require.Empty(t, get(h, "HEAD").Body)
	require.Equal(t, "GET, HEAD", get(h, "POST").Header().Get("Allow"))
	require.Equal(t, 405, get(h, "POST").Code)

	alone := authserver.NewMetadata("http://localhost:8000", map[string]http.Handler{"/token": passbearer.NewTokenHandler(s.store, s.tokens, nil)}, nil)
	require.JSONEq(t, `{"issuer":"http://localhost:8000","token_endpoint":"http://localhost:8000/token","response_types_supported":[],
		"grant_types_supported":["password"],"token_endpoint_auth_methods_supported":["none"]}`, get(alone, "GET").Body.String())

	guard := passbearer.NewGuard(s.tokens, &passbearer.GuardOptions{Scopes: map[string]string{"b": "", "a": ""}, DPoP: proofs{}, RequireDPoP: true})
	h = authserver.NewResourceMetadata("https://api.example/v1", guard, issuer)
	require.JSONEq(t, `{"resource":"https://api.example/v1","authorization_servers":["https://issuer.example"],"scopes_supported":["a","b"],
		"bearer_methods_supported":["header"],"dpop_signing_alg_values_supported":["ES256"],"dpop_bound_access_tokens_required":true}`, get(h, "GET").Body.String())
	openapi.New("T", "1", nil).Handle("GET /.well-known/oauth-protected-resource", h) // takes it
}

func TestWellKnownPlaces(t *testing.T) {
	for url, want := range map[string][2]string{
		"https://a.example":             {"/.well-known/oauth-authorization-server", "https://a.example/.well-known/oauth-protected-resource"},
		"https://a.example/":            {"/.well-known/oauth-authorization-server", "https://a.example/.well-known/oauth-protected-resource"},
		"https://a.example/v1/x":        {"/.well-known/oauth-authorization-server/v1/x", "https://a.example/.well-known/oauth-protected-resource/v1/x"},
		"http://127.0.0.1:8000/mcp":     {"/.well-known/oauth-authorization-server/mcp", "http://127.0.0.1:8000/.well-known/oauth-protected-resource/mcp"},
		"http://[::1]:8000":             {"/.well-known/oauth-authorization-server", "http://[::1]:8000/.well-known/oauth-protected-resource"},
		"http://localhost":              {"/.well-known/oauth-authorization-server", "http://localhost/.well-known/oauth-protected-resource"},
		"http://a.example":              {},
		"ftp://localhost":               {},
		"https://a.example?x":           {},
		"https://a.example/?":           {},
		"https://a.example#x":           {},
		"https://u@a.example":           {},
		"https:a.example":               {},
		"a.example":                     {},
		"":                              {},
		"https://a.example/\x00":        {},
		"http://localhost.evil.example": {},
	} {
		if want[0] == "" {
			require.Panics(t, func() { authserver.MetadataPath(url) }, url)
			require.Panics(t, func() { authserver.ResourceMetadataURL(url) }, url)
			continue
		}
		require.Equal(t, want, [2]string{authserver.MetadataPath(url), authserver.ResourceMetadataURL(url)}, url)
	}
	tokens := passbearer.NewTokenHandler(memstore.New(), newFull(t).tokens, nil)
	for _, f := range []func(){
		func() { authserver.NewMetadata(issuer, nil, nil) },
		func() { authserver.NewMetadata(issuer, map[string]http.Handler{"token": tokens}, nil) },
		func() {
			authserver.NewMetadata(issuer, map[string]http.Handler{"/token": tokens, "/x": http.NotFoundHandler()}, nil)
		},
		func() { authserver.NewResourceMetadata(issuer, nil) },
		func() { authserver.NewResourceMetadata(issuer, passbearer.NewGuard(newFull(t).tokens, nil), "x") },
	} {
		require.Panics(t, f)
	}
}

type proofs struct{}

func (proofs) VerifyProof(*http.Request, string) (string, error) { return "", nil }
func (proofs) ProofAlgorithms() []string                         { return []string{"ES256"} }
