// Package jsontext writes strings of JSON, and finds what needs no escape in them. encoding/json takes most of its
// time to find that in a token there is nothing to escape.
package jsontext

import (
	"encoding/json"
	"math/bits"
)

// AppendString appends s to dst as [json.Marshal] writes it.
func AppendString(dst []byte, s string) []byte {
	if Plain(s) == len(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	text, _ := json.Marshal(s) // a string always encodes
	return append(dst, text...)
}

// Plain returns the length of the longest prefix of s that JSON spells unchanged, also by an encoder that is
// careful with HTML: ASCII but for control characters, quotes, backslashes and <, > and &.
func Plain(s string) int {
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		w := s[i : i+8]
		found := special(uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56)
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ', c >= 0x80, c == '"', c == '\\', c == '<', c == '>', c == '&':
			return i
		}
	}
	return i
}

const each = 0x01_01_01_01_01_01_01_01 // times a byte is eight of it

// special looks at eight bytes at once, the first of them lowest, and sets the highest bit of each that is not
// plain. It may set more above the first, by a borrow.
func special(x uint64) uint64 {
	control := (x - ' '*each) &^ x
	quotes := (x | 4*each) ^ '&'*each // zero where x is '"' or '&', which are 4 apart
	angles := (x | 2*each) ^ '>'*each // '<' or '>', which are 2 apart
	slash := x ^ '\\'*each
	zeros := (quotes-each)&^quotes | (angles-each)&^angles | (slash-each)&^slash
	return (x | control | zeros) & (0x80 * each)
}
