package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/openapi"
	"github.com/passbearer/passbearer/openapi/swaggestschema"
	"github.com/passbearer/passbearer/swaggerui"
	"github.com/passbearer/passbearer/throttle"
)

var scopes = map[string]string{
	"me":          "Read who you are",
	"items:read":  "Read items",
	"items:write": "Add items",
}

// newAPI returns the whole service on top of its stores. It issues its tokens and
// takes them: o.issuer names it as both.
func newAPI(ctx context.Context, s *stores, o options) (http.Handler, error) {
	if err := errors.Join(s.addUsers(ctx), s.addClient(ctx)); err != nil {
		return nil, err
	}
	keys, secret, err := loadKeys(o.db)
	if err != nil {
		return nil, err
	}
	refreshKeys, err := passbearer.NewRefreshKeys(o.issuer, secret)
	if err != nil {
		return nil, err
	}
	limiter, err := throttle.New(&throttle.Options{Store: s.sessions, Secrets: [][]byte{secret}, TrustedProxies: trusted(o.proxy)})
	if err != nil {
		return nil, err
	}
	tokens, err := jwttoken.New(keys, o.issuer, o.issuer, nil)
	if err != nil {
		return nil, err
	}
	revocations := s.watch(ctx)
	sessions := passbearer.NewSessions(s.users, s.sessions, refreshKeys, &passbearer.SessionsOptions{Revocations: revocations})
	signIn := passbearer.NewTokenHandler(s.users, tokens, &passbearer.TokenHandlerOptions{
		Sessions:            sessions,
		Clients:             s.users,
		ClientOptional:      true,
		Throttle:            limiter,
		AccessTokenLifetime: o.lifetime,
	})
	verifier := revocations.Verifier(tokens)
	guard := passbearer.NewGuard(verifier, &passbearer.GuardOptions{Scopes: scopes, ResourceMetadata: authserver.ResourceMetadataURL(o.issuer)})

	api := openapi.New("Quickstart", "1.0", &openapi.Options{Schemas: swaggestschema.New(nil), Docs: swaggerui.New(nil)})
	endpoints := map[string]http.Handler{ // they answer other methods than POST by themselves
		"/token":            signIn,
		"/token/revoke":     authserver.NewRevocation(signIn, sessions, &authserver.RevocationOptions{Verifier: verifier, Store: s.sessions, Revocations: revocations}),
		"/token/introspect": authserver.NewIntrospection(signIn, verifier, &authserver.IntrospectionOptions{Sessions: sessions}),
	}
	for path, endpoint := range endpoints {
		api.Handle(path, endpoint)
	}
	metadata := authserver.NewMetadata(o.issuer, endpoints, &authserver.MetadataOptions{JWKS: jwksPath, Scopes: slices.Sorted(maps.Keys(scopes))})
	hidden := openapi.Operation{Hidden: true} // what clients look for by themselves
	api.Handle("GET "+jwksPath, jwttoken.NewJWKSHandler(keys, nil), hidden)
	api.Handle("GET /.well-known/oauth-authorization-server", metadata, hidden)
	api.Handle("GET /.well-known/oauth-protected-resource", authserver.NewResourceMetadata(o.issuer, guard, o.issuer), hidden)
	addItems(api, guard)
	api.Handle("GET /users/me", guard.Require("me").HandlerFunc(passbearer.WithUser(passbearer.CurrentUser(s.users), me)), openapi.Operation{
		Summary:   "Who you are",
		Tags:      []string{"users"},
		Responses: map[int]openapi.Response{200: {Description: "You", Body: account{}}},
	})
	return api, nil
}

func trusted(proxy netip.Prefix) []netip.Prefix {
	if !proxy.IsValid() {
		return nil
	}
	return []netip.Prefix{proxy}
}

const jwksPath = "/.well-known/jwks.json"

type account struct {
	ID       string           `json:"id"`
	Username string           `json:"username"`
	Scope    passbearer.Scope `json:"scope"`
}

func me(w http.ResponseWriter, _ *http.Request, user *passbearer.User) {
	respond(w, http.StatusOK, account{user.ID, user.Name, user.Scope})
}

// items are what the API is about.
type items struct {
	mu    sync.Mutex
	names []string
}

type (
	itemList struct {
		Items []string `json:"items"`
	}
	item struct {
		Name string `json:"name" minLength:"1"`
	}
	problem struct {
		Detail string `json:"detail"`
	}
)

const maxItems = 1000

func addItems(api *openapi.API, guard *passbearer.Guard) {
	all := &items{names: []string{"Plumbus"}}
	tags := []string{"items"}
	api.Handle("GET /items/{$}", guard.Require("items:read").HandlerFunc(all.get), openapi.Operation{
		Summary:   "All items",
		Tags:      tags,
		Responses: map[int]openapi.Response{200: {Description: "Their names", Body: itemList{}}},
	})
	api.Handle("POST /items/{$}", guard.Require("items:write").HandlerFunc(all.post), openapi.Operation{
		Summary: "Add an item",
		Tags:    tags,
		Body:    item{},
		Responses: map[int]openapi.Response{
			201: {Description: "The item was added", Body: item{}},
			422: {Description: "The body is not an item, or larger than 1 KiB", Body: problem{}},
			507: {Description: "There is no room for it", Body: problem{}},
		},
	})
}

func (i *items) get(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) {
	i.mu.Lock()
	names := slices.Clone(i.names)
	i.mu.Unlock() // before a client that reads slowly
	respond(w, http.StatusOK, itemList{names})
}

func (i *items) post(w http.ResponseWriter, r *http.Request, _ *passbearer.Claims) {
	var added item
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&added)
	if err != nil || added.Name == "" {
		respond(w, http.StatusUnprocessableEntity, problem{`Send {"name": "…"} of at most 1 KiB`})
		return
	}
	if !i.add(added.Name) {
		respond(w, http.StatusInsufficientStorage, problem{"There are 1000 items already"})
		return
	}
	respond(w, http.StatusCreated, added)
}

func (i *items) add(name string) (added bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.names) == maxItems {
		return false
	}
	i.names = append(i.names, name)
	return true
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
