package dpop_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/dpop"
)

// FuzzProof signs whatever header and claims it gets. What is accepted, a decoder
// that is not strict reads the same way, and it is for this request.
func FuzzProof(f *testing.F) {
	k := newClient("EdDSA")
	f.Add(text(k.header()), text(with(k.claims(start), "jti", "1")))
	f.Add(strings.Replace(text(k.header()), "{", `{"crit":[],`, 1), "{}")
	f.Add(text(k.header()), `{"htu":"https://api.example/%69tems","htm":"GET","jti":"\ud83d\ude00","iat":18e8,"ath":"`+hash(token)+`"}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		// The fuzzer's key is that of another run.
		var h map[string]any
		if json.Unmarshal([]byte(header), &h) == nil && h["jwk"] != nil {
			header = text(with(h, "jwk", k.jwk))
		}
		v, _ := newVerifier(t, dpop.Options{})
		proof := k.sign(header, payload)
		jkt, err := v.VerifyProof(request("GET", resource, proof), token)
		if err != nil {
			var e *passbearer.Error
			require.True(t, errors.As(err, &e) && e.ErrorCode == "invalid_dpop_proof" && jkt == "")
			return
		}
		require.Equal(t, k.thumbprint(), jkt)
		var c struct{ JTI, HTM, HTU, ATH string }
		parsed, err := jwt.NewParser(jwt.WithoutClaimsValidation()).Parse(proof, func(*jwt.Token) (any, error) { return k.key.Public(), nil })
		require.NoError(t, err)
		require.Equal(t, "dpop+jwt", parsed.Header["typ"])
		require.NoError(t, json.Unmarshal([]byte(text(parsed.Claims.(jwt.MapClaims))), &c))
		require.Equal(t, []string{"GET", hash(token)}, []string{c.HTM, c.ATH})
		require.NotEmpty(t, c.JTI)
		require.True(t, strings.HasPrefix(strings.ToLower(c.HTU), "https://api.example"))
		_, err = v.VerifyProof(request("GET", resource, proof), token)
		require.Error(t, err, "once")
	})
}

// FuzzSpelling changes a proof: of all spellings, one is taken.
func FuzzSpelling(f *testing.F) {
	k := newClient("EdDSA")
	proof := k.proof(k.claims(start))
	f.Add(10, byte('A'))
	f.Fuzz(func(t *testing.T, at int, c byte) {
		b := []byte(proof)
		b[uint(at)%uint(len(b))] = c
		v, _ := newVerifier(t, dpop.Options{})
		_, err := v.VerifyProof(request("GET", resource, string(b)), token)
		require.Equal(t, string(b) == proof, err == nil)
	})
}

// The difference is what a proof costs beyond its signature.
func BenchmarkProof(b *testing.B) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		k := newClient(alg)
		proof := k.proof(k.claims(start))
		b.Run(alg+"/proof", func(b *testing.B) {
			v, _ := newVerifier(b, dpop.Options{Replays: replaysOf(func() (bool, error) { return true, nil })})
			r := request("GET", resource, proof)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.VerifyProof(r, token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/signature", func(b *testing.B) {
			end := strings.LastIndexByte(proof, '.')
			signature, _ := jwt.NewParser().DecodeSegment(proof[end+1:])
			b.ReportAllocs()
			for b.Loop() {
				if err := jwt.GetSigningMethod(alg).Verify(proof[:end], signature, k.key.Public()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
