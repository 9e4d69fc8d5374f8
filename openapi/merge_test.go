package openapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/openapi"
)

// mixed has routes of each kind that a document may tell of.
func mixed() *openapi.API {
	mux := http.NewServeMux()
	mux.Handle("/beside/", demanding("beside"))
	mux.Handle("/plain/", ok)
	api := newAPI(&openapi.Options{Mux: mux, Schemas: schemer{}})
	api.Handle("GET /items/{id}", demanding("read"), openapi.Operation{
		Summary:    "One item",
		Responses:  map[int]openapi.Response{200: {Description: "The item"}, 404: {}},
		Parameters: []openapi.Parameter{{Name: "lang", In: "query"}},
	})
	api.Handle("PUT /items/{name}", demanding("write"))
	api.Handle("GET /public", ok)
	api.Handle("GET /maybe", optional.Handler(ok))
	api.Handle("/admin/", demanding("admin"), openapi.Operation{Hidden: true})
	api.Handle("GET /admin/login", ok)
	api.Handle("GET /wrapped/", hiding{demanding("wrapped")}, openapi.Operation{Wraps: demanding("wrapped"), Hidden: true})
	api.Handle("files.example/", demanding("files"), openapi.Operation{Hidden: true})
	api.Handle("POST /schema", ok, openapi.Operation{ID: "schema", Body: item{}})
	return api
}

