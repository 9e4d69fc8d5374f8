package authserver

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/openapi"
)

// IntrospectionOptions are the settings of [NewIntrospection].
type IntrospectionOptions struct {
	// Sessions adds refresh tokens, each told to its own client alone.
	Sessions *passbearer.Sessions

	// Owns reports whether a client may be told of an access token. Nil means the
	// client that the token was issued to, and one whose id is in its audience.
	Owns func(*passbearer.Client, *passbearer.Claims) bool
}

// NewIntrospection returns the introspection endpoint (RFC 7662), which
// authenticates clients as tokens does. A client without a secret is refused. Of an
// access token that v takes it tells what it says, and whose it is; of anything that
// is not alive, not the client's or no token, {"active":false} and nothing else.
// Let v be what the Guards have, revocations included. Nil opts mean the
// defaults. It panics if tokens or v is nil, or if tokens does not authenticate
// clients.
func NewIntrospection(tokens *passbearer.TokenHandler, v passbearer.TokenVerifier, opts *IntrospectionOptions) http.Handler {
	switch {
	case tokens == nil || v == nil:
		panic("authserver: NewIntrospection needs the TokenHandler and the TokenVerifier of this server")
	case !tokens.Supported().Clients:
		panic("authserver: NewIntrospection: the TokenHandler authenticates no clients: set TokenHandlerOptions.Clients")
	}
	h := &introspection{tokens: tokens, verifier: v}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.Owns == nil {
		h.opts.Owns = owns
	}
	return h
}

type introspection struct {
	tokens   *passbearer.TokenHandler
	verifier passbearer.TokenVerifier
	opts     IntrospectionOptions
}

func owns(client *passbearer.Client, c *passbearer.Claims) bool {
	return c.ClientID == client.ID || c.Audience.Has(client.ID)
}

func (h *introspection) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.tokens.ServeEndpoint(w, r, h.introspect)
}

// inactive is all that is said of what is not active.
type inactive struct {
	Active bool `json:"active"`
}

func (h *introspection) introspect(ctx context.Context, req *passbearer.GrantRequest) (any, error) {
	if req.Client.Public {
		return nil, &passbearer.Error{StatusCode: http.StatusUnauthorized, ErrorCode: "invalid_client", ErrorDescription: "Client authentication failed"}
	}
	token := req.Param("token")
	if token == "" {
		return nil, missingToken()
	}
	c, err := verify(ctx, h.verifier, token)
	switch {
	case err != nil:
		return nil, err
	case c != nil && h.opts.Owns(req.Client, c):
		return tellAccess(c)
	case c != nil || h.opts.Sessions == nil:
		return inactive{}, nil
	}
	row, err := h.opts.Sessions.Introspect(ctx, req.Client, token)
	if err != nil || row == nil {
		return inactive{}, err
	}
	return tellRefresh(row), nil
}

// answer is RFC 7662 §2.2, and the claims of RFC 9068 and RFC 9449 §6.2.
type answer struct {
	Active    bool                   `json:"active"`
	Scope     passbearer.Scope       `json:"scope,omitempty"`
	ClientID  string                 `json:"client_id,omitempty"`
	TokenType string                 `json:"token_type,omitempty"`
	Expiry    passbearer.NumericDate `json:"exp,omitempty"`
	IssuedAt  passbearer.NumericDate `json:"iat,omitempty"`
	NotBefore passbearer.NumericDate `json:"nbf,omitempty"`
	Subject   string                 `json:"sub,omitempty"`
	Audience  any                    `json:"aud,omitempty"`
	Issuer    string                 `json:"iss,omitempty"`
	ID        string                 `json:"jti,omitempty"`
	SessionID string                 `json:"sid,omitempty"`
	AuthTime  passbearer.NumericDate `json:"auth_time,omitempty"`
	ACR       string                 `json:"acr,omitempty"`
	AMR       []string               `json:"amr,omitempty"`
	Cnf       map[string]string      `json:"cnf,omitempty"`
}

func tellAccess(c *passbearer.Claims) (any, error) {
	a := answer{
		Active: true, Scope: c.Scope, ClientID: c.ClientID, TokenType: "Bearer", Expiry: c.Expiry, IssuedAt: c.IssuedAt, NotBefore: c.NotBefore,
		Subject: c.Subject, Issuer: c.Issuer, ID: c.ID, SessionID: c.SessionID, AuthTime: c.AuthTime, ACR: c.ACR,
		AMR: strings.Fields(c.AMR),
	}
	switch audience := slices.Collect(c.Audience.All()); len(audience) {
	case 0:
	case 1:
		a.Audience = audience[0]
	default:
		a.Audience = audience
	}
	if cnf := c.Confirmation; cnf != (passbearer.Confirmation{}) {
		a.Cnf = map[string]string{cnf.Method: cnf.Thumbprint}
		if cnf.Method == "jkt" {
			a.TokenType = "DPoP"
		}
	}
	return withExtra(a, c)
}

// withExtra adds the token's further claims, which do not hide those above.
func withExtra(a answer, c *passbearer.Claims) (any, error) {
	extra, err := passbearer.ExtraClaims[map[string]json.RawMessage](c)
	if err != nil || len(extra) == 0 {
		return a, err
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &extra); err != nil {
		return nil, err
	}
	return extra, nil
}

// tellRefresh counts the token's expiry from now, since the row's times are on the
// store's clock.
func tellRefresh(row *passbearer.Session) answer {
	end := row.CreatedAt.Add(row.Lifetime)
	if idle := row.LastUsedAt.Add(row.IdleLifetime); idle.Before(end) {
		end = idle
	}
	return answer{
		Active: true, Scope: row.Scope, ClientID: row.ClientID, Subject: row.UserID, SessionID: row.ID, ACR: row.ACR, AMR: strings.Fields(row.AMR),
		Expiry:   passbearer.NumericDate(time.Now().Add(end.Sub(row.AsOf)).Unix()),
		AuthTime: passbearer.NumericDate(row.AuthTime.Unix()),
	}
}

var _ openapi.Describer = (*introspection)(nil)

// DescribeOperation is for [openapi.API.Handle].
func (h *introspection) DescribeOperation() openapi.Operation {
	return describe(h.tokens, "Introspection endpoint", "Tells whether a token is active, and what it says (RFC 7662).",
		openapi.Response{Description: "What the token is worth", Body: json.RawMessage(`{"type":"object","required":["active"],"properties":{` +
			`"active":{"type":"boolean"},"scope":{"type":"string"},"client_id":{"type":"string"},"sub":{"type":"string"},"exp":{"type":"integer"}}}`)})
}
