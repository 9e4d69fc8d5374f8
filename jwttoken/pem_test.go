package jwttoken_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func block(kind string) func([]byte, error) []byte {
	return func(der []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
}

func TestParseKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, tt := range []struct {
		name            string
		alg             jwttoken.Algorithm
		private, public []byte
	}{
		{"PKCS #8, EC", jwttoken.ES256, block("PRIVATE KEY")(x509.MarshalPKCS8PrivateKey(ec)), block("PUBLIC KEY")(x509.MarshalPKIXPublicKey(&ec.PublicKey))},
		{"SEC 1", jwttoken.ES256, block("EC PRIVATE KEY")(x509.MarshalECPrivateKey(ec)), block("PUBLIC KEY")(x509.MarshalPKIXPublicKey(&ec.PublicKey))},
		{"PKCS #8, Ed25519", jwttoken.EdDSA, block("PRIVATE KEY")(x509.MarshalPKCS8PrivateKey(ed)), block("PUBLIC KEY")(x509.MarshalPKIXPublicKey(public))},
		{"PKCS #8, RSA", jwttoken.PS256, block("PRIVATE KEY")(x509.MarshalPKCS8PrivateKey(rs)), block("PUBLIC KEY")(x509.MarshalPKIXPublicKey(&rs.PublicKey))},
		{"PKCS #1", jwttoken.RS256, block("RSA PRIVATE KEY")(x509.MarshalPKCS1PrivateKey(rs), nil), block("PUBLIC KEY")(x509.MarshalPKIXPublicKey(&rs.PublicKey))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			private, err := jwttoken.ParseKey(tt.alg, append([]byte("a comment\n"), tt.private...), "")
			require.NoError(t, err)
			public, err := jwttoken.ParseKey(tt.alg, append(tt.public, "\n \n"...), "")
			require.NoError(t, err)
			signing, err := jwttoken.NewKeys(private)
			require.NoError(t, err)
			checking, err := jwttoken.NewKeys(public)
			require.NoError(t, err)
			issuer, err := jwttoken.New(signing, "i", "a", nil)
			require.NoError(t, err)
			verifier, err := jwttoken.NewVerifier(checking, "i", "a", nil)
			require.NoError(t, err)
			token, err := issuer.IssueToken(t.Context(), passbearer.Claims{Subject: "u1"})
			require.NoError(t, err)
			_, err = verifier.VerifyToken(t.Context(), token)
			require.NoError(t, err, "both have the same id")
		})
	}
	good := block("PRIVATE KEY")(x509.MarshalPKCS8PrivateKey(ec))
	for _, tt := range []struct {
		name string
		alg  jwttoken.Algorithm
		text []byte
		want string
	}{
		{"empty", jwttoken.ES256, nil, "no PEM block"},
		{"not PEM", jwttoken.ES256, []byte("secret"), "no PEM block"},
		{"two blocks", jwttoken.ES256, append(good, good...), "more than one"},
		{"a certificate", jwttoken.ES256, block("CERTIFICATE")([]byte("secret"), nil), "neither"},
		{"malformed", jwttoken.ES256, block("PRIVATE KEY")([]byte("secret"), nil), "malformed"},
		{"a key of another kind", jwttoken.RS256, good, "RS256 needs"},
		{"HS256", jwttoken.HS256, good, "NewKey"},
	} {
		_, err := jwttoken.ParseKey(tt.alg, tt.text, "")
		require.ErrorContains(t, err, tt.want, tt.name)
		require.NotContains(t, err.Error(), "secret")
	}
}
