package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/openapi"
)

// full is an API that has something of everything.
func full() *openapi.API {
	described := passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Scopes: map[string]string{
		"items:read": "Read items", "items:write": "Add & change items", "me": "Who you are",
	}})
	signIn, sessions := newTokenHandler(true)
	api := openapi.New("Items", "1.0", &openapi.Options{Description: "Items of *all* kinds.", Schemas: schemer{}})
	api.Handle("/token", signIn)
	api.Handle("POST /token/revoke", authserver.NewRevocation(signIn, sessions, nil), openapi.Operation{Tags: []string{"sign-out"}})
	api.Handle("GET /items/{id}", described.Require("items:read").Handler(ok), openapi.Operation{
		ID:          "item",
		Summary:     "One item",
		Description: "By its *id*.",
		Tags:        []string{"items"},
		Deprecated:  true,
		Parameters: []openapi.Parameter{
			{Name: "lang", In: "query", Description: "A language", Schema: json.RawMessage(`{"type":"string","enum":["en","de"]}`)},
			{Name: "id", In: "path", Description: "The item's", Schema: json.RawMessage(`{"type":"integer"}`)},
			{Name: "X-Trace", In: "header", Required: true},
		},
		Responses: map[int]openapi.Response{
			200: {Description: "The item", Body: item{}},
			401: {Description: "Sign in first"},
			404: {Body: json.RawMessage("true"), ContentType: "text/plain"},
		},
	})
	api.Handle("PUT /items/{name}", described.Require("items:write", "me").Handler(ok), openapi.Operation{Body: item{}})
	api.Handle("GET /greeting", optional.Handler(ok))
	api.Handle("GET /ping", guard.Handler(ok))
	api.Handle("GET /health", ok)
	return api
}

type item struct{}

// schemer knows item alone.
type schemer struct{}

func (schemer) Schema(v any) (json.RawMessage, map[string]json.RawMessage, error) {
	if _, known := v.(item); !known {
		return nil, nil, fmt.Errorf("unknown")
	}
	return json.RawMessage(`{"$ref":"#/components/schemas/Item"}`),
		map[string]json.RawMessage{"Item": json.RawMessage(`{"type":"object","properties":{"name":{"type":"string","maxLength":1e3}}}`)}, nil
}

func TestDocument(t *testing.T) {
	want, err := os.ReadFile("testdata/document.json")
	require.NoError(t, err)
	got, err := full().Document()
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
	again, err := full().Document()
	require.NoError(t, err)
	require.Equal(t, string(got), string(again), "also in their order")
	require.Less(t, strings.Index(string(got), "/token/revoke"), strings.Index(string(got), "/items/{id}"), "paths are in the order of Handle")
}

// TestSecurityIsWhatIsEnforced asks the server what the document says.
func TestSecurityIsWhatIsEnforced(t *testing.T) {
	for _, tt := range []struct {
		name     string
		h        http.Handler
		security string
		answers  string // to nobody, to a token, to one with scope a, to one with a and b
		status   string // the documented ones
	}{
		{"public", ok, `[]`, "200 200 200 200", "200"},
		{"guarded", guard.Handler(ok), `[{"HTTPBearer":[]}]`, "401 200 200 200", "200 401"},
		{"scope", demanding("a"), `[{"HTTPBearer":["a"]}]`, "401 403 200 200", "200 401 403"},
		{"scopes", demanding("b", "a"), `[{"HTTPBearer":["b","a"]}]`, "401 403 403 200", "200 401 403"},
		{"optional", optional.Handler(ok), `[{},{"HTTPBearer":[]}]`, "200 200 200 200", "200 401"},
		{"optional with a scope", optional.Require("a").Handler(ok), `[{"HTTPBearer":["a"]}]`, "401 403 200 200", "200 401 403"},
		{"function", guard.Require("a").HandlerFunc(func(http.ResponseWriter, *http.Request, *passbearer.Claims) {}), `[{"HTTPBearer":["a"]}]`, "401 403 200 200", "200 401 403"},
		{"in a middleware that tells", telling{telling{demanding("a")}}, `[{"HTTPBearer":["a"]}]`, "401 403 200 200", "200 401 403"},
		{"guards in each other", guard.Require("b").Handler(demanding("a", "b")), `[{"HTTPBearer":["b","a"]}]`, "401 403 403 200", "200 401 403"},
		{"a guard in an optional one", optional.Handler(guard.Handler(ok)), `[{"HTTPBearer":[]}]`, "401 200 200 200", "200 401"},
		{"an optional one in a guard", guard.Handler(optional.Handler(ok)), `[{"HTTPBearer":[]}]`, "401 200 200 200", "200 401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(nil)
			api.Handle("GET /x", tt.h)
			op := read(t, api).operation(t, "GET /x")
			require.Equal(t, tt.security, string(op.Security))
			var answers []string
			for _, token := range []string{"", "c", "a", "a+b"} {
				var header []string
				if token != "" {
					header = []string{"Authorization", "Bearer " + token}
				}
				answers = append(answers, fmt.Sprint(get(api, "/x", header...).Code))
			}
			require.Equal(t, tt.answers, strings.Join(answers, " "))
			for _, status := range strings.Fields(tt.status) {
				require.Contains(t, op.Responses, status)
			}
			require.Len(t, op.Responses, len(strings.Fields(tt.status)))
		})
	}
}

