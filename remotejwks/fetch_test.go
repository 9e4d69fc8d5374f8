package remotejwks_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/remotejwks"
)

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

func TestDiscovery(t *testing.T) {
	one := newSigner(t, "one")
	const oauth = "/.well-known/oauth-authorization-server/realms/one"
	for name, tt := range map[string]struct {
		change func(*site)
		err    string // empty: the keys are found
	}{
		"OpenID Connect":      {func(*site) {}, ""},
		"RFC 8414":            {func(s *site) { s.set(oauth, s.answers[wellKnown]); s.set(wellKnown, nil) }, ""},
		"redirect at home":    {func(s *site) { s.set("/moved", s.answers["/keys"]); s.set("/keys", redirect("/moved")) }, ""},
		"keys at another":     {func(s *site) { s.set(wellKnown, metadata(issuerURL, "https://keys.example/keys")) }, ""},
		"issuer, slash":       {func(s *site) { s.set(wellKnown, metadata(issuerURL+"/", "https://id.example/keys")) }, "issuer is"},
		"issuer, other":       {func(s *site) { s.set(wellKnown, metadata("https://evil.example", "https://id.example/keys")) }, "issuer is"},
		"issuer absent":       {func(s *site) { s.set(wellKnown, says(`{"jwks_uri":"https://id.example/keys"}`)) }, "issuer is"},
		"jwks_uri absent":     {func(s *site) { s.set(wellKnown, metadata(issuerURL, "")) }, "jwks_uri"},
		"jwks_uri http":       {func(s *site) { s.set(wellKnown, metadata(issuerURL, "http://id.example/keys")) }, "not https"},
		"jwks_uri loopback":   {func(s *site) { s.set(wellKnown, metadata(issuerURL, "http://127.0.0.1/keys")) }, "not https"},
		"jwks_uri file":       {func(s *site) { s.set(wellKnown, metadata(issuerURL, "file:///keys")) }, "jwks_uri"},
		"redirect elsewhere":  {func(s *site) { s.set("/keys", redirect("https://evil.example/keys")) }, "another host"},
		"redirect to http":    {func(s *site) { s.set("/keys", redirect("http://id.example/keys")) }, "not https"},
		"redirect in circles": {func(s *site) { s.set("/keys", redirect("/keys")) }, "too often"},
		"no metadata":         {func(s *site) { s.set(wellKnown, nil) }, "404"},
		"500":                 {func(s *site) { s.set("/keys", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }) }, "500"},
		"not JSON":            {func(s *site) { s.set("/keys", says("<html>")) }, "cannot be read"},
		"no keys":             {func(s *site) { s.set("/keys", says(`{"error":"x"}`)) }, "no member keys"},
		"too large":           {func(s *site) { s.set("/keys", says(`{"keys":[`+strings.Repeat(" ", 512<<10)+`]}`)) }, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			site := newSite(t, one)
			tt.change(site)
			v := newVerifier(t, site, new(recorder))
			if err := v.Load(t.Context()); tt.err != "" {
				require.ErrorContains(t, err, tt.err)
				require.Equal(t, "unavailable", check(t, v, one.token(t, nil)))
			} else {
				require.NoError(t, err)
				require.Equal(t, "valid", check(t, v, one.token(t, nil)))
			}
			_, asked := site.asked.Load("evil.example/keys")
			require.False(t, asked)
		})
	}
}

