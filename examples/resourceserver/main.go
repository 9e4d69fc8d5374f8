package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func main() {
	key := must(jwttoken.ParseKey(jwttoken.ES256, must(os.ReadFile("issuer-public.pem")), ""))
	tokens := must(jwttoken.NewVerifier(must(jwttoken.NewKeys(key)), "https://issuer.example", "https://api.example", nil))
	guard := passbearer.NewGuard(tokens, nil)
	http.Handle("GET /items/", guard.Require("items:read").HandlerFunc(items))
	log.Fatal(http.ListenAndServe("localhost:8000", nil))
}

func items(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
	fmt.Fprintf(w, "Hello, user %s of client %s\n", c.Subject, c.ClientID)
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
