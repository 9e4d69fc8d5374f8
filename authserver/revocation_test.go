package authserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// store is a memstore whose users need no password hash, and which fails on
// demand.
type store struct {
	*memstore.Store
	fails, revokeFails bool
}

func (*store) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

func (s *store) Revoke(ctx context.Context, e passbearer.Revocation) error {
	if s.revokeFails {
		return errors.New("secret cause")
	}
	return s.Store.Revoke(ctx, e)
}

func (s *store) EndSession(ctx context.Context, id string) error {
	if s.fails {
		return errors.New("secret cause")
	}
	return s.Store.EndSession(ctx, id)
}

type server struct {
	*http.ServeMux
	store *store
}

// newServer has the public clients web and phone.
func newServer(t *testing.T) server {
	t.Helper()
	s := server{http.NewServeMux(), &store{Store: memstore.New(passbearer.User{ID: "u1", Name: "johndoe"})}}
	for _, id := range []string{"web", "phone"} {
		require.NoError(t, s.store.AddClient(t.Context(), passbearer.Client{ID: id, Public: true}))
	}
	const url = "https://issuer.example"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys(url, make([]byte, 32))
	require.NoError(t, err)
	sessions := passbearer.NewSessions(s.store, s.store, keys, nil)
	handler := passbearer.NewTokenHandler(s.store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: s.store})
	s.Handle("/token", handler)
	s.Handle("/token/revoke", authserver.NewRevocation(handler, sessions, nil))
	return s
}

func (s server) post(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// tokens signs in and returns the access and the refresh token.
func (s server) tokens(t *testing.T, client string) (access, refresh string) {
	t.Helper()
	w := s.post("/token", "grant_type", "password", "username", "johndoe", "password", "secret", "client_id", client)
	require.Equal(t, 200, w.Code, w.Body)
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	return body.Access, body.Refresh
}

func (s server) refresh(token, client string) *httptest.ResponseRecorder {
	return s.post("/token", "grant_type", "refresh_token", "refresh_token", token, "client_id", client)
}

func TestRevocation(t *testing.T) {
	s := newServer(t)
	access, refresh := s.tokens(t, "web")
	for _, tt := range []struct {
		name   string
		pairs  []string
		status int
		body   string
		live   bool // the session still is afterwards
	}{
		{"no token", []string{"client_id", "web"}, 400, `"error":"invalid_request"`, true},
		{"empty token", []string{"client_id", "web", "token", ""}, 400, `"error":"invalid_request"`, true},
		{"token twice", []string{"client_id", "web", "token", refresh, "token", refresh}, 400, `"error":"invalid_request"`, true},
		{"no client", []string{"token", refresh}, 401, `"error":"invalid_client"`, true},
		{"unknown client", []string{"client_id", "nobody", "token", refresh}, 401, `"error":"invalid_client"`, true},
		{"CA-022: another client's token", []string{"client_id", "phone", "token", refresh}, 400, `"error":"unauthorized_client"`, true},
		{"RT-039: unknown token", []string{"client_id", "web", "token", "unknown"}, 200, "{}\n", true},
		{"mangled token", []string{"client_id", "web", "token", refresh + "A"}, 200, "{}\n", true},
		{"access token", []string{"client_id", "web", "token", access}, 200, "{}\n", true},
		{"RT-040: wrong hint", []string{"client_id", "web", "token", refresh, "token_type_hint", "access_token"}, 200, "{}\n", false},
		{"again", []string{"client_id", "web", "token", refresh}, 200, "{}\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := s.post("/token/revoke", tt.pairs...)
			require.Equal(t, tt.status, w.Code)
			require.Contains(t, w.Body.String(), tt.body)
			require.Equal(t, "application/json", w.Header().Get("Content-Type"), "two clients reject another")
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			list, err := s.store.SessionsByUser(t.Context(), "u1", 10)
			require.NoError(t, err)
			require.Equal(t, tt.live, len(list) == 1)
		})
	}
	w := s.refresh(refresh, "web")
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), `"error":"invalid_grant"`)
}

// TestRevocationOfAnOldToken: a client that lost the last answer signs out with
// what it has.
func TestRevocationOfAnOldToken(t *testing.T) {
	s := newServer(t)
	_, first := s.tokens(t, "web")
	_, other := s.tokens(t, "web")
	require.Equal(t, 200, s.refresh(first, "web").Code)
	require.Equal(t, 200, s.post("/token/revoke", "client_id", "web", "token", first).Code)
	require.Equal(t, 400, s.refresh(first, "web").Code, "ended, though it is inside the grace window")
	require.Equal(t, 200, s.refresh(other, "web").Code, "the other session goes on")
}

func TestRevocationIsNotALie(t *testing.T) {
	s := newServer(t)
	_, refresh := s.tokens(t, "web")
	s.store.fails = true
	w := s.post("/token/revoke", "client_id", "web", "token", refresh)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), `"error":"temporarily_unavailable"`)
	require.NotContains(t, w.Body.String(), "secret")
	s.store.fails = false
	require.Equal(t, 200, s.refresh(refresh, "web").Code)
}

func TestRevocationMethod(t *testing.T) {
	s := newServer(t)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/token/revoke?token=x", nil))
	require.Equal(t, 405, w.Code)
	require.Equal(t, "POST", w.Header().Get("Allow"))
}

// TestRevocationDescribesItself: the parameters are those that it reads.
func TestRevocationDescribesItself(t *testing.T) {
	store := memstore.New()
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", make([]byte, 32))
	require.NoError(t, err)
	sessions := passbearer.NewSessions(store, store, keys, nil)
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://issuer.example", "https://issuer.example", nil)
	require.NoError(t, err)
	for _, tt := range []struct {
		clients   passbearer.ClientStore
		fields    []string
		responses []int
	}{
		{nil, []string{"token", "token_type_hint"}, []int{200, 400, 503}},
		{store, []string{"client_id", "client_secret", "token", "token_type_hint"}, []int{200, 400, 401, 503}},
	} {
		handler := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: tt.clients})
		op := authserver.NewRevocation(handler, sessions, nil).(openapi.Describer).DescribeOperation()
		var form struct{ Properties map[string]any }
		require.NoError(t, json.Unmarshal(op.Body.(json.RawMessage), &form))
		require.Equal(t, tt.fields, slices.Sorted(maps.Keys(form.Properties)))
		require.Equal(t, tt.responses, slices.Sorted(maps.Keys(op.Responses)))
		openapi.New("T", "1", nil).Handle("POST /token/revoke", authserver.NewRevocation(handler, sessions, nil)) // takes it
	}
}

func TestRevocationWiring(t *testing.T) {
	require.Panics(t, func() { authserver.NewRevocation(nil, nil, nil) })
}
