package jwttoken

import (
	"crypto/hmac"

	"github.com/golang-jwt/jwt/v5"

	"github.com/passbearer/passbearer/internal/mac"
)

// hs256 is jwt.SigningMethodHS256 without its cost: that one expands the secret again for every token, and
// copies the token.
type hs256 struct{}

var _ jwt.SigningMethod = hs256{}

func (hs256) Alg() string { return string(HS256) }

// Verify implements [jwt.SigningMethod] for a *[mac.Key].
func (hs256) Verify(signed string, signature []byte, key any) error {
	k, ok := key.(*mac.Key)
	if !ok {
		return jwt.ErrInvalidKeyType
	}
	if sum := k.Sum(signed); !hmac.Equal(sum[:], signature) {
		return jwt.ErrSignatureInvalid
	}
	return nil
}

// Sign implements [jwt.SigningMethod] for a *[mac.Key].
func (hs256) Sign(signed string, key any) ([]byte, error) {
	k, ok := key.(*mac.Key)
	if !ok {
		return nil, jwt.ErrInvalidKeyType
	}
	sum := k.Sum(signed)
	return sum[:], nil
}
