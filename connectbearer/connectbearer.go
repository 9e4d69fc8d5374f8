// Package connectbearer says the refusals of a Guard to clients of connect-go, each in
// its own protocol: Connect, gRPC or gRPC-Web.
//
//	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Deny: connectbearer.Deny})
//	mux.Handle("/example.Users/Me", guard.Require("me").Handler(procedures))
//
// Procedures have the claims in their context: [passbearer.FromContext].
package connectbearer

import (
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/passbearer/passbearer"
)

var writer = connecthttp.NewErrorWriter()

// Deny answers r with err in the protocol of r, and as [passbearer.Deny] does where it
// is none of connect-go's. The challenge is in WWW-Authenticate, and the code is
//
//	CodeUnauthenticated   no token, or one that is malformed or not valid
//	CodePermissionDenied  a scope is missing
//	CodeUnavailable       the verifier is broken
//	CodeInternal          anything else
func Deny(w http.ResponseWriter, r *http.Request, err error) {
	if !writer.IsSupported(r) {
		passbearer.Deny(w, r, err)
		return
	}
	e := passbearer.AsError(err)
	if challenge := e.Challenge(); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	_ = writer.Write(w, r, connect.NewError(code(e), e.ErrorDescription)) // the client is gone
}

func code(e *passbearer.Error) connect.Code {
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden:
		return connect.CodePermissionDenied
	case http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	}
	return connect.CodeInternal
}
