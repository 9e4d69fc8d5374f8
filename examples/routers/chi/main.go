// Command chi guards the routes of chi. It needs no glue: a Guard's Handler is
// one of chi's middlewares, and the claims are in the request's context.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/go-chi/chi/v5"

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

	router := chi.NewRouter()
	router.Method("POST", "/token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	router.With(guard.Require("me").Handler).Get("/me", me)
	router.Route("/admin", func(r chi.Router) {
		r.Use(guard.Require("admin").Handler)
		r.Get("/", me)
	})

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, router))
}

func me(w http.ResponseWriter, r *http.Request) {
	claims, _ := passbearer.FromContext(r.Context())
	fmt.Fprintln(w, "Hello, user", claims.Subject)
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
