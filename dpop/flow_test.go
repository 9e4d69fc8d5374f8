package dpop_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/dpop"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

const signInURL = "https://api.example/token"

// server has a token endpoint and three guards, by the clock of the system, as
// have the tokens and sessions.
type server struct {
	t     *testing.T
	mux   *http.ServeMux
	token *jwttoken.Tokens
}

func newServer(t *testing.T, o *dpop.Options) *server {
	proofs, err := dpop.New(o)
	require.NoError(t, err)
	user, err := passbearer.NewUser(t.Context(), "johndoe", "secret", "items")
	require.NoError(t, err)
	store := memstore.New(user)
	require.NoError(t, store.AddClient(t.Context(), passbearer.Client{ID: "app", Public: true}))
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://api.example", "https://api.example", nil)
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys("https://api.example", []byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	sessions := passbearer.NewSessions(store, store, keys, nil)
	s := &server{t, http.NewServeMux(), tokens}
	s.mux.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: store, DPoP: proofs}))
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	s.mux.Handle("GET /items", passbearer.NewGuard(tokens, &passbearer.GuardOptions{DPoP: proofs}).Handler(ok))
	s.mux.Handle("GET /bound", passbearer.NewGuard(tokens, &passbearer.GuardOptions{DPoP: proofs, RequireDPoP: true}).Handler(ok))
	s.mux.Handle("GET /optional", passbearer.NewGuard(tokens, &passbearer.GuardOptions{DPoP: proofs, Optional: true}).Handler(ok))
	s.mux.Handle("GET /unaware", passbearer.NewGuard(tokens, nil).Handler(ok))
	return s
}

func (s *server) do(r *http.Request) (int, http.Header, map[string]any) {
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	var body map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	return w.Code, w.Header(), body
}

// grant sends a token request with a proof by k, or with none.
func (s *server) grant(k *client, nonce string, pairs ...string) (int, http.Header, map[string]any) {
	form := url.Values{"client_id": {"app"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", signInURL, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if k != nil {
		claims := with(with(without(k.claims(time.Now()), "ath"), "htm", "POST"), "htu", signInURL)
		r.Header.Set("DPoP", k.proof(with(claims, "nonce", nonce)))
	}
	return s.do(r)
}

func (s *server) get(path, scheme, access string, k *client) (int, http.Header) {
	r := httptest.NewRequest("GET", "https://api.example"+path, nil)
	if scheme != "" {
		r.Header.Set("Authorization", scheme+" "+access)
	}
	if k != nil {
		r.Header.Set("DPoP", k.proof(with(with(k.claims(time.Now()), "htu", "https://api.example"+path), "ath", hash(access))))
	}
	status, header, _ := s.do(r)
	return status, header
}

func TestFlow(t *testing.T) {
	s := newServer(t, nil)
	k, thief := newClient("ES256"), newClient("ES256")
	password := []string{"grant_type", "password", "username", "johndoe", "password", "secret"}

	status, _, bound := s.grant(k, "", password...)
	require.Equal(t, 200, status, bound)
	require.Equal(t, "DPoP", bound["token_type"])
	access, _ := bound["access_token"].(string)
	claims, err := s.token.VerifyToken(t.Context(), access)
	require.NoError(t, err)
	require.Equal(t, passbearer.Confirmation{Method: "jkt", Thumbprint: k.thumbprint()}, claims.Confirmation)
	status, _, bearer := s.grant(nil, "", password...)
	require.Equal(t, 200, status, bearer)
	require.Equal(t, "bearer", bearer["token_type"])
	unbound, _ := bearer["access_token"].(string)

	for _, tt := range []struct {
		path, scheme, token string
		key                 *client
		status              int
		challenge           string // a part of one
	}{
		{"/items", "DPoP", access, k, 200, ""},
		{"/bound", "DPoP", access, k, 200, ""},
		{"/optional", "DPoP", access, k, 200, ""},
		{"/items", "Bearer", access, k, 401, `DPoP error="invalid_token"`},
		{"/items", "Bearer", access, nil, 401, `DPoP error="invalid_token"`},
		{"/optional", "Bearer", access, nil, 401, `DPoP error="invalid_token"`},
		{"/unaware", "Bearer", access, nil, 401, `Bearer error="invalid_token"`},
		{"/items", "DPoP", access, thief, 401, `DPoP error="invalid_token"`},
		{"/items", "DPoP", access, nil, 401, `DPoP error="invalid_dpop_proof"`},
		{"/optional", "DPoP", access, nil, 401, `DPoP error="invalid_dpop_proof"`},
		{"/items", "", "", nil, 401, `DPoP algs="ES256 EdDSA PS256 RS256"`},
		{"/items", "Bearer", unbound, nil, 200, ""},
		{"/optional", "Bearer", unbound, nil, 200, ""},
		{"/optional", "", "", nil, 200, ""},
		{"/bound", "Bearer", unbound, nil, 401, `DPoP error="invalid_token"`},
		{"/items", "DPoP", unbound, k, 401, `DPoP error="invalid_token"`},
	} {
		status, header := s.get(tt.path, tt.scheme, tt.token, tt.key)
		require.Equal(t, tt.status, status, tt)
		challenges := strings.Join(header.Values("WWW-Authenticate"), "\n")
		require.Contains(t, strings.ReplaceAll(challenges, `realm="api", `, ""), tt.challenge)
		if strings.Contains(tt.challenge, "DPoP") {
			require.Contains(t, challenges, `algs="ES256 EdDSA PS256 RS256"`)
		}
	}

	again := []string{"grant_type", "refresh_token", "refresh_token", bound["refresh_token"].(string)}
	for _, wrong := range []*client{nil, thief} {
		status, _, body := s.grant(wrong, "", again...)
		require.Equal(t, 400, status)
		require.Equal(t, "invalid_grant", body["error"])
	}
	status, _, body := s.grant(k, "", again...)
	require.Equal(t, 200, status, "a thief's attempts end nothing: %v", body)
	require.Equal(t, "DPoP", body["token_type"])
	status, _ = s.get("/items", "DPoP", body["access_token"].(string), k)
	require.Equal(t, 200, status)
}

func TestFlowWithNonces(t *testing.T) {
	s := newServer(t, &dpop.Options{RequireNonce: true})
	k := newClient("EdDSA")
	password := []string{"grant_type", "password", "username", "johndoe", "password", "secret"}
	status, header, body := s.grant(k, "", password...)
	require.Equal(t, 400, status)
	require.Equal(t, "use_dpop_nonce", body["error"])
	status, _, body = s.grant(k, header.Get("DPoP-Nonce"), password...)
	require.Equal(t, 200, status, body)

	status, header = s.get("/items", "DPoP", body["access_token"].(string), k)
	require.Equal(t, 401, status)
	require.Contains(t, header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`)
	require.NotEmpty(t, header.Get("DPoP-Nonce"))
}
