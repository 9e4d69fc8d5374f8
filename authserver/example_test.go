package authserver_test

import (
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func ExampleNewRevocation() {
	const issuer = "https://issuer.example"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), issuer, issuer, nil)
	if err != nil {
		panic(err)
	}
	keys, err := passbearer.NewRefreshKeys(issuer, make([]byte, 32)) // random in a real program
	if err != nil {
		panic(err)
	}
	store := memstore.New()
	sessions := passbearer.NewSessions(store, store, keys, nil)
	signIn := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions})
	http.Handle("POST /token", signIn)
	http.Handle("POST /token/revoke", authserver.NewRevocation(signIn, sessions))
}
