package jwttoken_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"

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

// A key is replaced while the program runs: the next one is known everywhere before it signs, and the old
// one until its last token has expired.
func ExampleKeys_Set() {
	key := func() jwttoken.Key {
		key, err := jwttoken.GenerateKey(jwttoken.EdDSA)
		if err != nil {
			panic(err)
		}
		return key
	}
	old, next := key(), key()
	keys, err := jwttoken.NewKeys(old)
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
	for _, step := range [][]jwttoken.Key{{old, next}, {next, old}, {next}} {
		if err := keys.Set(step[0], step[1:]...); err != nil {
			panic(err)
		}
		_, err := tokens.VerifyToken(context.Background(), token)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// passbearer: invalid token: header: kid does not name a key
}
