package jwttoken_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"strconv"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/jwttoken"
)

// FuzzES256: ours is golang-jwt's, whatever is verified, and what either signs the other verifies.
func FuzzES256(f *testing.F) {
	order := elliptic.P256().Params().N.Bytes()
	f.Add("", []byte{}, byte(0))
	f.Add("a.b", make([]byte, 64), byte(1))
	f.Add("r and s of the order", append(bytes.Clone(order), order...), byte(1))
	f.Add("small", append(make([]byte, 31), append([]byte{0x80}, make([]byte, 32)...)...), byte(255))
	ours, theirs := jwttoken.NewES256(), jwt.SigningMethodES256
	f.Fuzz(func(t *testing.T, text string, signature []byte, flip byte) {
		require.Equal(t, theirs.Verify(text, signature, &ecKey.PublicKey), ours.Verify(text, signature, &ecKey.PublicKey))
		for _, signs := range []jwt.SigningMethod{ours, theirs} {
			rs, err := signs.Sign(text, ecKey)
			require.NoError(t, err)
			require.Len(t, rs, 64)
			require.NoError(t, ours.Verify(text, rs, &ecKey.PublicKey))
			require.NoError(t, theirs.Verify(text, rs, &ecKey.PublicKey))
			rs[int(flip)%64] ^= flip | 1
			require.Equal(t, jwt.ErrECDSAVerification, ours.Verify(text, rs, &ecKey.PublicKey))
		}
		if len(signature) == 64 {
			der := must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])}))
			require.Equal(t, der, jwttoken.DER(signature))
			require.Equal(t, signature, must(jwttoken.FromDER(der)))
		}
	})
}

func TestES256(t *testing.T) {
	ours, theirs := jwttoken.NewES256(), jwt.SigningMethodES256
	require.Equal(t, theirs.Alg(), ours.Alg())
	_, err := ours.Sign("a", &ecKey.PublicKey)
	require.ErrorIs(t, err, jwt.ErrInvalidKeyType)
	require.ErrorIs(t, ours.Verify("a", nil, ecKey), jwt.ErrInvalidKeyType)
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	_, err = ours.Sign("a", p224)
	require.ErrorIs(t, err, jwt.ErrInvalidKey)
	hash := sha256.Sum256([]byte("a"))
	good := must(jwttoken.FromDER(must(ecdsa.SignASN1(rand.Reader, p224, hash[:]))))
	require.NoError(t, theirs.Verify("a", good, &p224.PublicKey))
	require.Equal(t, jwt.ErrECDSAVerification, ours.Verify("a", good, &p224.PublicKey))

	rs := must(ours.Sign("a", ecKey))
	for name, wrong := range map[string][]byte{"nil": nil, "empty": {}, "short": rs[:63], "long": append(rs[:64:64], 0),
		"long s": append(append(bytes.Clone(rs[:32]), 0), rs[32:]...),
		"zeros":  make([]byte, 64), "DER": jwttoken.DER(rs), "r only": append(bytes.Clone(rs[:32]), make([]byte, 32)...)} {
		require.Equal(t, jwt.ErrECDSAVerification, ours.Verify("a", wrong, &ecKey.PublicKey), name)
	}
	require.Equal(t, jwt.ErrECDSAVerification, ours.Verify("b", rs, &ecKey.PublicKey))
	for i := range rs {
		rs[i] ^= 1
		require.Equal(t, jwt.ErrECDSAVerification, ours.Verify("a", rs, &ecKey.PublicKey))
		rs[i] ^= 1
	}
}

// TestES256Zeros: of signatures, one in 128 has a leading zero in r or s, which DER leaves out.
func TestES256Zeros(t *testing.T) {
	ours, theirs := jwttoken.NewES256(), jwt.SigningMethodES256
	var r, s bool
	for i := 0; !r || !s; i++ {
		text := strconv.Itoa(i)
		hash := sha256.Sum256([]byte(text))
		rs := must(jwttoken.FromDER(must(ecKey.Sign(nil, hash[:], crypto.SHA256)))) // RFC 6979
		if rs[0] != 0 && rs[32] != 0 {
			continue
		}
		r, s = r || rs[0] == 0, s || rs[32] == 0
		require.NoError(t, ours.Verify(text, rs, &ecKey.PublicKey))
		require.NoError(t, theirs.Verify(text, rs, &ecKey.PublicKey))
	}
}
