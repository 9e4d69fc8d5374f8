package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/examples/oidc/internal/provider"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/remotejwks"
)

const audience = "http://localhost:8000"

// TestBefore: the handlers with tokens that were got for a password.
func TestBefore(t *testing.T) {
	johndoe, err := passbearer.NewUser(t.Context(), "johndoe", "secret", "items:read")
	require.NoError(t, err)
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), audience, audience, nil)
	require.NoError(t, err)
	server := httptest.NewServer(passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil))
	defer server.Close()
	config := oauth2.Config{ClientID: "spa", Endpoint: oauth2.Endpoint{TokenURL: server.URL, AuthStyle: oauth2.AuthStyleInParams}}
	token, err := config.PasswordCredentialsToken(t.Context(), "johndoe", "secret")
	require.NoError(t, err)
	requireUse(t, api(tokens), token.AccessToken, johndoe.ID)
}

// TestAfter: the same handlers with tokens of an OpenID provider.
func TestAfter(t *testing.T) {
	issuer := provider.Start(t, audience)
	tokens, err := remotejwks.New([]remotejwks.Issuer{{URL: issuer, Audience: audience}}, nil)
	require.NoError(t, err)
	config := &oauth2.Config{ClientID: "spa", RedirectURL: provider.RedirectURI, Scopes: []string{"openid", "items:read", "admin"},
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/authorize", TokenURL: issuer + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams}}
	verifier := oauth2.GenerateVerifier()
	token, err := config.Exchange(t.Context(), authorize(t, config, verifier), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	handler := api(tokens)
	requireUse(t, handler, token.AccessToken, "johndoe")

	status, challenge, _ := call(handler, "GET", token.Extra("id_token").(string))
	require.Equal(t, 401, status, "an ID token is no access token")
	require.Contains(t, challenge, "invalid_token")

	_, err = config.Exchange(t.Context(), authorize(t, config, verifier), oauth2.VerifierOption(oauth2.GenerateVerifier()))
	require.Error(t, err, "the code without the verifier")
}

// authorize is what a browser does: it follows redirects until one to the client.
func authorize(t *testing.T, config *oauth2.Config, verifier string) (code string) {
	browser := http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), provider.RedirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), "GET", config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), nil)
	require.NoError(t, err)
	answer, err := browser.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	require.Equal(t, 302, answer.StatusCode, "%s", body)
	to, err := url.Parse(answer.Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "state", to.Query().Get("state"))
	require.NotEmpty(t, to.Query().Get("code"), to)
	return to.Query().Get("code")
}

func requireUse(t *testing.T, handler http.Handler, token, user string) {
	t.Helper()
	status, _, body := call(handler, "GET", token)
	require.Equal(t, 200, status, body)
	require.Equal(t, "Hello, user "+user+"\n", body)
	status, challenge, _ := call(handler, "DELETE", token)
	require.Equal(t, 403, status)
	require.Contains(t, challenge, `scope="items:write"`)
	status, _, _ = call(handler, "GET", token+"x")
	require.Equal(t, 401, status)
}

func call(handler http.Handler, method, token string) (status int, challenge, body string) {
	r := httptest.NewRequest(method, "/items/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Header().Get("WWW-Authenticate"), w.Body.String()
}

// TestOneLine: the comment tells of the line that the program has.
func TestOneLine(t *testing.T) {
	text, err := os.ReadFile("main.go")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "// to\n//\n//")
	require.True(t, found)
	line, after, _ := strings.Cut(after, "\n")
	require.Contains(t, after, "\n"+line+"\n")
}
