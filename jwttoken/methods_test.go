package jwttoken_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/jwttoken"
)

// direct are methods of ours that are golang-jwt's but for what they cost. Their signatures have no randomness.
var direct = []struct {
	ours, theirs    jwt.SigningMethod
	private, public any
}{
	{jwttoken.NewEdDSA(), jwt.SigningMethodEdDSA, edKey, edKey.Public()},
	{jwttoken.NewRS256(), jwt.SigningMethodRS256, rsaKey, &rsaKey.PublicKey},
}

// FuzzDirect: ours sign as golang-jwt's do, and verify what those verify.
func FuzzDirect(f *testing.F) {
	f.Add("", []byte{}, 0, byte(0))
	f.Add("a.b", make([]byte, 64), 63, byte(0x80))
	f.Add("a.b", make([]byte, 256), 255, byte(1))
	f.Fuzz(func(t *testing.T, text string, signature []byte, at int, flip byte) {
		for _, m := range direct {
			require.Equal(t, m.theirs.Verify(text, signature, m.public), m.ours.Verify(text, signature, m.public))
			signed, err := m.ours.Sign(text, m.private)
			require.NoError(t, err)
			require.Equal(t, must(m.theirs.Sign(text, m.private)), signed)
			require.NoError(t, m.ours.Verify(text, signed, m.public))
			signed[uint(at)%uint(len(signed))] ^= flip | 1
			err = m.ours.Verify(text, signed, m.public)
			require.Error(t, err)
			require.Equal(t, m.theirs.Verify(text, signed, m.public), err)
		}
	})
}

func TestDirect(t *testing.T) {
	for _, m := range direct {
		require.Equal(t, m.theirs.Alg(), m.ours.Alg())
		_, err := m.ours.Sign("a", m.public)
		require.ErrorIs(t, err, jwt.ErrInvalidKeyType)
		require.ErrorIs(t, m.ours.Verify("a", nil, m.private), jwt.ErrInvalidKeyType)
		require.ErrorIs(t, m.ours.Verify("a", nil, nil), jwt.ErrInvalidKeyType)
		signed := must(m.ours.Sign("a", m.private))
		for _, wrong := range [][]byte{nil, {}, signed[1:], append(signed[:len(signed):len(signed)], 0)} {
			require.Error(t, m.ours.Verify("a", wrong, m.public))
		}
		require.Error(t, m.ours.Verify("b", signed, m.public))
	}
	eddsa := jwttoken.NewEdDSA()
	require.ErrorIs(t, eddsa.Verify("a", nil, ed25519.PublicKey{1}), jwt.ErrInvalidKey)
	_, err := eddsa.Sign("a", ed25519.PrivateKey{1})
	require.ErrorIs(t, err, jwt.ErrInvalidKey)
}
