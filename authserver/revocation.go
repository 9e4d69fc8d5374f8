// Package authserver has the endpoints of an authorization server beside the
// token endpoint. Each is an http.Handler of its own, mounted where the
// application likes.
//
// [NewRevocation] signs a client's user out.
package authserver

import (
	"context"
	"net/http"

	"github.com/passbearer/passbearer"
)

// NewRevocation returns the revocation endpoint (RFC 7009) of sessions, which
// authenticates clients as tokens does and answers and observes refusals like
// it. A refresh token ends its session, whichever generation it is of; any
// other token is answered alike, 200 and {}, and nothing happens: an access
// token lives until it expires or its session ends. The answer comes when the end is durable. It
// panics if an argument is nil.
func NewRevocation(tokens *passbearer.TokenHandler, sessions *passbearer.Sessions) http.Handler {
	if tokens == nil || sessions == nil {
		panic("authserver: NewRevocation needs the TokenHandler and the Sessions of this server")
	}
	revoke := func(ctx context.Context, req *passbearer.GrantRequest) (any, error) {
		token := req.Param("token")
		if token == "" {
			return nil, &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: "invalid_request",
				ErrorDescription: "Missing parameter: token"}
		}
		return struct{}{}, sessions.Revoke(ctx, req.Client.ID, token)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tokens.ServeEndpoint(w, r, revoke) })
}
