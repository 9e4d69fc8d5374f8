package passbearer

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// maxClientID bounds a client's id, in bytes, before the store is asked.
const maxClientID = 256

// clientCredentials are what a client says of itself.
type clientCredentials struct {
	id, secret string
	header     bool // they came in the Authorization header
}

// client authenticates the client of a token request (RFC 6749 §2.3.1).
func (h *TokenHandler) client(r *http.Request, p params) (*Client, error) {
	if h.opts.Clients == nil || h.opts.ClientOptional && isClientless(r, p) {
		return &Client{ID: h.opts.ClientID, Public: true}, nil
	}
	given, e := readClient(r, p)
	if e != nil {
		return nil, h.clientRefused(r, nil, e)
	}
	client, err := h.clientByID(r.Context(), given.id)
	if err != nil {
		return nil, err
	}
	if !given.match(client) {
		return nil, h.clientRefused(r, client, errClient(given.header))
	}
	return client, nil
}

// isClientless reports whether a request says nothing of a client.
func isClientless(r *http.Request, p params) bool {
	given, err := basicClient(r)
	return err == nil && given == (clientCredentials{}) &&
		p.get("client_id") == "" && p.get("client_secret") == "" && p.get("client_assertion") == "" && p.get("client_assertion_type") == ""
}

// clientRefused names the client in the event only if it exists: what else was
// sent may be anything.
func (h *TokenHandler) clientRefused(r *http.Request, known *Client, e *Error) error {
	if e.ErrorCode == codeInvalidClient {
		event := Event{Kind: EventClientRefused, Err: e.Cause}
		if known != nil {
			event.ClientID = known.ID
		}
		h.observe(r.Context(), event)
	}
	return e
}

// readClient reads the header or the body, and refuses both at once.
func readClient(r *http.Request, p params) (clientCredentials, *Error) {
	given, err := basicClient(r)
	if err != nil {
		return given, err
	}
	switch {
	case p.get("client_assertion") != "", p.get("client_assertion_type") != "":
		return given, errClient(given.header)
	case given.header && p.get("client_secret") != "":
		return given, formError(codeInvalidRequest, "Client credentials in the header and in the body")
	case given.header && p.get("client_id") != "" && p.get("client_id") != given.id:
		return given, formError(codeInvalidRequest, "client_id differs between the header and the body")
	case !given.header:
		given.id, given.secret = p.get("client_id"), p.get("client_secret")
	}
	if given.id == "" || len(given.id) > maxClientID {
		return given, errClient(given.header)
	}
	return given, nil
}

// basicClient reads HTTP Basic, whose parts are form-urlencoded. An empty id
// with an empty secret is what some clients send to mean nothing.
func basicClient(r *http.Request) (none clientCredentials, _ *Error) {
	headers := r.Header["Authorization"]
	if len(headers) > 1 {
		return none, formError(codeInvalidRequest, "Several Authorization headers")
	}
	if len(headers) == 0 || strings.TrimSpace(headers[0]) == "" {
		return none, nil
	}
	scheme, encoded := cut(strings.TrimSpace(headers[0]), ' ')
	plain, err := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(encoded, " "))
	id, secret, colon := strings.Cut(string(plain), ":")
	if !strings.EqualFold(scheme, "basic") || err != nil || !colon || strings.ContainsAny(encoded, "\r\n") {
		return none, errClient(true)
	}
	if id == "" && secret == "" {
		return none, nil
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	if err1 != nil || err2 != nil || id == "" || !isText(id) || !isText(secret) {
		return none, errClient(true)
	}
	return clientCredentials{id, secret, true}, nil
}

// clientByID returns nil for a client that does not exist.
func (h *TokenHandler) clientByID(ctx context.Context, id string) (*Client, error) {
	client, err := h.opts.Clients.ClientByID(ctx, id)
	switch {
	case errors.Is(err, ErrClientNotFound):
		return nil, nil
	case err != nil:
		return nil, &storeError{"load the client", err}
	case client == nil || client.ID != id:
		return nil, errors.New("the ClientStore returned neither the client nor an error")
	}
	return client, nil
}

// match does the same work for an unknown client as for a wrong secret. A
// public client proves nothing, and a secret sent in its name is a mistake.
func (given clientCredentials) match(client *Client) bool {
	stored := ""
	if client != nil {
		stored = client.SecretHash
	}
	equal := subtle.ConstantTimeCompare([]byte(ClientSecretHash(given.secret)), []byte(stored)) == 1
	if client != nil && client.Public {
		return given.secret == ""
	}
	return equal && given.secret != ""
}

// errClient has a challenge only where the client used the header (RFC 6749
// §5.2).
func errClient(header bool) *Error {
	e := &Error{StatusCode: http.StatusUnauthorized, ErrorCode: codeInvalidClient, ErrorDescription: "Client authentication failed"}
	if header {
		e.Scheme, e.Realm = "Basic", "token"
	}
	return e
}
