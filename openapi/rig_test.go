package openapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// tokens takes a token for the scope that it grants: "items:read+me".
type tokens struct{}

func (tokens) IssueToken(_ context.Context, c passbearer.Claims) (string, error) {
	return strings.ReplaceAll(string(c.Scope), " ", "+"), nil
}

func (tokens) VerifyToken(_ context.Context, token string) (*passbearer.Claims, error) {
	return &passbearer.Claims{Subject: "u1", Scope: passbearer.Scope(strings.ReplaceAll(token, "+", " "))}, nil
}

var (
	guard    = passbearer.NewGuard(tokens{}, nil)
	optional = passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Optional: true})
	ok       = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
)

func demanding(scopes ...string) http.Handler { return guard.Require(scopes...).Handler(ok) }

// newTokenHandler has sessions and clients, or neither.
func newTokenHandler(full bool) (*passbearer.TokenHandler, *passbearer.Sessions) {
	store := memstore.New()
	if !full {
		return passbearer.NewTokenHandler(store, tokens{}, nil), nil
	}
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", make([]byte, 32))
	if err != nil {
		panic(err)
	}
	sessions := passbearer.NewSessions(store, store, keys, nil)
	return passbearer.NewTokenHandler(store, tokens{}, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: store}), sessions
}

func newAPI(opts *openapi.Options) *openapi.API { return openapi.New("Items", "1.0", opts) }

// hiding is a middleware that does not tell what it wraps; telling does.
type (
	hiding  struct{ http.Handler }
	telling struct{ http.Handler }
)

func (t telling) Unwrap() http.Handler { return t.Handler }

// document is what tests look at.
type document struct {
	OpenAPI    string
	Info       map[string]any
	Servers    []map[string]any
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]json.RawMessage
	}
	Tags, Security any
}

type operation struct {
	OperationID, Summary, Description string
	Tags                              []string
	Deprecated                        bool
	Parameters                        []map[string]any
	RequestBody                       map[string]any
	Responses                         map[string]map[string]any
	Security                          json.RawMessage
	Servers                           []map[string]any
}

func read(t *testing.T, api *openapi.API) (doc document) {
	t.Helper()
	text, err := api.Document()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &doc))
	return doc
}

// operation finds one by "GET /items/{id}".
func (d document) operation(t *testing.T, name string) (op operation) {
	t.Helper()
	method, path, _ := strings.Cut(name, " ")
	text := d.Paths[path][strings.ToLower(method)]
	require.NotNil(t, text, "%s is not among %v", name, d.Paths)
	require.NoError(t, json.Unmarshal(text, &op))
	return op
}

func (d document) security(t *testing.T, name string) string {
	t.Helper()
	return string(d.operation(t, name).Security)
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	return do(h, "GET", path, header...)
}

func do(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
