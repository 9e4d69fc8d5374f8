package remotejwks_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// TestSkippedKeys: what cannot be used is left out and told, and the rest of the set serves.
func TestSkippedKeys(t *testing.T) {
	one := newSigner(t, "one")
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	b64 := base64.RawURLEncoding.EncodeToString
	n := b64(private.N.Bytes())
	weak := b64(new(big.Int).Lsh(big.NewInt(3), 1022).Bytes())
	huge := strings.Repeat("A", 100_000)
	for _, tt := range []struct{ key, reason string }{
		{`{"kty":"oct","kid":"x","k":"` + huge[:64] + `"}`, "symmetric"},
		{`{"kty":"oct","kid":"x","alg":"HS256","k":"` + huge[:64] + `"}`, "symmetric"},
		{`{"kty":"RSA","kid":"x","alg":"HS256","e":"AQAB","n":"` + n + `"}`, "alg"},
		{`{"kty":"RSA","kid":"x","alg":"RS1","e":"AQAB","n":"` + n + `"}`, "alg"},
		{`{"kty":"RSA","kid":"x","use":"enc","e":"AQAB","n":"` + n + `"}`, "use"},
		{`{"kty":"RSA","kid":"x","key_ops":["encrypt"],"e":"AQAB","n":"` + n + `"}`, "key_ops"},
		{`{"kty":"RSA","kid":"x","d":"AQAB","e":"AQAB","n":"` + n + `"}`, "private"},
		{`{"kty":"RSA","kid":"x","e":"AQ","n":"` + n + `"}`, `"e" is out of range`},
		{`{"kty":"RSA","kid":"x","e":"AQAB","n":"` + weak + `"}`, "2048"},
		{`{"kty":"RSA","kid":"x","e":"AQAB","n":"` + huge + `"}`, "8192"},
		{`{"kty":"EC","kid":"x","crv":"P-256","x":"AQ","y":"AQ"}`, "key"},
		{`{"kty":"EC","kid":"x","crv":"P-384","x":"AQ","y":"AQ"}`, "not supported"},
		{`{"kty":"AKP","kid":"x"}`, "not supported"},
		{`{"kty":"RSA","kid":"one","e":"AQAB","n":"` + n + `"}`, `two keys have the id`},
		{`{"kty":"RSA","kid":"` + "a\\u0000b" + `","e":"AQAB","n":"` + n + `"}`, "control"},
		{`"text"`, "cannot be read"},
		{`{"kty":7}`, "cannot be read"},
	} {
		site, l := newSite(t, one), new(recorder)
		published := publishes(t, one)
		recorded := record(published)
		site.set("/keys", says(strings.Replace(recorded, `]}`, `,`+tt.key+`]}`, 1)))
		v := newVerifier(t, site, l)
		require.NoError(t, v.Load(t.Context()), "%.80s", tt.key)
		require.Equal(t, "valid", check(t, v, one.token(t, nil)), "%.80s", tt.key)
		require.ErrorContains(t, l.last().Err, "key 1 ", "%.80s", tt.key)
		require.ErrorContains(t, l.last().Err, tt.reason, "%.80s", tt.key)

		site = newSite(t, one)
		site.set("/keys", says(`{"keys":[`+tt.key+`]}`))
		if !strings.Contains(tt.reason, "two keys") {
			require.Error(t, newVerifier(t, site, l).Load(t.Context()), "%.80s", tt.key)
		}
	}
}

// TestUsedKeys: a key is used with one algorithm, which is the key's and not the token's.
func TestUsedKeys(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	n := base64.RawURLEncoding.EncodeToString(private.N.Bytes())
	for _, tt := range []struct {
		members string
		valid   jwt.SigningMethod
		invalid jwt.SigningMethod
	}{
		{``, jwt.SigningMethodRS256, jwt.SigningMethodPS256},
		{`"alg":"RS256","use":"sig","key_ops":["verify"],`, jwt.SigningMethodRS256, jwt.SigningMethodPS256},
		{`"alg":"PS256","x5u":"https://evil.example/","x5c":["AA=="],`, jwt.SigningMethodPS256, jwt.SigningMethodRS256},
	} {
		site := newSite(t, newSigner(t, "one"))
		site.set("/keys", says(fmt.Sprintf(`{"keys":[{"kty":"RSA",%s"kid":"r","e":"AQAB","n":%q}]}`, tt.members, n)))
		v := newVerifier(t, site, new(recorder))
		require.Equal(t, "valid", check(t, v, (&signer{kid: "r", private: private, method: tt.valid}).token(t, nil)), tt.members)
		require.Equal(t, "invalid", check(t, v, (&signer{kid: "r", private: private, method: tt.invalid}).token(t, nil)), tt.members)
		text, err := json.Marshal(n)
		require.NoError(t, err)
		require.Equal(t, "invalid", check(t, v, (&signer{kid: "r", private: text, method: jwt.SigningMethodHS256}).token(t, nil)), "confused")
	}
}
