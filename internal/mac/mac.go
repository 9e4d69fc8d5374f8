// Package mac is HMAC-SHA-256 under keys that are expanded once: crypto/hmac hashes a key anew in each New, which
// takes longer than the HMAC of a short text.
package mac

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
	"unsafe"
)

// Size of a sum in bytes.
const Size = sha256.Size

// Key may be used concurrently. It prints without its secret.
type Key struct{ pool sync.Pool } // of *state

type state struct {
	hash.Hash
	text [512]byte // copied, so that callers keep their parts on the stack
	sum  [Size]byte
}

// NewKey returns the key of a secret, which must not change from now on.
func NewKey(secret []byte) *Key {
	return &Key{sync.Pool{New: func() any {
		s := &state{Hash: hmac.New(sha256.New, secret)}
		s.Reset() // keeps the key's part, for the next ones
		return s
	}}}
}

// Sum returns the HMAC of the parts as one text. What has to be told apart by their lengths is the caller's to say.
func (k *Key) Sum(parts ...string) [Size]byte {
	s := k.pool.Get().(*state)
	for _, part := range parts {
		for len(part) > 0 {
			n := copy(s.text[:], part)
			s.Write(s.text[:n])
			part = part[n:]
		}
	}
	s.Hash.Sum(s.sum[:0])
	sum := s.sum
	clear(s.text[:])
	clear(s.sum[:])
	s.Reset() // now and not before the next: it overwrites the end of the text, which may be a password
	k.pool.Put(s)
	return sum
}

// Append appends the HMAC of text to dst.
func (k *Key) Append(dst, text []byte) []byte {
	sum := k.Sum(unsafe.String(unsafe.SliceData(text), len(text)))
	return append(dst, sum[:]...)
}
