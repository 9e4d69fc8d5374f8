package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
)

// issuer names this service in its tokens, and is their audience too. It does not
// change with the address, so that tokens outlive a restart on another one.
const issuer = "https://quickstart.example"

// newAPI returns the whole service on top of its stores.
func newAPI(ctx context.Context, s *stores, o options) (http.Handler, error) {
	if err := s.addUsers(ctx); err != nil {
		return nil, err
	}
	keys, refreshKeys, err := loadKeys(o.db)
	if err != nil {
		return nil, err
	}
	tokens, err := jwttoken.New(keys, issuer, issuer, nil)
	if err != nil {
		return nil, err
	}
	revocations := s.watch(ctx)
	sessions := passbearer.NewSessions(s.users, s.sessions, refreshKeys, &passbearer.SessionsOptions{Revocations: revocations})
	signIn := passbearer.NewTokenHandler(s.users, tokens, &passbearer.TokenHandlerOptions{
		Sessions:            sessions,
		AccessTokenLifetime: o.lifetime,
	})
	guard := passbearer.NewGuard(revocations.Verifier(tokens), nil)
	list := &items{names: []string{"Plumbus"}}

	mux := http.NewServeMux()
	mux.Handle("/token", signIn) // it answers other methods than POST by itself
	mux.Handle("/token/revoke", authserver.NewRevocation(signIn, sessions))
	mux.Handle("GET /items/{$}", guard.Require("items:read").HandlerFunc(list.get))
	mux.Handle("POST /items/{$}", guard.Require("items:write").HandlerFunc(list.post))
	mux.Handle("GET /users/me", guard.Require("me").HandlerFunc(
		passbearer.WithUser(passbearer.CurrentUser(s.users), me)))
	return mux, nil
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
