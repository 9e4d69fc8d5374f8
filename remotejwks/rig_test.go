package remotejwks_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/remotejwks"
)

const (
	issuerURL = "https://id.example/realms/one"
	audience  = "https://api.example"
	wellKnown = "/realms/one/.well-known/openid-configuration"
)

// site is the issuer's site, which answers by a path's function and counts. It is a transport, so that it works in a
// bubble of testing/synctest.
type site struct {
	mu       sync.Mutex
	answers  map[string]http.HandlerFunc
	requests atomic.Int64
	asked    sync.Map // host and path: true
}

func (s *site) set(path string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	s.asked.Store(r.URL.Host+r.URL.Path, true)
	s.mu.Lock()
	answer := s.answers[r.URL.Path]
	s.mu.Unlock()
	if answer == nil {
		answer = http.NotFound
	}
	w := httptest.NewRecorder()
	answer(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.Code == down {
		return nil, errors.New("connection refused")
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

const down = 599

func isDown(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(down) }

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

func metadata(issuer, jwks string) http.HandlerFunc {
	text, _ := json.Marshal(map[string]string{"issuer": issuer, "jwks_uri": jwks})
	return says(string(text))
}

// publishes serves the public halves of signers.
func publishes(t testing.TB, signers ...*signer) http.HandlerFunc {
	keys := make([]jwttoken.Key, len(signers))
	for i, s := range signers {
		keys[i] = s.key
	}
	set, err := jwttoken.NewKeys(keys...)
	require.NoError(t, err)
	return jwttoken.NewJWKSHandler(set, nil).ServeHTTP
}

func newSite(t testing.TB, signers ...*signer) *site {
	return &site{answers: map[string]http.HandlerFunc{
		wellKnown: metadata(issuerURL, "https://id.example/keys"),
		"/keys":   publishes(t, signers...),
	}}
}

// signer signs tokens of any shape.
type signer struct {
	kid     string
	key     jwttoken.Key
	private any
	method  jwt.SigningMethod
}

func (s *signer) token(t testing.TB, change map[string]any) string {
	claims := jwt.MapClaims{"iss": issuerURL, "aud": audience, "sub": "johndoe", "exp": time.Now().Add(4 * time.Hour).Unix()}
	for name, value := range change {
		claims[name] = value
	}
	token := jwt.NewWithClaims(s.method, claims)
	token.Header["kid"] = s.kid
	text, err := token.SignedString(s.private)
	require.NoError(t, err)
	return text
}

type recorder struct {
	mu     sync.Mutex
	events []passbearer.Event
}

func (l *recorder) Event(_ context.Context, e passbearer.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *recorder) last() (e passbearer.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) > 0 {
		e = l.events[len(l.events)-1]
	}
	return e
}

func newVerifier(t *testing.T, s http.RoundTripper, l *recorder) *remotejwks.Verifier {
	v, err := remotejwks.New([]remotejwks.Issuer{{URL: issuerURL, Audience: audience}},
		&remotejwks.Options{Transport: s, Observer: l})
	require.NoError(t, err)
	return v
}

func check(t *testing.T, v *remotejwks.Verifier, token string) string {
	_, err := v.VerifyToken(t.Context(), token)
	switch {
	case err == nil:
		return "valid"
	case errors.Is(err, passbearer.ErrInvalidToken):
		return "invalid"
	}
	return "unavailable"
}

func record(h http.HandlerFunc) string {
	w := httptest.NewRecorder()
	h(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}
