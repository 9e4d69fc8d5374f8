package jwttoken_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// jwk is what the tests read of a JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2).
type jwk struct {
	Kty, Alg, Use, Kid, Crv, K, X, Y, N, E string
	KeyOps                                 []string `json:"key_ops"`
}

// key returns the verification key, or nil if it is not one of the kind that Alg says.
func (j *jwk) key() any {
	raw := func(s string) []byte { return must(base64.RawURLEncoding.DecodeString(s)) }
	switch {
	case j.Kty == "oct" && j.Alg == "HS256":
		return raw(j.K)
	case j.Kty == "EC" && j.Crv == "P-256" && j.Alg == "ES256":
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, raw(j.X)...), raw(j.Y)...))
		if err != nil {
			return nil
		}
		return key
	case j.Kty == "OKP" && j.Crv == "Ed25519" && j.Alg == "EdDSA":
		return ed25519.PublicKey(raw(j.X))
	case j.Kty == "RSA" && (j.Alg == "RS256" || j.Alg == "PS256"):
		return &rsa.PublicKey{N: new(big.Int).SetBytes(raw(j.N)), E: int(new(big.Int).SetBytes(raw(j.E)).Int64())}
	}
	return nil
}

// The keys of RFC 7515 appendices A.1 to A.3, and of RFC 8037 appendix A.2.
var (
	rfcHS256 = jwk{Kty: "oct", Alg: "HS256", K: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}
	rfcRS256 = jwk{Kty: "RSA", Alg: "RS256", E: "AQAB", N: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}
	rfcES256 = jwk{Kty: "EC", Alg: "ES256", Crv: "P-256", X: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", Y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
	rfcEdDSA = jwk{Kty: "OKP", Alg: "EdDSA", Crv: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
)

const (
	// The modulus of RFC 7638 §3.1, RFC 7517 appendix A.1.
	rfc7638N  = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	rfcClaims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	rfcExpiry = 1300819380
)

// The examples of RFC 7519 §3.1 (which is RFC 7515 appendix A.1) and of RFC 7515 appendices A.2 and A.3.
func TestRFCTokens(t *testing.T) {
	for name, row := range map[string]struct {
		key   jwk
		token string
	}{
		"RFC 7519 3.1": {rfcHS256, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + rfcClaims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
		"RFC 7515 A.2": {rfcRS256, "eyJhbGciOiJSUzI1NiJ9." + rfcClaims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
		"RFC 7515 A.3": {rfcES256, "eyJhbGciOiJFUzI1NiJ9." + rfcClaims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
	} {
		t.Run(name, func(t *testing.T) {
			at := time.Unix(rfcExpiry-1, 0)
			v := must(jwttoken.NewVerifier(keys(jwttoken.Algorithm(row.key.Alg), row.key.key()), "joe", "", &jwttoken.Options{
				Leeway: -1, InsecureSkipAudience: true, Now: func() time.Time { return at }, Foreign: &jwttoken.Foreign{Required: []string{}},
			}))
			for range 2 {
				c, err := v.VerifyToken(ctx, row.token)
				require.NoError(t, err)
				require.Equal(t, passbearer.Claims{Issuer: "joe", Expiry: rfcExpiry, Extra: `{"http://example.com/is_root":true}`}, *c)
			}
			at = time.Unix(rfcExpiry, 0)
			_, err := v.VerifyToken(ctx, row.token)
			require.ErrorContains(t, err, "expired")
		})
	}
}

// RFC 8037 appendices A.4 and A.5. What is signed there is not JSON.
func TestRFC8037(t *testing.T) {
	const token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	payload, err := jwttoken.OpenJWS(keys(jwttoken.EdDSA, rfcEdDSA.key()), token)
	require.NoError(t, err)
	require.Equal(t, "Example of Ed25519 signing", string(payload))
	d := must(base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")) // A.1
	signature := ed25519.Sign(ed25519.NewKeyFromSeed(d), []byte(token[:len(token)-87]))
	require.Equal(t, token[len(token)-86:], base64.RawURLEncoding.EncodeToString(signature))
}

// What the RFCs show and this library does not take.
func TestRFCRefusals(t *testing.T) {
	for name, token := range map[string]string{
		"RFC 7519 6.1, RFC 7515 A.5: unsecured": "eyJhbGciOiJub25lIn0." + rfcClaims + ".",
		"RFC 7515 E: crit":                      "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.",
		"RFC 7515 A.7: JSON serialization":      `{"payload":"` + rfcClaims + `","protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"}`,
		"RFC 7515 A.3 under the key of A.1":     "eyJhbGciOiJFUzI1NiJ9." + rfcClaims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	} {
		_, err := jwttoken.OpenJWS(keys(jwttoken.HS256, rfcHS256.key()), token)
		require.Error(t, err, name)
	}
	var a4 jwk // RFC 7515 appendix A.4 is ES512
	require.NoError(t, json.Unmarshal([]byte(`{"kty":"EC","crv":"P-521"}`), &a4))
	_, err := jwttoken.NewKey("ES512", a4.key(), "")
	require.ErrorContains(t, err, "not supported")
}
