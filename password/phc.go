package password

import (
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

// prefix fixes the variant and the version. A record without a version is of
// version 16 (0x10), another function.
const prefix = "$argon2id$v=19$"

// b64 refuses padding and non-zero trailing bits, but not CR and LF: parse does.
var b64 = base64.RawStdEncoding.Strict()

// record is a parsed PHC string of argon2id, version 19.
type record struct {
	Params
	salt, tag []byte
}

// String returns the only string which parse reads as r.
func (r *record) String() string {
	return fmt.Sprintf("%sm=%d,t=%d,p=%d$%s$%s", prefix,
		r.Memory, r.Time, r.Threads, b64.EncodeToString(r.salt), b64.EncodeToString(r.tag))
}

// parse reads a record whose costs are within limit. Each record has one
// spelling: the parameters m, t, p in this order and no others, decimals without
// sign or leading zeros, unpadded canonical base64. What it takes is bounded by
// maxRecord; its errors wrap ErrHash and quote nothing.
func parse(s string, limit Params) (*record, error) {
	if len(s) > maxRecord {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrHash, maxRecord)
	}
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return nil, fmt.Errorf("%w: not argon2id of version 19", ErrHash)
	}
	costs, rest, _ := strings.Cut(rest, "$")
	salt, tag, _ := strings.Cut(rest, "$")
	r := new(record)
	var err error
	if r.Params, err = parseParams(costs, limit); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHash, err)
	}
	if r.salt, err = decode(salt, minSalt, maxSalt); err != nil {
		return nil, fmt.Errorf("%w: salt: %w", ErrHash, err)
	}
	if r.tag, err = decode(tag, minTag, maxTag); err != nil {
		return nil, fmt.Errorf("%w: tag: %w", ErrHash, err)
	}
	return r, nil
}

// parseParams reads exactly "m=<memory>,t=<time>,p=<threads>".
func parseParams(s string, limit Params) (Params, error) {
	m, rest, _ := strings.Cut(s, ",")
	t, p, _ := strings.Cut(rest, ",")
	memory, ok1 := number(m, "m=", 32)
	time, ok2 := number(t, "t=", 32)
	threads, ok3 := number(p, "p=", 8)
	if !ok1 || !ok2 || !ok3 {
		return Params{}, errors.New("malformed costs")
	}
	costs := Params{Memory: uint32(memory), Time: uint32(time), Threads: uint8(threads)}
	if err := costs.check(); err != nil {
		return Params{}, err
	}
	return costs, costs.within(limit)
}

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
func decode(s string, least, most int) ([]byte, error) {
	b, err := b64.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("malformed base64")
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("not %d to %d bytes", least, most)
	}
	return b, nil
}
