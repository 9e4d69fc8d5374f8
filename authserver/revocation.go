// Package authserver has the endpoints of an authorization server beside the
// token endpoint. Each is an http.Handler of its own, mounted where the
// application likes, and describes itself to an [openapi.API].
//
// [NewRevocation] signs a client's user out.
package authserver

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/openapi"
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
	return &revocation{tokens, sessions}
}

type revocation struct {
	tokens   *passbearer.TokenHandler
	sessions *passbearer.Sessions
}

func (h *revocation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.tokens.ServeEndpoint(w, r, h.revoke)
}

func (h *revocation) revoke(ctx context.Context, req *passbearer.GrantRequest) (any, error) {
	token := req.Param("token")
	if token == "" {
		return nil, &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: "invalid_request",
			ErrorDescription: "Missing parameter: token"}
	}
	return struct{}{}, h.sessions.Revoke(ctx, req.Client.ID, token)
}

var _ openapi.Describer = (*revocation)(nil)

// Schemas for DescribeOperation.
const (
	tokenField   = `"token":{"type":"string","format":"password"},"token_type_hint":{"type":"string"}`
	clientFields = `,"client_id":{"type":"string"},"client_secret":{"type":"string","format":"password"}`
	refusal      = `{"type":"object","required":["detail"],"properties":{` +
		`"error":{"type":"string","description":"The error code (RFC 6749 §5.2)"},` +
		`"error_description":{"type":"string"},` +
		`"detail":{"type":"string"}}}`
)

// DescribeOperation is for [openapi.API.Handle].
func (h *revocation) DescribeOperation() openapi.Operation {
	refused := func(description string) openapi.Response {
		return openapi.Response{Description: description, Body: json.RawMessage(refusal)}
	}
	fields, clients := tokenField, h.tokens.Supported().Clients
	if clients {
		fields += clientFields
	}
	op := openapi.Operation{
		Summary:     "Revocation endpoint",
		Description: "Ends the session of a refresh token (RFC 7009).",
		Methods:     []string{http.MethodPost},
		Body:        json.RawMessage(`{"type":"object","required":["token"],"properties":{` + fields + `}}`),
		ContentType: "application/x-www-form-urlencoded",
		Responses: map[int]openapi.Response{
			http.StatusOK:                 {Description: "Done, also if there was nothing to end", Body: json.RawMessage(`{"type":"object"}`)},
			http.StatusBadRequest:         refused("The request is not valid"),
			http.StatusServiceUnavailable: refused("Temporarily unavailable"),
		},
		FlowExtension: "x-revocationUrl",
	}
	if clients {
		op.Responses[http.StatusUnauthorized] = refused("The client is not authenticated")
	}
	return op
}
