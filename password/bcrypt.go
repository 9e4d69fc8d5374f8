package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	bcryptSalt     = 22 // characters
	bcryptLength   = 60 // characters: "$2b$", two digits, "$", salt and tag
	bcryptMax      = 72 // bytes of a password that bcrypt reads
)

// bcryptReader reads what follows head of a bcrypt hash. The password is
// replaced by its digest before, where there is one.
func bcryptReader(head string, digest func(typed string) string) func(string, *bounds) (stored, error) {
	return func(rest string, b *bounds) (stored, error) { return newBcrypt(head+rest, digest, b) }
}

// newBcrypt takes the versions 2a, 2b and 2y, which are one function; 2x is one
// with a fault, and 2 is without the password's end.
func newBcrypt(s string, digest func(typed string) string, b *bounds) (stored, error) {
	if len(s) != bcryptLength || s[:2] != "$2" || !strings.Contains("aby", s[2:3]) || s[3] != '$' || s[6] != '$' {
		return nil, errors.New("malformed bcrypt")
	}
	if strings.Trim(s[7:], bcryptAlphabet) != "" {
		return nil, errors.New("malformed bcrypt base64")
	}
	cost, err := strconv.ParseUint(s[4:6], 10, 8)
	if err != nil || cost < 4 || cost > 31 {
		return nil, errCosts
	}
	if err := within(cost, b.least.Bcrypt, b.most.Bcrypt); err != nil {
		return nil, err
	}
	return imported(func(typed string) (bool, error) {
		if digest != nil {
			typed = digest(typed)
		}
		if len(typed) > bcryptMax {
			return false, fmt.Errorf("%w; for a bcrypt hash, to %d bytes", ErrPassword, bcryptMax)
		}
		return bcrypt.CompareHashAndPassword([]byte(s), []byte(typed)) == nil, nil
	}), nil
}

func hexSHA256(typed string) string {
	sum := sha256.Sum256([]byte(typed))
	return hex.EncodeToString(sum[:])
}

// readPasslibBcrypt reads passlib's bcrypt_sha256 without its identifier: version
// 2 is "v=2,t=2b,r=12$salt$tag" and keys the digest with the salt as it is
// written; version 1 is "2b,12$salt$tag".
func readPasslibBcrypt(rest string, b *bounds) (stored, error) {
	params, rest, _ := strings.Cut(rest, "$")
	salt, tag, _ := strings.Cut(rest, "$")
	if len(salt) != bcryptSalt {
		return nil, errors.New("malformed bcrypt salt")
	}
	digest := func(typed string) string {
		sum := sha256.Sum256([]byte(typed))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	version, rounds, ok := strings.Cut(params, ",")
	if cut, v2 := strings.CutPrefix(params, "v=2,t="); v2 {
		version, rounds, ok = strings.Cut(cut, ",r=")
		digest = func(typed string) string {
			mac := hmac.New(sha256.New, []byte(salt))
			mac.Write([]byte(typed))
			return base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}
	}
	cost, valid := number(rounds, "", 8)
	if !ok || !valid {
		return nil, errCosts
	}
	return newBcrypt(fmt.Sprintf("$%s$%02d$%s%s", version, cost, salt, tag), digest, b)
}

// within refuses costs of other functions that are out of bounds.
func within(cost uint64, least, most uint32) error {
	switch {
	case cost < uint64(least):
		return errors.New("cost below Options.ImportLeast")
	case cost > uint64(most):
		return errors.New("cost over Options.ImportLimit")
	}
	return nil
}
