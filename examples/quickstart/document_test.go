package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocument: what the document says of signing in holds for the server.
func TestDocument(t *testing.T) {
	s := start(t)
	r := s.do(t, "GET /openapi.json", "", "")
	require.Equal(t, 200, r.status)
	var document struct {
		Paths map[string]map[string]struct {
			Summary   string
			Security  []map[string][]string
			Responses map[string]struct{ Description string }
		}
		Components struct{ SecuritySchemes map[string]json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &document))
	require.JSONEq(t, `{"type":"oauth2","flows":{"password":{"tokenUrl":"token","refreshUrl":"token","x-revocationUrl":"token/revoke",
		"scopes":{"me":"Read who you are","items:read":"Read items","items:write":"Add items"}}}}`,
		string(document.Components.SecuritySchemes["OAuth2PasswordBearer"]))
	operations := 0
	for path, item := range document.Paths {
		for method, op := range item {
			operations++
			require.NotEmpty(t, op.Summary, path)
			for status, response := range op.Responses {
				require.NotEqual(t, "", response.Description, "%s %s %s", method, path, status)
			}
			request := strings.ToUpper(method) + " " + path
			status := s.do(t, request, "", "").status
			if len(op.Security) == 0 {
				require.NotEqual(t, http.StatusUnauthorized, status, request)
				continue
			}
			require.Equal(t, http.StatusUnauthorized, status, request)
			scopes := strings.Join(op.Security[0]["OAuth2PasswordBearer"], "+")
			status = s.do(t, request, s.token(t, johndoe+"&scope="+scopes).AccessToken, "").status
			require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, status, request)
		}
	}
	require.Equal(t, 6, operations)
}

func TestDocumentationPage(t *testing.T) {
	s := start(t)
	require.Equal(t, "text/html; charset=utf-8", s.do(t, "GET /docs/", "", "").header.Get("Content-Type"))
	require.Contains(t, s.do(t, "GET /docs", "", "").body, "../openapi.json")
}
