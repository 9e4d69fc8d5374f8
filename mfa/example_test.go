package mfa_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/mfa"
)

// The second factor is asked for at every sign-in of a user who has one. The
// examples folder has a program with codes of an authenticator.
func Example() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "items:read")
	if err != nil {
		panic(err)
	}
	store := memstore.New(johndoe)
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://issuer.example", "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	secret := []byte(rand.Text() + rand.Text()) // from a file or a vault, so that it outlives the process
	verify := func(_ context.Context, _ *passbearer.User, code string) (bool, error) {
		return code == "123456", nil // ask the service that sent it
	}
	second, err := mfa.New(secret, store, verify, &mfa.Options{
		Replays:  store,
		Required: func(_ context.Context, u *passbearer.User) (bool, error) { return u.ID == johndoe.ID, nil },
		ACR:      "urn:example:2fa",
	})
	if err != nil {
		panic(err)
	}
	handler := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{
		AfterPassword: second.Challenge,
		Grants:        map[string]passbearer.GrantFunc{mfa.GrantType: second.Grant},
	})

	r := httptest.NewRequest("POST", "/token", strings.NewReader("username=johndoe&password=secret"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Code == http.StatusBadRequest && strings.Contains(w.Body.String(), `"error":"mfa_required"`))
	// Output: 400 true
}