func TestWraps(t *testing.T) {
	for _, tt := range []struct {
		name     string
		h, wraps http.Handler
		security string
	}{
		{"hidden", hiding{demanding("a")}, demanding("a"), `[{"HTTPBearer":["a"]}]`},
		{"told anyway", demanding("a", "b"), demanding("b", "a"), `[{"HTTPBearer":["a","b"]}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(nil)
			api.Handle("GET /x", tt.h, openapi.Operation{Wraps: tt.wraps})
			require.Equal(t, tt.security, read(t, api).security(t, "GET /x"))
		})
	}
	api := newAPI(nil)
	signIn, _ := newTokenHandler(false)
	api.Handle("POST /token", hiding{signIn}, openapi.Operation{Wraps: signIn})
	require.Contains(t, read(t, api).Components.SecuritySchemes, "OAuth2PasswordBearer")
}

func TestSecurityScheme(t *testing.T) {
	const password = `{"type":"oauth2","flows":{"password":{"tokenUrl":"%s","scopes":{}}}}`
	for _, tt := range []struct {
		name   string
		opts   openapi.Options
		routes func(*openapi.API)
		scheme string // its name and content
	}{
		{"nothing guarded", openapi.Options{}, func(api *openapi.API) { api.Handle("GET /x", ok) }, ``},
		{"no token endpoint", openapi.Options{}, func(api *openapi.API) { api.Handle("GET /x", demanding("a")) },
			`HTTPBearer {"type":"http","scheme":"bearer","bearerFormat":"JWT"}`},
		{"its name", openapi.Options{SchemeName: "tok-en_1.0"}, func(api *openapi.API) { api.Handle("GET /x", demanding("a")) },
			`tok-en_1.0 {"type":"http","scheme":"bearer","bearerFormat":"JWT"}`},
		{"elsewhere", openapi.Options{TokenURL: "https://login.example/token"}, func(api *openapi.API) { api.Handle("GET /x", guard.Handler(ok)) },
			`OAuth2PasswordBearer ` + fmt.Sprintf(password, "https://login.example/token")},
		{"elsewhere and hidden", openapi.Options{TokenURL: "../token"}, tokenAt("/{tenant}/token", openapi.Operation{Hidden: true}),
			`OAuth2PasswordBearer ` + fmt.Sprintf(password, "../token")},
		{"POST", openapi.Options{}, tokenAt("POST /token"), `OAuth2PasswordBearer ` + fmt.Sprintf(password, "token")},
		{"any method", openapi.Options{}, tokenAt("/auth/token"), `OAuth2PasswordBearer ` + fmt.Sprintf(password, "auth/token")},
		{"its name, with a token endpoint", openapi.Options{SchemeName: "password"}, tokenAt("/token"), `password ` + fmt.Sprintf(password, "token")},
		{"end", openapi.Options{}, tokenAt("POST /token/{$}"), `OAuth2PasswordBearer ` + fmt.Sprintf(password, "token/")},
		{"root", openapi.Options{}, tokenAt("POST /{$}"), `OAuth2PasswordBearer ` + fmt.Sprintf(password, "./")},
		{"colon", openapi.Options{}, tokenAt("POST /v1:token"), `OAuth2PasswordBearer ` + fmt.Sprintf(password, "./v1:token")},
		{"host", openapi.Options{}, tokenAt("POST login.example/token"), `OAuth2PasswordBearer ` + fmt.Sprintf(password, "//login.example/token")},
		{"hidden", openapi.Options{}, tokenAt("POST /token", openapi.Operation{Hidden: true}), ``},
		{"a hidden one besides", openapi.Options{}, func(api *openapi.API) {
			tokenAt("POST /old", openapi.Operation{Hidden: true})(api)
			tokenAt("POST /new")(api)
		}, `OAuth2PasswordBearer ` + fmt.Sprintf(password, "new")},
		{"refresh and revocation", openapi.Options{}, func(api *openapi.API) {
			signIn, sessions := newTokenHandler(true)
			api.Handle("/token", signIn)
			api.Handle("/token/revoke", authserver.NewRevocation(signIn, sessions, nil))
		}, `OAuth2PasswordBearer {"type":"oauth2","flows":{"password":{"tokenUrl":"token","refreshUrl":"token","scopes":{},"x-revocationUrl":"token/revoke"}}}`},
		{"scopes", openapi.Options{TokenURL: "t"}, func(api *openapi.API) {
			described := passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Scopes: map[string]string{"a": "A", "z": "Z"}})
			api.Handle("GET /a", described.Require("a").Handler(ok))
			api.Handle("GET /b", demanding("b", "a"))
			api.Handle("GET /c", demanding("c"), openapi.Operation{Hidden: true})
		}, `OAuth2PasswordBearer {"type":"oauth2","flows":{"password":{"tokenUrl":"t","scopes":{"a":"A","b":"","z":"Z"}}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(&tt.opts)
			tt.routes(api)
			var got string
			for name, scheme := range read(t, api).Components.SecuritySchemes {
				got += name + " " + string(scheme)
			}
			require.Equal(t, tt.scheme, got)
		})
	}
}

func tokenAt(pattern string, op ...openapi.Operation) func(*openapi.API) {
	return func(api *openapi.API) {
		signIn, _ := newTokenHandler(false)
		api.Handle(pattern, signIn, op...)
	}
}

// TestTokenEndpoint: it documents what it answers to.
func TestTokenEndpoint(t *testing.T) {
	for _, tt := range []struct {
		full              bool
		fields, responses []string
		required          []any
	}{
		{false, []string{"grant_type", "username", "password", "scope"}, []string{"200", "400", "429", "503"}, []any{"grant_type", "username", "password"}},
		{true, []string{"grant_type", "username", "password", "scope", "refresh_token", "client_id", "client_secret"},
			[]string{"200", "400", "401", "429", "503"}, []any{"grant_type"}},
	} {
		signIn, _ := newTokenHandler(tt.full)
		api := newAPI(nil)
		api.Handle("/token", signIn, openapi.Operation{Summary: "Sign in", Responses: map[int]openapi.Response{400: {Description: "No"}}})
		op := read(t, api).operation(t, "POST /token")
		require.Equal(t, "Sign in", op.Summary)
		require.Equal(t, "[]", string(op.Security))
		form := op.RequestBody["content"].(map[string]any)["application/x-www-form-urlencoded"].(map[string]any)["schema"].(map[string]any)
		require.ElementsMatch(t, tt.fields, keys(form["properties"].(map[string]any)))
		require.Equal(t, tt.required, form["required"])
		require.ElementsMatch(t, tt.responses, keys(op.Responses))
		require.Equal(t, map[string]any{"description": "No"}, op.Responses["400"], "what the program says goes")
	}
}

func keys[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

// TestServing: the document is kept by those who ask until it changes.
func TestServing(t *testing.T) {
	api := full()
	w := get(api, "/openapi.json")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	document, err := api.Document()
	require.NoError(t, err)
	require.Equal(t, string(document), w.Body.String())
	document[0] = 'x'
	require.Equal(t, "{", get(api, "/openapi.json").Body.String()[:1], "it was a copy")

	etag := w.Header().Get("ETag")
	require.Regexp(t, `^"[\w-]{22}"$`, etag)
	for _, seen := range []string{etag, `"other", ` + etag, "W/" + etag, "*"} {
		w = get(api, "/openapi.json", "If-None-Match", seen)
		require.Equal(t, 304, w.Code, seen)
		require.Empty(t, w.Body.String())
		require.Equal(t, etag, w.Header().Get("ETag"))
	}
	require.Equal(t, 200, get(api, "/openapi.json", "If-None-Match", `"other"`).Code)
	w = do(api, "HEAD", "/openapi.json")
	require.Equal(t, 200, w.Code)
	require.Empty(t, w.Body.String())
	require.Equal(t, 405, do(api, "POST", "/openapi.json").Code)

	api.Handle("GET /later", ok)
	w = get(api, "/openapi.json", "If-None-Match", etag)
	require.Equal(t, 200, w.Code)
	require.NotEqual(t, etag, w.Header().Get("ETag"))
	require.Contains(t, w.Body.String(), "/later")
	etag = w.Header().Get("ETag")
	require.NoError(t, api.Merge([]byte(`{"openapi":"3.1.0","tags":[{"name":"items"}]}`)))
	require.Equal(t, 200, get(api, "/openapi.json", "If-None-Match", etag).Code)
}

// TestPrefix: nothing in the document depends on where the API is mounted.
func TestPrefix(t *testing.T) {
	api := full()
	mux := http.NewServeMux()
	mux.Handle("/v1/", http.StripPrefix("/v1", api))
	text, err := api.Document()
	require.NoError(t, err)
	w := get(mux, "/v1/openapi.json")
	require.Equal(t, string(text), w.Body.String())
	require.Equal(t, []map[string]any{{"url": "."}}, read(t, api).Servers, "the folder of the document")
	require.Equal(t, 200, get(mux, "/v1/health").Code)
}

func TestSharedMux(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /own", ok)
	api := newAPI(&openapi.Options{Mux: mux})
	api.Handle("GET /x", ok)
	require.Equal(t, []string{"/x"}, keys(read(t, api).Paths))
	for _, path := range []string{"/own", "/x", "/openapi.json"} {
		require.Equal(t, 200, get(mux, path).Code)
		require.Equal(t, 200, get(api, path).Code)
	}
	require.Equal(t, 404, get(mux, "/docs").Code)
}

func TestDocs(t *testing.T) {
	docs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	api := newAPI(&openapi.Options{Docs: docs})
	for _, path := range []string{"/docs", "/docs/", "/docs/a/b.js"} {
		require.Equal(t, path, get(api, path).Body.String())
	}
	require.Empty(t, read(t, api).Paths)
}

func TestHiddenAndMethods(t *testing.T) {
	api := newAPI(nil)
	api.Handle("/x", demanding("a"), openapi.Operation{Methods: []string{"POST", "GET"}, Summary: "X"})
	api.Handle("GET /y", ok, openapi.Operation{Hidden: true, Body: 42}) // needs no schema
	doc := read(t, api)
	require.Equal(t, []string{"/x"}, keys(doc.Paths))
	for _, method := range []string{"GET", "POST"} {
		require.Equal(t, `[{"HTTPBearer":["a"]}]`, doc.security(t, method+" /x"))
		require.Equal(t, "X", doc.operation(t, method+" /x").Summary)
	}
	require.Equal(t, 200, get(api, "/y").Code)
}

// TestOperationIsNotKept: the caller may go on with what it passed.
func TestOperationIsNotKept(t *testing.T) {
	op := openapi.Operation{
		Parameters: []openapi.Parameter{{Name: "q", In: "query", Schema: item{}}},
		Responses:  map[int]openapi.Response{200: {Body: item{}}},
		Tags:       []string{"a"},
	}
	api := newAPI(&openapi.Options{Schemas: schemer{}})
	api.Handle("GET /x", ok, op)
	api.Handle("GET /y", ok, op)
	require.Equal(t, item{}, op.Parameters[0].Schema)
	require.Equal(t, item{}, op.Responses[200].Body)
	op.Tags[0] = "changed"
	require.Equal(t, []string{"a"}, read(t, api).operation(t, "GET /x").Tags)
}

func TestConcurrently(t *testing.T) {
	const routes, readers = 50, 4
	api := full()
	var all sync.WaitGroup
	for i := range routes {
		all.Go(func() { api.Handle(fmt.Sprintf("GET /more/%d", i), demanding("items:read")) })
	}
	for range readers {
		all.Go(func() {
			for range routes {
				assert.Equal(t, 200, get(api, "/openapi.json").Code)
			}
		})
	}
	all.Go(func() {
		assert.NoError(t, api.Merge([]byte(`{"openapi":"3.1.0","paths":{"/health":{"get":{"summary":"Health"}}}}`)))
	})
	all.Wait()
	doc := read(t, api)
	require.Len(t, doc.Paths, routes+6)
	require.Equal(t, "Health", doc.operation(t, "GET /health").Summary)
}
