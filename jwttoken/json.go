package jwttoken

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/passbearer/passbearer/internal/jsontext"
)

// encoding/json keeps the last of duplicate members, replaces invalid UTF-8 and matches names
// without regard to case. Each of these gives one signed text two readings, so tokens are read by
// this scanner, which refuses all three.

const (
	maxDepth   = 32
	maxMembers = 256
)

// The reasons are fixed texts: an error must not repeat what the token contains.
var (
	errSyntax    = errors.New("malformed JSON")
	errUTF8      = errors.New("JSON is not valid UTF-8")
	errDepth     = errors.New("JSON is nested too deeply")
	errMembers   = errors.New("JSON object has too many members")
	errDuplicate = errors.New("JSON object has a duplicate member")
	errRange     = errors.New("JSON number is out of range")
)

// member is one member of an object: its unescaped name, and name and value as they were spelled. All
// three are parts of the text that was read, unless the name has an escape.
type member struct {
	name, rawName, raw string
}

type scanner struct {
	text    string
	pos     int
	members []member // of the objects that are open, the innermost last
}

// parseObject reads text, which must be exactly one JSON object, and checks all that is nested in it.
// It appends the members to the empty slice buf.
func parseObject(text string, buf []member) ([]member, error) {
	if !utf8.ValidString(text) {
		return nil, errUTF8
	}
	s := &scanner{text: text, members: buf}
	s.space()
	if s.peek() != '{' {
		return nil, errSyntax // includes a byte order mark
	}
	if err := s.object(1); err != nil {
		return nil, err
	}
	if s.space(); s.pos != len(text) {
		return nil, errSyntax
	}
	return s.members, nil
}

// parseArray reads the elements of raw, a value that parseObject has checked.
func parseArray(raw string) ([]string, bool) {
	if raw[0] != '[' {
		return nil, false
	}
	s := &scanner{text: raw}
	elements := []string{}
	err := s.array(1, func(element string) { elements = append(elements, element) })
	return elements, err == nil
}

// parseString reads raw, a value that parseObject has checked.
func parseString(raw string) (string, bool) {
	if raw[0] != '"' {
		return "", false
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	text, err := (&scanner{text: raw}).str()
	return text, err == nil
}

// peek returns 0 at the end; a literal NUL is no JSON either.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos >= len(s.text) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.str()
		return err
	case c == '-' || isDigit(c):
		return s.number()
	case c == '{':
		return s.nested(depth + 1)
	case c == '[':
		return s.array(depth+1, nil)
	}
	return s.literal()
}

// nested checks an object whose members nobody asked for.
func (s *scanner) nested(depth int) error {
	outer := len(s.members)
	err := s.object(depth)
	s.members = s.members[:outer]
	return err
}

// object leaves the members on the stack.
func (s *scanner) object(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	s.pos++ // the brace
	first := len(s.members)
	if s.space(); s.take('}') {
		return nil
	}
	for {
		if len(s.members)-first == maxMembers {
			return errMembers
		}
		if err := s.member(depth); err != nil {
			return err
		}
		s.space()
		if s.take('}') {
			break
		}
		if !s.take(',') {
			return errSyntax
		}
		s.space()
	}
	if !unique(s.members[first:]) {
		return errDuplicate
	}
	return nil
}

func (s *scanner) member(depth int) error {
	if s.peek() != '"' {
		return errSyntax
	}
	start := s.pos
	name, err := s.str()
	if err != nil {
		return err
	}
	rawName := s.text[start:s.pos]
	if s.space(); !s.take(':') {
		return errSyntax
	}
	s.space()
	start = s.pos
	if err := s.value(depth); err != nil {
		return err
	}
	s.members = append(s.members, member{name, rawName, s.text[start:s.pos]})
	return nil
}

// unique reports whether no two members have one name. Many names are not compared each with each: how
// many there are is up to whoever sends a token.
func unique(members []member) bool {
	if len(members) > 16 {
		names := make(map[string]bool, len(members))
		for _, m := range members {
			names[m.name] = true
		}
		return len(names) == len(members)
	}
	var seen uint64 // a bit for each name, which several may share
	for i := range members {
		name := members[i].name
		bit := bitOf(name)
		if seen&bit != 0 && slices.ContainsFunc(members[:i], func(m member) bool { return m.name == name }) {
			return false
		}
		seen |= bit
	}
	return true
}

// bitOf tells most registered names apart.
func bitOf(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(len(name)) + uint(name[0]) + 13*uint(name[len(name)-1])) % 64)
}

// array tells each element, if somebody asks.
func (s *scanner) array(depth int, tell func(element string)) error {
	if depth > maxDepth {
		return errDepth
	}
	s.pos++ // the bracket
	if s.space(); s.take(']') {
		return nil
	}
	for {
		start := s.pos
		if err := s.value(depth); err != nil {
			return err
		}
		if tell != nil {
			tell(s.text[start:s.pos])
		}
		s.space()
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return errSyntax
		}
		s.space()
	}
}

// str returns a part of the text where the string has no escape, as is usual.
func (s *scanner) str() (string, error) {
	start := s.pos + 1 // after the quote
	for i := start + jsontext.Plain(s.text[start:]); i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			return s.text[start:i], nil
		case c == '\\':
			s.pos = i
			return s.unescape([]byte(s.text[start:i]))
		case c < 0x20:
			return "", errSyntax
		}
	}
	return "", errSyntax
}

// unescape reads the rest of a string that begins with out.
func (s *scanner) unescape(out []byte) (string, error) {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == '"':
			return string(out), nil
		case c < 0x20:
			return "", errSyntax
		case c != '\\':
			out = append(out, c)
		default:
			var err error
			if out, err = s.escape(out); err != nil {
				return "", err
			}
		}
	}
	return "", errSyntax
}

func (s *scanner) escape(out []byte) ([]byte, error) {
	if s.pos == len(s.text) {
		return nil, errSyntax
	}
	c := s.text[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		return s.unicode(out)
	}
	return nil, errSyntax
}

// unicode refuses a lone surrogate: decoders replace it by U+FFFD, so two names could become one.
func (s *scanner) unicode(out []byte) ([]byte, error) {
	r, ok := s.hex4()
	if !ok {
		return nil, errSyntax
	}
	if utf16.IsSurrogate(r) {
		if !s.take('\\') || !s.take('u') {
			return nil, errUTF8
		}
		low, ok := s.hex4()
		if !ok {
			return nil, errSyntax
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return nil, errUTF8
		}
	}
	return utf8.AppendRune(out, r), nil
}

func (s *scanner) hex4() (rune, bool) {
	if len(s.text)-s.pos < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := s.text[s.pos+i]
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.pos += 4
	return r, true
}

func (s *scanner) number() error {
	start := s.pos
	s.take('-')
	if !s.take('0') && !s.digits() {
		return errSyntax
	}
	if s.take('.') && !s.digits() {
		return errSyntax
	}
	exponent := s.take('e') || s.take('E')
	if exponent {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return errSyntax
		}
	}
	const safe = 300 // digits; the greatest float64 has 309
	if !exponent && s.pos-start < safe {
		return nil
	}
	// A number beyond float64 is infinite to one reader and an error to another.
	if _, err := strconv.ParseFloat(s.text[start:s.pos], 64); err != nil {
		return errRange
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) literal() error {
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(s.text[s.pos:], word) {
			s.pos += len(word)
			return nil
		}
	}
	return errSyntax
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
