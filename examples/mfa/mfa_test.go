package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/mfa"
)

// answer is any of the server's.
type answer struct {
	status    int
	challenge string
	body      string
	Error     string `json:"error"`
	MFAToken  string `json:"mfa_token"`
	Access    string `json:"access_token"`
}

// server is the program over HTTP, and the authenticator that read what it printed.
type server struct {
	t   *testing.T
	url string
	key *otp.Key
}

func start(t *testing.T) *server {
	t.Helper()
	var out bytes.Buffer
	api, err := newAPI(t.Context(), &out)
	require.NoError(t, err)
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	_, printed, found := strings.Cut(strings.TrimSpace(out.String()), ": ")
	require.True(t, found, out.String())
	key, err := otp.NewKeyFromURL(printed)
	require.NoError(t, err)
	require.Equal(t, "johndoe", key.AccountName())
	return &server{t, s.URL, key}
}

func (s *server) do(r *http.Request) (a answer) {
	s.t.Helper()
	res, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	_ = json.Unmarshal(body, &a)
	a.status, a.challenge, a.body = res.StatusCode, res.Header.Get("WWW-Authenticate"), string(body)
	return a
}

func (s *server) token(pairs ...string) answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", s.url+"/token", strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(r)
}

func (s *server) call(method, path, access string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+access)
	return s.do(r)
}

// signIn asks for the second factor, and returns the mfa_token.
func (s *server) signIn() string {
	s.t.Helper()
	a := s.token("grant_type", "password", "username", "johndoe", "password", "secret", "acr_values", acr)
	require.Equal(s.t, 400, a.status)
	require.Equal(s.t, "mfa_required", a.Error)
	require.Empty(s.t, a.Access)
	return a.MFAToken
}

func (s *server) redeem(mfaToken, code string) answer {
	s.t.Helper()
	return s.token("grant_type", mfa.GrantType, "mfa_token", mfaToken, "otp", code)
}

// code is what the authenticator shows at a time.
func (s *server) code(at time.Time) string {
	s.t.Helper()
	code, err := totp.GenerateCode(s.key.Secret(), at)
	require.NoError(s.t, err)
	return code
}

func requireRefused(t *testing.T, a answer) {
	t.Helper()
	require.Equal(t, 400, a.status, a.body)
	require.Equal(t, "invalid_grant", a.Error)
	require.Empty(t, a.Access)
}

// TestStepUp is what a client goes through that wants to pay.
func TestStepUp(t *testing.T) {
	s := start(t)
	simple := s.token("username", "johndoe", "password", "secret")
	require.Equal(t, 200, simple.status, simple.body)
	require.Equal(t, 200, s.call("GET", "/balance", simple.Access).status)
	refused := s.call("POST", "/payments", simple.Access)
	require.Equal(t, 401, refused.status)
	require.Contains(t, refused.challenge, `error="insufficient_user_authentication"`)
	require.Contains(t, refused.challenge, `acr_values="`+acr+`"`)

	now := time.Now() // the code of now is good during the next step too, and the next one now
	mfaToken := s.signIn()
	right := s.code(now)
	for _, wrong := range []string{wrongCode(s, now), "1", "not a number"} {
		requireRefused(t, s.redeem(mfaToken, wrong))
	}
	granted := s.redeem(mfaToken, right)
	require.Equal(t, 200, granted.status, granted.body)
	require.Equal(t, 200, s.call("GET", "/balance", granted.Access).status)
	paid := s.call("POST", "/payments", granted.Access)
	require.Equal(t, 200, paid.status, paid.body)
	require.Contains(t, paid.body, "pwd otp mfa")

	other := s.signIn()
	requireRefused(t, s.redeem(other, right)) // the code was used, though the mfa_token was not
	next := s.code(now.Add(period * time.Second))
	requireRefused(t, s.redeem(mfaToken, next)) // the mfa_token was used, and with it the code is
	requireRefused(t, s.redeem(other, next))
	for _, token := range []string{mfaToken, other} { // which is no access token
		require.Equal(t, 401, s.call("GET", "/balance", token).status)
	}
}

// wrongCode is none of those around now.
func wrongCode(s *server, now time.Time) string {
	for _, candidate := range []string{"000000", "000001", "000002", "000003", "000004"} {
		right := false
		for step := -2; step <= 2; step++ {
			right = right || s.code(now.Add(time.Duration(step)*period*time.Second)) == candidate
		}
		if !right {
			return candidate
		}
	}
	return "999999"
}
