// Program mcp is a Model Context Protocol server whose users sign in elsewhere. A client that has no token finds the
// resource's metadata by the challenge (RFC 9728), in it the authorization server, and there its endpoints.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/remotejwks"
)

func main() {
	issuer := flag.String("issuer", "http://localhost:9998", "the issuer's `URL`, as its tokens have it in iss")
	flag.Parse()
	server, err := api("http://localhost:8000/mcp", *issuer)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8000", server))
}

// api serves MCP at resource, which is the audience of its tokens.
func api(resource, issuer string) (http.Handler, error) {
	tokens, err := remotejwks.New([]remotejwks.Issuer{{URL: issuer, Audience: resource}}, nil)
	if err != nil {
		return nil, err
	}
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{
		Scopes:           map[string]string{"items:read": "Read items"},
		ResourceMetadata: authserver.ResourceMetadataURL(resource),
	})
	server := mcp.NewServer(&mcp.Implementation{Name: "items", Version: "1.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Tells who you are"}, whoAmI)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)

	mux := http.NewServeMux()
	mux.Handle("/mcp", guard.Require("items:read").Handler(forMCP(handler)))
	mux.Handle("GET /.well-known/oauth-protected-resource/mcp", authserver.NewResourceMetadata(resource, guard, issuer))
	return mux, nil
}

func whoAmI(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "You are " + r.Extra.TokenInfo.UserID}}}, nil, nil
}

// forMCP hands the claims of the Guard around it to tools. A session belongs to the user who began it.
func forMCP(h http.Handler) http.Handler {
	return auth.RequireBearerToken(func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		c, ok := passbearer.FromContext(ctx)
		if !ok {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{UserID: c.Subject, Scopes: strings.Fields(string(c.Scope)), Expiration: c.Expiry.Time()}, nil
	}, nil)(h)
}
