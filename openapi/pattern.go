package openapi

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// pattern is a pattern of http.ServeMux in OpenAPI's terms.
type pattern struct {
	method, host string
	path         string // a path template
	wildcards    []wildcard
}

type wildcard struct {
	name string
	rest bool // it takes the rest of the path: {name...}
}

// parsePattern is for patterns that http.ServeMux takes.
func parsePattern(s string) pattern {
	var p pattern
	rest := s
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		p.method, rest = s[:i], strings.TrimLeft(s[i+1:], " \t")
	}
	slash := strings.IndexByte(rest, '/')
	p.host = rest[:slash]
	segments := strings.Split(rest[slash+1:], "/")
	for i, segment := range segments {
		segments[i] = p.segment(segment)
	}
	p.path = "/" + strings.Join(segments, "/")
	return p
}

func (p *pattern) segment(s string) string {
	inner, wild := strings.CutPrefix(s, "{")
	switch {
	case !wild:
		return escapeLiteral(s)
	case inner == "$}": // the end, which OpenAPI's paths always mean
		return ""
	}
	name, rest := strings.CutSuffix(strings.TrimSuffix(inner, "}"), "...")
	p.wildcards = append(p.wildcards, wildcard{name, rest})
	return "{" + name + "}"
}

// escapeLiteral percent-encodes what a path segment cannot hold (RFC 3986 §3.3),
// and nothing else. http.ServeMux takes a malformed escape as it is.
func escapeLiteral(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	var b strings.Builder
	for i := range len(s) {
		if isSegmentByte(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func isSegmentByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}

var expression = regexp.MustCompile(`\{[^{}]*\}`)

// templateKey is the same for two paths that OpenAPI cannot tell apart: the
// names of their parameters do not count.
func templateKey(path string) string { return expression.ReplaceAllString(path, "{}") }

// relativeURL is the path's URL, relative to a document in the root of the mux.
// It reports false if there is no single one.
func (p pattern) relativeURL() (string, bool) {
	if len(p.wildcards) > 0 {
		return "", false
	}
	if p.host != "" {
		return "//" + p.host + p.path, true
	}
	relative := p.path[1:]
	first, _, _ := strings.Cut(relative, "/")
	if first == "" || strings.Contains(first, ":") { // it would be the document's own URL, or a scheme's
		relative = "./" + relative
	}
	return relative, true
}

var notName = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// derivedID makes an operationId that is a name in most languages.
func derivedID(method, path string) string {
	return strings.TrimRight(strings.ToLower(method)+notName.ReplaceAllString(path, "_"), "_")
}

// normalTemplate checks a path that was written by hand, and spells its literals
// as parsePattern does.
func normalTemplate(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("the path %q does not begin with a slash", path)
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		normal, err := normalSegment(segment)
		if err != nil {
			return "", fmt.Errorf("the path %q: %w", path, err)
		}
		segments[i] = normal
	}
	return strings.Join(segments, "/"), nil
}

func normalSegment(s string) (string, error) {
	var b strings.Builder
	for s != "" {
		literal, found := s, expression.FindStringIndex(s)
		if found != nil {
			literal = s[:found[0]]
		}
		if strings.ContainsAny(literal, "{}?#") {
			return "", fmt.Errorf("%q is neither a parameter nor part of a path", literal)
		}
		if _, err := url.PathUnescape(literal); err != nil {
			return "", err
		}
		b.WriteString(escapeLiteral(literal))
		if found == nil {
			break
		}
		b.WriteString(s[found[0]:found[1]])
		s = s[found[1]:]
	}
	return b.String(), nil
}

// probe is a URL that the path template could stand for: no route can have its
// parameters' values as a literal, since a pattern's braces are wildcards.
func probe(template string) *url.URL {
	raw := expression.ReplaceAllString(template, "%7B%7D")
	path, _ := url.PathUnescape(raw) // normalTemplate has seen that it is well-formed
	return &url.URL{Path: path, RawPath: raw}
}
