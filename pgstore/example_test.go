package pgstore_test

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/pgstore"
)

// A server of a fleet: all of its processes share the database and the keys.
func Example() {
	ctx := context.Background()
	store, err := pgstore.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	var signing *jwttoken.Keys // the fleet's, from jwttoken.NewKeys
	tokens, err := jwttoken.New(signing, "https://auth.example", "https://api.example", nil)
	if err != nil {
		log.Fatal(err)
	}
	refresh, err := passbearer.NewRefreshKeys("https://auth.example", []byte(os.Getenv("REFRESH_SECRET")))
	if err != nil {
		log.Fatal(err)
	}
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, nil)
	go revocations.Watch(ctx, store)

	sessions := passbearer.NewSessions(store, store, refresh, &passbearer.SessionsOptions{Revocations: revocations})
	handler := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: store})
	guard := passbearer.NewGuard(revocations.Verifier(tokens), nil)
	http.Handle("POST /token", handler)
	http.Handle("GET /me", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		w.Write([]byte(c.Subject))
	}))
}

// Behind PgBouncer: revocations are heard on a connection around it. Without
// ListenURL, watching them fails and says so.
func ExampleOpen_pgBouncer() {
	store, err := pgstore.Open(context.Background(), "postgres://app@pgbouncer:6432/app?pool_max_conns=20", &pgstore.Options{
		ListenURL:          "postgres://app@db-1,db-2/app",
		RevocationLifetime: time.Hour, // no access token lives longer
	})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
}
