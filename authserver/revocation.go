// Package authserver has the endpoints of an authorization server beside the
// token endpoint. Each is an http.Handler of its own, mounted where the
// application likes, and describes itself to an [openapi.API].
//
// [NewRevocation] signs a client's user out, [NewIntrospection] tells a resource
// server what a token is worth, and [NewMetadata] and [NewResourceMetadata] tell
// clients where all of it is.
package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/openapi"
)

// RevocationOptions let access tokens be revoked, one by one.
type RevocationOptions struct {
	// Verifier knows the access tokens of this server; as a rule it is what its
	// Guards have.
	Verifier passbearer.TokenVerifier

	// Store tells all processes.
	Store passbearer.RevocationStore

	// Revocations, of this process, know at once. Nil waits for the store to tell.
	Revocations *passbearer.Revocations
}

// NewRevocation returns the revocation endpoint (RFC 7009) of sessions, which
// authenticates clients as tokens does and answers and observes refusals like
// it. A refresh token ends its session, whichever generation it is of. An access
// token is over from the next request on, if opts are given; without, it lives
// until it expires or its session ends. What is no live token is answered alike,
// 200 and {}; another client's is refused. The answer comes when the end is
// durable. It panics if tokens, sessions, or a field of opts that has to be
// there is nil.
func NewRevocation(tokens *passbearer.TokenHandler, sessions *passbearer.Sessions, opts *RevocationOptions) http.Handler {
	if tokens == nil || sessions == nil {
		panic("authserver: NewRevocation needs the TokenHandler and the Sessions of this server")
	}
	h := &revocation{tokens: tokens, sessions: sessions}
	if opts != nil {
		if opts.Verifier == nil || opts.Store == nil {
			panic("authserver: RevocationOptions need the Verifier of access tokens and the Store of revocations")
		}
		h.access = *opts
	}
	return h
}

type revocation struct {
	tokens   *passbearer.TokenHandler
	sessions *passbearer.Sessions
	access   RevocationOptions // zero: access tokens are left alone
}

func (h *revocation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.tokens.ServeEndpoint(w, r, h.revoke)
}

func (h *revocation) revoke(ctx context.Context, req *passbearer.GrantRequest) (any, error) {
	token := req.Param("token")
	if token == "" {
		return nil, missingToken()
	}
	if done, err := h.revokeAccess(ctx, req.Client.ID, token); done || err != nil {
		return struct{}{}, err
	}
	return struct{}{}, h.sessions.Revoke(ctx, req.Client.ID, token)
}

// minLeeway is how much longer than the token its revocation is kept at least: verifiers that do not tell have
// a leeway too.
const minLeeway = time.Minute

// remembered is how long the revocation of a token has to be kept.
func (h *revocation) remembered(c *passbearer.Claims) time.Duration {
	leeway := minLeeway
	if v, ok := h.access.Verifier.(interface{ Leeway() time.Duration }); ok {
		leeway = max(leeway, 2*min(v.Leeway(), math.MaxInt64/4)) // clocks differ by as much
	}
	return min(max(time.Until(c.Expiry.Time()), 0), math.MaxInt64-leeway) + leeway
}

// revokeAccess reports whether the token was a live access token.
func (h *revocation) revokeAccess(ctx context.Context, clientID, token string) (bool, error) {
	if h.access.Verifier == nil {
		return false, nil
	}
	c, err := verify(ctx, h.access.Verifier, token)
	if err != nil || c == nil {
		return false, err
	}
	if c.ClientID != clientID {
		return false, &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: "unauthorized_client",
			ErrorDescription: "The token belongs to another client"}
	}
	if c.ID == "" || c.Expiry == 0 {
		return false, errors.New("authserver: an access token without jti or exp cannot be revoked")
	}
	entry := passbearer.Revocation{TokenID: c.ID, Lifetime: h.remembered(c)}
	if err := h.access.Store.Revoke(ctx, entry); err != nil {
		return false, err
	}
	h.access.Revocations.Learn(entry)
	return true, nil
}

// verify returns nil for what is no live access token.
func verify(ctx context.Context, v passbearer.TokenVerifier, token string) (*passbearer.Claims, error) {
	c, err := v.VerifyToken(ctx, token)
	switch {
	case errors.Is(err, passbearer.ErrInvalidToken):
		return nil, nil
	case err != nil:
		return nil, err
	case c == nil:
		return nil, errors.New("authserver: the TokenVerifier returned neither claims nor an error")
	}
	return c, nil
}

func missingToken() *passbearer.Error {
	return &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: "invalid_request", ErrorDescription: "Missing parameter: token"}
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
	op := describe(h.tokens, "Revocation endpoint", "Ends the session of a refresh token (RFC 7009).",
		openapi.Response{Description: "Done, also if there was nothing to end", Body: json.RawMessage(`{"type":"object"}`)})
	if h.access.Verifier != nil {
		op.Description = "Ends the session of a refresh token, or an access token alone (RFC 7009)."
	}
	op.FlowExtension = "x-revocationUrl"
	return op
}

// describe is an endpoint that takes a token.
func describe(tokens *passbearer.TokenHandler, summary, description string, ok openapi.Response) openapi.Operation {
	refused := func(description string) openapi.Response {
		return openapi.Response{Description: description, Body: json.RawMessage(refusal)}
	}
	fields, clients := tokenField, tokens.Supported().Clients
	if clients {
		fields += clientFields
	}
	op := openapi.Operation{
		Summary:     summary,
		Description: description,
		Methods:     []string{http.MethodPost},
		Body:        json.RawMessage(`{"type":"object","required":["token"],"properties":{` + fields + `}}`),
		ContentType: "application/x-www-form-urlencoded",
		Responses: map[int]openapi.Response{
			http.StatusOK:                 ok,
			http.StatusBadRequest:         refused("The request is not valid"),
			http.StatusServiceUnavailable: refused("Temporarily unavailable"),
		},
	}
	if clients {
		op.Responses[http.StatusUnauthorized] = refused("The client is not authenticated")
	}
	return op
}