// TestServer: by real HTTP on a loopback address, with a JWK Set named and two issuers.
func TestServer(t *testing.T) {
	one, two := newSigner(t, "one"), newSigner(t, "one") // the same kid
	var issuers []remotejwks.Issuer
	for _, s := range []*signer{one, two} {
		server := httptest.NewServer(publishes(t, s))
		t.Cleanup(server.Close)
		issuers = append(issuers, remotejwks.Issuer{URL: server.URL, Audience: audience, JWKS: server.URL + "/keys"})
	}
	v, err := remotejwks.New(issuers, &remotejwks.Options{Observer: new(recorder)})
	require.NoError(t, err)
	require.NoError(t, v.Load(t.Context()))
	from := func(i int) map[string]any { return map[string]any{"iss": issuers[i].URL} }
	for range 2 { // the second time it is guessed first, and wrong: both spell the header alike
		require.Equal(t, "valid", check(t, v, one.token(t, from(0))))
		require.Equal(t, "valid", check(t, v, two.token(t, from(1))))
	}
	require.Equal(t, "invalid", check(t, v, one.token(t, from(1))))
	require.Equal(t, "invalid", check(t, v, two.token(t, from(0))))
	require.Equal(t, "invalid", check(t, v, one.token(t, map[string]any{"iss": "https://id.example"})))
	require.Equal(t, "invalid", check(t, v, one.token(t, map[string]any{"iss": issuers[0].URL, "aud": "https://other.example"})))
	require.Equal(t, "invalid", check(t, v, "garbage"))
	require.Equal(t, "invalid", check(t, new(remotejwks.Verifier), one.token(t, from(0))))
}

// TestHowLongTokensAreTaken: revocations have to be kept for as long as those of any issuer.
func TestHowLongTokensAreTaken(t *testing.T) {
	token := func(longest, leeway time.Duration) jwttoken.Options {
		return jwttoken.Options{MaxLifetime: longest, Leeway: leeway}
	}
	v, err := remotejwks.New([]remotejwks.Issuer{
		{URL: "https://a.example", Audience: "api", Token: token(time.Hour, time.Minute)},
		{URL: "https://b.example", Audience: "api", Token: token(48*time.Hour, -1)},
		{URL: "https://c.example", Audience: "api"},
	}, nil)
	require.NoError(t, err)
	require.Equal(t, 48*time.Hour, v.MaxLifetime())
	require.Equal(t, time.Minute, v.Leeway())
}

func TestNewErrors(t *testing.T) {
	good := remotejwks.Issuer{URL: issuerURL, Audience: audience}
	with := func(change func(*remotejwks.Issuer)) []remotejwks.Issuer {
		i := good
		change(&i)
		return []remotejwks.Issuer{i}
	}
	for _, tt := range []struct {
		issuers []remotejwks.Issuer
		opts    *remotejwks.Options
		err     string
	}{
		{nil, nil, "no issuers"},
		{[]remotejwks.Issuer{good, good}, nil, "twice"},
		{with(func(i *remotejwks.Issuer) { i.URL = "" }), nil, "no host"},
		{with(func(i *remotejwks.Issuer) { i.URL = "http://id.example" }), nil, "not https"},
		{with(func(i *remotejwks.Issuer) { i.URL += "?x" }), nil, "query"},
		{with(func(i *remotejwks.Issuer) { i.JWKS = "http://id.example/keys" }), nil, "JWKS"},
		{with(func(i *remotejwks.Issuer) { i.Audience = "" }), nil, "audience"},
		{with(func(i *remotejwks.Issuer) { i.Token.InsecureSkipIssuer = true }), nil, "InsecureSkipIssuer"},
		{with(func(i *remotejwks.Issuer) { i.Token.Foreign = &jwttoken.Foreign{Map: remotejwks.DefaultMap} }), nil, "set Map"},
		{[]remotejwks.Issuer{good}, &remotejwks.Options{RefreshInterval: 1}, "RefreshInterval"},
		{[]remotejwks.Issuer{good}, &remotejwks.Options{MinInterval: -1}, "negative"},
		{[]remotejwks.Issuer{good}, &remotejwks.Options{MaxStale: 1}, "MaxStale"},
		{[]remotejwks.Issuer{good}, &remotejwks.Options{Timeout: 1 << 50}, "Timeout"},
	} {
		_, err := remotejwks.New(tt.issuers, tt.opts)
		require.ErrorContains(t, err, tt.err)
	}
}
