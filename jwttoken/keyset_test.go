package jwttoken_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func TestSetKeys(t *testing.T) {
	private, public := must(jwttoken.NewKey(jwttoken.ES256, ecKey, "a")), must(jwttoken.NewKey(jwttoken.ES256, &ecKey.PublicKey, "b"))
	hs := must(jwttoken.NewKey(jwttoken.HS256, secret, "c"))
	set := must(jwttoken.NewKeys(private))
	tokens := must(jwttoken.New(set, issuer, audience, &jwttoken.Options{Now: clock}))
	for want, err := range map[string]error{
		"jwttoken: set keys: the first key is public and cannot sign as the one before could": set.Set(public),
		"jwttoken: set keys: symmetric and asymmetric keys are mixed":                         set.Set(private, hs),
		"jwttoken: set keys: two keys have the id \"a\"":                                      set.Set(private, private),
		"jwttoken: set keys: a key is the zero Key; make it with NewKey":                      set.Set(jwttoken.Key{}),
		"jwttoken: set keys: the set is zero; make it with NewKeys":                           new(jwttoken.Keys).Set(private),
	} {
		require.EqualError(t, err, want)
	}
	require.Error(t, (*jwttoken.Keys)(nil).Set(private))
	_, err := tokens.VerifyToken(ctx, must(tokens.IssueToken(ctx, passbearer.Claims{Subject: "u1"})))
	require.NoError(t, err, "the set is as before")

	verifying := must(jwttoken.NewKeys(public))
	require.NoError(t, verifying.Set(public, private))
	require.NoError(t, verifying.Set(private))
}

// TestManyKeys: headers are remembered in few places, and each token is verified by its own key all the same.
func TestManyKeys(t *testing.T) {
	var all []jwttoken.Key
	var tokens []string
	opts := &jwttoken.Options{Now: clock, CacheSize: -1}
	for i := range 400 {
		key := must(jwttoken.NewKey(jwttoken.HS256, fmt.Appendf(nil, "%032d", i), fmt.Sprint("k", i)))
		all = append(all, key)
		signer := must(jwttoken.New(must(jwttoken.NewKeys(key)), issuer, audience, opts))
		tokens = append(tokens, must(signer.IssueToken(ctx, passbearer.Claims{Subject: fmt.Sprint("u", i)})))
	}
	v := must(jwttoken.NewVerifier(must(jwttoken.NewKeys(all...)), issuer, audience, opts))
	for range 2 {
		for i, token := range tokens {
			c, err := v.VerifyToken(ctx, token)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("u", i), c.Subject)
		}
	}
}

// TestSharedKeys: what one verifier takes, another of the same keys need not.
func TestSharedKeys(t *testing.T) {
	set := keys(jwttoken.HS256, secret)
	own := must(jwttoken.NewVerifier(set, issuer, audience, &jwttoken.Options{Now: clock}))
	foreign := must(jwttoken.NewVerifier(set, issuer, audience, &jwttoken.Options{Now: clock, Foreign: &jwttoken.Foreign{}}))
	token := header(`{"typ":"JWT","alg":"HS256","kid":"k1"}`)
	for range 2 {
		must(foreign.VerifyToken(ctx, token))
		_, err := own.VerifyToken(ctx, token)
		require.EqualError(t, err, "passbearer: invalid token: header: wrong typ")
	}
}
