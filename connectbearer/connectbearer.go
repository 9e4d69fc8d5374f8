// Package connectbearer says the refusals of a Guard to clients of connect-go, each in
// its own protocol: Connect, gRPC or gRPC-Web.
//
//	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Deny: connectbearer.Deny})
//	mux.Handle("/example.Users/Me", guard.Require("me").Handler(procedures))
//
// Procedures have the claims in their context: [passbearer.FromContext]. A stream goes
// on when its token is over; its handler has the expiry in the claims.
package connectbearer

import (
	"mime"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/passbearer/passbearer"
)

var writer = connecthttp.NewErrorWriter()

// Deny answers r with err in the protocol of r, with the header of [passbearer.Deny]'s
// answer, and as [passbearer.Deny] does where r is no call of a procedure. A POST of
// application/json may be one, so routes of another kind need a Guard of their own. The
// code is
//
//	CodeUnauthenticated    no token, or one that is malformed or not valid
//	CodePermissionDenied   a scope is missing
//	CodeResourceExhausted  too many requests
//	CodeUnavailable        the verifier is broken
//	CodeInternal           anything else
//
// [passbearer.Error.Extra] is not sent.
func Deny(w http.ResponseWriter, r *http.Request, err error) {
	if !isCall(r) {
		passbearer.Deny(w, r, err)
		return
	}
	passbearer.Deny(headerOnly{w}, r, err)
	e := passbearer.AsError(err)
	_ = writer.Write(w, r, connect.NewError(code(e), e.ErrorDescription)) // it fails where the client is gone
}

// isCall is stricter than connect-go, which takes any GET and any application/… for its own.
func isCall(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return r.URL.Query().Get("connect") == "v1"
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return media != "application/x-www-form-urlencoded" && writer.IsSupported(r)
}

// headerOnly takes the header of an answer and no more.
type headerOnly struct{ http.ResponseWriter }

func (headerOnly) WriteHeader(int) {}

func (headerOnly) Write(p []byte) (int, error) { return len(p), nil }

func code(e *passbearer.Error) connect.Code {
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden:
		return connect.CodePermissionDenied
	case http.StatusTooManyRequests:
		return connect.CodeResourceExhausted
	case http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	}
	return connect.CodeInternal
}
