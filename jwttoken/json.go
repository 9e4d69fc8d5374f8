package jwttoken

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
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
)

// member is one member of an object: its unescaped name, and name and value as they were spelled.
type member struct {
	name         string
	rawName, raw []byte
}

type scanner struct {
	data []byte
	pos  int
}

// parseObject reads data, which must be exactly one JSON object, and checks all that is nested in it.
func parseObject(data []byte) ([]member, error) {
	if !utf8.Valid(data) {
		return nil, errUTF8
	}
	s := &scanner{data: data}
	s.space()
	if s.peek() != '{' {
		return nil, errSyntax // includes a byte order mark
	}
	members, err := s.object(1)
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos != len(data) {
		return nil, errSyntax
	}
	return members, nil
}

// parseArray reads the elements of raw, a value that parseObject has checked.
func parseArray(raw []byte) ([][]byte, bool) {
	s := &scanner{data: raw}
	if s.peek() != '[' {
		return nil, false
	}
	elements, err := s.array(1)
	return elements, err == nil
}

// parseString reads raw, a value that parseObject has checked.
func parseString(raw []byte) (string, bool) {
	s := &scanner{data: raw}
	if s.peek() != '"' {
		return "", false
	}
	text, err := s.str()
	return text, err == nil
}

// peek returns 0 at the end; a literal NUL is no JSON either.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos >= len(s.data) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) error {
	var err error
	switch c := s.peek(); {
	case c == '{':
		_, err = s.object(depth + 1)
	case c == '[':
		_, err = s.array(depth + 1)
	case c == '"':
		_, err = s.str()
	case c == '-' || isDigit(c):
		err = s.number()
	default:
		err = s.literal()
	}
	return err
}

func (s *scanner) object(depth int) ([]member, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	s.pos++ // the brace
	var members []member
	seen := make(map[string]bool)
	if s.space(); s.take('}') {
		return nil, nil
	}
	for {
		m, err := s.member(depth)
		if err != nil {
			return nil, err
		}
		if seen[m.name] {
			return nil, errDuplicate
		}
		if seen[m.name] = true; len(seen) > maxMembers {
			return nil, errMembers
		}
		members = append(members, m)
		s.space()
		if s.take('}') {
			return members, nil
		}
		if !s.take(',') {
			return nil, errSyntax
		}
		s.space()
	}
}

func (s *scanner) member(depth int) (m member, err error) {
	if s.peek() != '"' {
		return m, errSyntax
	}
	start := s.pos
	if m.name, err = s.str(); err != nil {
		return m, err
	}
	m.rawName = s.data[start:s.pos]
	if s.space(); !s.take(':') {
		return m, errSyntax
	}
	s.space()
	start = s.pos
	if err = s.value(depth); err != nil {
		return m, err
	}
	m.raw = s.data[start:s.pos]
	return m, nil
}

func (s *scanner) array(depth int) ([][]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	s.pos++ // the bracket
	elements := [][]byte{}
	if s.space(); s.take(']') {
		return elements, nil
	}
	for {
		start := s.pos
		if err := s.value(depth); err != nil {
			return nil, err
		}
		elements = append(elements, s.data[start:s.pos])
		s.space()
		if s.take(']') {
			return elements, nil
		}
		if !s.take(',') {
			return nil, errSyntax
		}
		s.space()
	}
}

func (s *scanner) str() (string, error) {
	s.pos++ // the quote
	var out []byte
	for s.pos < len(s.data) {
		c := s.data[s.pos]
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
	if s.pos == len(s.data) {
		return nil, errSyntax
	}
	c := s.data[s.pos]
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
	if len(s.data)-s.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range s.data[s.pos : s.pos+4] {
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
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return errSyntax
		}
	}
	// A number beyond float64 is infinite to one reader and an error to another.
	if _, err := strconv.ParseFloat(string(s.data[start:s.pos]), 64); err != nil {
		return errors.New("JSON number is out of range")
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
		if rest := s.data[s.pos:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return nil
		}
	}
	return errSyntax
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