// TestMergeSecurity: a document's security is that of the Guard, or it is refused.
func TestMergeSecurity(t *testing.T) {
	const refused = ""
	for _, tt := range []struct {
		name, operation string
		security        string // as it is written; none is left out
		want            string // as it is merged
	}{
		{"left out", "get /items/{id}", ``, `[{"HTTPBearer":["read"]}]`},
		{"the same", "get /items/{id}", `[{"HTTPBearer":["read"]}]`, `[{"HTTPBearer":["read"]}]`},
		{"public", "get /items/{id}", `[]`, refused},
		{"anonymous", "get /items/{id}", `[{}]`, refused},
		{"anonymous besides", "get /items/{id}", `[{"HTTPBearer":["read"]},{}]`, refused},
		{"less", "get /items/{id}", `[{"HTTPBearer":[]}]`, refused},
		{"more", "get /items/{id}", `[{"HTTPBearer":["read","write"]}]`, refused},
		{"another scheme", "get /items/{id}", `[{"apiKey":[]}]`, refused},
		{"another scheme besides", "get /items/{id}", `[{"HTTPBearer":["read"],"apiKey":[]}]`, refused},
		{"public is", "get /public", ``, `[]`},
		{"public says so", "get /public", `[]`, `[]`},
		{"public says otherwise", "get /public", `[{"HTTPBearer":[]}]`, refused},
		{"optional", "get /maybe", ``, `[{},{"HTTPBearer":[]}]`},
		{"optional in another order", "get /maybe", `[{"HTTPBearer":[]},{}]`, `[{},{"HTTPBearer":[]}]`},
		{"optional says guarded", "get /maybe", `[{"HTTPBearer":[]}]`, refused},

		{"other method", "delete /items/{id}", ``, `null`},
		{"other method, as it is written", "delete /items/{id}", `[{"x":[]}]`, `[{"x":[]}]`},
		{"HEAD goes where GET does", "head /items/{id}", ``, `[{"HTTPBearer":["read"]}]`},
		{"HEAD against GET", "head /items/{id}", `[]`, refused},
		{"elsewhere", "get /elsewhere", `[{"x":["y"]}]`, `[{"x":["y"]}]`},
		{"elsewhere without", "get /elsewhere", ``, `null`},

		{"below a guarded subtree", "get /admin/users/{user}", ``, `[{"HTTPBearer":["admin"]}]`},
		{"below it, the same", "post /admin/users", `[{"HTTPBearer":["admin"]}]`, `[{"HTTPBearer":["admin"]}]`},
		{"below it, public", "post /admin/users", `[]`, refused},
		{"below it, another", "post /admin/users", `[{"x":[]}]`, refused},
		{"the subtree itself", "get /admin/", `[]`, refused},
		{"redirected to it", "get /admin", `[]`, refused},
		{"redirected below it", "get /public/../admin/x", `[]`, refused},
		{"a parameter could be anything", "get /{any}/users", `[]`, `[]`},
		{"part of a segment", "get /admin/{id}.json", `[]`, refused},
		{"a way out of it", "get /admin/login", ``, `[]`},
		{"as Wraps says", "get /wrapped/{x}", `[]`, refused},
		{"beside the API", "get /beside/x", ``, `[{"HTTPBearer":["beside"]}]`},
		{"beside the API, public", "get /beside/x", `[]`, refused},
		{"beside the API, not guarded", "get /plain/x", `[{"x":[]}]`, `[{"x":[]}]`},
		{"the document itself", "get /openapi.json", `[]`, `[]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := documentOf(t, tt.operation, tt.security)
			api := mixed()
			before, err := api.Document()
			require.NoError(t, err)
			err = api.Merge(text)
			if tt.want == refused {
				require.ErrorContains(t, err, "the document says security "+tt.security)
				after, err := api.Document()
				require.NoError(t, err)
				require.Equal(t, string(before), string(after))
				return
			}
			require.NoError(t, err)
			got := read(t, api).security(t, tt.operation)
			if got == "" {
				got = "null"
			}
			require.Equal(t, tt.want, got)
		})
	}
}

func documentOf(t *testing.T, name, security string) []byte {
	t.Helper()
	op := map[string]any{"summary": "Merged"}
	if security != "" {
		op["security"] = json.RawMessage(security)
	}
	return documentWith(t, name, op)
}

func documentWith(t *testing.T, name string, op any) []byte {
	t.Helper()
	method, path, _ := strings.Cut(name, " ")
	text, err := json.Marshal(map[string]any{"openapi": "3.1.0", "paths": map[string]any{path: map[string]any{method: op}}})
	require.NoError(t, err)
	return text
}

func TestMergeRefuses(t *testing.T) {
	for _, tt := range []struct{ name, document, says string }{
		{"no JSON", `{`, "unexpected end"},
		{"no UTF-8", "{\"openapi\":\"3.1.0\",\"x-a\":\"\xff\"}", "not UTF-8"},
		{"no object", `[]`, "not an object"},
		{"nothing", `{}`, "not of OpenAPI 3.1"},
		{"OpenAPI 3.0", `{"openapi":"3.0.3"}`, "convert it"},
		{"a member twice", `{"openapi":"3.1.0","paths":{"/public":{"get":{"security":[{"x":[]}],"security":[]}}}}`, `"security" is there twice`},
		{"a member twice, in escapes", `{"openapi":"3.1.0","paths":{},"p\u0061ths":{}}`, `"paths" is there twice`},
		{"unknown member", `{"openapi":"3.1.0","Paths":{}}`, `"Paths" is none of OpenAPI 3.1`},
		{"info", `{"openapi":"3.1.0","info":1}`, `"info" is not an object`},
		{"paths", `{"openapi":"3.1.0","paths":[]}`, `"paths" is not an object`},
		{"components", `{"openapi":"3.1.0","components":{"schemas":1}}`, `"schemas" of components is not an object`},
		{"path", `{"openapi":"3.1.0","paths":{"public":{}}}`, "does not begin with a slash"},
		{"query", `{"openapi":"3.1.0","paths":{"/items/x?a=b":{}}}`, "nor part of a path"},
		{"fragment", `{"openapi":"3.1.0","paths":{"/items/x#a":{}}}`, "nor part of a path"},
		{"braces", `{"openapi":"3.1.0","paths":{"/items/{x":{}}}`, "neither a parameter"},
		{"escape", `{"openapi":"3.1.0","paths":{"/%zz":{}}}`, "invalid URL escape"},
		{"a path twice", `{"openapi":"3.1.0","paths":{"/caf%C3%A9":{},"/café":{}}}`, "is there twice"},
		{"names alone", `{"openapi":"3.1.0","paths":{"/x/{a}":{},"/x/{b}":{}}}`, "the path /x/{b} is there as /x/{a}"},
		{"item", `{"openapi":"3.1.0","paths":{"/public":1}}`, "not an object"},
		{"item elsewhere", `{"openapi":"3.1.0","paths":{"/public":{"$ref":"#/components/pathItems/x"}}}`, "it is a $ref"},
		{"capitals", `{"openapi":"3.1.0","paths":{"/items/{id}":{"GET":{"security":[]}}}}`, `"GET" is none of OpenAPI 3.1`},
		{"operation", `{"openapi":"3.1.0","paths":{"/public":{"get":1}}}`, "get: it is not an object"},
		{"responses", `{"openapi":"3.1.0","paths":{"/public":{"get":{"responses":{"200":1}}}}}`, "not an object of objects"},
		{"responses' list", `{"openapi":"3.1.0","paths":{"/public":{"get":{"responses":[]}}}}`, "not an object of objects"},
		{"security", `{"openapi":"3.1.0","paths":{"/elsewhere":{"get":{"security":{}}}}}`, "its security is not a list"},
		{"security of no objects", `{"openapi":"3.1.0","paths":{"/elsewhere":{"get":{"security":[1]}}}}`, "its security is not a list"},
		{"security of no lists", `{"openapi":"3.1.0","paths":{"/elsewhere":{"get":{"security":[{"x":1}]}}}}`, "its security is not a list"},
		{"security of no texts", `{"openapi":"3.1.0","paths":{"/elsewhere":{"get":{"security":[{"x":[1]}]}}}}`, "its security is not a list"},
		{"security of null", `{"openapi":"3.1.0","paths":{"/public":{"get":{"security":null}}}}`, "its security is not a list"},
		{"parameters", `{"openapi":"3.1.0","paths":{"/public":{"parameters":{},"get":{}}}}`, "its parameters are not a list"},
		{"parameter", `{"openapi":"3.1.0","paths":{"/public":{"get":{"parameters":[{"name":"a"}]}}}}`, "no name and place"},
		{"parameter elsewhere", `{"openapi":"3.1.0","paths":{"/public":{"get":{"parameters":[{"$ref":"#/components/parameters/x"}]}}}}`, "no name and place"},
		{"parameter of no path", `{"openapi":"3.1.0","paths":{"/public":{"get":{"parameters":[{"name":"a","in":"path"}]}}}}`, `"a" is not in the path`},
		{"part of a parameter's name", `{"openapi":"3.1.0","paths":{"/items/{id}":{"get":{"parameters":[{"name":"i","in":"path"}]}}}}`, `"i" is not in the path`},
		{"names of parameters", `{"openapi":"3.1.0","paths":{"/items/{item}":{"get":{}}}}`, "the route has the path /items/{id}: give"},
		{"names of parameters, another method", `{"openapi":"3.1.0","paths":{"/items/{item}":{"delete":{}}}}`, "the path /items/{item} is there as /items/{id}"},
		{"all public", `{"openapi":"3.1.0","security":[],"paths":{"/items/{id}":{"get":{}}}}`, "the document says security []"},
		{"all guarded", `{"openapi":"3.1.0","security":[{"HTTPBearer":[]}],"paths":{"/public":{"get":{}}}}`, "what is enforced is []"},
		{"ID of a route", `{"openapi":"3.1.0","paths":{"/elsewhere":{"get":{"operationId":"schema"}}}}`, `the operationId "schema" is that of POST /schema already`},
		{"ID twice", `{"openapi":"3.1.0","paths":{"/a":{"get":{"operationId":"a"}},"/b":{"get":{"operationId":"a"}}}}`, "is that of GET /a already"},
		{"our scheme", `{"openapi":"3.1.0","components":{"securitySchemes":{"HTTPBearer":{"type":"http","scheme":"basic"}}}}`, `components/securitySchemes: "HTTPBearer" is there already with other content`},
		{"our definition", `{"openapi":"3.1.0","components":{"schemas":{"Item":{"type":"string"}}}}`, `components/schemas: "Item" is there already`},
		{"host", `{"openapi":"3.1.0","paths":{"/x":{"get":{"servers":[{"url":"https://files.example:8443/"}],"security":[]}}}}`, `(the route is "files.example/")`},
		{"host of the path", `{"openapi":"3.1.0","paths":{"/x":{"servers":[{"url":"//files.example"}],"get":{"security":[]}}}}`, `(the route is "files.example/")`},
		{"host of all", `{"openapi":"3.1.0","servers":[{"url":"//files.example"}],"paths":{"/x":{"get":{"security":[]}}}}`, `(the route is "files.example/")`},
		{"server with a path", `{"openapi":"3.1.0","paths":{"/users":{"get":{"servers":[{"url":"/admin"}],"security":[]}}}}`, `the server "/admin" has a path`},
		{"relative server", `{"openapi":"3.1.0","paths":{"/users":{"servers":[{"url":"admin"}],"get":{"security":[]}}}}`, `the server "admin" has a path`},
		{"server with a variable", `{"openapi":"3.1.0","servers":[{"url":"https://{h}.example","variables":{"h":{"default":"files"}}}],"paths":{"/x":{"get":{"security":[]}}}}`, "without variables"},
		{"servers are no list", `{"openapi":"3.1.0","servers":{},"paths":{}}`, "not a list"},
		{"two Guards", `{"openapi":"3.1.0","paths":{"/admin/x":{"get":{"servers":[{"url":"//files.example"}]}}}}`, "several Guards"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := mixed()
			require.ErrorContains(t, api.Merge([]byte(tt.document)), tt.says)
			require.NoError(t, api.Merge([]byte(`{"openapi":"3.1.0"}`)), "nothing of it is left")
		})
	}
}

// TestMergeFills: what the program says goes, then the document, then what has
// to be there.
func TestMergeFills(t *testing.T) {
	api := mixed()
	require.NoError(t, api.Merge([]byte(`{"openapi":"3.1.1","paths":{"/items/{id}":{
		"summary":"Items",
		"parameters":[{"name":"id","in":"path","required":true,"description":"Of the path","schema":{"type":"integer"}}],
		"get":{
			"operationId":"readItem","summary":"Other","description":"Long","tags":["items"],"externalDocs":{"url":"x"},"x-y":1,
			"parameters":[
				{"name":"id","in":"path","description":"Which","schema":{"type":"string","format":"uuid"}},
				{"name":"lang","in":"query","description":"Language","required":true},
				{"$ref":"#/components/parameters/limit"}],
			"requestBody":{"content":{}},
			"responses":{"200":{"description":"Other","content":{"text/plain":{}}},"401":{"description":"Mine","headers":{}},"404":{"$ref":"#/components/responses/no"},"default":{"$ref":"#/components/responses/no"},"x-z":2}},
		"put":{"deprecated":true}}},
		"components":{"parameters":{"limit":{"name":"limit","in":"query"}},"responses":{"no":{"description":"No"}}}}`)))
	doc := read(t, api)
	require.JSONEq(t, `"Items"`, string(doc.Paths["/items/{id}"]["summary"]))
	require.JSONEq(t, `{
		"tags":["items"],"summary":"One item","description":"Long","externalDocs":{"url":"x"},"operationId":"readItem","x-y":1,
		"parameters":[
			{"name":"id","in":"path","description":"Which","required":true,"schema":{"type":"string","format":"uuid"}},
			{"name":"lang","in":"query","description":"Language","required":true,"schema":{"type":"string"}},
			{"$ref":"#/components/parameters/limit"}],
		"requestBody":{"content":{}},
		"responses":{
			"200":{"description":"The item","content":{"text/plain":{}}},
			"401":{"description":"Mine","headers":{},"content":{"application/json":{"schema":{"type":"object","required":["detail"],"properties":{"detail":{"type":"string"}}}}}},
			"403":{"description":"The token lacks a scope","headers":{"WWW-Authenticate":{"description":"The challenge (RFC 6750)","schema":{"type":"string"}}},
				"content":{"application/json":{"schema":{"type":"object","required":["detail"],"properties":{"detail":{"type":"string"}}}}}},
			"404":{"description":"Not Found"},
			"default":{"$ref":"#/components/responses/no"},"x-z":2},
		"security":[{"HTTPBearer":["read"]}]}`, string(doc.Paths["/items/{id}"]["get"]))
	put := doc.operation(t, "put /items/{id}")
	require.True(t, put.Deprecated)
	require.Equal(t, map[string]any{"type": "integer"}, put.Parameters[0]["schema"])
	require.Equal(t, "put_items_id", put.OperationID)
	require.Contains(t, put.Responses, "200")
}

func TestMergeAddsTheRest(t *testing.T) {
	api := openapi.New("Items", "1.0", &openapi.Options{Description: "The program's", TokenURL: "token"})
	api.Handle("GET /x", demanding("a"))
	scheme := read(t, api).Components.SecuritySchemes["OAuth2PasswordBearer"]
	first := `{"openapi":"3.1.0","info":{"title":"Other","version":"9","description":"Hand-written","license":{"name":"MIT"}},
		"tags":[{"name":"a"}],"servers":[{"url":"https://api.example/v1"}],"externalDocs":{"url":"x"},"webhooks":{"w":{}},"x-own":[1.50],
		"security":[{"key":[]}],
		"paths":{"x-paths":1,"/elsewhere/{id}":{"description":"Else","parameters":[{"name":"id","in":"path","required":true}],"get":{"responses":{"204":{"description":"None"}}}}},
		"components":{"x-c":1,"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"X-Key"},"OAuth2PasswordBearer":` + string(scheme) + `}}}`
	require.NoError(t, api.Merge([]byte(first)))
	require.NoError(t, api.Merge([]byte(`{"openapi":"3.1.0","tags":[{"name":"a"}],"paths":{"/elsewhere/{id}":{"put":{}}}}`)), "a part of it again")
	text, err := api.Document()
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(text, &got))
	delete(got["paths"].(map[string]any), "/x")
	rest, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, `{"openapi":"3.1.0","info":{"title":"Items","version":"1.0","description":"Hand-written","license":{"name":"MIT"}},
		"tags":[{"name":"a"}],"servers":[{"url":"https://api.example/v1"}],"externalDocs":{"url":"x"},"webhooks":{"w":{}},"x-own":[1.50],
		"paths":{"x-paths":1,"/elsewhere/{id}":{"description":"Else",
			"get":{"parameters":[{"name":"id","in":"path","required":true}],"responses":{"204":{"description":"None"}},"security":[{"key":[]}]},
			"put":{}}},
		"components":{"x-c":1,"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"X-Key"},"OAuth2PasswordBearer":`+string(scheme)+`}}}`, string(rest))
	require.Contains(t, string(text), "1.50", "numbers are as they were written")

	for _, tt := range []struct{ document, says string }{
		{first, "GET /elsewhere/{id} is described in two documents"},
		{`{"openapi":"3.1.0","tags":[]}`, `"tags" is there already with other content: [{"name":"a"}]`},
		{`{"openapi":"3.1.0","info":{"description":"Third"}}`, `"description" is there already`},
		{`{"openapi":"3.1.0","paths":{"x-paths":2}}`, `"x-paths" is there already`},
		{`{"openapi":"3.1.0","paths":{"/elsewhere/{id}":{"description":"Third"}}}`, `the path /elsewhere/{id}: "description" is there already`},
		{`{"openapi":"3.1.0","components":{"x-c":2}}`, `"x-c" is there already`},
	} {
		require.ErrorContains(t, api.Merge([]byte(tt.document)), tt.says)
	}
}

// TestMergeOfItself: a document may be written to a file, have its texts added,
// and be merged.
func TestMergeOfItself(t *testing.T) {
	text, err := full().Document()
	require.NoError(t, err)
	api := full()
	require.NoError(t, api.Merge(text))
	again, err := api.Document()
	require.NoError(t, err)
	require.JSONEq(t, string(text), string(again))
}

// TestHandleAfterMerge: a route takes over what was kept for it.
func TestHandleAfterMerge(t *testing.T) {
	api := newAPI(nil)
	require.NoError(t, api.Merge(documentOf(t, "get /x/{id}", "")))
	require.Empty(t, read(t, api).security(t, "get /x/{id}"))
	api.Handle("GET /x/{id}", demanding("a"))
	doc := read(t, api)
	require.Equal(t, `[{"HTTPBearer":["a"]}]`, doc.security(t, "get /x/{id}"))
	require.Equal(t, "Merged", doc.operation(t, "get /x/{id}").Summary)
}

// TestMuxChangesAfterMerge: what is mounted behind the API's back is seen when
// the document is made.
func TestMuxChangesAfterMerge(t *testing.T) {
	mux := http.NewServeMux()
	api := newAPI(&openapi.Options{Mux: mux})
	require.NoError(t, api.Merge(documentOf(t, "get /x", "[]")))
	mux.Handle("GET /x", demanding("a"))
	_, err := api.Document()
	require.ErrorContains(t, err, "the document says security []")
	w := get(mux, "/openapi.json")
	require.Equal(t, 500, w.Code)
	require.JSONEq(t, `{"detail":"The API's document contradicts its routes"}`, w.Body.String())
	require.Empty(t, w.Header().Get("ETag"))
}
