package dpop

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

var errURL = errors.New("not an absolute URL of http or https: write it as https://api.example")

// parseURL reads an absolute URL and drops query and fragment, which are not
// compared (RFC 9449 §4.3).
func parseURL(text string) (*url.URL, error) {
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return nil, errURL
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errURL
	}
	return u, nil
}

func parseBase(text string) (*url.URL, error) {
	u, err := parseURL(text)
	if err != nil || strings.ContainsAny(text, "?#") {
		return nil, errURL
	}
	return u, nil
}

// isURLOf compares htu with the URL that r was sent to.
func (v *Verifier) isURLOf(r *http.Request, htu string) bool {
	claimed, err := parseURL(htu)
	if err != nil {
		return false
	}
	path := requestPath(r)
	if !strings.HasPrefix(path, "/") {
		return false // CONNECT, or "*"
	}
	if v.base != nil {
		return same(claimed, v.base, strings.TrimSuffix(v.base.EscapedPath(), "/")+path)
	}
	own := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		own.Scheme = "https"
	}
	return same(claimed, &own, path)
}

// requestPath is the path as the client sent it: http.StripPrefix and the like
// change r.URL.
func requestPath(r *http.Request) string {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		u = r.URL
	}
	if u.Path == "" && u.Opaque == "" {
		return "/"
	}
	return u.EscapedPath()
}

// same compares after normalisation by syntax and scheme (RFC 3986 §6.2.2, §6.2.3).
func same(claimed, origin *url.URL, path string) bool {
	return claimed.Scheme == origin.Scheme && // lower case, by url.Parse
		authority(claimed) == authority(origin) && normalPath(claimed.EscapedPath()) == normalPath(path)
}

// authority is host and port, without the port that the scheme implies.
func authority(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		return host
	}
	return host + " " + port // no host has a space
}

// normalPath removes dot segments, after what hides them is decoded.
func normalPath(path string) string {
	segments := strings.Split(normalEscapes(path), "/")
	kept := segments[:1] // what is before the first slash: nothing
	for i, s := range segments[1:] {
		last := i == len(segments)-2
		switch {
		case s != "." && s != "..":
			kept = append(kept, s)
			continue
		case s == ".." && len(kept) > 1:
			kept = kept[:len(kept)-1]
		}
		if last {
			kept = append(kept, "")
		}
	}
	if len(kept) == 1 {
		return "/"
	}
	return strings.Join(kept, "/")
}

// normalEscapes decodes what need not be encoded and writes the rest in upper case
// (RFC 3986 §2.3, §6.2.2.1). Its argument is well-formed: url.Parse has seen it.
func normalEscapes(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		triplet := strings.ToUpper(path[i : i+3])
		if c, err := url.PathUnescape(triplet); err == nil && isUnreserved(c[0]) {
			triplet = c
		}
		b.WriteString(triplet)
		i += 2
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
