package tokensource

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

const (
	firstDelay = 200 * time.Millisecond

	// repeatFor is how long a request is repeated. passbearer.DefaultGrace is 10 s.
	repeatFor = 9 * time.Second

	// maxRetryAfter is how long the server is believed that it is away.
	maxRetryAfter = 5 * time.Minute
)

// exchange presents a refresh token until there is an answer. Nobody knows whether a
// request whose answer was lost has rotated it, so the same one is presented again, and
// soon, for the server takes a late repetition for theft.
func (s *Source) exchange(ctx context.Context, presented string) (*oauth2.Token, error) {
	began := time.Now()
	for delay := firstDelay; ; delay *= 2 {
		token, err := s.request(ctx, presented)
		if err == nil {
			return token, nil
		}
		wait := max(delay/2+rand.N(delay/2), retryAfter(err))
		if !isTemporary(err) || time.Since(began)+wait >= repeatFor {
			return nil, err
		}
		time.Sleep(wait)
	}
}

// request is one token request, or two where config has no AuthStyle.
func (s *Source) request(ctx context.Context, presented string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.client)
	token, err := s.config.TokenSource(ctx, &oauth2.Token{RefreshToken: presented}).Token()
	if err != nil {
		return nil, &requestError{err}
	}
	return token, nil
}

// isTemporary reports whether the same request may be answered otherwise: the server says
// so, or said nothing that can be read.
func isTemporary(err error) bool {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return true
	}
	switch code := refused.Response.StatusCode; code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	default:
		return code >= http.StatusInternalServerError
	}
}

// retryAfter is what the server asks for, in seconds or as a time (RFC 9110 §10.2.3),
// the latter by its own clock if it tells that.
func retryAfter(err error) time.Duration {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return 0
	}
	h := refused.Response.Header
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// requestError is a token request that failed. Its text is short where oauth2 repeats
// the page of whatever stands before the server.
type requestError struct{ err error }

func (e *requestError) Error() string {
	var refused *oauth2.RetrieveError
	if errors.As(e.err, &refused) && refused.ErrorCode == "" {
		return "tokensource: the token endpoint answered " + refused.Response.Status
	}
	return "tokensource: refresh: " + e.err.Error()
}

// Unwrap returns oauth2's own error.
func (e *requestError) Unwrap() error { return e.err }
