package password_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

type issuer struct{}

func (issuer) IssueToken(context.Context, passbearer.Claims) (string, error) { return "token", nil }

// signIn posts to the token endpoint of a server whose user has the given hash.
func signIn(t *testing.T, store *memstore.Store, h *password.Hasher, plain string) *httptest.ResponseRecorder {
	t.Helper()
	form := url.Values{"username": {"johndoe"}, "password": {plain}}
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	passbearer.NewTokenHandler(store, issuer{}, &passbearer.TokenHandlerOptions{Passwords: h}).ServeHTTP(w, r)
	return w
}

func hashIn(t *testing.T, store *memstore.Store) string {
	t.Helper()
	u, err := store.UserByID(t.Context(), "u1")
	require.NoError(t, err)
	return u.PasswordHash
}

// TestSignInUpgrades: a user who was brought along signs in, and has a hash like
// everybody's from then on.
func TestSignInUpgrades(t *testing.T) {
	h := peppered(t, second, first)
	for _, tt := range []struct{ name, plain, hash string }{
		{"Spring PBKDF2", "password", "{pbkdf2}" + hex40},
		{"argon2id without pepper", "password", hashOf(t, peppered(t), "password")},
		{"another pepper", "password", hashOf(t, peppered(t, first), "password")},
		{"Django argon2", "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"},
	} {
		store := memstore.New(passbearer.User{ID: "u1", Name: "johndoe", PasswordHash: tt.hash})
		require.Equal(t, 400, signIn(t, store, h, "wrong").Code, tt.name)
		require.Equal(t, tt.hash, hashIn(t, store), tt.name)
		require.Equal(t, 200, signIn(t, store, h, tt.plain).Code, tt.name)
		upgraded := hashIn(t, store)
		require.True(t, strings.HasPrefix(upgraded, "$argon2id$v=19$m=64,t=2,p=1,keyid=cDI$"), tt.name)
		require.Equal(t, 400, signIn(t, store, h, "wrong").Code, tt.name)
		require.Equal(t, 200, signIn(t, store, h, tt.plain).Code, tt.name)
		require.Equal(t, upgraded, hashIn(t, store), tt.name+": once")
	}
}

func TestSignInAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, plain, hash string
		status            int
		code              string
	}{
		{"PU-014", strings.Repeat("x", 73), bcryptHash, 400, `"invalid_grant"`},
		{"PU-006 unusable", "password", "!", 400, `"invalid_grant"`},
		{"plain text", "password", "{noop}password", 400, `"invalid_grant"`},
		{"over the caps", "password", "$scrypt$ln=20,r=8,p=1" + scryptTail, 400, `"invalid_grant"`},
		{"unknown pepper", "password", hashOf(t, peppered(t, first), "password"), 503, `"temporarily_unavailable"`},
	} {
		store := memstore.New(passbearer.User{ID: "u1", Name: "johndoe", PasswordHash: tt.hash})
		w := signIn(t, store, peppered(t), tt.plain)
		require.Equal(t, tt.status, w.Code, tt.name)
		require.Contains(t, w.Body.String(), tt.code, tt.name)
		require.Equal(t, tt.status == 503, w.Header().Get("Retry-After") != "", tt.name)
	}
}
