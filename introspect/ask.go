package introspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

const maxAnswer = 64 << 10 // bytes

func (e *Endpoint) check(secret string, skipAudience bool) error {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Contains(e.URL, "#"):
		return errors.New("Endpoint.URL is no URL of a host, without user and fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return errors.New("Endpoint.URL is not https, nor http on a loopback address: tokens and the secret are sent there")
	case e.ClientID == "" || secret == "":
		return errors.New("ClientID or the secret is empty: introspection is for clients that authenticate (RFC 7662 §2.1)")
	case e.Audience == "" && !skipAudience:
		return errors.New("Endpoint.Audience is empty; set it or InsecureSkipAudience")
	case e.Audience != "" && skipAudience:
		return errors.New("both Endpoint.Audience and InsecureSkipAudience are set")
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// basic is RFC 6749 §2.3.1: both parts are form-encoded first.
func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func newClient(transport http.RoundTripper) *http.Client {
	if own, ok := http.DefaultTransport.(*http.Transport); ok && transport == nil {
		own = own.Clone()
		own.MaxResponseHeaderBytes = 64 << 10
		own.MaxIdleConnsPerHost = maxAtOnce
		transport = own
	}
	// A redirect would take the token elsewhere.
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask returns what the endpoint says of token. No error repeats the token or the
// answer.
func (v *Verifier) ask(ctx context.Context, token string) (*passbearer.Claims, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.endpoint.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header["Idempotency-Key"] = nil // is not sent: net/http may ask again where the server has closed an idle connection
	v.sign(r)
	answer, err := v.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	defer answer.Body.Close()
	text, err := read(answer)
	if err != nil {
		return nil, fmt.Errorf("introspect: %s %w", v.endpoint.URL, err)
	}
	return v.judge(text, time.Now())
}

func read(answer *http.Response) ([]byte, error) {
	if answer.StatusCode == http.StatusUnauthorized {
		return nil, errors.New("answered 401: it does not take this client's id and secret")
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", answer.StatusCode)
	}
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("answered with no application/json")
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("broke off: %w", err)
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("answered more than %d bytes", maxAnswer)
	}
	return text, nil
}
