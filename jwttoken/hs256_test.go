package jwttoken_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/jwttoken"
)

// FuzzHS256: ours is golang-jwt's, whatever is signed with whatever.
func FuzzHS256(f *testing.F) {
	f.Add(secret, "a.b", []byte("c"))
	f.Add([]byte{}, "", []byte{})
	f.Add(make([]byte, 65), "longer than a block", make([]byte, 32))
	theirs := jwt.SigningMethodHS256
	f.Fuzz(func(t *testing.T, secret []byte, text string, signature []byte) {
		ours, key := jwttoken.NewHS256(secret)
		want, err := theirs.Sign(text, secret)
		require.NoError(t, err)
		for range 2 { // the second is of a pool
			got, err := ours.Sign(text, key)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.NoError(t, ours.Verify(text, want, key))
			require.Equal(t, theirs.Verify(text, signature, secret), ours.Verify(text, signature, key))
		}
	})
}

func TestHS256(t *testing.T) {
	ours, key := jwttoken.NewHS256(secret)
	require.Equal(t, jwt.SigningMethodHS256.Alg(), ours.Alg())
	_, err := ours.Sign("a", secret)
	require.ErrorIs(t, err, jwt.ErrInvalidKeyType)
	require.ErrorIs(t, ours.Verify("a", nil, secret), jwt.ErrInvalidKeyType)

	mac, err := ours.Sign("a", key)
	require.NoError(t, err)
	for _, wrong := range [][]byte{nil, {}, mac[:31], append(mac[:32:32], 0)} {
		require.ErrorIs(t, ours.Verify("a", wrong, key), jwt.ErrSignatureInvalid)
	}
	for i := range mac {
		mac[i] ^= 1
		require.ErrorIs(t, ours.Verify("a", mac, key), jwt.ErrSignatureInvalid)
		mac[i] ^= 1
	}
}
