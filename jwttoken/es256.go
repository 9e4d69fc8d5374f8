package jwttoken

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// es256 is jwt.SigningMethodES256 without its cost: that one makes big numbers of each signature, and copies
// the token. It has no other curve than P-256, where that one verifies with any.
type es256 struct{}

var _ jwt.SigningMethod = es256{}

func (es256) Alg() string { return string(ES256) }

// Verify implements [jwt.SigningMethod] for an *ecdsa.PublicKey on P-256.
func (es256) Verify(signed string, signature []byte, key any) error {
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return jwt.ErrInvalidKeyType
	}
	if len(signature) != rsSize || public.Curve != elliptic.P256() {
		return jwt.ErrECDSAVerification
	}
	hash := sha256.Sum256(bytesOf(signed))
	der := appendDER(make([]byte, 0, maxDERSize), signature)
	if !ecdsa.VerifyASN1(public, hash[:], der) {
		return jwt.ErrECDSAVerification
	}
	return nil
}

// Sign implements [jwt.SigningMethod] for an *ecdsa.PrivateKey on P-256.
func (es256) Sign(signed string, key any) ([]byte, error) {
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, jwt.ErrInvalidKeyType
	}
	if private.Curve != elliptic.P256() {
		return nil, jwt.ErrInvalidKey
	}
	hash := sha256.Sum256(bytesOf(signed))
	der, err := ecdsa.SignASN1(rand.Reader, private, hash[:])
	if err != nil {
		return nil, err
	}
	return fromDER(der)
}

// A token has r and s as they are, 32 bytes each (RFC 7518 §3.4). crypto/ecdsa has them as a SEQUENCE of two
// INTEGERs in DER (RFC 3279 §2.2.3), which has no leading zeros but the one that keeps a number positive.
const (
	rSize      = 32 // bytes
	rsSize     = 2 * rSize
	maxDERSize = 2 + 2*(2+1+rSize)
)

// appendDER appends the DER of rs to the empty slice dst.
func appendDER(dst, rs []byte) []byte {
	dst = append(dst, byte(asn1.SEQUENCE), 0)
	dst = appendInteger(dst, rs[:rSize])
	dst = appendInteger(dst, rs[rSize:])
	dst[1] = byte(len(dst) - 2)
	return dst
}

func appendInteger(dst, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	if n[0] < 0x80 {
		dst = append(dst, byte(asn1.INTEGER), byte(len(n)))
	} else {
		dst = append(dst, byte(asn1.INTEGER), byte(len(n)+1), 0)
	}
	return append(dst, n...)
}

// fromDER returns r and s as a token has them.
func fromDER(der []byte) ([]byte, error) {
	var pair cryptobyte.String
	var r, s []byte
	if input := cryptobyte.String(der); !input.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Integer(&r) ||
		!pair.ReadASN1Integer(&s) || len(r) > rSize || len(s) > rSize {
		return nil, errors.New("not a signature of P-256")
	}
	rs := make([]byte, rsSize)
	copy(rs[rSize-len(r):], r)
	copy(rs[rsSize-len(s):], s)
	return rs, nil
}
