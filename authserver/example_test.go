package authserver_test

import (
	"context"
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
	http.Handle("POST /token/revoke", authserver.NewRevocation(signIn, sessions, nil))
}

func ExampleNewIntrospection() {
	const issuer = "https://auth.example"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), issuer, "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	store := memstore.New()
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, nil)
	go revocations.Watch(context.Background(), store)

	signIn := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Clients: store})
	http.Handle("POST /token/introspect", authserver.NewIntrospection(signIn, revocations.Verifier(tokens), &authserver.IntrospectionOptions{
		// The one resource server, whose client id is not the audience of its tokens.
		Owns: func(client *passbearer.Client, c *passbearer.Claims) bool {
			return client.ID == "items-api" && c.Audience.Has("https://api.example")
		},
	}))
}

func ExampleNewMetadata() {
	const issuer = "https://auth.example"
	keys := jwttoken.EphemeralKeys()
	tokens, err := jwttoken.New(keys, issuer, "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	store := memstore.New()
	signIn := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Clients: store})
	introspection := authserver.NewIntrospection(signIn, tokens, nil)

	http.Handle("/token", signIn)
	http.Handle("/token/introspect", introspection)
	http.Handle("/.well-known/jwks.json", jwttoken.NewJWKSHandler(keys, nil))
	http.Handle(authserver.MetadataPath(issuer), authserver.NewMetadata(issuer,
		map[string]http.Handler{"/token": signIn, "/token/introspect": introspection},
		&authserver.MetadataOptions{JWKS: "/.well-known/jwks.json"}))
}

func ExampleNewResourceMetadata() {
	const resource = "https://api.example"
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://auth.example", resource, nil)
	if err != nil {
		panic(err)
	}
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{ResourceMetadata: authserver.ResourceMetadataURL(resource)})
	http.Handle("GET /.well-known/oauth-protected-resource", authserver.NewResourceMetadata(resource, guard, "https://auth.example"))
	http.Handle("GET /items/", guard.Handler(http.NotFoundHandler()))
}
