package password

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // imported hashes may have it; new ones do not
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// digest is the hash function under HMAC.
type digest struct {
	new  func() hash.Hash
	size int // bytes
}

var (
	sha1Digest   = digest{sha1.New, sha1.Size}
	sha256Digest = digest{sha256.New, sha256.Size}
	sha512Digest = digest{sha512.New, sha512.Size}
)

// maxImportSalt bounds the salts of other functions, in bytes: Spring's scrypt
// has 64.
const maxImportSalt = 64

// adapted is passlib's base64: the dot is in the place of the plus sign.
var adapted = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").
	WithPadding(base64.NoPadding).Strict()

var padded = base64.StdEncoding.Strict()

// passlibPBKDF2 reads "29000$salt$tag".
func passlibPBKDF2(d digest) func(string, *bounds) (stored, error) {
	return func(rest string, b *bounds) (stored, error) {
		iterations, rest, _ := strings.Cut(rest, "$")
		text, tag, _ := strings.Cut(rest, "$")
		salt, err := decode(adapted, text, 1, maxImportSalt)
		if err != nil {
			return nil, fmt.Errorf("salt: %w", err)
		}
		return readPBKDF2(d, iterations, salt, tag, adapted, b)
	}
}

// djangoPBKDF2 reads "600000$salt$tag"; the salt is text.
func djangoPBKDF2(d digest) func(string, *bounds) (stored, error) {
	return func(rest string, b *bounds) (stored, error) {
		iterations, rest, _ := strings.Cut(rest, "$")
		salt, tag, _ := strings.Cut(rest, "$")
		if salt == "" || len(salt) > maxImportSalt {
			return nil, fmt.Errorf("salt: not 1 to %d bytes", maxImportSalt)
		}
		return readPBKDF2(d, iterations, []byte(salt), tag, padded, b)
	}
}

func readPBKDF2(d digest, iterations string, salt []byte, tag string, enc *base64.Encoding, b *bounds) (stored, error) {
	n, ok := number(iterations, "", 32)
	if !ok {
		return nil, errCosts
	}
	raw, err := decode(enc, tag, d.size, d.size)
	if err != nil {
		return nil, fmt.Errorf("tag: %w", err)
	}
	return newPBKDF2(d, int(n), salt, raw, b)
}

// springPBKDF2 reads salt and tag in one, as hexadecimal or as base64.
func springPBKDF2(d digest, iterations, saltBytes int) func(string, *bounds) (stored, error) {
	const tagBytes = 32
	size := saltBytes + tagBytes
	return func(rest string, b *bounds) (stored, error) {
		raw, err := hex.DecodeString(rest)
		if len(rest) != hex.EncodedLen(size) {
			raw, err = decode(padded, rest, size, size)
		}
		if err != nil {
			return nil, errors.New("malformed salt and tag")
		}
		return newPBKDF2(d, iterations, raw[:saltBytes], raw[saltBytes:], b)
	}
}

func newPBKDF2(d digest, iterations int, salt, tag []byte, b *bounds) (stored, error) {
	blocks := ceilDiv(uint64(len(tag)), uint64(d.size))
	if err := within(uint64(iterations)*blocks, b.least.PBKDF2, b.most.PBKDF2); err != nil {
		return nil, err
	}
	return imported(func(typed string) (bool, error) {
		got, err := pbkdf2.Key(d.new, typed, salt, iterations, len(tag))
		if err != nil { // in FIPS 140-only mode
			return false, fmt.Errorf("password: PBKDF2: %w", err)
		}
		return subtle.ConstantTimeCompare(got, tag) == 1, nil
	}), nil
}
