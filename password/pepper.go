package password

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const (
	maxPepperID  = 8 // bytes, of keyid in argon2's string format
	minPepperKey = 32
)

// ErrPepper means that a stored hash was made with a pepper that
// [Options.Peppers] does not have. That is a fault of the configuration, which
// says nothing of the password: an HTTP handler answers 503.
var ErrPepper = errors.New("password: the hash's pepper is not in Options.Peppers")

// Pepper is a secret key, kept apart from the database, without which a stolen
// hash cannot be attacked. The password is replaced by
// HMAC-SHA-256(Key, password in Normalization Form C) before argon2, and the
// hash names the ID: $argon2id$v=19$m=19456,t=2,p=1,keyid=<base64 of ID>$…
// (That is not the secret input which argon2 itself has, and other libraries
// seldom offer.)
//
// To change it, add the new one at the end of [Options.Peppers] in every
// instance, then move it to the front, and keep the old one until no hash names
// it: hashes under another pepper, or none, are renewed at sign-in. To give up
// peppers, put the zero Pepper at the front, which makes hashes without. A key
// that is lost takes with it the passwords of all hashes that name it.
type Pepper struct {
	ID  string // 1 to 8 bytes, not secret, never given to another Key
	Key []byte `json:"-"` // random, 32 bytes or more, used for nothing else
}

// Format prints the id and hides the key from package fmt.
func (p Pepper) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "Pepper{ID:%q}", p.ID) }

// LogValue prints the id and hides the key from package slog.
func (p Pepper) LogValue() slog.Value { return slog.GroupValue(slog.String("id", p.ID)) }

// Format hides the peppers from package fmt.
func (h *Hasher) Format(s fmt.State, _ rune) { io.WriteString(s, "Hasher{…}") }

// LogValue hides the peppers from package slog.
func (h *Hasher) LogValue() slog.Value { return slog.StringValue("Hasher{…}") }

func checkPeppers(peppers []Pepper) error {
	seen := map[string]bool{}
	for i, p := range peppers {
		switch {
		case i == 0 && p.isNone():
		case p.ID == "" || len(p.ID) > maxPepperID:
			return fmt.Errorf("password: Options.Peppers[%d].ID is not 1 to %d bytes", i, maxPepperID)
		case len(p.Key) < minPepperKey:
			return fmt.Errorf("password: Options.Peppers[%d].Key is shorter than %d bytes: make it with crypto/rand", i, minPepperKey)
		case seen[p.ID]:
			return fmt.Errorf("password: Options.Peppers[%d].ID is that of an earlier one", i)
		}
		seen[p.ID] = true
	}
	return nil
}

func (p Pepper) isNone() bool { return p.ID == "" && p.Key == nil }

// pepper is a [Pepper] in use. Its key is in a function, which prints as such, also
// where Format is not asked.
type pepper struct {
	id  string
	mac func(plain []byte) []byte
}

// newPeppers returns at least one: what the first is makes new hashes.
func newPeppers(peppers []Pepper) (own []pepper) {
	if len(peppers) == 0 {
		return []pepper{{}}
	}
	for _, p := range peppers {
		key := bytes.Clone(p.Key)
		own = append(own, pepper{p.ID, func(plain []byte) []byte {
			mac := hmac.New(sha256.New, key)
			mac.Write(plain)
			return mac.Sum(nil)
		}})
	}
	return own
}

// pepper returns what argon2 is given for plain.
func (h *Hasher) pepper(plain []byte, id string) ([]byte, error) {
	if id == "" {
		return plain, nil
	}
	for _, p := range h.peppers {
		if p.id == id {
			return p.mac(plain), nil
		}
	}
	return nil, ErrPepper
}
