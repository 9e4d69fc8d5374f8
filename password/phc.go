package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of a stored record, in bytes: those of the salt are the PHC string
// format's; a tag shorter than 128 bits is too easily matched by chance.
const (
	maxRecord = 256
	minSalt   = 8
	maxSalt   = 48
	minTag    = 16
	maxTag    = 64
)

// b64 refuses padding and non-zero trailing bits, but not CR and LF: decode does.
var b64 = base64.RawStdEncoding.Strict()

// record is a parsed PHC string of argon2, version 19.
type record struct {
	Params
	variantI  bool   // argon2i, which only other libraries make
	wrapped   bool   // had another library's prefix
	keyid     string // of the pepper, or empty
	salt, tag []byte
}

// The prefixes fix the variant and the version. A record without a version is of
// version 16 (0x10), another function.
const (
	prefixID = "$argon2id$v=19$"
	prefixI  = "$argon2i$v=19$"
)

// String returns the only string which parseRecord reads as r.
func (r *record) String() string {
	prefix, keyid := prefixID, ""
	if r.variantI {
		prefix = prefixI
	}
	if r.keyid != "" {
		keyid = ",keyid=" + b64.EncodeToString([]byte(r.keyid))
	}
	return fmt.Sprintf("%sm=%d,t=%d,p=%d%s$%s$%s", prefix,
		r.Memory, r.Time, r.Threads, keyid, b64.EncodeToString(r.salt), b64.EncodeToString(r.tag))
}

// parseRecord reads a record whose costs are within limit. Each record has one
// spelling: the parameters m, t, p and perhaps keyid in this order and no others,
// decimals without sign or leading zeros, unpadded canonical base64. Its errors
// quote nothing.
func parseRecord(s string, limit Params) (*record, error) {
	r := new(record)
	rest, ok := strings.CutPrefix(s, prefixID)
	if !ok {
		rest, r.variantI = strings.CutPrefix(s, prefixI)
		ok = r.variantI
	}
	if !ok {
		return nil, errors.New("not argon2 of version 19")
	}
	params, rest, _ := strings.Cut(rest, "$")
	salt, tag, _ := strings.Cut(rest, "$")
	costs, keyid, peppered := strings.Cut(params, ",keyid=")
	var err error
	if r.Params, err = parseParams(costs, limit); err != nil {
		return nil, err
	}
	if peppered {
		if err := r.parseKeyID(keyid); err != nil {
			return nil, err
		}
	}
	if r.salt, err = decode(b64, salt, minSalt, maxSalt); err != nil {
		return nil, fmt.Errorf("salt: %w", err)
	}
	if r.tag, err = decode(b64, tag, minTag, maxTag); err != nil {
		return nil, fmt.Errorf("tag: %w", err)
	}
	return r, nil
}

// parseKeyID: only argon2id records are peppered here.
func (r *record) parseKeyID(s string) error {
	id, err := decode(b64, s, 1, maxPepperID)
	if err != nil || r.variantI {
		return errors.New("malformed keyid")
	}
	r.keyid = string(id)
	return nil
}

// parseParams reads exactly "m=<memory>,t=<time>,p=<threads>".
func parseParams(s string, limit Params) (Params, error) {
	m, rest, _ := strings.Cut(s, ",")
	t, p, _ := strings.Cut(rest, ",")
	memory, ok1 := number(m, "m=", 32)
	time, ok2 := number(t, "t=", 32)
	threads, ok3 := number(p, "p=", 8)
	if !ok1 || !ok2 || !ok3 {
		return Params{}, errCosts
	}
	costs := Params{Memory: uint32(memory), Time: uint32(time), Threads: uint8(threads)}
	if err := costs.check(); err != nil {
		return Params{}, err
	}
	return costs, costs.within(limit)
}

var errCosts = errors.New("malformed costs")

// number reads a decimal after its name. ParseUint refuses signs and digits
// beyond ASCII; in base 10 it takes no underscores, but it takes leading zeros.
func number(s, name string, bits int) (uint64, bool) {
	digits, ok := strings.CutPrefix(s, name)
	if !ok || strings.HasPrefix(digits, "0") {
		return 0, false // no cost may be 0 itself either
	}
	n, err := strconv.ParseUint(digits, 10, bits)
	return n, err == nil
}

// decode reads base64 of least to most bytes. The decoder's own error is left
// out because it tells where in the hash it stopped.
func decode(enc *base64.Encoding, s string, least, most int) ([]byte, error) {
	b, err := enc.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("malformed base64")
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("not %d to %d bytes", least, most)
	}
	return b, nil
}

// imported reports whether another library must have made r. A plain argon2id
// record may be of either, and is taken for one made here.
func (r *record) imported() bool { return r.variantI || r.wrapped }

func (r *record) matches(h *Hasher, in input) (bool, error) {
	plain := in.nfc
	if r.imported() {
		plain = []byte(in.typed)
	}
	plain, err := h.pepper(plain, r.keyid)
	if err != nil {
		return false, err
	}
	kdf := h.kdf
	if r.variantI {
		kdf = h.kdfI
	}
	tag := h.derive(kdf, plain, r.salt, r.Params, len(r.tag))
	return subtle.ConstantTimeCompare(tag, r.tag) == 1, nil
}

func (r *record) outdated(h *Hasher) bool {
	return r.imported() || r.Params != h.policy || r.keyid != h.peppers[0].id ||
		len(r.salt) != saltBytes || len(r.tag) != tagBytes
}
