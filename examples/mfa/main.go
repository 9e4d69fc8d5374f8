// Command mfa is a server where a password is enough to look, and a code of an
// authenticator (TOTP, RFC 6238) is asked for besides before money is sent.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/mfa"
)

const (
	addr = "localhost:8000"
	acr  = "urn:example:2fa" // what this server calls a sign-in with both factors
)

func main() {
	api, err := newAPI(context.Background(), os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(addr, api))
}

func newAPI(ctx context.Context, out io.Writer) (http.Handler, error) {
	johndoe, err := passbearer.NewUser(ctx, "johndoe", "secret", "account")
	if err != nil {
		return nil, err
	}
	store := memstore.New(johndoe)
	codes := &authenticators{replays: store, secrets: map[string]string{}}
	enrolment, err := codes.enrol(johndoe)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "Enrol johndoe in an authenticator: %s\n", enrolment)

	secret := make([]byte, 32) // a file's or a vault's, where there are several processes
	rand.Read(secret)
	second, err := mfa.New(secret, store, codes.verify, &mfa.Options{Replays: store, ACR: acr})
	if err != nil {
		return nil, err
	}
	const url = "http://" + addr
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		return nil, err
	}
	guard := passbearer.NewGuard(tokens, nil).Require("account")
	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{
		AfterPassword: whereAsked(second.Challenge),
		Grants:        map[string]passbearer.GrantFunc{mfa.GrantType: second.Grant},
	}))
	mux.Handle("GET /balance", guard.HandlerFunc(balance))
	mux.Handle("POST /payments", guard.RequireACR(acr).HandlerFunc(pay))
	return mux, nil
}

type afterPassword = func(context.Context, *passbearer.GrantRequest, *passbearer.Grant) error

// whereAsked leaves out the second factor unless the client asks for it by
// acr_values, as the challenge of a route that demands it says (RFC 9470). With
// challenge itself as AfterPassword, it is asked for at every sign-in.
func whereAsked(challenge afterPassword) afterPassword {
	return func(ctx context.Context, req *passbearer.GrantRequest, g *passbearer.Grant) error {
		if !slices.Contains(strings.Fields(req.Param("acr_values")), acr) {
			return nil
		}
		return challenge(ctx, req, g)
	}
}

func balance(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) { fmt.Fprintln(w, "42") }

func pay(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
	fmt.Fprintf(w, "Paid, by a user who signed in by %s\n", c.AMR)
}
