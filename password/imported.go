package password

import (
	"errors"
	"fmt"
	"strings"
)

// stored is a parsed hash. What it costs is known to be within bounds.
type stored interface {
	// matches reports whether the hash was made of in. With an error it
	// cannot tell, and has done no work.
	matches(h *Hasher, in input) (bool, error)

	// work is what matches does, in argon2's KiB times passes. Other functions
	// do none, so that a whole hash at policy cost is added to theirs.
	work() uint64

	outdated(h *Hasher) bool
}

// input is a password.
type input struct {
	typed string // what other libraries hash
	nfc   []byte
}

// readers parse what follows a hash's identifier. They are of one form each:
// none calls another by its identifier, so identifiers do not nest.
var readers = map[string]func(rest string, b *bounds) (stored, error){
	// Modular crypt format, as bcrypt, passlib and pwdlib write it.
	"$2a$":            bcryptReader("$2a$", nil),
	"$2b$":            bcryptReader("$2b$", nil),
	"$2y$":            bcryptReader("$2y$", nil),
	"$bcrypt-sha256$": readPasslibBcrypt,
	"$pbkdf2$":        passlibPBKDF2(sha1Digest),
	"$pbkdf2-sha256$": passlibPBKDF2(sha256Digest),
	"$pbkdf2-sha512$": passlibPBKDF2(sha512Digest),
	"$scrypt$":        readPasslibScrypt,

	// Django. The rest of argon2 and bcrypt is in the form above.
	"argon2$":        func(rest string, b *bounds) (stored, error) { return readWrapped("$"+rest, b) },
	"bcrypt$":        bcryptReader("", nil),
	"bcrypt_sha256$": bcryptReader("", hexSHA256),
	"pbkdf2_sha1$":   djangoPBKDF2(sha1Digest),
	"pbkdf2_sha256$": djangoPBKDF2(sha256Digest),
	"scrypt$":        readDjangoScrypt,

	// Spring Security's DelegatingPasswordEncoder. The costs of its PBKDF2 are
	// not in the hash: the id stands for them.
	"{argon2}":                     readWrapped,
	"{argon2@SpringSecurity_v5_8}": readWrapped,
	"{bcrypt}":                     bcryptReader("", nil),
	"{pbkdf2}":                     springPBKDF2(sha1Digest, 185_000, 8),
	"{pbkdf2@SpringSecurity_v5_8}": springPBKDF2(sha256Digest, 310_000, 16),
	"{scrypt}":                     readSpringScrypt,
	"{scrypt@SpringSecurity_v5_8}": readSpringScrypt,
}

var errKind = errors.New("of a kind that is not supported")

// parse reads any hash that is supported and within b. What it takes is bounded
// by maxRecord; its errors wrap ErrHash and quote nothing.
func parse(s string, b *bounds) (stored, error) {
	if len(s) > maxRecord {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrHash, maxRecord)
	}
	rec, err := parseAny(s, b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHash, err)
	}
	return rec, nil
}

func parseAny(s string, b *bounds) (stored, error) {
	id, rest := identifier(s)
	if read, ok := readers[id]; ok {
		return read(rest, b)
	}
	if isSpringScrypt(id) {
		return readSpringScrypt(s, b)
	}
	if strings.HasPrefix(s, "$argon2") {
		return orNil(parseRecord(s, b.limit))
	}
	return nil, errKind
}

// identifier cuts "$id$", "id$" or "{id}" off.
func identifier(s string) (id, rest string) {
	end := strings.IndexByte(s, '$')
	switch {
	case strings.HasPrefix(s, "$"):
		end = 1 + strings.IndexByte(s[1:], '$')
	case strings.HasPrefix(s, "{"):
		end = strings.IndexByte(s, '}')
	}
	return s[:end+1], s[end+1:]
}

// readWrapped reads argon2 behind another library's prefix.
func readWrapped(s string, b *bounds) (stored, error) {
	r, err := parseRecord(s, b.limit)
	if err != nil {
		return nil, err
	}
	if r.keyid != "" {
		return nil, errors.New("keyid in another library's hash")
	}
	r.wrapped = true
	return r, nil
}

func orNil(r *record, err error) (stored, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// imported is a hash of another function than argon2: it reports whether it was
// made of what was typed.
type imported func(typed string) (bool, error)

// matches refuses NUL, with which other passwords would match too: bcrypt repeats
// the password with a NUL after it to fill its key, and HMAC, in PBKDF2 and
// scrypt, fills its key with NULs. Forms refuse NUL anyway.
func (f imported) matches(h *Hasher, in input) (bool, error) {
	if strings.IndexByte(in.typed, 0) >= 0 {
		return false, fmt.Errorf("%w; for a hash that is not argon2, without NUL", ErrPassword)
	}
	h.imports.Add(1)
	return f(in.typed)
}

func (imported) work() uint64 { return 0 }

func (imported) outdated(*Hasher) bool { return true }
