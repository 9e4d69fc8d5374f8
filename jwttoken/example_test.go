package jwttoken_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func ExampleNew() {
	key, err := jwttoken.GenerateKey(jwttoken.EdDSA)
	if err != nil {
		panic(err)
	}
	keys, err := jwttoken.NewKeys(key)
	if err != nil {
		panic(err)
	}
	tokens, err := jwttoken.New(keys, "https://issuer.example", "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	token, err := tokens.IssueToken(context.Background(), passbearer.Claims{Subject: "u1", Scope: "me"})
	if err != nil {
		panic(err)
	}
	c, err := tokens.VerifyToken(context.Background(), token)
	fmt.Println(c.Subject, c.Scope, err)
	_, err = tokens.VerifyToken(context.Background(), token[:len(token)-1])
	fmt.Println(err)
	// Output:
	// u1 me <nil>
	// passbearer: invalid token: a segment is not canonical base64url
}

// A resource server has public keys alone.
func ExampleNewVerifier() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	public, err := jwttoken.NewKey(jwttoken.ES256, &private.PublicKey, "2026-11")
	if err != nil {
		panic(err)
	}
	keys, err := jwttoken.NewKeys(public)
	if err != nil {
		panic(err)
	}
	verifier, err := jwttoken.NewVerifier(keys, "https://issuer.example", "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	passbearer.NewGuard(verifier, nil)
	_, err = jwttoken.New(keys, "https://issuer.example", "https://api.example", nil)
	fmt.Println(err)
	// Output:
	// jwttoken: new: the first key is public and cannot sign; use NewVerifier
}

// An issuer's public key, as OpenSSL writes it. The id is the issuer's for it.
func ExampleParseKey() {
	const text = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----`
	key, err := jwttoken.ParseKey(jwttoken.EdDSA, []byte(text), "2026-11")
	fmt.Println(key, err)
	_, err = jwttoken.ParseKey(jwttoken.ES256, []byte(text), "2026-11") // the algorithm is told, not guessed
	fmt.Println(err)
	// Output:
	// jwttoken.Key{EdDSA "2026-11"} <nil>
	// jwttoken: new key: ES256 needs a non-nil *ecdsa.PrivateKey or *ecdsa.PublicKey, not ed25519.PublicKey
}

// Tokens of another issuer: its scopes are an array named "scp".
func ExampleForeign() {
	scp := func(c *passbearer.Claims) error {
		extra, err := passbearer.ExtraClaims[struct{ Scp []string }](c)
		c.Scope = passbearer.Scope(strings.Join(extra.Scp, " "))
		return err
	}
	_, err := jwttoken.NewVerifier(jwttoken.EphemeralKeys(), "https://login.example", "api", &jwttoken.Options{
		Foreign: &jwttoken.Foreign{Types: []string{"JWT"}, Map: scp},
	})
	fmt.Println(err)
	// Output:
	// <nil>
}

// A key that is not trusted any more is removed while the program runs. The spare one was published everywhere
// before, to sign from a day in the far future, so that its tokens are taken at once.
func ExampleKeys_Set() {
	active, spare := newKey("active"), newKey("spare")
	keys, err := jwttoken.NewKeys(active, spare.SignsFrom(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		panic(err)
	}
	tokens, err := jwttoken.New(keys, "https://issuer.example", "https://api.example", nil)
	if err != nil {
		panic(err)
	}
	token, err := tokens.IssueToken(context.Background(), passbearer.Claims{Subject: "u1"})
	if err != nil {
		panic(err)
	}
	for _, next := range []jwttoken.Key{active, spare} {
		if err := keys.Set(next); err != nil {
			panic(err)
		}
		_, err := tokens.VerifyToken(context.Background(), token)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// passbearer: invalid token: header: kid does not name a key
}

// Processes that have read this before noon sign with the next key from noon on, and take the tokens of both.
func ExampleKey_SignsFrom() {
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	keys, err := jwttoken.NewKeys(newKey("2026-11"), newKey("2026-12").SignsFrom(noon))
	if err != nil {
		panic(err)
	}
	now := noon.Add(-time.Second)
	clock := func() time.Time { return now }
	tokens, err := jwttoken.New(keys, "https://issuer.example", "https://api.example", &jwttoken.Options{Now: clock})
	if err != nil {
		panic(err)
	}
	for ; !now.After(noon); now = now.Add(time.Second) {
		token, err := tokens.IssueToken(context.Background(), passbearer.Claims{Subject: "u1"})
		if err != nil {
			panic(err)
		}
		header, err := base64.RawURLEncoding.DecodeString(token[:strings.Index(token, ".")])
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s %s\n", now.Format(time.TimeOnly), header)
	}
	// Output:
	// 11:59:59 {"typ":"at+jwt","alg":"EdDSA","kid":"2026-11"}
	// 12:00:00 {"typ":"at+jwt","alg":"EdDSA","kid":"2026-12"}
}

// newKey makes a key; a program reads its own with ParseKey.
func newKey(id string) jwttoken.Key {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := jwttoken.NewKey(jwttoken.EdDSA, private, id)
	if err != nil {
		panic(err)
	}
	return key
}

// Others find the keys that verify at a URL of the issuer.
func ExampleNewJWKSHandler() {
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60") // RFC 8037 appendix A.1
	if err != nil {
		panic(err)
	}
	key, err := jwttoken.NewKey(jwttoken.EdDSA, ed25519.NewKeyFromSeed(seed), "2026-11")
	if err != nil {
		panic(err)
	}
	keys, err := jwttoken.NewKeys(key)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/jwks.json", jwttoken.NewJWKSHandler(keys, nil))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	fmt.Println(w.Body)
	// Output:
	// {"keys":[{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","alg":"EdDSA","kid":"2026-11"}]}
}
