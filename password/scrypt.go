package password

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// scryptCosts are those of RFC 7914 §2.
type scryptCosts struct {
	logN uint64 // of the cost parameter N
	r, p uint64 // block size, parallelization: below 2^20 each
}

// readPasslibScrypt reads "ln=16,r=8,p=1$salt$tag".
func readPasslibScrypt(rest string, b *bounds) (stored, error) {
	params, rest, _ := strings.Cut(rest, "$")
	text, tag, _ := strings.Cut(rest, "$")
	ln, params, _ := strings.Cut(params, ",")
	r, p, _ := strings.Cut(params, ",")
	var c scryptCosts
	var ok1, ok2, ok3 bool
	c.logN, ok1 = number(ln, "ln=", 8)
	c.r, ok2 = number(r, "r=", 20)
	c.p, ok3 = number(p, "p=", 20)
	if !ok1 || !ok2 || !ok3 {
		return nil, errCosts
	}
	salt, err := decode(b64, text, 1, maxImportSalt)
	if err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	raw, err := decode(b64, tag, minTag, maxTag)
	if err != nil {
		return nil, fmt.Errorf("tag: %w", err)
	}
	return newScrypt(c, salt, raw, b)
}

// readDjangoScrypt reads "16384$salt$8$1$tag"; the salt is text.
func readDjangoScrypt(rest string, b *bounds) (stored, error) {
	fields := strings.Split(rest, "$")
	if len(fields) != 5 {
		return nil, errors.New("malformed scrypt")
	}
	n, ok1 := number(fields[0], "", 32)
	r, ok2 := number(fields[2], "", 20)
	p, ok3 := number(fields[3], "", 20)
	if !ok1 || !ok2 || !ok3 || bits.OnesCount64(n) != 1 {
		return nil, errCosts
	}
	salt := fields[1]
	if salt == "" || len(salt) > maxImportSalt {
		return nil, fmt.Errorf("salt: not 1 to %d bytes", maxImportSalt)
	}
	tag, err := decode(padded, fields[4], minTag, maxTag)
	if err != nil {
		return nil, fmt.Errorf("tag: %w", err)
	}
	return newScrypt(scryptCosts{uint64(bits.TrailingZeros64(n)), r, p}, []byte(salt), tag, b)
}

// readSpringScrypt reads "$e0801$salt$tag": the costs are one hexadecimal
// number of log N, r and p, the latter two of 8 bits.
func readSpringScrypt(s string, b *bounds) (stored, error) {
	id, rest := identifier(s)
	if !isSpringScrypt(id) {
		return nil, errors.New("malformed scrypt")
	}
	n, err := strconv.ParseUint(strings.Trim(id, "$"), 16, 24)
	if err != nil {
		return nil, errCosts
	}
	text, tag, _ := strings.Cut(rest, "$")
	salt, err := decode(padded, text, 1, maxImportSalt)
	if err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	raw, err := decode(padded, tag, minTag, maxTag)
	if err != nil {
		return nil, fmt.Errorf("tag: %w", err)
	}
	return newScrypt(scryptCosts{n >> 16, n >> 8 & 0xff, n & 0xff}, salt, raw, b)
}

// isSpringScrypt reports whether id is "$", 5 or 6 hexadecimal digits without
// a leading zero, and "$".
func isSpringScrypt(id string) bool {
	n := len(id)
	return (n == 7 || n == 8) && id[0] == '$' && id[n-1] == '$' && id[1] != '0' &&
		strings.Trim(id[1:n-1], "0123456789abcdef") == ""
}

// newScrypt bounds the memory, of which scrypt takes 128·r bytes for each of N,
// of p and of two more, before the work: none of the products overflows.
func newScrypt(c scryptCosts, salt, tag []byte, b *bounds) (stored, error) {
	if c.logN < 1 || c.logN > 31 || c.r < 1 || c.p < 1 {
		return nil, errCosts
	}
	n := uint64(1) << c.logN
	if 128*c.r*(n+c.p+2) > 1024*uint64(b.limit.Memory) {
		return nil, errors.New("memory over Options.Limit")
	}
	if err := within(n*c.r/8*c.p, b.least.Scrypt, b.most.Scrypt); err != nil {
		return nil, err
	}
	return imported(func(typed string) (bool, error) {
		got, err := scrypt.Key([]byte(typed), salt, int(n), int(c.r), int(c.p), len(tag))
		if err != nil {
			return false, fmt.Errorf("password: scrypt: %w", err)
		}
		return subtle.ConstantTimeCompare(got, tag) == 1, nil
	}), nil
}
