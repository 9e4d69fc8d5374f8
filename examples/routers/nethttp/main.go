// Command nethttp guards the handlers of net/http's own ServeMux. It needs no
// glue: a handler gets the claims as a parameter, and cannot be mounted without
// them.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	guard := passbearer.NewGuard(tokens, nil)

	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	mux.Handle("GET /me", guard.Require("me").HandlerFunc(me))
	mux.Handle("GET /admin", guard.Require("admin").HandlerFunc(me))

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

func me(w http.ResponseWriter, _ *http.Request, claims *passbearer.Claims) {
	fmt.Fprintln(w, "Hello, user", claims.Subject)
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
