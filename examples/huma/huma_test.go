package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
)

// start returns the server's URL.
func start(t *testing.T) string {
	t.Helper()
	handler, err := newServer("https://huma.example")
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// do sends one request, such as "GET /items".
func do(t *testing.T, base, request, token, body string) (*http.Response, string) {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func signIn(t *testing.T, base, scope string) (token string) {
	t.Helper()
	res, err := http.PostForm(base+"/token", url.Values{"username": {"johndoe"}, "password": {"secret"}, "scope": {scope}})
	require.NoError(t, err)
	defer res.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&body))
	require.NotEmpty(t, body.AccessToken)
	return body.AccessToken
}

func TestAnswers(t *testing.T) {
	base := start(t)
	reader, writer := signIn(t, base, "items:read"), signIn(t, base, "items:write")
	for _, tt := range []struct {
		request, token, body string
		status               int
		challenge, want      string // want is in the body
	}{
		{"GET /items", "", "", 401, `Bearer realm="api"`, `"detail":"Not authenticated"`},
		{"GET /items", "made up", "", 400, `Bearer realm="api", error="invalid_request", error_description="Malformed bearer token"`, `"status":400`},
		{"GET /items", "made-up", "", 401, `Bearer realm="api", error="invalid_token", error_description="Could not validate credentials"`, `"status":401`},
		{"GET /items", writer, "", 403, `Bearer realm="api", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="items:read"`, `"title":"Forbidden"`},
		{"GET /items", reader, "", 200, "", `["Plumbus"]`},
		{"POST /items", reader, `{"name":"x"}`, 403, `Bearer realm="api", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="items:write"`, `"status":403`},
		{"POST /items", writer, `{"name":"x"}`, 200, "", `"name":"x"`},
		{"POST /items", writer, `{"name":""}`, 422, "", `"title":"Unprocessable Entity"`},
		{"POST /items", "", `{"name":""}`, 401, `Bearer realm="api"`, `"status":401`},
		{"GET /me", reader, "", 200, "", `"scope":"items:read"`},
		{"GET /me", "", "", 401, `Bearer realm="api"`, `"status":401`},
		{"GET /ping", "", "", 204, "", ""},
	} {
		res, body := do(t, base, tt.request, tt.token, tt.body)
		require.Equal(t, tt.status, res.StatusCode, "%s %s", tt.request, body)
		require.Equal(t, tt.challenge, res.Header.Get("WWW-Authenticate"), tt.request)
		require.Contains(t, body, tt.want, tt.request)
		if tt.status >= 400 {
			require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), tt.request)
		}
	}
}

type document struct {
	Paths map[string]map[string]struct {
		Security  []map[string][]string
		Responses map[string]any
	}
	Components struct {
		SecuritySchemes map[string]any
	}
}

func readDocument(t *testing.T, text []byte) (d document) {
	t.Helper()
	require.NoError(t, json.Unmarshal(text, &d), "%s", text)
	return d
}

// What the document says of an operation is what is enforced.
func TestDocumentIsEnforced(t *testing.T) {
	base := start(t)
	others := map[string]string{"items:read": signIn(t, base, "items:write"), "items:write": signIn(t, base, "items:read")}
	_, text := do(t, base, "GET /openapi.json", "", "")
	operations := 0
	for path, item := range readDocument(t, []byte(text)).Paths {
		for method, op := range item {
			request := strings.ToUpper(method) + " " + path
			res, _ := do(t, base, request, "", "")
			require.Equal(t, len(op.Security) > 0, res.StatusCode == http.StatusUnauthorized, request)
			require.Equal(t, len(op.Security) > 0, op.Responses["401"] != nil, request)
			for _, requirement := range op.Security {
				scopes, ok := requirement[schemeName]
				require.True(t, ok, request)
				require.Equal(t, len(scopes) > 0, op.Responses["403"] != nil, request)
				for _, scope := range scopes {
					res, _ := do(t, base, request, others[scope], "")
					require.Equal(t, http.StatusForbidden, res.StatusCode, request)
					require.Contains(t, res.Header.Get("WWW-Authenticate"), `scope="`+strings.Join(scopes, " ")+`"`, request)
				}
			}
			operations++
		}
	}
	require.Equal(t, 4, operations)
}

type noTokens struct{}

func (noTokens) IssueToken(context.Context, passbearer.Claims) (string, error)   { return "", nil }
func (noTokens) VerifyToken(context.Context, string) (*passbearer.Claims, error) { return nil, nil }

// Package openapi writes the same scheme and the same requirements.
func TestDocumentIsThatOfPackageOpenAPI(t *testing.T) {
	guard := passbearer.NewGuard(noTokens{}, &passbearer.GuardOptions{Scopes: scopes})
	api := openapi.New("Items", "1.0", nil)
	api.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(), noTokens{}, nil))
	api.Handle("GET /items", guard.Require("items:read").Handler(http.NotFoundHandler()))
	api.Handle("POST /items", guard.Require("items:write").Handler(http.NotFoundHandler()))
	api.Handle("GET /me", guard.Handler(http.NotFoundHandler()))
	api.Handle("GET /ping", http.NotFoundHandler())
	text, err := api.Document()
	require.NoError(t, err)
	want := readDocument(t, text)

	_, served := do(t, start(t), "GET /openapi.json", "", "")
	got := readDocument(t, []byte(served))
	require.Equal(t, want.Components, got.Components)
	delete(want.Paths, "/token")
	require.Len(t, got.Paths, len(want.Paths))
	for path, item := range want.Paths {
		for method, op := range item {
			require.ElementsMatch(t, op.Security, got.Paths[path][method].Security, "%s %s", method, path)
		}
	}
}

func TestOptionalGuard(t *testing.T) {
	optional := passbearer.NewGuard(noTokens{}, &passbearer.GuardOptions{Optional: true})
	var op huma.Operation
	guarded(optional)(&op)
	require.Equal(t, []map[string][]string{{}, {schemeName: {}}}, op.Security)
}

// The guard keeps what a middleware before it has put into the context.
func TestContextOfOtherMiddleware(t *testing.T) {
	type key struct{}
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("x", "1"))
	api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(huma.WithValue(ctx, key{}, "kept")) })
	guard := passbearer.NewGuard(noTokens{}, &passbearer.GuardOptions{Optional: true})
	var got any
	huma.Get(api, "/", func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		got = ctx.Value(key{})
		return nil, nil
	}, guarded(guard))
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	require.Equal(t, "kept", got)
}

func TestDocs(t *testing.T) {
	res, page := do(t, start(t), "GET /docs", "", "")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "/docs/", res.Request.URL.Path)
	require.Contains(t, page, "openapi.json")
}
