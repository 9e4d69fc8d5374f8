package passbearer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
)

// fakeIssuer issues the tokens at-1, at-2 and so on, and remembers their claims.
type fakeIssuer struct {
	mu     sync.Mutex
	issued []passbearer.Claims
	err    error // fails instead
}

func (f *fakeIssuer) IssueToken(_ context.Context, c passbearer.Claims) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return "", f.err
	}
	f.issued = append(f.issued, c)
	return fmt.Sprintf("at-%d", len(f.issued)), nil
}

// last returns the claims of the latest token, or none.
func (f *fakeIssuer) last() passbearer.Claims {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.issued) == 0 {
		return passbearer.Claims{}
	}
	return f.issued[len(f.issued)-1]
}

// fastPasswords hashes in microseconds.
var fastPasswords = func() *password.Hasher {
	h, err := password.New(&password.Options{Params: password.Params{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		panic(err)
	}
	return h
}()

// fastUser has the password "secret".
func fastUser(t testing.TB, id, name string, scope passbearer.Scope) passbearer.User {
	t.Helper()
	hash, err := fastPasswords.Hash(t.Context(), "secret")
	require.NoError(t, err)
	return passbearer.User{ID: id, Name: name, PasswordHash: hash, Scope: scope}
}

// tokenRequest posts a form given as keys and values in turn.
func tokenRequest(pairs ...string) *http.Request {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// post sends such a form to h, and decodes its JSON answer.
func post(t testing.TB, h http.Handler, pairs ...string) (status int, body map[string]any, header http.Header) {
	t.Helper()
	w := serve(h, tokenRequest(pairs...))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), "%d %s", w.Code, w.Body)
	return w.Code, body, w.Header()
}
