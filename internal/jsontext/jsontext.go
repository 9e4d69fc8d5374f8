// Package jsontext writes strings as JSON. encoding/json takes most of its time to find that there is nothing to
// escape in a token.
package jsontext

import "encoding/json"

// AppendString appends s to dst as [json.Marshal] writes it.
func AppendString(dst []byte, s string) []byte {
	if isPlain(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	text, _ := json.Marshal(s) // a string always encodes
	return append(dst, text...)
}

// isPlain reports whether s is spelled in JSON as it is, also by an encoder that is careful with HTML.
func isPlain(s string) bool {
	for len(s) >= 8 {
		if !isPlain8(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56) {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if !isPlain8(uint64(s[i]) * each) {
			return false
		}
	}
	return true
}

const each = 0x01_01_01_01_01_01_01_01 // times a byte is eight of it

// isPlain8 looks at eight bytes at once: of each byte below, the highest bit tells. A borrow from a byte that is
// not plain may set the bit of the next one too, which does no harm.
func isPlain8(x uint64) bool {
	control := (x - ' '*each) &^ x
	quotes := (x | 4*each) ^ '&'*each // zero where x is '"' or '&', which are 4 apart
	angles := (x | 2*each) ^ '>'*each // '<' or '>', which are 2 apart
	slash := x ^ '\\'*each
	zeros := (quotes-each)&^quotes | (angles-each)&^angles | (slash-each)&^slash
	return (x|control|zeros)&(0x80*each) == 0
}
