// Program oidc is an API whose users sign in elsewhere, by authorization code + PKCE, at an OpenID provider.
//
// It was one that took passwords itself. Its protected handlers are the same; one line makes another verifier, from
//
//	tokens, err := jwttoken.New(keys, url, url, nil)
//
// to
//
//	tokens, err := remotejwks.New([]remotejwks.Issuer{{URL: *issuer, Audience: url}}, nil)
//
// The token endpoint and the users go with the passwords.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/remotejwks"
)

func main() {
	issuer := flag.String("issuer", "http://localhost:9998", "the issuer's `URL`, as its tokens have it in iss")
	flag.Parse()
	const url = "http://localhost:8000"
	tokens, err := remotejwks.New([]remotejwks.Issuer{{URL: *issuer, Audience: url}}, nil)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("localhost:8000", api(tokens)))
}

// api does not know where tokens come from.
func api(tokens passbearer.TokenVerifier) http.Handler {
	guard := passbearer.NewGuard(tokens, nil)
	mux := http.NewServeMux()
	mux.Handle("GET /items/", guard.Require("items:read").HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
		fmt.Fprintf(w, "Hello, user %s\n", c.Subject)
	}))
	mux.Handle("DELETE /items/", guard.Require("items:write").HandlerFunc(func(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) {
		w.WriteHeader(http.StatusNoContent)
	}))
	return mux
}
