package otelbearer_test

import (
	"fmt"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/otelbearer"
	"github.com/passbearer/passbearer/password"
)

// One Observer for all parts. The global MeterProvider is set before.
func ExampleNew() {
	obs := otelbearer.New(nil)
	obs.ObserveHasher(password.Default())

	const url = "http://localhost:8000"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: obs})
	obs.ObserveRevocations(revocations)
	guard := passbearer.NewGuard(revocations.Verifier(tokens), &passbearer.GuardOptions{Observer: obs})
	signIn := passbearer.NewTokenHandler(memstore.New(), tokens, &passbearer.TokenHandlerOptions{Observer: obs})

	mux := http.NewServeMux()
	mux.Handle("POST /token", signIn)
	mux.Handle("GET /items/", guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *passbearer.Claims) {}))
}
