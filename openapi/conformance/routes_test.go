package conformance_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/openapi/swaggestschema"
)

// everyPattern has each form of http.ServeMux's patterns, and each method.
var everyPattern = []string{
	"GET /plain", "PUT /plain", "POST /plain", "DELETE /plain", "PATCH /plain", "OPTIONS /plain", "TRACE /plain",
	"HEAD /head",
	"CONNECT /plain", "PROPFIND /plain", // OpenAPI has no field for them
	"GET  /two/spaces", "GET\t/tab",
	"/any/method",
	"GET /{$}",
	"GET /tree/", "GET /exact/{$}",
	"GET /items/{id}", "DELETE /items/{name}", // one path item
	"GET /items/{id}/parts/{part}/",
	"GET /files/{path...}", "GET /rest/{dir}/{path...}",
	"GET /words/{type}/{func}",
	"GET /caf%C3%A9/é/a%20b/100%25/a+b",
	"GET /.well-known/x.json/~me/a:b/@c/(d)",
	"example.com/hosted", "GET api.example.com/hosted/{id}", "GET example.com:8080/port/",
}

// Types whose schemas have something of everything.
type (
	item struct {
		ID       string            `json:"id" required:"true" description:"What it is called"`
		Name     *string           `json:"name"`
		Picture  []byte            `json:"picture"`
		Added    time.Time         `json:"added"`
		Parts    []*item           `json:"parts"`
		Labels   map[string]string `json:"labels,omitempty"`
		Kind     kind              `json:"kind"`
		Other    *kind             `json:"other"`
		Anything any               `json:"anything"`
		Count    int64             `json:"count,string"`
	}
	kind        string
	page[T any] struct {
		Items []T      `json:"items"`
		Next  *page[T] `json:"next"`
	}
)

func (kind) Enum() []any { return []any{"small", "large"} }

type tokens struct{}

func (tokens) IssueToken(context.Context, passbearer.Claims) (string, error) { return "", nil }
func (tokens) VerifyToken(context.Context, string) (*passbearer.Claims, error) {
	return nil, passbearer.ErrInvalidToken
}

var (
	nothing  = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	guard    = passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Scopes: map[string]string{"items:read": "Read the items", "items:write": ""}})
	optional = passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Optional: true})
)

// patterns is an API with a route of every pattern.
func patterns(*testing.T) *openapi.API {
	api := openapi.New("Patterns", "1.0", nil)
	for _, pattern := range everyPattern {
		api.Handle(pattern, guard.Require("items:read").Handler(nothing))
	}
	return api
}

// everything is an API with all that can be said of a route, and the library's
// own endpoints.
func everything(t *testing.T) *openapi.API {
	keys, err := passbearer.NewRefreshKeys("https://a.example", make([]byte, 32))
	require.NoError(t, err)
	store := memstore.New()
	sessions := passbearer.NewSessions(store, store, keys, nil)
	signIn := passbearer.NewTokenHandler(store, tokens{}, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: store})
	api := openapi.New("Everything", "1.0", &openapi.Options{Description: "All *there is*.", Schemas: swaggestschema.New(nil)})
	api.Handle("/token", signIn)
	api.Handle("/token/revoke", authserver.NewRevocation(signIn, sessions, nil))
	api.Handle("GET /optional", optional.Handler(nothing))
	api.Handle("GET /public", nothing)
	api.Handle("GET /signed-in", guard.Handler(nothing))
	api.Handle("/several", guard.Require("items:read", "items:write").Handler(nothing), openapi.Operation{
		Methods:    []string{"GET", "POST"},
		Deprecated: true,
	})
	api.Handle("GET /hidden", nothing, openapi.Operation{Hidden: true})
	api.Handle("PUT /items/{id}", guard.Require("items:write").Handler(nothing), openapi.Operation{
		ID:          "replaceItem",
		Summary:     "Replace an item",
		Description: "The *whole* of it.",
		Tags:        []string{"items"},
		Parameters: []openapi.Parameter{
			{Name: "id", In: "path", Description: "Its name"},
			{Name: "limit", In: "query", Required: true, Schema: 0},
			{Name: "X-Trace", In: "header", Schema: json.RawMessage(`{"type": "string", "maxLength": 36}`)},
			{Name: "theme", In: "cookie", Schema: kind("")},
		},
		Body: item{},
		Responses: map[int]openapi.Response{
			200: {Description: "The item", Body: page[item]{}},
			201: {Body: json.RawMessage(`{}`)},
			204: {},
			415: {Description: "Not JSON", Body: "", ContentType: "text/plain"},
		},
	})
	return api
}

// bearer is an API whose tokens come from elsewhere.
func bearer(*testing.T) *openapi.API {
	api := openapi.New("Bearer", "1.0", nil)
	api.Handle("GET /items/", guard.Require("items:read").Handler(nothing))
	api.Handle("GET /optional", optional.Handler(nothing))
	return api
}

// merged is an API of which much is written by hand.
func merged(t *testing.T) *openapi.API {
	api := openapi.New("Merged", "1.0", &openapi.Options{TokenURL: "https://tokens.example/token"})
	api.Handle("GET /items/{id}", guard.Require("items:read").Handler(nothing))
	api.Handle("/tree/", guard.Handler(nothing))
	require.NoError(t, api.Merge([]byte(`{
		"openapi": "3.1.0",
		"info": {"title": "x", "version": "0", "contact": {"name": "Somebody", "url": "https://a.example"}},
		"tags": [{"name": "items"}],
		"paths": {
			"/items/{id}": {"get": {
				"tags": ["items"],
				"parameters": [{"name": "id", "in": "path", "required": true, "description": "Its name", "schema": {"type": "string"}}],
				"responses": {"200": {"description": "It", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}}}},
			"/tree/leaf": {"get": {"responses": {"204": {"description": "Nothing"}}}}},
		"components": {"schemas": {"Item": {"type": ["object", "null"]}}}}`)))
	return api
}

var apis = map[string]func(*testing.T) *openapi.API{"patterns": patterns, "everything": everything, "bearer": bearer, "merged": merged}
