package introspect

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	defaultCacheFor   = 30 * time.Second
	defaultTimeout    = 5 * time.Second
	defaultMaxEntries = 10_000

	refusedFor    = 5 * time.Second  // at most: a token may become active, and refusals are cheap to ask for
	clockLeeway   = 30 * time.Second // for nbf; a token that the server made just now is none of the future
	maxToken      = 8 << 10          // bytes
	maxAtOnce     = 64               // requests
	maxCacheFor   = time.Hour
	maxMaxEntries = 10_000_000
)

// Endpoint is the introspection endpoint that is asked, and what its answers have to
// say.
type Endpoint struct {
	// URL is the endpoint's, with https, or http on a loopback address.
	URL string

	// ClientID is this resource server's client id at the authorization server.
	ClientID string

	// Audience is what aud must contain, exactly. A server that is asked by several
	// resource servers tells each of tokens that are meant for another.
	Audience string

	// Issuer is what iss must be, exactly. Empty: iss is not looked at, as the one
	// endpoint answers for one server as a rule.
	Issuer string
}

// Options are the settings of [New]. A nil *Options and the zero Options mean the
// defaults.
type Options struct {
	// CacheFor is how long an active token is remembered, and so how long after its
	// revocation it may be accepted; never beyond its exp. Others are remembered for
	// 5 s, or CacheFor if that is less. At most 1 h. Zero: 30 s. Negative: nothing is
	// remembered.
	CacheFor time.Duration

	// MaxEntries is how many active tokens are remembered, and as many others. One
	// takes 300 bytes and its claims; an answer has 64 KiB at most. Zero: 10,000.
	MaxEntries int

	// Timeout is how long a question may take, waiting included: 64 are asked at
	// once. Zero: 5 s.
	Timeout time.Duration

	// Transport asks, through a proxy or with own certificates for instance. It is
	// called concurrently. Nil: a clone of [http.DefaultTransport].
	Transport http.RoundTripper

	// InsecureSkipAudience accepts tokens that are meant for another resource
	// server. An answer without token_type is refused then, since nothing else tells
	// a refresh token from an access token.
	InsecureSkipAudience bool
}

// Verifier verifies access tokens by introspection. Make it with [New]; the zero
// Verifier fails. It is safe for concurrent use.
type Verifier struct {
	endpoint Endpoint
	opts     Options
	client   *http.Client
	sign     func(*http.Request) // has the secret, where no verb of fmt finds it
	key      []byte              // of tags
	slots    chan struct{}

	mu      sync.Mutex
	active  cache
	refused cache
	flights map[tag]*flight
}

var _ passbearer.TokenVerifier = (*Verifier)(nil)

// Format hides the key of tags, and claims, from package fmt.
func (*Verifier) Format(s fmt.State, _ rune) { io.WriteString(s, "introspect.Verifier{…}") }

// LogValue hides the key of tags, and claims, from package slog.
func (*Verifier) LogValue() slog.Value { return slog.StringValue("introspect.Verifier{…}") }

// New returns a verifier that authenticates at endpoint by the client's secret, in a
// Basic header. It does no I/O. Errors are those of the settings.
func New(endpoint Endpoint, secret string, opts *Options) (*Verifier, error) {
	o, err := withDefaults(opts)
	if err == nil {
		err = endpoint.check(secret, o.InsecureSkipAudience)
	}
	if err != nil {
		return nil, fmt.Errorf("introspect: new verifier: %w", err)
	}
	v := &Verifier{
		endpoint: endpoint, opts: o, client: newClient(o.Transport), sign: basic(endpoint.ClientID, secret),
		key: make([]byte, sha256.Size), slots: make(chan struct{}, maxAtOnce),
		active: cache{size: o.MaxEntries}, refused: cache{size: o.MaxEntries}, flights: map[tag]*flight{},
	}
	rand.Read(v.key) // never fails
	return v, nil
}

func withDefaults(opts *Options) (Options, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.CacheFor = cmp.Or(o.CacheFor, defaultCacheFor)
	o.MaxEntries = cmp.Or(o.MaxEntries, defaultMaxEntries)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	switch {
	case o.CacheFor > maxCacheFor:
		return o, fmt.Errorf("CacheFor is %v, and revoked tokens would be accepted for as long: at most %v", o.CacheFor, maxCacheFor)
	case o.MaxEntries < 2 || o.MaxEntries > maxMaxEntries:
		return o, fmt.Errorf("MaxEntries is %d, which is not 2 to %d; a negative CacheFor remembers nothing", o.MaxEntries, maxMaxEntries)
	case o.Timeout < 0:
		return o, errors.New("the Timeout is negative")
	}
	return o, nil
}

// RefusesMalformed tells a [passbearer.Guard] that no token is accepted which is not
// a token68.
func (v *Verifier) RefusesMalformed() passbearer.TokenVerifier { return v }

var (
	errZero = errors.New("introspect: a zero Verifier: make it with New")
	errForm = fmt.Errorf("introspect: %w: it is no token68 of at most %d bytes", passbearer.ErrInvalidToken, maxToken)
)

// VerifyToken returns what the server says of an active token. A token that is not,
// or is meant for others, is refused with an error that wraps
// [passbearer.ErrInvalidToken]; so is one over 8 KiB or not a token68, without a
// question. Of several calls with one token at a time one asks, for all; it goes on
// if its own ctx is done while others wait.
func (v *Verifier) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	switch {
	case v.sign == nil:
		return nil, errZero
	case !isToken68(token):
		return nil, errForm
	}
	t := v.tag(token)
	known, f := v.findOrJoin(ctx, t, token)
	if f == nil {
		return known.claims, known.err
	}
	select {
	case <-f.done:
		return f.verdict.claims, f.verdict.err
	case <-ctx.Done():
		v.leave(t, f)
		return nil, fmt.Errorf("introspect: %w", context.Cause(ctx))
	}
}

func isToken68(s string) bool {
	if len(s) > maxToken {
		return false
	}
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		switch c := body[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/", c) >= 0:
		default:
			return false
		}
	}
	return body != ""
}

// tag stands for a token, and is of no use outside this process.
type tag [sha256.Size]byte

func (v *Verifier) tag(token string) (t tag) {
	mac := hmac.New(sha256.New, v.key)
	mac.Write([]byte(token))
	mac.Sum(t[:0])
	return t
}
