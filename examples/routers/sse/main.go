// Command sse streams server-sent events, and ends a stream when its token does:
// when it expires, and before the first event after it was revoked. It needs no
// glue. A browser's EventSource cannot send Authorization: read the stream with
// fetch.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	lifetime := flag.Duration("lifetime", passbearer.DefaultAccessTokenLifetime, "how long an access token lives")
	every := flag.Duration("every", time.Second, "the time between two events")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	store := memstore.New(johndoe)
	secret := make([]byte, 32) // a file's or a vault's, where there are several processes
	rand.Read(secret)
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	go revocations.Watch(context.Background(), store)
	sessions := passbearer.NewSessions(store, store, must(passbearer.NewRefreshKeys(url, secret)), &passbearer.SessionsOptions{Revocations: revocations})
	guard := passbearer.NewGuard(revocations.Verifier(tokens), nil).Require("me")

	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, AccessTokenLifetime: *lifetime}))
	mux.Handle("POST /sign-out", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, claims *passbearer.Claims) {
		if err := sessions.End(r.Context(), claims.Subject, claims.SessionID); err != nil {
			passbearer.Deny(w, r, err)
		}
	}))
	mux.Handle("GET /events", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, claims *passbearer.Claims) {
		events(w, r, claims, guard, *every)
	}))

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

// events asks the guard about the same request before each event: that takes no
// I/O, and sees what any request would see. The deadline is besides, since the
// next event may be far away; tokens of jwttoken always have one.
func events(w http.ResponseWriter, r *http.Request, claims *passbearer.Claims, guard *passbearer.Guard, every time.Duration) {
	ctx, cancel := context.WithDeadline(r.Context(), claims.Expiry.Time())
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	stream := http.NewResponseController(w)
	_ = stream.SetWriteDeadline(claims.Expiry.Time()) // for a client that does not read
	for {
		if _, err := guard.Check(r); err != nil {
			break
		}
		fmt.Fprintf(w, "data: Hello, user %s\n\n", claims.Subject)
		if stream.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	_ = stream.SetWriteDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(w, "event: unauthorized\ndata: The token is over: come again with another\n\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
