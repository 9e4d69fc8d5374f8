package dpop

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

// The JWS algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	algES256 = "ES256"
	algEdDSA = "EdDSA"
	algPS256 = "PS256"
	algRS256 = "RS256"
)

const (
	minModulus  = 2048 // bits, RFC 7518 §3.3
	maxModulus  = 4096 // bits: a bound on the work that a proof makes
	minExponent = 65537
	maxExponent = 1<<31 - 1
)

var (
	errNoKey   = errors.New("jwk is missing or is of another type than alg")
	errPrivate = errors.New("jwk has a private or secret member")
	errPoint   = errors.New("jwk is not a point of the curve")
	errModulus = errors.New("jwk: RSA has 2048 to 4096 bits and an odd exponent from 65537 on")
)

// publicKey is the key of a proof.
type publicKey struct {
	method     jwt.SigningMethod
	key        any
	thumbprint string // RFC 7638, SHA-256
}

// parseKey reads a JWK (RFC 7517) for alg, which is one of the constants.
func parseKey(alg string, jwk map[string]any) (*publicKey, error) {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, ok := jwk[name]; ok {
			return nil, errPrivate
		}
	}
	switch alg {
	case algES256:
		return parseP256(jwk)
	case algEdDSA:
		return parseEd25519(jwk)
	case algPS256:
		return parseRSA(jwk, jwt.SigningMethodPS256)
	}
	return parseRSA(jwk, jwt.SigningMethodRS256)
}

// parseP256 reads RFC 7518 §6.2.1.
func parseP256(jwk map[string]any) (*publicKey, error) {
	x, xText := octets(jwk, "x")
	y, yText := octets(jwk, "y")
	if jwk["kty"] != "EC" || jwk["crv"] != "P-256" || len(x) != 32 || len(y) != 32 {
		return nil, errNoKey
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, errPoint
	}
	return &publicKey{jwt.SigningMethodES256, key, thumbprint(`{"crv":"P-256","kty":"EC","x":"` + xText + `","y":"` + yText + `"}`)}, nil
}

// parseEd25519 reads RFC 8037 §2. That x is a point, verifying finds out.
func parseEd25519(jwk map[string]any) (*publicKey, error) {
	x, text := octets(jwk, "x")
	if jwk["kty"] != "OKP" || jwk["crv"] != "Ed25519" || len(x) != ed25519.PublicKeySize {
		return nil, errNoKey
	}
	return &publicKey{jwt.SigningMethodEdDSA, ed25519.PublicKey(x), thumbprint(`{"crv":"Ed25519","kty":"OKP","x":"` + text + `"}`)}, nil
}

// parseRSA reads RFC 7518 §6.3.1. A number has one spelling, and so the key one
// thumbprint.
func parseRSA(jwk map[string]any, method jwt.SigningMethod) (*publicKey, error) {
	n, nText := octets(jwk, "n")
	e, eText := octets(jwk, "e")
	if jwk["kty"] != "RSA" || len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0 {
		return nil, errNoKey
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minModulus || bits > maxModulus || modulus.Bit(0) == 0 || exponent.Bit(0) == 0 ||
		!exponent.IsInt64() || exponent.Int64() < minExponent || exponent.Int64() > maxExponent {
		return nil, errModulus
	}
	key := &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
	return &publicKey{method, key, thumbprint(`{"e":"` + eText + `","kty":"RSA","n":"` + nText + `"}`)}, nil
}

// octets returns a member in base64url, decoded and as it was spelled, which is the
// only spelling. Nil if it is not there or malformed.
func octets(jwk map[string]any, name string) ([]byte, string) {
	text, _ := jwk[name].(string)
	decoded, ok := decodeBase64(text)
	if !ok {
		return nil, ""
	}
	return decoded, text
}

// thumbprint hashes the required members, in the order of their names (RFC 7638 §3).
func thumbprint(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
