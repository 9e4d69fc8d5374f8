// Command cors lets scripts of another origin use the API. It needs no glue, but
// the right order: the CORS middleware is around everything, since a browser
// sends its preflight without a token, and reads a refusal only if it, too, is
// marked.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/rs/cors"

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
	scripts := cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example"},
		AllowedHeaders: []string{"Authorization"},
		ExposedHeaders: []string{"WWW-Authenticate", "Retry-After"}, // scripts can read these
		// AllowCredentials stays false: a token is no cookie, the script sends it itself.
	})

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, scripts.Handler(mux)))
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
