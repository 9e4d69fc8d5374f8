package bearertest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// challenge is one challenge of a WWW-Authenticate field (RFC 9110 §11.6.1).
type challenge struct {
	Scheme  string            // as it was sent; its case means nothing
	Token68 string            // what some schemes have in the place of parameters, or empty
	Params  map[string]string // by name in lower case, without quotes; nil if there are none
}

// is reports whether c is of that scheme, in any case.
func (c challenge) is(scheme string) bool { return strings.EqualFold(c.Scheme, scheme) }

// parseChallenges returns the challenges of all WWW-Authenticate fields in h, in
// their order, and none where there is no such field. An error says what does not
// follow RFC 9110 §11.6.1, of which nothing is forgiven but empty list elements.
func parseChallenges(h http.Header) ([]challenge, error) {
	var all []challenge
	for _, line := range h.Values("WWW-Authenticate") {
		found, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("bearertest: WWW-Authenticate: %s: %w", line, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseLine reads a list of challenges, each itself a list. A comma separates both,
// so it is what follows that tells them apart: an equals sign after a name makes it
// a parameter.
func parseLine(line string) ([]challenge, error) {
	var all []challenge
	p := &parser{rest: line}
	for p.nextElement() {
		if name, ok := p.paramName(); ok {
			if len(all) == 0 || all[len(all)-1].Token68 != "" {
				return nil, fmt.Errorf("the parameter %s belongs to no challenge", name)
			}
			if err := p.param(&all[len(all)-1], name); err != nil {
				return nil, err
			}
		} else if c, err := p.challenge(); err != nil {
			return nil, err
		} else {
			all = append(all, c)
		}
		if err := p.endElement(); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("there is no challenge in it")
	}
	return all, nil
}

type parser struct{ rest string }

// nextElement skips what separates elements, and reports whether there is one more.
func (p *parser) nextElement() bool {
	p.rest = strings.TrimLeft(p.rest, ", \t")
	return p.rest != ""
}

func (p *parser) endElement() error {
	p.blank()
	if p.rest != "" && p.rest[0] != ',' {
		return fmt.Errorf("a comma is missing before %q", p.rest)
	}
	return nil
}

func (p *parser) blank() { p.rest = strings.TrimLeft(p.rest, " \t") }

// take returns the longest prefix of these characters.
func (p *parser) take(is func(byte) bool) string {
	n := 0
	for n < len(p.rest) && is(p.rest[n]) {
		n++
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

// paramName reads a name and its equals sign, or nothing.
func (p *parser) paramName() (name string, ok bool) {
	ahead := *p
	name = ahead.take(isTchar)
	ahead.blank()
	if name == "" || !strings.HasPrefix(ahead.rest, "=") {
		return "", false
	}
	p.rest = ahead.rest[1:]
	return name, true
}

// challenge reads a scheme, and what stands before the first comma.
func (p *parser) challenge() (c challenge, err error) {
	if c.Scheme = p.take(isTchar); c.Scheme == "" {
		return c, fmt.Errorf("a scheme is expected at %q", p.rest)
	}
	if !strings.HasPrefix(p.rest, " ") {
		return c, nil
	}
	p.rest = strings.TrimLeft(p.rest, " ")
	if c.Token68 = p.token68(); c.Token68 != "" {
		return c, nil
	}
	if name, ok := p.paramName(); ok {
		err = p.param(&c, name)
	}
	return c, err
}

// token68 reads one if nothing but the element's end follows, since a parameter may
// begin like one.
func (p *parser) token68() string {
	ahead := *p
	text := ahead.take(isToken68Byte)
	if text == "" {
		return ""
	}
	text += ahead.take(func(c byte) bool { return c == '=' })
	ahead.blank()
	if ahead.rest != "" && ahead.rest[0] != ',' {
		return ""
	}
	p.rest = ahead.rest
	return text
}

// param reads the value after the equals sign.
func (p *parser) param(c *challenge, name string) error {
	p.blank()
	value, err := p.value()
	if err != nil {
		return fmt.Errorf("the parameter %s: %w", name, err)
	}
	name = strings.ToLower(name)
	if _, twice := c.Params[name]; twice {
		return fmt.Errorf("the parameter %s is there twice (RFC 9110 §11.2)", name)
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params[name] = value
	return nil
}

func (p *parser) value() (string, error) {
	if !strings.HasPrefix(p.rest, `"`) {
		value := p.take(isTchar)
		if value == "" {
			return "", errors.New("it has no value")
		}
		return value, nil
	}
	return p.quoted()
}

// quoted reads a quoted-string (RFC 9110 §5.6.4).
func (p *parser) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			c = p.rest[i]
		}
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", fmt.Errorf("it has the control character %#x", c)
		}
		b.WriteByte(c)
	}
	return "", errors.New("its quote is not closed")
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isTchar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isToken68Byte(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("-._~+/", c) >= 0 }
