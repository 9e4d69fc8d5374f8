// Command docs is the simplest server with documentation: open /docs.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/swaggerui"
)

func main() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "items:read")
	if err != nil {
		log.Fatal(err)
	}
	const url = "http://localhost:8000"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	guard := passbearer.NewGuard(tokens, nil).Require("items:read")
	api := openapi.New("Items", "1.0", &openapi.Options{Docs: swaggerui.New(nil)})
	api.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	api.Handle("GET /items/", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		fmt.Fprintf(w, "Hello, user %s\n", c.Subject)
	}))
	log.Fatal(http.ListenAndServe("localhost:8000", api))
}
