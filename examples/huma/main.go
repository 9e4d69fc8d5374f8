// Command huma is an API made with huma, whose operations are guarded by
// passbearer: each demand is written once, and is in huma's document as it is
// enforced.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/swaggerui"
)

var scopes = map[string]string{
	"items:read":  "Read items",
	"items:write": "Add items",
}

func main() {
	const addr = "localhost:8000"
	handler, err := newServer("http://" + addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("Open http://%s/docs and authorize as johndoe, password secret", addr)
	log.Fatal(http.ListenAndServe(addr, handler))
}

func newServer(issuer string) (http.Handler, error) {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "items:read items:write")
	if err != nil {
		return nil, err
	}
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), issuer, issuer, nil)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	mux.Handle("GET /docs", swaggerui.New(nil)) // signs in, which huma's own page does not
	mux.Handle("GET /docs/", swaggerui.New(nil))
	config := huma.DefaultConfig("Items", "1.0")
	config.DocsPath = ""
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		schemeName: {Type: "oauth2", Flows: &huma.OAuthFlows{Password: &huma.OAuthFlow{TokenURL: "token", Scopes: scopes}}},
	}
	register(humago.New(mux, config), passbearer.NewGuard(tokens, &passbearer.GuardOptions{Scopes: scopes, Deny: deny}))
	return mux, nil
}

// register mounts the operations. What each demands is said here, and nowhere else.
func register(api huma.API, guard *passbearer.Guard) {
	huma.Get(api, "/items", listItems, guarded(guard.Require("items:read")))
	huma.Post(api, "/items", addItem, guarded(guard.Require("items:write")))
	huma.Get(api, "/me", me, guarded(guard))
	huma.Get(api, "/ping", ping)
}

type itemList struct {
	Body []string
}

func listItems(context.Context, *struct{}) (*itemList, error) {
	return &itemList{Body: []string{"Plumbus"}}, nil
}

type item struct {
	Body struct {
		Name string `json:"name" minLength:"1"`
	}
}

func addItem(_ context.Context, req *item) (*item, error) { return req, nil }

type account struct {
	Body struct {
		Subject string           `json:"subject"`
		Scope   passbearer.Scope `json:"scope"`
	}
}

// me has the token's claims in its context.
func me(ctx context.Context, _ *struct{}) (*account, error) {
	claims, ok := passbearer.FromContext(ctx)
	if !ok {
		return nil, errors.New("me is mounted without a guard")
	}
	res := new(account)
	res.Body.Subject, res.Body.Scope = claims.Subject, claims.Scope
	return res, nil
}

func ping(context.Context, *struct{}) (*struct{}, error) { return nil, nil }
