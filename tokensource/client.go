package tokensource

import (
	"net/http"
	"strings"

	"golang.org/x/oauth2"
)

// Client returns a client whose requests carry a token. It has the settings of
// [Options.HTTPClient]. A request waits for a refresh as long as its own context
// says; redirects to another host are followed without the token.
//
// [oauth2.NewClient] does as well, but remembers tokens itself, and so does not
// refresh early, and its requests wait to the end.
func (s *Source) Client() *http.Client {
	client := *s.opts.HTTPClient
	base := client.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	client.Transport = &transport{s, base}
	return &client
}

type transport struct {
	source *Source
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if leaves(r) {
		return t.base.RoundTrip(r)
	}
	token, err := t.source.TokenContext(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	return t.base.RoundTrip(withToken(r, token))
}

func withToken(r *http.Request, token *oauth2.Token) *http.Request {
	r = r.Clone(r.Context())
	token.SetAuthHeader(r)
	return r
}

// leaves reports whether redirects have taken r away from the scheme and host that it was
// first sent to.
func leaves(r *http.Request) bool {
	first := r
	for first.Response != nil {
		if first = first.Response.Request; first == nil {
			return true // a transport that does not tell
		}
	}
	return !strings.EqualFold(first.URL.Host, r.URL.Host) || first.URL.Scheme != r.URL.Scheme
}
