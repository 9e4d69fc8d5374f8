package moving

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

const (
	secret = "the secret that the old service has signed with"
	self   = "https://api.example"
)

// TestOldTokens: what the old libraries have signed is taken during the move, and refused before and after. A key set
// says what each library puts into a token.
func TestOldTokens(t *testing.T) {
	now := time.Now()
	soon, ago := now.Add(time.Hour).Unix(), now.Add(-time.Hour).Unix()
	for _, tt := range []struct {
		name    string
		form    *jwttoken.Foreign
		claims  jwt.MapClaims
		subject string // empty: refused
	}{
		{"FastAPI", fastAPI, jwt.MapClaims{"sub": "johndoe", "scope": "items:read", "exp": soon}, "johndoe"},
		{"FastAPI, expired", fastAPI, jwt.MapClaims{"sub": "johndoe", "scope": "items:read", "exp": ago}, ""},
		{"gin-jwt", ginJWT, jwt.MapClaims{"identity": "u1", "orig_iat": now.Unix(), "exp": soon}, "u1"},
		{"gin-jwt, expired", ginJWT, jwt.MapClaims{"identity": "u1", "orig_iat": now.Unix(), "exp": ago}, ""},
		{"gin-jwt, another identity key", ginJWT, jwt.MapClaims{"id": "u1", "orig_iat": now.Unix(), "exp": soon}, ""},
		{"gin-jwt, a number", ginJWT, jwt.MapClaims{"identity": 1, "orig_iat": now.Unix(), "exp": soon}, ""},
		{"jwtauth", jwtAuth, jwt.MapClaims{"user_id": 123, "exp": soon}, "123"},
		{"jwtauth, a large id", jwtAuth, jwt.MapClaims{"user_id": int64(9007199254740993), "exp": soon}, "9007199254740993"},
		{"jwtauth, without exp", jwtAuth, jwt.MapClaims{"user_id": 123}, ""},
		{"go-oauth2", goOAuth2, jwt.MapClaims{"aud": "222222", "sub": "u1", "exp": soon}, "u1"},
		{"go-oauth2, several audiences", goOAuth2, jwt.MapClaims{"aud": []string{"222222"}, "sub": "u1", "exp": soon}, "u1"},
		{"Simple JWT", simpleJWT, jwt.MapClaims{"token_type": "access", "exp": soon, "iat": now.Unix(), "jti": "a1", "user_id": "42"}, "42"},
		{"Simple JWT before 5.5", simpleJWT, jwt.MapClaims{"token_type": "access", "exp": soon, "iat": now.Unix(), "jti": "a1", "user_id": 42}, "42"},
		{"Simple JWT, a refresh token", simpleJWT, jwt.MapClaims{"token_type": "refresh", "exp": soon, "iat": now.Unix(), "jti": "a1", "user_id": "42"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token := sign(t, tt.claims)
			newer := newTokens(t)
			older, err := oldTokens([]byte(secret), tt.form)
			require.NoError(t, err)
			require.Equal(t, 401, call(newer, token), "before the move")
			during := oldAndNew{newer, older, now.Add(time.Hour)}
			after := oldAndNew{newer, older, now.Add(-time.Second)}
			require.Equal(t, 401, call(after, token), "after the move")
			if tt.subject == "" {
				require.Equal(t, 401, call(during, token))
				return
			}
			require.Equal(t, 200, call(during, token))
			claims, err := during.VerifyToken(t.Context(), token)
			require.NoError(t, err)
			require.Equal(t, tt.subject, claims.Subject)

			require.Equal(t, 401, call(during, forged(token)))
			fresh, err := newer.IssueToken(t.Context(), passbearer.Claims{Subject: "u1", ClientID: "web", Scope: "items:read"})
			require.NoError(t, err)
			for _, v := range []passbearer.TokenVerifier{newer, during, after} {
				require.Equal(t, 200, call(v, fresh))
			}
			require.Equal(t, 401, call(older, fresh))
		})
	}
}

// TestPyJWT: what PyJWT itself has signed for the tutorial of FastAPI.
func TestPyJWT(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import argon2, jwt").Run(); err != nil {
		t.Skip("PyJWT, which signs the old tokens, is not installed: apt-get install -y python3-jwt python3-argon2")
	}
	for kind, status := range map[string]int{"good": 200, "expired": 401, "nosub": 401, "none": 401} {
		out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "../../fastapi/testdata/interop.py", "token", kind).Output()
		require.NoError(t, err)
		token := strings.TrimSpace(string(out))
		older, err := oldTokens([]byte("09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"), withItems(fastAPI))
		require.NoError(t, err)
		require.Equal(t, status, call(oldAndNew{newTokens(t), older, time.Now().Add(time.Hour)}, token), kind)
		require.Equal(t, 401, call(oldAndNew{newTokens(t), older, time.Now()}, token), kind)
	}
}

// withItems has the scope items of that tutorial stand for items:read.
func withItems(form *jwttoken.Foreign) *jwttoken.Foreign {
	return &jwttoken.Foreign{Types: form.Types, Map: func(c *passbearer.Claims) error {
		if c.Scope.Has("items") {
			c.Scope = "items:read"
		}
		return nil
	}}
}

// sign makes a token as golang-jwt, PyJWT and jwx make it: HS256, with the type JWT and no key id.
func sign(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	require.NoError(t, err)
	return token
}

// forged is the token with one bit of its signature changed.
func forged(token string) string {
	message, signature := token[:strings.LastIndexByte(token, '.')+1], token[strings.LastIndexByte(token, '.')+1:]
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		panic(err)
	}
	raw[0] ^= 1
	return message + base64.RawURLEncoding.EncodeToString(raw)
}

