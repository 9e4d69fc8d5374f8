package main_test

import (
	"context"
	"encoding/json"
	"errors"
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
		{"header", oauth2.AuthStyleInHeader, "demo", "demo-secret"},
		{"header without a client", oauth2.AuthStyleInHeader, "", ""},
		{"params", oauth2.AuthStyleInParams, "demo", "demo-secret"},
		{"params without a client", oauth2.AuthStyleInParams, "", ""},
		{"detected", oauth2.AuthStyleAutoDetect, "demo", "demo-secret"},
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

			if test.clientID != "" {
				s.signOut(t, token.RefreshToken, asDemo)
			} else {
				s.signOut(t, token.RefreshToken)
			}
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
	_, config := xOAuth2(t, s, oauth2.AuthStyleInParams, "demo", "demo-secret")
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
	Tokens        []pair            `json:"tokens"`       // by signing in, and by refreshing
	Items         []json.RawMessage `json:"items"`        // with the one, and with the other
	Subjects      []string          `json:"subjects"`     // of both access tokens, where the client verifies them
	Introspected  []introspection   `json:"introspected"` // where the client can
	AfterSignOut  string            `json:"afterSignOut"`
	WrongPassword string            `json:"wrongPassword"`
}

// introspection is what a client was told of a token.
type introspection struct {
	Active   bool   `json:"active"`
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	others   int
}

func (i *introspection) UnmarshalJSON(text []byte) error {
	type plain introspection
	var all map[string]json.RawMessage
	err := errors.Join(json.Unmarshal(text, (*plain)(i)), json.Unmarshal(text, &all))
	i.others = len(all) - 1
	return err
}

// requireIntrospection: the second pair of tokens is active, and nothing is said
// of the first access token, which was revoked, and of any after sign-out.
func (j *journey) requireIntrospection(t *testing.T) {
	t.Helper()
	for n, told := range j.Introspected {
		if n >= 2 {
			require.Equal(t, introspection{}, told)
			continue
		}
		require.True(t, told.Active)
		require.NotEmpty(t, told.Subject)
		require.Equal(t, "demo", told.ClientID)
		require.Equal(t, allScope, told.Scope)
	}
	for _, subject := range j.Subjects {
		require.Equal(t, j.Introspected[0].Subject, subject)
	}
}

func TestOtherClients(t *testing.T) {
	const npm = "npm ci --prefix examples/quickstart/testdata/node"
	s := start(t)
	for _, test := range []struct {
		name, command, script, install string
		introspects, verifies          int
	}{
		{"oauth4webapi", "node", "testdata/node/oauth4webapi.mjs", npm, 5, 2},
		{"openid-client", "node", "testdata/node/openid-client.mjs", npm, 5, 0},
		{"simple-oauth2", "node", "testdata/node/simple-oauth2.mjs", npm, 0, 0},
		{"Authlib", "/usr/bin/python3", "testdata/python/with_authlib.py", "apt-get install -y python3-authlib", 0, 0},
		{"requests-oauthlib", "/usr/bin/python3", "testdata/python/with_requests_oauthlib.py", "apt-get install -y python3-requests-oauthlib", 0, 0},
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
			require.Equal(t, "invalid_grant", s.token(t, "grant_type=refresh_token&refresh_token="+saw.Tokens[1].RefreshToken+asDemo).Error, "signed out indeed")
			require.Len(t, saw.Introspected, test.introspects)
			require.Len(t, saw.Subjects, test.verifies)
			saw.requireIntrospection(t)
		})
	}
}

// TestJose: a resource server in JavaScript finds the keys and verifies.
func TestJose(t *testing.T) {
	s := start(t)
	got := run(t, "node", "testdata/node/jose.mjs", s.url, s.token(t, johndoe).AccessToken, s.token(t, johndoe+asDemo).AccessToken)
	if isMissing(got) {
		t.Skip("jose is not installed: npm ci --prefix examples/quickstart/testdata/node")
	}
	require.Zero(t, got.status, got.stderr)
	var subjects []string
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &subjects), got.stdout)
	require.Len(t, subjects, 2)
	require.Equal(t, subjects[0], subjects[1])

	header, rest, _ := strings.Cut(s.token(t, johndoe).AccessToken, ".")
	forged := run(t, "node", "testdata/node/jose.mjs", s.url, header+"."+strings.Replace(rest, ".", ".A", 1))
	require.NotZero(t, forged.status)
	require.Contains(t, forged.stderr, "ERR_JW")
}

// isMissing tells whether the interpreter or the client is not installed.
func isMissing(r result) bool {
	return r.status == -1 || strings.Contains(r.stderr, "ERR_MODULE_NOT_FOUND") || strings.Contains(r.stderr, "ModuleNotFoundError")
}
