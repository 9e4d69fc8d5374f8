package openapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/openapi"
)

func TestNewPanics(t *testing.T) {
	for _, tt := range []struct {
		title, version string
		opts           openapi.Options
		says           string
	}{
		{"", "1", openapi.Options{}, "needs the API's title and its version"},
		{"T", "", openapi.Options{}, "needs the API's title and its version"},
		{"T", "1", openapi.Options{SchemeName: "my scheme"}, "Options.SchemeName has other characters than"},
		{"T", "1", openapi.Options{TokenURL: "%zz"}, "Options.TokenURL is not a URL"},
	} {
		require.Contains(t, panicOf(t, func() { openapi.New(tt.title, tt.version, &tt.opts) }), tt.says)
	}
}

func panicOf(t *testing.T, f func()) (says string) {
	t.Helper()
	defer func() {
		switch v := recover().(type) {
		case string:
			says = v
		case error:
			says = v.Error()
		default:
			t.Error("no panic")
		}
	}()
	f()
	return ""
}

// faulty is a Schemer that answers as it was told to.
type faulty struct {
	schema      string
	definitions map[string]json.RawMessage
	err         error
}

func (f faulty) Schema(any) (json.RawMessage, map[string]json.RawMessage, error) {
	return json.RawMessage(f.schema), f.definitions, f.err
}

