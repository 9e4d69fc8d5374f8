package introspect_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/introspect"
)

const (
	issuer   = "https://id.example"
	audience = "https://api.example"
	secret   = "s3cret: /+%é"
)

var endpoint = introspect.Endpoint{URL: issuer + "/introspect", ClientID: "api:1", Audience: audience}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// site is the server, as a Transport. It counts what it is asked of each token.
type site struct {
	http.Handler
	mu    sync.Mutex
	asked map[string]int
	all   int
}

func newSite(h http.HandlerFunc) *site { return &site{Handler: h, asked: map[string]int{}} }

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.asked[form.Get("token")]++
	s.all++
	s.mu.Unlock()
	received := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	received.Header = r.Header
	w := httptest.NewRecorder()
	s.ServeHTTP(w, received)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (s *site) count(token string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[token]
}

func answers(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = w.Write([]byte(text))
	}
}

const activeAnswer = `{"active":true,"token_type":"Bearer","aud":"` + audience + `","sub":"u1"}`

func newVerifier(t testing.TB, s http.RoundTripper, opts introspect.Options) *introspect.Verifier {
	t.Helper()
	opts.Transport = s
	v, err := introspect.New(endpoint, secret, &opts)
	require.NoError(t, err)
	return v
}

// outcome is what a Guard makes of it.
func outcome(c *passbearer.Claims, err error) string {
	switch {
	case errors.Is(err, passbearer.ErrInvalidToken):
		return "invalid"
	case err != nil:
		return "broken"
	case c == nil:
		return "nothing"
	}
	return "valid"
}
