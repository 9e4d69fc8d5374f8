package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

type customer struct{ name, plan string }

func main() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "me")
	if err != nil {
		log.Fatal(err)
	}
	const url = "http://localhost:8000"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	load := func(_ context.Context, c *passbearer.Claims) (customer, error) {
		if c.Subject != johndoe.ID {
			return customer{}, passbearer.ErrUserNotFound // answered 401
		}
		return customer{"John Doe", "gold"}, nil
	}
	show := func(w http.ResponseWriter, _ *http.Request, c customer) { fmt.Fprintf(w, "%s: %s\n", c.name, c.plan) }
	guard := passbearer.NewGuard(tokens, nil)
	r := chi.NewRouter()
	r.Method("POST", "/token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	r.Method("GET", "/me", guard.Require("me").HandlerFunc(passbearer.WithUser(load, show)))
	r.With(guard.Handler).Get("/ping", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "pong") })
	log.Fatal(http.ListenAndServe("localhost:8000", r))
}
