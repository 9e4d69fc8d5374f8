package openapi_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/openapi"
)

// TestPatterns has every form of a pattern that http.ServeMux knows.
func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, operation string
		parameters         string // of the path; one that takes the rest is marked
		server, id         string
	}{
		{"GET /items/{id}", "get /items/{id}", "id", "", "get_items_id"},
		{"GET\t /items", "get /items", "", "", "get_items"},
		{"/items", "get /items", "", "", "get_items"},
		{"/", "get /", "", "", "get"},
		{"GET /{$}", "get /", "", "", "get"},
		{"GET /items/", "get /items/", "", "", "get_items"},
		{"GET /items/{$}", "get /items/", "", "", "get_items"},
		{"GET /files/{path...}", "get /files/{path}", "path...", "", "get_files_path"},
		{"GET /{all...}", "get /{all}", "all...", "", "get_all"},
		{"GET /{a}/x/{b_2}/{ü}", "get /{a}/x/{b_2}/{ü}", "a b_2 ü", "", "get_a_x_b_2"},
		{"DELETE /items/{id}", "delete /items/{id}", "id", "", "delete_items_id"},
		{"HEAD /x", "head /x", "", "", "head_x"},
		{"PUT /x", "put /x", "", "", "put_x"},
		{"POST /x", "post /x", "", "", "post_x"},
		{"OPTIONS /x", "options /x", "", "", "options_x"},
		{"PATCH /x", "patch /x", "", "", "patch_x"},
		{"TRACE /x", "trace /x", "", "", "trace_x"},
		{"CONNECT /x", "", "", "", ""},
		{"QUERY /x", "", "", "", ""},
		{"get /x", "", "", "", ""}, // another method than GET
		{"api.example.com/", "get /", "", "//api.example.com", "get"},
		{"GET api.example.com/items/{id}", "get /items/{id}", "id", "//api.example.com", "get_items_id"},
		{"GET /café", "get /caf%C3%A9", "", "", "get_caf_C3_A9"},
		{"GET /caf%C3%A9", "get /caf%C3%A9", "", "", "get_caf_C3_A9"},
		{"GET /caf%c3%a9", "get /caf%C3%A9", "", "", "get_caf_C3_A9"},
		{"GET /a%2Fb", "get /a%2Fb", "", "", "get_a_2Fb"},
		{"GET /a%7Bb%7D", "get /a%7Bb%7D", "", "", "get_a_7Bb_7D"},
		{"GET /a b", "get /a%20b", "", "", "get_a_20b"},
		{"GET /50%", "get /50%25", "", "", "get_50_25"},
		{"GET /a,b;c=d:e@f!g~h", "get /a,b;c=d:e@f!g~h", "", "", "get_a_b_c_d_e_f_g_h"},
		{"/a//b", "get /a//b", "", "", "get_a_b"},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			api := newAPI(nil)
			api.Handle(tt.pattern, ok)
			doc := read(t, api)
			if tt.operation == "" {
				require.Empty(t, doc.Paths)
				return
			}
			require.Len(t, doc.Paths, 1)
			op := doc.operation(t, tt.operation)
			require.Equal(t, tt.parameters, pathParameters(t, op))
			require.Equal(t, tt.id, op.OperationID)
			require.Equal(t, "[]", string(op.Security))
			require.Equal(t, map[string]map[string]any{"200": {"description": "OK"}}, op.Responses)
			var server string
			if len(op.Servers) > 0 {
				server = op.Servers[0]["url"].(string)
			}
			require.Equal(t, tt.server, server)
		})
	}
}

func pathParameters(t *testing.T, op operation) string {
	t.Helper()
	var names []string
	for _, p := range op.Parameters {
		require.Equal(t, "path", p["in"])
		require.Equal(t, true, p["required"])
		require.Equal(t, map[string]any{"type": "string"}, p["schema"])
		name := p["name"].(string)
		if text, described := p["description"]; described {
			require.Contains(t, text, "slashes")
			name += "..."
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestPathsAreServed: a request to the documented path reaches the handler.
func TestPathsAreServed(t *testing.T) {
	for pattern, path := range map[string]string{
		"GET /café/{$}": "/caf%C3%A9/", "GET /50%": "/50%25", "GET /a b": "/a%20b", "GET /a%2Fb": "/a%2Fb", "GET /a,b": "/a,b",
	} {
		api := newAPI(nil)
		api.Handle(pattern, ok)
		require.Equal(t, []string{path}, slices.Collect(maps.Keys(read(t, api).Paths)))
		require.Equal(t, 200, get(api, path).Code, pattern)
	}
}

// TestOnePathTwoNames: OpenAPI does not tell paths apart by their parameters'
// names, and http.ServeMux lets each method have its own.
func TestOnePathTwoNames(t *testing.T) {
	api := newAPI(nil)
	api.Handle("GET /users/{id}/items/{item}", ok)
	api.Handle("DELETE /users/{user}/items/{id}", ok, openapi.Operation{Parameters: []openapi.Parameter{
		{Name: "user", In: "path", Description: "Whose item"},
		{Name: "id", In: "path", Description: "Which item"},
	}})
	doc := read(t, api)
	require.Len(t, doc.Paths, 1)
	op := doc.operation(t, "DELETE /users/{id}/items/{item}")
	require.Equal(t, "delete_users_id_items_item", op.OperationID)
	for i, want := range []string{"id: Whose item", "item: Which item"} {
		require.Equal(t, want, op.Parameters[i]["name"].(string)+": "+op.Parameters[i]["description"].(string))
	}
}

func TestDerivedIDsAreUnique(t *testing.T) {
	api := newAPI(nil)
	api.Handle("GET /items", ok)
	api.Handle("GET /items/{$}", ok)
	api.Handle("GET /Items", ok, openapi.Operation{ID: "get_items"})
	api.Handle("/items-", ok, openapi.Operation{Methods: []string{"GET", "POST"}})
	doc := read(t, api)
	for name, id := range map[string]string{
		"GET /Items": "get_items", "GET /items": "get_items_2", "GET /items/": "get_items_3",
		"GET /items-": "get_items_4", "POST /items-": "post_items",
	} {
		require.Equal(t, id, doc.operation(t, name).OperationID, name)
	}
}
