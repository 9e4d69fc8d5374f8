package jwttoken

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"

	"github.com/golang-jwt/jwt/v5"
)

// rs256 is jwt.SigningMethodRS256 without its copies of the token and its hash.
type rs256 struct{}

var _ jwt.SigningMethod = rs256{}

func (rs256) Alg() string { return string(RS256) }

// Verify implements [jwt.SigningMethod] for an *[rsa.PublicKey].
func (rs256) Verify(signed string, signature []byte, key any) error {
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return jwt.ErrInvalidKeyType
	}
	hash := sha256.Sum256(bytesOf(signed))
	return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], signature)
}

// Sign implements [jwt.SigningMethod] for an *[rsa.PrivateKey].
func (rs256) Sign(signed string, key any) ([]byte, error) {
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, jwt.ErrInvalidKeyType
	}
	hash := sha256.Sum256(bytesOf(signed))
	return rsa.SignPKCS1v15(nil, private, crypto.SHA256, hash[:]) // the randomness is not used
}
