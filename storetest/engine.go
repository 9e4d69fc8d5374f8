package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/passbearer/passbearer"
)

// oneSuccessor drives the store as an application does, through the token
// endpoint: however many present one refresh token at once, all get the same
// next one, and the session lives on.
func oneSuccessor[S passbearer.SessionStore](ctx context.Context, t *testing.T, s S) {
	server := newServer(t, s)
	status, signedIn := server.post(ctx, "grant_type", "password", "username", "johndoe", "password", "secret")
	if status != http.StatusOK {
		t.Fatalf("sign-in: %d %v", status, signedIn)
	}
	token := signedIn.RefreshToken
	for range 3 {
		answers := make([]answer, parallel)
		each(func(i int) {
			var status int
			if status, answers[i] = server.post(ctx, "grant_type", "refresh_token", "refresh_token", token); status != http.StatusOK {
				t.Errorf("refresh: %d %+v", status, answers[i])
			}
		})
		for _, a := range answers {
			if a.RefreshToken == token || a.RefreshToken != answers[0].RefreshToken {
				t.Fatal("one refresh token has several successors")
			}
		}
		token = answers[0].RefreshToken
	}
}

type server struct{ tokens *passbearer.TokenHandler }

type answer struct {
	Error        string `json:"error"`
	RefreshToken string `json:"refresh_token"`
}

func newServer(t *testing.T, store passbearer.SessionStore) server {
	t.Helper()
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", make([]byte, 32))
	must(t, err)
	sessions := passbearer.NewSessions(oneUser{}, store, keys, &passbearer.SessionsOptions{Observer: silent{}})
	return server{passbearer.NewTokenHandler(oneUser{}, new(counter), &passbearer.TokenHandlerOptions{Sessions: sessions, Observer: silent{}})}
}

func (s server) post(ctx context.Context, pairs ...string) (int, answer) {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(ctx, "POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.tokens.ServeHTTP(w, r)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		a.Error = err.Error()
	}
	return w.Code, a
}

// oneUser is a UserStore of johndoe, whose password costs no hash.
type oneUser struct{}

func (oneUser) UserByName(context.Context, string) (*passbearer.User, error) {
	return &passbearer.User{ID: "u1", Name: "johndoe"}, nil
}

func (u oneUser) UserByID(ctx context.Context, _ string) (*passbearer.User, error) {
	return u.UserByName(ctx, "")
}

func (oneUser) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

// counter issues tokens that mean nothing.
type counter struct{ n atomic.Int64 }

func (c *counter) IssueToken(context.Context, passbearer.Claims) (string, error) {
	return fmt.Sprintf("access-token-%d", c.n.Add(1)), nil
}

type silent struct{}

func (silent) Event(context.Context, passbearer.Event) {}
