package jwttoken_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func TestRotation(t *testing.T) {
	old, next := must(jwttoken.NewKey(jwttoken.ES256, ecKey, "")), must(jwttoken.GenerateKey(jwttoken.EdDSA))
	opts := &jwttoken.Options{Now: clock}
	before := must(jwttoken.New(must(jwttoken.NewKeys(old, next)), issuer, audience, opts))
	then := must(jwttoken.New(must(jwttoken.NewKeys(next, old)), issuer, audience, opts))
	for _, tokens := range []*jwttoken.Tokens{before, then} {
		token := must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
		for _, v := range []*jwttoken.Tokens{before, then} {
			_, err := v.VerifyToken(ctx, token)
			require.NoError(t, err)
		}
	}
	two := must(jwttoken.NewKeys(must(jwttoken.NewKey(jwttoken.HS256, secret, kid)), must(jwttoken.GenerateKey(jwttoken.HS256))))
	v := must(jwttoken.NewVerifier(two, issuer, audience, opts))
	_, err := v.VerifyToken(ctx, signed())
	require.NoError(t, err)
	_, err = v.VerifyToken(ctx, header(`{"typ":"at+jwt","alg":"HS256"}`))
	require.ErrorIs(t, err, passbearer.ErrInvalidToken, "kid absent with two keys")
}

func TestNewKeyRefuses(t *testing.T) {
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	otherEC := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	mixedEC := *ecKey
	mixedEC.PublicKey = otherEC.PublicKey
	offCurve := ecKey.PublicKey
	//lint:ignore SA1019 no other way makes a key that is wrong
	offCurve.X = big.NewInt(1)
	mixedEd := append(ed25519.PrivateKey(nil), edKey...)
	mixedEd[63] ^= 1
	mixedRSA := *rsaKey
	mixedRSA.D = new(big.Int).Add(rsaKey.D, big.NewInt(2))
	n := rsaKey.N
	for name, row := range map[string]struct {
		alg jwttoken.Algorithm
		key any
		id  string
	}{
		"unknown algorithm": {"HS512", secret, ""}, "none": {"none", nil, ""}, "empty": {"", secret, ""},
		"short secret": {jwttoken.HS256, secret[:31], ""}, "text secret": {jwttoken.HS256, string(secret), ""},
		"public key as secret": {jwttoken.HS256, edKey.Public(), ""},
		"P-384":                {jwttoken.ES256, p384, ""}, "EC nil": {jwttoken.ES256, (*ecdsa.PrivateKey)(nil), ""},
		"EC off the curve":  {jwttoken.ES256, &offCurve, ""},
		"EC mixed":          {jwttoken.ES256, &mixedEC, ""},
		"EC nil public":     {jwttoken.ES256, (*ecdsa.PublicKey)(nil), ""},
		"Ed25519 for ES256": {jwttoken.ES256, edKey, ""},
		"Ed25519 short":     {jwttoken.EdDSA, edKey[:63], ""}, "Ed25519 mixed": {jwttoken.EdDSA, mixedEd, ""},
		"Ed25519 public short": {jwttoken.EdDSA, ed25519.PublicKey(secret[:31]), ""}, "Ed25519 bytes": {jwttoken.EdDSA, secret, ""},
		"RSA nil": {jwttoken.RS256, (*rsa.PublicKey)(nil), ""}, "RSA empty": {jwttoken.RS256, &rsa.PublicKey{}, ""},
		"RSA 2047 bits": {jwttoken.RS256, &rsa.PublicKey{N: new(big.Int).Rsh(n, 1), E: 65537}, ""},
		"RSA e=1":       {jwttoken.PS256, &rsa.PublicKey{N: n, E: 1}, ""}, "RSA e=4": {jwttoken.PS256, &rsa.PublicKey{N: n, E: 4}, ""},
		"RSA mixed": {jwttoken.RS256, &mixedRSA, ""}, "EC for RS256": {jwttoken.RS256, ecKey, ""},
		"long id": {jwttoken.HS256, secret, strings.Repeat("k", 257)}, "control id": {jwttoken.HS256, secret, "a\nb"}, "id": {jwttoken.HS256, secret, "\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwttoken.NewKey(row.alg, row.key, row.id)
			require.Error(t, err)
		})
	}
	_, err := jwttoken.GenerateKey("none")
	require.Error(t, err)
}

func TestNewKeysRefuses(t *testing.T) {
	hs, es := must(jwttoken.NewKey(jwttoken.HS256, secret, "a")), must(jwttoken.NewKey(jwttoken.ES256, ecKey, "b"))
	require.Error(t, second(jwttoken.NewKeys()))
	require.Error(t, second(jwttoken.NewKeys(jwttoken.Key{})))
	require.Error(t, second(jwttoken.NewKeys(hs, jwttoken.Key{})))
	require.Error(t, second(jwttoken.NewKeys(hs, hs)))
	require.Error(t, second(jwttoken.NewKeys(hs, es)))
	require.Error(t, second(jwttoken.NewKeys(es, hs)))
}

func TestKeyPrintsNoSecret(t *testing.T) {
	key := must(jwttoken.NewKey(jwttoken.HS256, secret, kid))
	set := must(jwttoken.NewKeys(key))
	tokens := must(jwttoken.New(set, issuer, audience, nil))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "set", set)
	out := log.String() + string(must(json.Marshal([]any{key, set, tokens.Verifier == nil})))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out += fmt.Sprintf(strings.Repeat(verb, 6), key, &key, []jwttoken.Key{key}, struct{ k jwttoken.Key }{key}, *set, *tokens)
	}
	for _, leak := range []string{string(secret), fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprint(secret), "[]"), base64.StdEncoding.EncodeToString(secret)} {
		require.NotContains(t, out, leak)
	}
	require.Equal(t, `jwttoken.Key{HS256 "k1"}`, fmt.Sprintf("%x", key))
	require.Equal(t, "jwttoken.Key{}", fmt.Sprint(jwttoken.Key{}))
}

func TestKeyID(t *testing.T) {
	// The example of RFC 7638 §3.1.
	n := new(big.Int).SetBytes(must(base64.RawURLEncoding.DecodeString(rfc7638N)))
	key := must(jwttoken.NewKey(jwttoken.RS256, &rsa.PublicKey{N: n, E: 65537}, ""))
	require.Contains(t, key.String(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
	// RFC 8037 appendix A.3.
	x := must(base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
	require.Contains(t, must(jwttoken.NewKey(jwttoken.EdDSA, ed25519.PublicKey(x), "")).String(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")

	for alg := range algs {
		a, b := must(jwttoken.GenerateKey(alg)), must(jwttoken.GenerateKey(alg))
		require.NotEqual(t, a.String(), b.String())
	}
	for _, key := range []any{ecKey, &ecKey.PublicKey} {
		require.Equal(t, must(jwttoken.NewKey(jwttoken.ES256, ecKey, "")).String(), must(jwttoken.NewKey(jwttoken.ES256, key, "")).String())
	}
	own := append([]byte(nil), secret...)
	copied := must(jwttoken.NewKeys(must(jwttoken.NewKey(jwttoken.HS256, own, kid))))
	clear(own)
	_, err := must(jwttoken.NewVerifier(copied, issuer, audience, &jwttoken.Options{Now: clock})).VerifyToken(ctx, signed())
	require.NoError(t, err, "the secret is copied")
}
