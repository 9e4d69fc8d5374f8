package remotejwks_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/remotejwks"
)

// BenchmarkVerify has a token seen before, with one issuer and two, and what jwttoken alone takes for it.
func BenchmarkVerify(b *testing.B) {
	one := newSigner(b, "one")
	server := httptest.NewServer(publishes(b, one))
	defer server.Close()
	issuers := []remotejwks.Issuer{{URL: server.URL, Audience: audience, JWKS: server.URL}, {URL: issuerURL, Audience: audience}}
	token := one.token(b, map[string]any{"iss": server.URL, "jti": "7f3c1d0e9b2a4856", "scope": "openid items:read"})
	keys, err := jwttoken.NewKeys(one.key)
	require.NoError(b, err)
	alone, err := jwttoken.NewVerifier(keys, server.URL, audience, &jwttoken.Options{Foreign: &jwttoken.Foreign{Map: remotejwks.DefaultMap}})
	require.NoError(b, err)
	b.Run("jwttoken", func(b *testing.B) {
		for b.Loop() {
			if _, err := alone.VerifyToken(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	for n := 1; n <= 2; n++ {
		v, err := remotejwks.New(issuers[:n], &remotejwks.Options{Observer: new(recorder)})
		require.NoError(b, err)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.VerifyToken(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
