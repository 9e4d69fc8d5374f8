package remotejwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxBody      = 512 << 10 // bytes of an answer
	maxRedirects = 3
)

// fetcher gets the JWK Set of an issuer, and from nowhere that the issuer's configuration or metadata does not name.
type fetcher struct {
	issuer   string
	jwks     string // empty: named by the metadata
	metadata []string
	loopback bool // the issuer is on this machine, so its keys may be fetched by http
	client   *http.Client
}

func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

func newFetcher(issuer Issuer, o Options) (*fetcher, error) {
	f := &fetcher{issuer: issuer.URL, jwks: issuer.JWKS}
	u, err := url.Parse(issuer.URL)
	if err != nil {
		return nil, errors.New("URL is not a URL")
	}
	f.loopback = isLoopback(u.Hostname())
	if err := f.check(u); err != nil {
		return nil, fmt.Errorf("URL: %w", err)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("URL has a query or a fragment, which no issuer has (RFC 8414 §2)")
	}
	if f.jwks == "" {
		f.metadata = metadataURLs(u)
	} else if err := f.checkJWKS(); err != nil {
		return nil, err
	}
	f.client = &http.Client{Transport: o.Transport, CheckRedirect: f.checkRedirect}
	return f, nil
}

// checkJWKS takes a JWK Set on this machine for what it is: named by the application, not by an issuer elsewhere.
func (f *fetcher) checkJWKS() error {
	u, err := url.Parse(f.jwks)
	if err != nil {
		return errors.New("JWKS is not a URL")
	}
	f.loopback = isLoopback(u.Hostname())
	if err := f.check(u); err != nil {
		return fmt.Errorf("JWKS: %w", err)
	}
	return nil
}

// metadataURLs are those of OpenID Connect Discovery §4 and RFC 8414 §3.
func metadataURLs(issuer *url.URL) []string {
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	origin := issuer.Scheme + "://" + issuer.Host
	return []string{
		origin + path + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + path,
	}
}

func (f *fetcher) check(u *url.URL) error {
	switch {
	case u.Host == "" || u.User != nil:
		return errors.New("it has no host, or a user")
	case u.Scheme == "https", u.Scheme == "http" && f.loopback && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("it is not https, nor http on a loopback address")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (f *fetcher) checkRedirect(r *http.Request, via []*http.Request) error {
	switch {
	case r.URL.Host != via[0].URL.Host:
		return errors.New("redirected to another host, which is not followed")
	case len(via) > maxRedirects:
		return errors.New("redirected too often")
	}
	return f.check(r.URL)
}

// set returns the JWK Set as it came.
func (f *fetcher) set(ctx context.Context) ([]byte, error) {
	address := f.jwks
	if address == "" {
		var err error
		if address, err = f.discover(ctx); err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
	}
	text, err := f.get(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("JWK Set: %w", err)
	}
	return text, nil
}

var errNotFound = errors.New("answered 404")

// discover returns the address of the JWK Set. It is asked for each time: an issuer may move its keys.
func (f *fetcher) discover(ctx context.Context) (string, error) {
	text, err := f.get(ctx, f.metadata[0])
	if errors.Is(err, errNotFound) {
		text, err = f.get(ctx, f.metadata[1])
	}
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &metadata); err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	if metadata.Issuer != f.issuer {
		return "", fmt.Errorf("issuer is %.200q; if this is the right one set Issuer.URL to it, or Issuer.JWKS to do without metadata", metadata.Issuer)
	}
	u, err := url.Parse(metadata.JWKS)
	if err != nil {
		return "", errors.New("jwks_uri is not a URL")
	}
	if err := f.check(u); err != nil {
		return "", fmt.Errorf("jwks_uri: %w", err)
	}
	return metadata.JWKS, nil
}

func (f *fetcher) get(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json, application/jwk-set+json")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s %w", address, errNotFound)
	default:
		return nil, fmt.Errorf("%s answered %d", address, answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	if len(text) > maxBody {
		return nil, fmt.Errorf("%s answered more than %d bytes", address, maxBody)
	}
	return text, nil
}
