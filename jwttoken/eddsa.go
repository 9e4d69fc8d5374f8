package jwttoken

import (
	"crypto/ed25519"

	"github.com/golang-jwt/jwt/v5"
)

// eddsa is jwt.SigningMethodEdDSA without its copy of the token.
type eddsa struct{}

var _ jwt.SigningMethod = eddsa{}

func (eddsa) Alg() string { return string(EdDSA) }

// Verify implements [jwt.SigningMethod] for an [ed25519.PublicKey].
func (eddsa) Verify(signed string, signature []byte, key any) error {
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return jwt.ErrInvalidKeyType
	}
	if len(public) != ed25519.PublicKeySize {
		return jwt.ErrInvalidKey
	}
	if !ed25519.Verify(public, bytesOf(signed), signature) {
		return jwt.ErrEd25519Verification
	}
	return nil
}

// Sign implements [jwt.SigningMethod] for an [ed25519.PrivateKey].
func (eddsa) Sign(signed string, key any) ([]byte, error) {
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, jwt.ErrInvalidKeyType
	}
	if len(private) != ed25519.PrivateKeySize {
		return nil, jwt.ErrInvalidKey
	}
	return ed25519.Sign(private, bytesOf(signed)), nil
}
