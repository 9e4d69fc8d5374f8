// Package browsertest visits the docs page with a browser. It is a module of its
// own, so that who uses the page does not depend on what drives a browser.
package browsertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/swaggerui"
)

const lifetime = 5 * time.Minute // of access tokens

// rig is a server of the library with a docs page.
type rig struct {
	url     string
	advance atomic.Int64                     // of the server's clock
	instead atomic.Pointer[http.HandlerFunc] // of the token endpoints

	mu           sync.Mutex
	seen         []string // "GET /items/ 200"; a token request by its grant
	refreshToken string   // the last that was issued
}

// change is what a test wants otherwise.
type change struct {
	mount func(*testing.T, http.Handler) http.Handler // of the whole API
	token func(*passbearer.TokenHandlerOptions)
	guard passbearer.GuardOptions
}

func newRig(t *testing.T, c change) *rig {
	t.Helper()
	r := new(rig)
	johndoe, err := passbearer.NewUser(t.Context(), "johndoe", "secret", "items:read me")
	require.NoError(t, err)
	users := memstore.New(johndoe)
	users.Now = r.now
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://issuer.example", "https://api.example", &jwttoken.Options{Now: r.now, Leeway: -1})
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", bytes.Repeat([]byte("k"), 32))
	require.NoError(t, err)
	sessions := passbearer.NewSessions(users, users, keys, nil)
	opts := &passbearer.TokenHandlerOptions{Sessions: sessions, AccessTokenLifetime: lifetime, Now: r.now}
	if c.token != nil {
		c.token(opts)
	}
	signIn := passbearer.NewTokenHandler(users, tokens, opts)

	api := newAPI(passbearer.NewGuard(tokens, &c.guard))
	api.Handle("POST /token", signIn, openapi.Operation{Tags: []string{"sign-in"}})
	api.Handle("POST /token/revoke", authserver.NewRevocation(signIn, sessions, nil), openapi.Operation{Tags: []string{"sign-in"}})
	h := r.record(api)
	if c.mount != nil {
		h = c.mount(t, h)
	}
	r.url = serve(t, h)
	return r
}

// newAPI has two routes and a docs page, and no token endpoint.
func newAPI(guard *passbearer.Guard) *openapi.API {
	api := openapi.New("Items", "1.0", &openapi.Options{Docs: swaggerui.New(nil)})
	hello := func(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"hello":"johndoe"}`)
	}
	api.Handle("GET /items/", guard.Require("items:read").HandlerFunc(hello), openapi.Operation{ID: "get_items", Summary: "All items", Tags: []string{"items"}})
	api.Handle("GET /users/me", guard.Require("me").HandlerFunc(hello), openapi.Operation{ID: "get_me", Summary: "Who I am", Tags: []string{"users"}})
	return api
}

func serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func (r *rig) now() time.Time { return time.Now().Add(time.Duration(r.advance.Load())) }

// answerTokens lets h answer for the token endpoints; nil means that they do.
func (r *rig) answerTokens(h http.HandlerFunc) {
	if h == nil {
		r.instead.Store(nil)
		return
	}
	r.instead.Store(&h)
}

// record notes a request before it sends the answer: whoever sees the one finds
// the other.
func (r *rig) record(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/docs") || req.URL.Path == "/openapi.json" {
			h.ServeHTTP(w, req)
			return
		}
		form, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(form))
		answer := httptest.NewRecorder()
		if instead := r.instead.Load(); instead != nil && strings.HasPrefix(req.URL.Path, "/token") {
			instead.ServeHTTP(answer, req)
		} else {
			h.ServeHTTP(answer, req)
		}
		r.note(req, form, answer)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

func (r *rig) note(req *http.Request, form []byte, answer *httptest.ResponseRecorder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what := req.Method + " " + req.URL.Path
	if values, err := url.ParseQuery(string(form)); err == nil && values.Has("grant_type") {
		what = values.Get("grant_type")
	}
	r.seen = append(r.seen, what+" "+strconv.Itoa(answer.Code))
	var tokens passbearer.TokenResponse
	if json.Unmarshal(answer.Body.Bytes(), &tokens) == nil && tokens.RefreshToken != "" {
		r.refreshToken = tokens.RefreshToken
	}
}

// requests returns those since the last call.
func (r *rig) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// waitFor waits until these requests are all since the last call.
func (r *rig) waitFor(t *testing.T, want ...string) {
	t.Helper()
	var seen []string
	require.Eventually(t, func() bool {
		seen = append(seen, r.requests()...)
		return len(seen) >= len(want)
	}, 30*time.Second, 5*time.Millisecond)
	require.Equal(t, want, seen)
}

// lastRefreshToken is the one that the page should have.
func (r *rig) lastRefreshToken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refreshToken
}

// post sends a form as another client would.
func post(t *testing.T, address string, form url.Values) (status int, body string) {
	t.Helper()
	res, err := http.Post(address, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}
