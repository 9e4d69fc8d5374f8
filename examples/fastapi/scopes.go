package main

import (
	"context"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

// The key is the tutorial's. One of your own: openssl rand -hex 32.
const (
	secretKey = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
	lifetime  = 30 * time.Minute
)

// The passwords are secret and secretalice. Alice is disabled by the application
// below, not here: she can sign in.
var store = memstore.New(
	passbearer.User{ID: "johndoe", Name: "johndoe", PasswordHash: "$argon2id$v=19$m=65536,t=3,p=4$wagCPXjifgvUFBzq4hqe3w$CYaIb8sB+wtD+Vu/P4uod1+Qof8h+1g7bbDlBID48Rc"},
	passbearer.User{ID: "alice", Name: "alice", PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$3AG2s9M+Hy57MW7dAMv/ZQ$g5LVsK2hlt2DIU+FeGc0bKL7LD5p+2tEOoNNQRbQxQU"},
)

// user is the application's own; its name is also the subject of its tokens.
type user struct {
	Username string `json:"username"`
	FullName string `json:"full_name"`
	Email    string `json:"email"`
	Disabled bool   `json:"disabled"`
}

var users = map[string]user{
	"johndoe": {"johndoe", "John Doe", "johndoe@example.com", false},
	"alice":   {"alice", "Alice Chains", "alicechains@example.com", true},
}

func scopesApp() (routes, error) {
	tokens, err := newTokens()
	if err != nil {
		return nil, err
	}
	flavour := passbearer.FastAPI{SignInStatus: http.StatusBadRequest}
	described := map[string]string{"me": "Read about me.", "items": "Read items."}
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Scopes: described, Extract: extract, Deny: flavour.Deny})
	return routes{
		"/token": {"POST", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{
			AccessTokenLifetime: lifetime,
			ScopePolicy:         grantAll,
			CanonicalName:       asTyped,
			Answer:              flavour.AnswerTokenRequest,
			Deny:                flavour.DenyTokenRequest,
		})},
		"/users/me/":       {"GET", guard.Require("me").HandlerFunc(passbearer.WithUser(activeUser, showUser))},
		"/users/me/items/": {"GET", guard.Require("items", "me").HandlerFunc(passbearer.WithUser(activeUser, showItems))},
		"/status/":         {"GET", guard.HandlerFunc(passbearer.WithUser(currentUser, showStatus))},
	}, nil
}

// newTokens signs as PyJWT does: no issuer, no audience, the type "JWT".
func newTokens() (*jwttoken.Tokens, error) {
	key, err := jwttoken.NewKey(jwttoken.HS256, []byte(secretKey), "")
	if err != nil {
		return nil, err
	}
	keys, err := jwttoken.NewKeys(key)
	if err != nil {
		return nil, err
	}
	return jwttoken.New(keys, "", "", &jwttoken.Options{
		Foreign:              &jwttoken.Foreign{Types: []string{"JWT"}},
		InsecureSkipIssuer:   true,
		InsecureSkipAudience: true,
	})
}

// grantAll grants what was asked. A service of your own leaves ScopePolicy out,
// and grants what the user has.
func grantAll(_ context.Context, q passbearer.ScopeRequest) (passbearer.Scope, error) {
	return q.Asked, nil
}

func asTyped(name string) (string, error) { return name, nil }

// extract is bearerToken; an empty token is one that is not valid.
func extract(r *http.Request) (string, error) {
	token, err := bearerToken(r)
	if err == nil && token == "" {
		err = &passbearer.Error{StatusCode: http.StatusUnauthorized, ErrorCode: "invalid_token", ErrorDescription: "Could not validate credentials"}
	}
	return token, err
}

func currentUser(_ context.Context, c *passbearer.Claims) (user, error) {
	u, ok := users[c.Subject]
	if !ok {
		return user{}, passbearer.ErrUserNotFound
	}
	return u, nil
}

func activeUser(ctx context.Context, c *passbearer.Claims) (user, error) {
	u, err := currentUser(ctx, c)
	if err == nil && u.Disabled {
		err = &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorDescription: "Inactive user"}
	}
	return u, err
}

func showUser(w http.ResponseWriter, _ *http.Request, u user) { respond(w, http.StatusOK, u) }

func showItems(w http.ResponseWriter, _ *http.Request, u user) {
	respond(w, http.StatusOK, []map[string]string{{"item_id": "Foo", "owner": u.Username}})
}

func showStatus(w http.ResponseWriter, _ *http.Request, _ user) {
	respond(w, http.StatusOK, map[string]string{"status": "ok"})
}
