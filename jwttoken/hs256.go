package jwttoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
	"unsafe"

	"github.com/golang-jwt/jwt/v5"
)

// hs256 is jwt.SigningMethodHS256 without its cost: that one expands the secret again for every token, and
// copies the token.
type hs256 struct{}

var _ jwt.SigningMethod = hs256{}

func (hs256) Alg() string { return string(HS256) }

// Verify implements [jwt.SigningMethod] for a *macKey.
func (hs256) Verify(signed string, signature []byte, key any) error {
	k, ok := key.(*macKey)
	if !ok {
		return jwt.ErrInvalidKeyType
	}
	if !k.verify(signed, signature) {
		return jwt.ErrSignatureInvalid
	}
	return nil
}

// Sign implements [jwt.SigningMethod] for a *macKey.
func (hs256) Sign(signed string, key any) ([]byte, error) {
	k, ok := key.(*macKey)
	if !ok {
		return nil, jwt.ErrInvalidKeyType
	}
	return k.sum(nil, signed), nil
}

// macKey is a secret of HS256, expanded once. It may be used concurrently.
type macKey struct{ pool sync.Pool } // of *mac

type mac struct {
	hash.Hash
	out [sha256.Size]byte
}

func newMACKey(secret []byte) *macKey {
	return &macKey{sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, secret)} }}}
}

// sum appends the HMAC of text to dst.
func (k *macKey) sum(dst []byte, text string) []byte {
	m := k.pool.Get().(*mac)
	defer k.pool.Put(m)
	return append(dst, m.of(text)...)
}

func (k *macKey) verify(text string, signature []byte) bool {
	m := k.pool.Get().(*mac)
	defer k.pool.Put(m)
	return hmac.Equal(m.of(text), signature)
}

// of returns the HMAC of text, in m's own memory.
func (m *mac) of(text string) []byte {
	m.Reset()
	m.Write(bytesOf(text))
	return m.Sum(m.out[:0])
}

// bytesOf returns s as bytes without a copy, which would outlive the request in a pool. Whoever gets them
// reads them only, and keeps nothing.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf returns b as text without a copy. It is good until b is written to, and keeps b alive.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
