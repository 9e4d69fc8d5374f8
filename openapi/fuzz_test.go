package openapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzMerge: whatever is merged, the document says of each guarded route what its
// Guard demands, and calls nothing public that is answered 401.
func FuzzMerge(f *testing.F) {
	for _, seed := range []struct{ document, path, method, security string }{
		{`{"openapi":"3.1.0"}`, "/items/{id}", "get", `[{"HTTPBearer":["read"]}]`},
		{`{"openapi":"3.1.0","security":[],"paths":{"/admin/{x}":{"parameters":[{"name":"x","in":"path"}],"post":{}}}}`, "/admin/users", "post", `[]`},
		{`{"openapi":"3.1.0","paths":{"/beside/":{"get":{"responses":{"401":{}}}}}}`, "/elsewhere/../admin/{x}.json", "delete", `[{}]`},
		{`{"openapi":"3.1.0","security":[{"HTTPBearer":["admin"]}],"paths":{"/admin/%2e%2e/x":{"put":{}}}}`, "//admin//x", "put", `[{"HTTPBearer":["admin"]}]`},
		{`{"openapi":"3.1.0","components":{"securitySchemes":{"HTTPBearer":{"type":"http"}}}}`, "/maybe", "get", `[{"HTTPBearer":[]},{}]`},
		{`{"openapi":"3.1.0","paths":{"/admin":{"get":{"servers":[{"url":"//files.example"}]}}}}`, "/admin/x%2Fy", "head", `[{"x":[]}]`},
	} {
		f.Add([]byte(seed.document), seed.path, seed.method, seed.security)
	}
	f.Fuzz(func(t *testing.T, document []byte, path, method, security string) {
		api := mixed()
		before := read(t, api)
		err := api.Merge(document)
		if json.Valid([]byte(security)) {
			// The second one is refused where the first one has the same operation.
			_ = api.Merge(documentWith(t, method+" "+path, map[string]any{"security": json.RawMessage(security)}))
		} else if err != nil {
			return
		}
		text, err := api.Document()
		require.NoError(t, err)
		again, err := api.Document()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		after := read(t, api)
		for path, item := range before.Paths {
			for method := range item {
				name := method + " " + path
				require.JSONEq(t, before.security(t, name), after.security(t, name), name)
			}
		}
		for path, item := range after.Paths {
			requireHonest(t, api, path, item)
		}
	})
}

var expression = regexp.MustCompile(`\{[^{}]*\}`)

func requireHonest(t *testing.T, api http.Handler, path string, item map[string]json.RawMessage) {
	t.Helper()
	for method, text := range item {
		var op struct{ Security []map[string][]string }
		if strings.Contains("summary description servers", method) || json.Unmarshal(text, &op) != nil {
			continue
		}
		public := len(op.Security) == 0
		for _, requirement := range op.Security {
			public = public || len(requirement) == 0
		}
		r, err := http.NewRequest(strings.ToUpper(method), "http://api.example"+expression.ReplaceAllString(path, "value"), nil)
		if err != nil || !public {
			continue
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		require.NotEqual(t, 401, w.Code, "%s %s is documented as public", method, path)
	}
}
