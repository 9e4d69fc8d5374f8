package jwttoken

import (
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// scratch is the memory that issuing or verifying a token takes and does not keep.
type scratch struct {
	header, payload, signature []byte
	members                    []member
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// free leaves no signature behind, and no reference to a payload.
func (s *scratch) free() {
	clear(s.signature)
	clear(s.members[:cap(s.members)])
	s.header, s.payload, s.signature, s.members = s.header[:0], s.payload[:0], s.signature[:0], s.members[:0]
	scratches.Put(s)
}

// open puts the payload of a token into s if its signature is valid, and looks at no byte of it before.
func (v *Verifier) open(keys *keySet, t parts, s *scratch) (step string, err error) {
	var ok bool
	if s.signature, ok = appendSegment(s.signature, t.signature); !ok {
		return "", errBase64
	}
	known := keys.heads.find(t.header)
	header := known
	if known == nil {
		decoded, ok := appendSegment(nil, t.header)
		if !ok {
			return "", errBase64
		}
		if header, err = readHeader(keys, string(decoded)); err != nil {
			return "header: ", err
		}
	}
	if !v.acceptsType(header.typ) {
		return "header: ", errTyp
	}
	if header.key.method.Verify(t.signed, s.signature, header.key.public()) != nil {
		return "", errSignature
	}
	if known == nil {
		keys.heads.add(t.header, header)
	}
	if s.payload, ok = appendSegment(s.payload, t.payload); !ok {
		return "", errBase64
	}
	return "", nil
}

// parts are the segments of a token, and what is signed of it.
type parts struct{ header, payload, signature, signed string }

func split(token string) (t parts, ok bool) {
	first := strings.IndexByte(token, '.') + 1
	second := first + strings.IndexByte(token[first:], '.') + 1
	if first == 0 || second == first || strings.IndexByte(token[second:], '.') >= 0 {
		return t, false
	}
	return parts{token[:first-1], token[first : second-1], token[second:], token[:second-1]}, true
}

var strictBase64 = base64.RawURLEncoding.Strict()

// appendSegment appends what a segment encodes to the empty slice dst. It accepts one spelling only: Go's
// decoder skips line breaks, and without Strict it ignores the unused bits of the last character.
func appendSegment(dst []byte, segment string) ([]byte, bool) {
	if segment == "" || strings.IndexByte(segment, '\n') >= 0 || strings.IndexByte(segment, '\r') >= 0 {
		return dst, false
	}
	decoded, err := strictBase64.AppendDecode(dst, bytesOf(segment))
	return decoded, err == nil
}

// headerNames are the header parameters that are read, and those whose presence changes what the
// other segments mean (RFC 7515 §4.1.11, RFC 7797 §3, RFC 7516 §4.1, RFC 7518 §4.8.1.2).
var headerNames = []string{"alg", "typ", "kid", "crit", "b64", "enc", "zip", "p2c"}

func readHeader(keys *keySet, text string) (*head, error) {
	members, err := parseObject(text, make([]member, 0, 4))
	if err != nil {
		return nil, err
	}
	var alg, typ, kid string
	for _, m := range members {
		var value *string
		switch m.name {
		case "alg":
			value = &alg
		case "typ":
			value = &typ
		case "kid":
			value = &kid
		case "crit", "b64", "enc", "zip", "p2c":
			return nil, errCritical
		default:
			if isTwin(m.name, headerNames) {
				return nil, errTwin
			}
			continue
		}
		var ok bool
		if *value, ok = parseString(m.raw); !ok || *value == "" {
			return nil, errParameter
		}
	}
	key, err := keys.find(kid, alg)
	return &head{typ: typ, key: key}, err
}

func (v *Verifier) acceptsType(typ string) bool {
	return slices.ContainsFunc(v.types, func(t string) bool {
		return t == typ || t != "" && typ != "" && strings.EqualFold(shortType(t), shortType(typ))
	})
}

// shortType removes the prefix that RFC 7515 §4.1.9 lets an issuer leave out.
func shortType(typ string) string {
	const prefix = "application/"
	if len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		return typ[len(prefix):]
	}
	return typ
}

// bytesOf returns s as bytes without a copy, which would outlive the request in a pool. Whoever gets them
// reads them only, and keeps nothing.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf returns b as text without a copy. It is good until b is written to, and keeps b alive.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
