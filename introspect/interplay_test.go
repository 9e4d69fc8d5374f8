package introspect_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/introspect"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

// users need no password hash.
type users struct{ *memstore.Store }

func (users) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

// proofs takes the name of a key for a proof by it.
type proofs struct{}

func (proofs) VerifyProof(r *http.Request, _ string) (string, error) {
	return r.Header.Get("DPoP"), nil
}
func (proofs) ProofAlgorithms() []string { return []string{"ES256"} }

// newServer has the endpoints of package authserver, for the clients web and api:1.
func newServer(t *testing.T) (*http.ServeMux, *jwttoken.Tokens) {
	t.Helper()
	store := users{memstore.New(passbearer.User{ID: "u1", Name: "johndoe", Scope: "items:read items:write"})}
	for _, id := range []string{"web", endpoint.ClientID} {
		require.NoError(t, store.AddClient(t.Context(), passbearer.Client{ID: id, SecretHash: passbearer.ClientSecretHash(secret)}))
	}
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), issuer, audience, nil)
	require.NoError(t, err)
	keys, err := passbearer.NewRefreshKeys(issuer, make([]byte, 32))
	require.NoError(t, err)
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	sessions := passbearer.NewSessions(store, store, keys, &passbearer.SessionsOptions{Revocations: revocations})
	signIn := passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions, Clients: store, DPoP: proofs{},
		Claims: func(_ context.Context, _ *passbearer.GrantRequest, _ *passbearer.Grant, c *passbearer.Claims) error {
			c.Extra = `{"tenant":"blue"}`
			return nil
		}})
	verifier := revocations.Verifier(tokens)
	mux := http.NewServeMux()
	mux.Handle("/token", signIn)
	mux.Handle("/revoke", authserver.NewRevocation(signIn, sessions, &authserver.RevocationOptions{Verifier: verifier, Store: store, Revocations: revocations}))
	mux.Handle("/introspect", authserver.NewIntrospection(signIn, verifier, &authserver.IntrospectionOptions{
		Sessions: sessions,
		Owns: func(client *passbearer.Client, c *passbearer.Claims) bool {
			return client.ID == endpoint.ClientID && c.Audience.Has(audience)
		},
	}))
	return mux, tokens
}

func post(h http.Handler, path, client, dpop string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	if dpop != "" {
		r.Header.Set("DPoP", dpop)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func signIn(t *testing.T, h http.Handler, client, dpop string) (access, refresh string) {
	t.Helper()
	w := post(h, "/token", client, dpop, "grant_type", "password", "username", "johndoe", "password", "secret")
	require.Equal(t, 200, w.Code, w.Body)
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	return body.Access, body.Refresh
}

func get(guard *passbearer.Guard, authorization, dpop string) int {
	r := httptest.NewRequest("GET", "/items", nil)
	r.Header.Set("Authorization", authorization)
	r.Header.Set("DPoP", dpop)
	w := httptest.NewRecorder()
	guard.Require("items:read").Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Code
}

// TestWithAuthserver: a Guard that asks package authserver admits what one that
// verifies by itself does.
func TestWithAuthserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux, tokens := newServer(t)
		s := newSite(mux.ServeHTTP)
		with := endpoint
		with.Issuer = issuer
		v, err := introspect.New(with, secret, &introspect.Options{Transport: s})
		require.NoError(t, err)
		guard := passbearer.NewGuard(v, &passbearer.GuardOptions{DPoP: proofs{}})

		access, refresh := signIn(t, mux, "web", "")
		bound, boundRefresh := signIn(t, mux, "web", "key")
		for _, token := range []string{access, bound} {
			own, err := tokens.VerifyToken(t.Context(), token)
			require.NoError(t, err)
			asked, err := v.VerifyToken(t.Context(), token)
			require.NoError(t, err)
			want := *own
			want.Epoch = 0 // a private claim, which is not told
			require.Equal(t, &want, asked)
		}
		require.Equal(t, 200, get(guard, "Bearer "+access, ""))
		require.Equal(t, 200, get(guard, "DPoP "+bound, "key"))
		require.Equal(t, 401, get(guard, "DPoP "+bound, "another"))
		require.Equal(t, 401, get(guard, "Bearer "+bound, ""), "downgraded")
		require.Equal(t, 401, get(guard, "Bearer "+refresh, ""))
		require.Equal(t, 401, get(guard, "Bearer "+boundRefresh, ""))
		require.Equal(t, 401, get(guard, "Bearer "+access[:len(access)-3]+"AAA", ""))
		require.Equal(t, 401, get(guard, "Bearer garbage", ""))
		asked := s.all
		require.Equal(t, 400, get(guard, "Bearer gar,bage", ""))
		require.Equal(t, asked, s.all, "what is malformed is not asked about")

		require.Equal(t, 200, post(mux, "/revoke", "web", "", "token", access).Code)
		require.Equal(t, 200, get(guard, "Bearer "+access, ""), "remembered")
		time.Sleep(30 * time.Second)
		require.Equal(t, 401, get(guard, "Bearer "+access, ""), "for as long as CacheFor")

		access, _ = signIn(t, mux, "web", "")
		require.Equal(t, 200, get(guard, "Bearer "+access, ""))
		time.Sleep(passbearer.DefaultAccessTokenLifetime)
		require.Equal(t, 401, get(guard, "Bearer "+access, ""), "expired")
	})
}

// TestOwnRefreshToken: the server tells a client of its own refresh token, which is no
// access token, whatever audience is taken.
func TestOwnRefreshToken(t *testing.T) {
	mux, _ := newServer(t)
	access, refresh := signIn(t, mux, endpoint.ClientID, "")
	require.Contains(t, post(mux, "/introspect", endpoint.ClientID, "", "token", refresh).Body.String(), `"active":true`)
	lax := endpoint
	lax.Audience = ""
	v, err := introspect.New(lax, secret, &introspect.Options{Transport: newSite(mux.ServeHTTP), InsecureSkipAudience: true})
	require.NoError(t, err)
	require.Equal(t, "valid", outcome(v.VerifyToken(t.Context(), access)))
	require.Equal(t, "invalid", outcome(v.VerifyToken(t.Context(), refresh)))
	strict := newVerifier(t, newSite(mux.ServeHTTP), introspect.Options{})
	require.Equal(t, "invalid", outcome(strict.VerifyToken(t.Context(), refresh)))
}

// TestOverHTTP: by a socket, with a wrong secret too.
func TestOverHTTP(t *testing.T) {
	mux, _ := newServer(t)
	access, _ := signIn(t, mux, "web", "")
	server := httptest.NewServer(mux)
	defer server.Close()
	at := endpoint
	at.URL = server.URL + "/introspect"
	v, err := introspect.New(at, secret, nil)
	require.NoError(t, err)
	guard := passbearer.NewGuard(v, nil)
	require.Equal(t, 200, get(guard, "Bearer "+access, ""))
	require.Equal(t, 401, get(guard, "Bearer x", ""))

	wrong, err := introspect.New(at, "wrong", nil)
	require.NoError(t, err)
	require.Equal(t, 503, get(passbearer.NewGuard(wrong, nil), "Bearer "+access, ""))
	server.Close()
	require.Equal(t, 200, get(guard, "Bearer "+access, ""), "remembered")
	require.Equal(t, 503, get(guard, "Bearer y", ""))
}