func TestHandlePanics(t *testing.T) {
	signIn, sessions := newTokenHandler(true)
	revocation := authserver.NewRevocation(signIn, sessions, nil)
	describing := func(text string) http.Handler {
		return passbearer.NewGuard(tokens{}, &passbearer.GuardOptions{Scopes: map[string]string{"a": text}}).Require("a").Handler(ok)
	}
	type ops = []openapi.Operation
	param := func(in, name string) openapi.Operation {
		return openapi.Operation{Parameters: []openapi.Parameter{{Name: name, In: in}}}
	}
	body := func(v any) openapi.Operation { return openapi.Operation{Body: v} }
	none := func(*openapi.API) {}
	with := func(pattern string, h http.Handler, op ...openapi.Operation) func(*openapi.API) {
		return func(api *openapi.API) { api.Handle(pattern, h, op...) }
	}
	for _, tt := range []struct {
		name    string
		opts    openapi.Options
		before  func(*openapi.API)
		pattern string
		h       http.Handler
		ops     ops
		says    string
	}{
		{"several operations", openapi.Options{}, none, "GET /x", ok, ops{{}, {}}, "at most one Operation"},
		{"no pattern", openapi.Options{}, none, "x", ok, nil, "parsing \"x\""},
		{"no handler", openapi.Options{}, none, "GET /x", nil, nil, "nil handler"},
		{"the mux's conflict", openapi.Options{}, with("GET /{a}/x", ok), "GET /x/{b}", ok, nil, "conflicts with"},
		{"the document's own route", openapi.Options{}, none, "GET /openapi.json", ok, nil, "conflicts with"},

		{"Methods besides a method", openapi.Options{}, none, "GET /x", ok, ops{{Methods: []string{"GET"}}}, "leave the one or the other out"},
		{"unknown method", openapi.Options{}, none, "/x", ok, ops{{Methods: []string{"get"}}}, `Methods has "get": OpenAPI knows GET,`},
		{"method twice", openapi.Options{}, none, "/x", ok, ops{{Methods: []string{"GET", "GET"}}}, "Methods has GET twice"},
		{"parameter that is not in the path", openapi.Options{}, none, "GET /{id}", ok, ops{param("path", "name")}, `"name" is not in the path: correct`},
		{"parameter nowhere", openapi.Options{}, none, "GET /x", ok, ops{param("body", "q")}, `use path, query, header or cookie`},
		{"parameter without a name", openapi.Options{}, none, "GET /x", ok, ops{param("query", "")}, "has no name"},
		{"Authorization", openapi.Options{}, none, "GET /x", ok, ops{param("header", "authorization")}, "the header authorization is no parameter"},
		{"parameter twice", openapi.Options{}, none, "GET /x", ok, ops{{Parameters: []openapi.Parameter{{Name: "q", In: "query"}, {Name: "q", In: "query"}}}}, `"q" is there twice`},
		{"status", openapi.Options{}, none, "GET /x", ok, ops{{Responses: map[int]openapi.Response{99: {}}}}, "99 is no status"},
		{"extension", openapi.Options{}, none, "GET /x", ok, ops{{FlowExtension: "revocationUrl"}}, "begins with x-"},

		{"names alone differ", openapi.Options{}, with("GET /a/{x}", ok), "GET /a/{y...}", ok, nil, `OpenAPI cannot tell it from "GET /a/{x}", as both are GET /a/{y}: set Operation.Hidden`},
		{"end and subtree", openapi.Options{}, with("GET /a/", ok), "GET /a/{$}", ok, nil, "cannot tell it from"},
		{"host", openapi.Options{}, with("GET a.example/x", ok), "GET b.example/x", ok, nil, "cannot tell it from"},
		{"method and any", openapi.Options{}, with("GET /x", ok), "/x", ok, nil, "cannot tell it from"},
		{"ID twice", openapi.Options{}, with("GET /x", ok, openapi.Operation{ID: "a"}), "GET /y", ok, ops{{ID: "a"}}, `the ID "a" is there already`},
		{"ID for several methods", openapi.Options{}, none, "/y", ok, ops{{ID: "a", Methods: []string{"GET", "PUT"}}}, "for several methods"},

		{"two token endpoints", openapi.Options{}, with("POST /token", signIn), "POST /login", signIn, nil, `a token endpoint already, "POST /token": set Operation.Hidden`},
		{"a token endpoint here and elsewhere", openapi.Options{TokenURL: "x"}, none, "POST /token", signIn, nil, "Options.TokenURL tells of another"},
		{"a token endpoint for GET", openapi.Options{}, none, "GET /token", signIn, nil, `mount it as "POST /token"`},
		{"token endpoints", openapi.Options{}, none, "POST /{tenant}/token", signIn, nil, "leave the wildcards out"},
		{"revocation endpoints", openapi.Options{}, none, "POST /{tenant}/revoke", revocation, nil, "leave the wildcards out"},
		{"two revocation endpoints", openapi.Options{}, with("/a", revocation), "/b", revocation, nil, `has the x-revocationUrl of "/a" already`},
		{"two descriptions of a scope", openapi.Options{}, with("GET /a", describing("A")), "GET /b", describing("B"), nil, `describes the scope a as "B" and another one as "A"`},
		{"Wraps what does not tell", openapi.Options{}, none, "GET /x", ok, ops{{Wraps: ok}}, "Wraps does not tell anything"},
		{"Wraps something else", openapi.Options{}, none, "GET /x", demanding("a"), ops{{Wraps: demanding("b")}}, `Wraps demands [{"bearer":["b"]}] and the handler itself [{"bearer":["a"]}]: leave Wraps out`},

		{"value without a Schemer", openapi.Options{}, none, "GET /x", ok, ops{body(item{})}, "a openapi_test.item needs a schema: set Options.Schemas"},
		{"parameter without a Schemer", openapi.Options{}, none, "GET /x", ok, ops{{Parameters: []openapi.Parameter{{Name: "q", In: "query", Schema: 1}}}}, "a int needs a schema"},
		{"response without a Schemer", openapi.Options{}, none, "GET /x", ok, ops{{Responses: map[int]openapi.Response{200: {Body: 1}}}}, "a int needs a schema"},
		{"value without a schema", openapi.Options{Schemas: faulty{err: errors.New("cyclic")}}, none, "GET /x", ok, ops{body(item{})}, "the schema of a openapi_test.item: cyclic"},
		{"no JSON", openapi.Options{}, none, "GET /x", ok, ops{body(json.RawMessage(`{`))}, "is not JSON"},
		{"no schema", openapi.Options{}, none, "GET /x", ok, ops{body(json.RawMessage(`"x"`))}, "neither an object nor a boolean"},
		{"definition's name", openapi.Options{Schemas: faulty{"{}", map[string]json.RawMessage{"a b": json.RawMessage("{}")}, nil}}, none, "GET /x", ok, ops{body(1)}, `"a b" has a name that no component can have`},
		{"definition", openapi.Options{Schemas: faulty{"{}", map[string]json.RawMessage{"a": json.RawMessage("1")}, nil}}, none, "GET /x", ok, ops{body(1)}, "neither an object nor a boolean"},
		{"definitions of one name", openapi.Options{Schemas: &changing{}}, with("GET /x", ok, body(1)), "GET /y", ok, ops{body(2)}, `two different definitions of the name "A"`},
		{"against what was merged", openapi.Options{}, merging(`{"openapi":"3.1.0","paths":{"/x":{"get":{"security":[]}}}}`), "GET /x", demanding("a"), nil, `GET /x: the document says security [], and what is enforced is [{"HTTPBearer":["a"]}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(&tt.opts)
			tt.before(api)
			require.Contains(t, panicOf(t, func() { api.Handle(tt.pattern, tt.h, tt.ops...) }), tt.says)
		})
	}
}

func merging(text string) func(*openapi.API) {
	return func(api *openapi.API) {
		if err := api.Merge([]byte(text)); err != nil {
			panic(err)
		}
	}
}

// changing is a Schemer that has another definition each time.
type changing struct{ n int }

func (c *changing) Schema(any) (json.RawMessage, map[string]json.RawMessage, error) {
	c.n++
	definition, _ := json.Marshal(map[string]int{"maxLength": c.n})
	return json.RawMessage("true"), map[string]json.RawMessage{"A": definition}, nil
}
