package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

// newAPI returns the whole service. Its keys are new at each start, so tokens
// end with the process.
func newAPI(ctx context.Context, url string, lifetime time.Duration) (http.Handler, error) {
	store, err := newStore(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	refreshKeys, err := passbearer.NewRefreshKeys(url, secret)
	if err != nil {
		return nil, err
	}
	sessions := passbearer.NewSessions(store, store, refreshKeys, nil)
	signIn := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{
		Sessions:            sessions,
		AccessTokenLifetime: lifetime,
	})
	guard := passbearer.NewGuard(tokens, nil)
	list := &items{names: []string{"Plumbus"}}

	mux := http.NewServeMux()
	mux.Handle("/token", signIn) // it answers other methods than POST by itself
	mux.Handle("/token/revoke", authserver.NewRevocation(signIn, sessions))
	mux.Handle("GET /items/{$}", guard.Require("items:read").HandlerFunc(list.get))
	mux.Handle("POST /items/{$}", guard.Require("items:write").HandlerFunc(list.post))
	mux.Handle("GET /users/me", guard.Require("me").HandlerFunc(
		passbearer.WithUser(passbearer.CurrentUser(store), me)))
	return mux, nil
}

func newStore(ctx context.Context) (*memstore.Store, error) {
	const scope = "me items:read items:write"
	johndoe, err := passbearer.NewUser(ctx, "johndoe", "secret", scope)
	if err != nil {
		return nil, err
	}
	alice, err := passbearer.NewUser(ctx, "alice", "secretalice", scope)
	if err != nil {
		return nil, err
	}
	alice.Disabled = true
	return memstore.New(johndoe, alice), nil
}

func me(w http.ResponseWriter, _ *http.Request, user *passbearer.User) {
	respond(w, http.StatusOK, map[string]any{"id": user.ID, "username": user.Name, "scope": user.Scope})
}

// items are what the API is about.
type items struct {
	mu    sync.Mutex
	names []string
}

const maxItems = 1000

func (i *items) get(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) {
	i.mu.Lock()
	defer i.mu.Unlock()
	respond(w, http.StatusOK, map[string]any{"items": i.names})
}

func (i *items) post(w http.ResponseWriter, r *http.Request, _ *passbearer.Claims) {
	var item struct {
		Name string `json:"name"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&item)
	if err != nil || item.Name == "" {
		respond(w, http.StatusUnprocessableEntity, map[string]any{"detail": `Send {"name": "…"} of at most 1 KiB`})
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.names) == maxItems {
		respond(w, http.StatusInsufficientStorage, map[string]any{"detail": "There are 1000 items already"})
		return
	}
	i.names = append(i.names, item.Name)
	respond(w, http.StatusCreated, map[string]any{"name": item.Name})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
