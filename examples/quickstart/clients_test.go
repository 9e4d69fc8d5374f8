package main_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// xOAuth2 returns a configuration of golang.org/x/oauth2, and the context that
// makes it use client.
func xOAuth2(t *testing.T, s *server, style oauth2.AuthStyle, clientID, clientSecret string) (context.Context, *oauth2.Config) {
	return context.WithValue(t.Context(), oauth2.HTTPClient, client), &oauth2.Config{
		ClientID:     clientID,
		ClientSecret: clientSecret,
		Endpoint:     oauth2.Endpoint{TokenURL: s.url + "/token", AuthStyle: style},
		Scopes:       []string{"items:read"},
	}
}

func TestXOAuth2SignsIn(t *testing.T) {
	s := start(t)
	for _, test := range []struct {
		name             string
		style            oauth2.AuthStyle
		clientID, secret string
	}{
		{"header", oauth2.AuthStyleInHeader, "web", "s3cret"},
		{"header without a secret", oauth2.AuthStyleInHeader, "web", ""},
		{"header without a client", oauth2.AuthStyleInHeader, "", ""},
		{"params", oauth2.AuthStyleInParams, "web", "s3cret"},
		{"params without a secret", oauth2.AuthStyleInParams, "web", ""},
		{"params without a client", oauth2.AuthStyleInParams, "", ""},
		{"detected", oauth2.AuthStyleAutoDetect, "web", "s3cret"},
		{"detected without a secret", oauth2.AuthStyleAutoDetect, "web", ""},
		{"detected without a client", oauth2.AuthStyleAutoDetect, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, config := xOAuth2(t, s, test.style, test.clientID, test.secret)
			_, err := config.PasswordCredentialsToken(ctx, "johndoe", "wrong")
			requireInvalidGrant(t, err)
			token, err := config.PasswordCredentialsToken(ctx, "johndoe", "secret")
			require.NoError(t, err)
			require.Equal(t, "Bearer", token.Type())
			require.Equal(t, "items:read", token.Extra("scope"))
			require.EqualValues(t, 900, token.ExpiresIn)
			s.requireItems(t, token.AccessToken)

			s.signOut(t, token.RefreshToken)
			_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
			requireInvalidGrant(t, err)
		})
	}
}

func requireInvalidGrant(t *testing.T, err error) {
	t.Helper()
	var refused *oauth2.RetrieveError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_grant", refused.ErrorCode)
	require.Equal(t, http.StatusBadRequest, refused.Response.StatusCode)
}

// x/oauth2 holds a token to be expired 10 seconds before it is, so one of 5
// seconds is refreshed at each use, and still valid.
var expiring = []string{"-lifetime", "5s"}

func TestXOAuth2TokenSourceRefreshes(t *testing.T) {
	s := start(t, expiring...)
	ctx, config := xOAuth2(t, s, oauth2.AuthStyleAutoDetect, "", "")
	token, err := config.PasswordCredentialsToken(ctx, "johndoe", "secret")
	require.NoError(t, err)
	source := config.TokenSource(ctx, token)
	access, refresh := []string{token.AccessToken}, []string{token.RefreshToken}
	for range 5 {
		require.False(t, token.Valid())
		token, err = source.Token()
		require.NoError(t, err)
		s.requireItems(t, token.AccessToken)
		access, refresh = append(access, token.AccessToken), append(refresh, token.RefreshToken)
	}
	requireDistinct(t, access...)
	requireDistinct(t, refresh...)

	s.signOut(t, token.RefreshToken)
	_, err = source.Token()
	requireInvalidGrant(t, err)
}

// recorder remembers the access tokens it saw on their way.
type recorder struct{ seen []string }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok {
		r.seen = append(r.seen, token)
	}
	return client.Transport.RoundTrip(req)
}

func TestXOAuth2ClientRefreshes(t *testing.T) {
	s := start(t, expiring...)
	_, config := xOAuth2(t, s, oauth2.AuthStyleInParams, "web", "")
	wire := &recorder{}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: wire, Timeout: patience})
	token, err := config.PasswordCredentialsToken(ctx, "johndoe", "secret")
	require.NoError(t, err)
	api := config.Client(ctx, token)
	const calls = 5
	for range calls {
		r, err := readReply(api.Get(s.url + "/items/"))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, r.status, r.body)
	}
	require.Len(t, wire.seen, calls)
	requireDistinct(t, append(wire.seen, token.AccessToken)...)
}

// journey is what a client's script prints of its way through the quickstart.
type journey struct {
	Tokens        []pair            `json:"tokens"` // by signing in, and by refreshing
	Items         []json.RawMessage `json:"items"`  // with the one, and with the other
	AfterSignOut  string            `json:"afterSignOut"`
	WrongPassword string            `json:"wrongPassword"`
}

func TestOtherClients(t *testing.T) {
	const npm = "npm ci --prefix examples/quickstart/testdata/node"
	s := start(t)
	for _, test := range []struct{ name, command, script, install string }{
		{"oauth4webapi", "node", "testdata/node/oauth4webapi.mjs", npm},
		{"openid-client", "node", "testdata/node/openid-client.mjs", npm},
		{"simple-oauth2", "node", "testdata/node/simple-oauth2.mjs", npm},
		{"Authlib", "/usr/bin/python3", "testdata/python/with_authlib.py", "apt-get install -y python3-authlib"},
		{"requests-oauthlib", "/usr/bin/python3", "testdata/python/with_requests_oauthlib.py", "apt-get install -y python3-requests-oauthlib"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := os.ReadDir(filepath.Dir(test.script)) // go test forgets a cached result when these change
			require.NoError(t, err)
			got := run(t, test.command, test.script, s.url)
			if isMissing(got) {
				t.Skipf("not installed; run: %s", test.install)
			}
			require.Zero(t, got.status, got.stderr)
			var saw journey
			require.NoError(t, json.Unmarshal([]byte(got.stdout), &saw), got.stdout)
			require.Len(t, saw.Tokens, 2)
			requireDistinct(t, saw.Tokens[0].AccessToken, saw.Tokens[1].AccessToken)
			requireDistinct(t, saw.Tokens[0].RefreshToken, saw.Tokens[1].RefreshToken)
			require.Len(t, saw.Items, 2)
			for _, items := range saw.Items {
				require.JSONEq(t, `{"items":["Plumbus"]}`, string(items))
			}
			require.Equal(t, "invalid_grant", saw.AfterSignOut)
			require.Equal(t, "invalid_grant", saw.WrongPassword)
			require.Equal(t, "invalid_grant", s.refresh(t, saw.Tokens[1].RefreshToken).Error, "signed out indeed")
		})
	}
}

// isMissing tells whether the interpreter or the client is not installed.
func isMissing(r result) bool {
	return r.status == -1 || strings.Contains(r.stderr, "ERR_MODULE_NOT_FOUND") || strings.Contains(r.stderr, "ModuleNotFoundError")
}
