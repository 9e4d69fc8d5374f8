package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	minNonceKey = 32 // bytes
	nonceTime   = 8  // bytes: seconds since 1970, big-endian
	nonceTag    = 16 // bytes of the HMAC over it
)

// A nonce says when it was made, under a key that clients don't have. So nothing is
// stored, and each process with the key knows the nonces of all.
func newNonce(key []byte, at time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, tag(key, b)...))
}

func tag(key, made []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("passbearer dpop nonce\x00"))
	mac.Write(made)
	return mac.Sum(nil)[:nonceTag]
}

// isNonce takes a nonce of another process whose clock is ahead by Leeway.
func (v *Verifier) isNonce(nonce string, now time.Time) bool {
	b, ok := decodeBase64(nonce)
	if !ok || len(b) != nonceTime+nonceTag || !v.isTagged(b) {
		return false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(b)), 0))
	return age <= v.opts.NonceLifetime && age >= -v.opts.Leeway-time.Second
}

func (v *Verifier) isTagged(b []byte) bool {
	for _, key := range v.opts.NonceKeys {
		if hmac.Equal(b[nonceTime:], tag(key, b[:nonceTime])) {
			return true
		}
	}
	return false
}

// useNonce is the refusal that brings a nonce (RFC 9449 §8).
func (v *Verifier) useNonce(now time.Time) *passbearer.Error {
	return &passbearer.Error{ErrorCode: "use_dpop_nonce", ErrorDescription: "The DPoP proof needs the nonce in DPoP-Nonce",
		Header: http.Header{"Dpop-Nonce": {newNonce(v.opts.NonceKeys[0], now)}}}
}
