package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/examples/oidc/internal/provider"
)

// TestClientDiscovers: a client that knows the resource's URL alone comes to a token, and calls the tool.
func TestClientDiscovers(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	resource := "http://" + server.Listener.Addr().String() + "/mcp"
	issuer := provider.Start(t, resource)
	handler, err := api(resource, issuer)
	require.NoError(t, err)
	var seen []string
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path)
		handler.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)

	signedIn := 0
	oauth, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: "spa", Issuer: issuer},
		RedirectURL:         provider.RedirectURI,
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			signedIn++
			return visit(ctx, args.URL)
		},
	})
	require.NoError(t, err)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1.0"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: resource, OAuthHandler: oauth, DisableStandaloneSSE: true}, nil)
	require.NoError(t, err)
	answer, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "whoami"})
	require.NoError(t, err)
	require.Equal(t, "You are johndoe", answer.Content[0].(*mcp.TextContent).Text)
	require.NoError(t, session.Close())
	require.Equal(t, 1, signedIn)
	require.Equal(t, []string{"POST /mcp", "GET /.well-known/oauth-protected-resource/mcp", "POST /mcp"}, seen[:3])

	r := httptest.NewRequest("POST", "/mcp", strings.NewReader("{}"))
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(t, 401, w.Code)
	require.Contains(t, w.Header().Get("WWW-Authenticate"), `error="invalid_token"`)
}

// visit is the user's browser, in which they are signed in.
func visit(ctx context.Context, url string) (*auth.AuthorizationResult, error) {
	browser := http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), provider.RedirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := browser.Do(r)
	if err != nil {
		return nil, err
	}
	answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		return nil, err
	}
	return &auth.AuthorizationResult{Code: to.Query().Get("code"), State: to.Query().Get("state"), Iss: to.Query().Get("iss")}, nil
}