func newTokens(t *testing.T) *jwttoken.Tokens {
	t.Helper()
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), self, self, nil)
	require.NoError(t, err)
	return tokens
}

// call is the status that a request with the token gets from a route that demands items:read.
func call(v passbearer.TokenVerifier, token string) int {
	h := passbearer.NewGuard(v, nil).Require("items:read").Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/items/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// TestSameSecret: who keeps the secret for the new tokens has two forms all the same, and a short one cannot be kept.
func TestSameSecret(t *testing.T) {
	key, err := jwttoken.NewKey(jwttoken.HS256, []byte(secret), "")
	require.NoError(t, err)
	keys, err := jwttoken.NewKeys(key)
	require.NoError(t, err)
	newer, err := jwttoken.New(keys, self, self, nil)
	require.NoError(t, err)
	older, err := oldTokens([]byte(secret), fastAPI)
	require.NoError(t, err)
	fresh, err := newer.IssueToken(t.Context(), passbearer.Claims{Subject: "u1", ClientID: "web", Scope: "items:read"})
	require.NoError(t, err)
	require.Equal(t, 401, call(older, fresh), "its type is another")
	_, err = oldTokens([]byte("secret"), fastAPI)
	require.ErrorContains(t, err, "32 bytes")
}

var errDown = errors.New("the database is down")

func TestUnavailable(t *testing.T) {
	down := verifierFunc(func() (*passbearer.Claims, error) { return nil, errDown })
	older, err := oldTokens([]byte(secret), fastAPI)
	require.NoError(t, err)
	token := sign(t, jwt.MapClaims{"sub": "u1", "scope": "items:read", "exp": time.Now().Add(time.Hour).Unix()})
	require.Equal(t, 503, call(oldAndNew{down, older, time.Now().Add(time.Hour)}, token))
}

type verifierFunc func() (*passbearer.Claims, error)

func (f verifierFunc) VerifyToken(context.Context, string) (*passbearer.Claims, error) { return f() }

// TestOldStore: tokens that only the store of go-oauth2 knows.
func TestOldStore(t *testing.T) {
	errInvalid := errors.New("invalid access token")
	old := oldStore[info]{
		load: func(_ context.Context, access string) (info, error) {
			switch access {
			case "KNOWN":
				return info{"u1", "222222", "items:read  all"}, nil
			case "DOWN":
				return info{}, errDown
			}
			return info{}, errInvalid
		},
		refusals: []error{errInvalid},
	}
	during := oldAndNew{newTokens(t), old, time.Now().Add(time.Hour)}
	require.Equal(t, 200, call(during, "KNOWN"))
	require.Equal(t, 401, call(during, "UNKNOWN"))
	require.Equal(t, 503, call(during, "DOWN"))
	require.Equal(t, 401, call(oldAndNew{newTokens(t), old, time.Time{}}, "KNOWN"))
	claims, err := old.VerifyToken(t.Context(), "KNOWN")
	require.NoError(t, err)
	require.Equal(t, &passbearer.Claims{Subject: "u1", ClientID: "222222", Scope: "items:read all"}, claims)
}

type info struct{ user, client, scope string }

func (i info) GetUserID() string   { return i.user }
func (i info) GetClientID() string { return i.client }
func (i info) GetScope() string    { return i.scope }

// TestImportedUser: an old hash signs in, and is argon2id afterwards.
func TestImportedUser(t *testing.T) {
	users := new(memstore.Store)
	hash := djangoHash(t, "secret")
	require.NoError(t, importUser(t.Context(), users, "42", "JohnDoe", hash))
	require.ErrorIs(t, importUser(t.Context(), users, "43", "johndoe", hash), passbearer.ErrUserExists)
	require.Error(t, importUser(t.Context(), users, "44", "", hash))
	require.NoError(t, importUser(t.Context(), users, "45", "alice", "!unusable"))

	signIn := passbearer.NewTokenHandler(users, newTokens(t), nil)
	require.Equal(t, 400, ask(signIn, "JohnDoe", "wrong"))
	require.Equal(t, 400, ask(signIn, "alice", "!unusable"))
	require.Equal(t, 200, ask(signIn, "JohnDoe", "secret"))
	user, err := users.UserByID(t.Context(), "42")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(user.PasswordHash, "$argon2id$"))
	require.Equal(t, 200, ask(signIn, "johndoe", "secret"))
}

// djangoHash is what make_password returns.
func djangoHash(t *testing.T, password string) string {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, password, []byte("salt12345678"), 10_000, 32)
	require.NoError(t, err)
	return "pbkdf2_sha256$10000$salt12345678$" + base64.StdEncoding.EncodeToString(key)
}

func ask(h http.Handler, name, password string) int {
	form := url.Values{"username": {name}, "password": {password}}
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestFromCookie(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	_, err := fromCookie(r)
	require.ErrorIs(t, err, passbearer.ErrNoCredentials)
	r.AddCookie(&http.Cookie{Name: "jwt", Value: "of-the-cookie"})
	token, err := fromCookie(r)
	require.NoError(t, err)
	require.Equal(t, "of-the-cookie", token)
	r.Header.Set("Authorization", "Bearer of-the-header")
	token, err = fromCookie(r)
	require.NoError(t, err)
	require.Equal(t, "of-the-header", token)
}

func TestSameAnswers(t *testing.T) {
	users := new(memstore.Store)
	require.NoError(t, importUser(t.Context(), users, "johndoe", "johndoe", djangoHash(t, "secret")))
	_, signIn := sameAnswers(users, newTokens(t))
	require.Equal(t, 401, ask(signIn, "johndoe", "wrong"))
	require.Equal(t, 200, ask(signIn, "johndoe", "secret"))
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
