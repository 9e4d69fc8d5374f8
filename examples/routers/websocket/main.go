// Command websocket echoes messages, and closes a connection when its token
// expires or is revoked. Browsers cannot send Authorization with a WebSocket:
// /echo also takes the token among the subprotocols, and /echo/late as the first
// message. Neither is in the URL, which is written to logs and histories. The
// glue is fromSubprotocol and late.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

const (
	unauthorized = 3000 // IANA's registry of close codes
	patience     = 5 * time.Second
	tokenIsOver  = "The token is over: come again with another"
)

var (
	every  = flag.Duration("every", time.Second, "the time between two looks at a connection's token")
	accept = &websocket.AcceptOptions{
		Subprotocols:   []string{"echo"},
		OriginPatterns: []string{"https://app.example"}, // and this server's own; other pages are refused
	}
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	lifetime := flag.Duration("lifetime", passbearer.DefaultAccessTokenLifetime, "how long an access token lives")
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
	verifier := revocations.Verifier(tokens)
	guard := passbearer.NewGuard(verifier, nil).Require("me")
	browsers := passbearer.NewGuard(verifier, &passbearer.GuardOptions{Extract: fromSubprotocol}).Require("me")

	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, AccessTokenLifetime: *lifetime}))
	mux.Handle("POST /sign-out", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, claims *passbearer.Claims) {
		if err := sessions.End(r.Context(), claims.Subject, claims.SessionID); err != nil {
			passbearer.Deny(w, r, err)
		}
	}))
	mux.Handle("GET /echo", browsers.HandlerFunc(func(w http.ResponseWriter, r *http.Request, claims *passbearer.Claims) {
		conn, err := websocket.Accept(w, r, accept)
		if err != nil {
			return // it is answered
		}
		defer conn.CloseNow()
		echo(conn, r, claims, browsers)
	}))
	mux.HandleFunc("GET /echo/late", func(w http.ResponseWriter, r *http.Request) { late(w, r, guard) })

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

// fromSubprotocol takes new WebSocket(url, ["echo", "bearer." + token]). Only
// "echo" is answered, so the token does not come back. A JWT is made of characters
// that a subprotocol may have.
func fromSubprotocol(r *http.Request) (string, error) {
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		for protocol := range strings.SplitSeq(line, ",") {
			if token, found := strings.CutPrefix(strings.TrimSpace(protocol), "bearer."); found {
				return token, nil
			}
		}
	}
	return passbearer.BearerToken(r)
}

// late takes the token as the first message, within patience: until then anybody
// holds a connection. The guard decides as if it had come in the header.
func late(w http.ResponseWriter, r *http.Request, guard *passbearer.Guard) {
	conn, err := websocket.Accept(w, r, accept)
	if err != nil {
		return // it is answered
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	_, token, err := conn.Read(ctx)
	cancel()
	if err != nil {
		return
	}
	r.Header.Set("Authorization", "Bearer "+string(token))
	claims, err := guard.Check(r)
	if err != nil {
		conn.Close(unauthorized, passbearer.AsError(err).ErrorDescription)
		return
	}
	echo(conn, r, claims, guard)
}

func echo(conn *websocket.Conn, r *http.Request, claims *passbearer.Claims, guard *passbearer.Guard) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go closeWhenOver(ctx, conn, r, claims, guard)
	for {
		kind, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if _, err := guard.Check(r); err != nil {
			conn.Close(unauthorized, tokenIsOver)
			return
		}
		if conn.Write(ctx, kind, fmt.Appendf(nil, "%s: %s", claims.Subject, message)) != nil {
			return
		}
	}
}

// closeWhenOver asks the guard about the request once more at every tick, which
// takes no I/O. Tokens of jwttoken always expire.
func closeWhenOver(ctx context.Context, conn *websocket.Conn, r *http.Request, claims *passbearer.Claims, guard *passbearer.Guard) {
	expiry := time.NewTimer(time.Until(claims.Expiry.Time()))
	defer expiry.Stop()
	tick := time.NewTicker(*every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := guard.Check(r); err == nil {
				continue
			}
		case <-expiry.C:
		}
		conn.Close(unauthorized, tokenIsOver)
		return
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
