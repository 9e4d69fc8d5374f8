package remotejwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

const (
	defaultRefreshInterval = 15 * time.Minute
	defaultMinInterval     = 30 * time.Second
	defaultMaxStale        = 24 * time.Hour
	defaultMaxWait         = 2 * time.Second
	defaultTimeout         = 10 * time.Second
	defaultMaxTokenSize    = 8 << 10 // that of jwttoken
)

// Issuer is an authorization server whose access tokens are accepted.
type Issuer struct {
	// URL is the issuer's identifier: what iss must be, exactly. With https, or http on a loopback address.
	URL string

	// Audience is what aud must contain, exactly. Take one that only access tokens have: ID tokens, which many issuers
	// sign with the same keys, have the client's id as audience.
	Audience string

	// JWKS is the URL of the JWK Set. Empty: it is read from the issuer's metadata, by OpenID Connect Discovery or else
	// RFC 8414, whose issuer must be URL, exactly.
	JWKS string

	// Map changes the verified claims. Nil: [DefaultMap].
	Map ClaimsMap

	// Token are the settings for its tokens. The zero value is usual: it verifies as jwttoken.Foreign does, since few
	// issuers follow RFC 9068. Token.Foreign.Map and Token.InsecureSkipIssuer must not be set, and Token.Now is
	// [Options.Now] if that is not.
	Token jwttoken.Options
}

// Options change when keys are fetched. A nil *Options and the zero Options mean the defaults.
type Options struct {
	// RefreshInterval is after what time keys are read again; up to a tenth of it is taken off at random, so that processes
	// do not ask in step. A key that the issuer has removed is accepted until then, or where no tokens came for so long,
	// by the first ones within another such time. Zero: 15 minutes.
	RefreshInterval time.Duration

	// MinInterval is the least time between the starts of two refreshes of one issuer, failed ones too. A token with a new
	// key may be refused for that long. Zero: 30 s.
	MinInterval time.Duration

	// MaxStale is for how long after they were read keys are used, while they cannot be read again. At least
	// RefreshInterval. Zero: 24 h, or RefreshInterval if that is more.
	MaxStale time.Duration

	// MaxWait is how long a request waits for a running refresh that it depends on. Zero: 2 s. Negative: not at all.
	MaxWait time.Duration

	// Timeout is how long a refresh may take. At most MinInterval. Zero: 10 s, or MinInterval if that is less.
	Timeout time.Duration

	// Transport fetches, through a proxy or with own certificates for instance. It is called concurrently. Nil: a clone of
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Observer is told of refreshes, outside of any request, those of one issuer one after another, by
	// EventKeysRefreshed, EventKeysStale, and EventUnavailable where there are no keys to serve. Nil:
	// passbearer.LogObserver(nil).
	Observer passbearer.Observer

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Verifier verifies access tokens of the issuers it was made for. Make it with [New]; the zero Verifier refuses every
// token. It may be used concurrently.
type Verifier struct {
	sources      map[string]*source
	only         *source // if there is one alone
	routes       *routes
	maxTokenSize int
	maxLifetime  time.Duration
	leeway       time.Duration
}

var _ passbearer.TokenVerifier = (*Verifier)(nil)

// New returns a verifier of the tokens of issuers. It does no I/O. Errors are those of the settings.
func New(issuers []Issuer, opts *Options) (*Verifier, error) {
	o, err := withDefaults(opts)
	if err != nil {
		return nil, fmt.Errorf("remotejwks: new verifier: %w", err)
	}
	if len(issuers) == 0 {
		return nil, errors.New("remotejwks: new verifier: there are no issuers")
	}
	v := &Verifier{sources: make(map[string]*source, len(issuers)), routes: newRoutes()}
	for _, issuer := range issuers {
		s, err := newSource(issuer, o)
		if err != nil {
			return nil, fmt.Errorf("remotejwks: issuer %q: %w", issuer.URL, err)
		}
		if v.sources[issuer.URL] != nil {
			return nil, fmt.Errorf("remotejwks: issuer %q is there twice", issuer.URL)
		}
		v.sources[issuer.URL] = s
		v.only = s
		v.maxTokenSize = max(v.maxTokenSize, cmp.Or(issuer.Token.MaxTokenSize, defaultMaxTokenSize))
		v.maxLifetime, v.leeway = max(v.maxLifetime, s.maxLifetime), max(v.leeway, s.leeway)
	}
	if len(v.sources) > 1 {
		v.only = nil
	}
	return v, nil
}

func withDefaults(opts *Options) (Options, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.RefreshInterval = cmp.Or(o.RefreshInterval, defaultRefreshInterval)
	o.MinInterval = cmp.Or(o.MinInterval, defaultMinInterval)
	o.MaxStale = cmp.Or(o.MaxStale, max(defaultMaxStale, o.RefreshInterval))
	o.MaxWait = cmp.Or(o.MaxWait, defaultMaxWait)
	o.Timeout = cmp.Or(o.Timeout, min(defaultTimeout, o.MinInterval))
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Observer == nil {
		o.Observer = passbearer.LogObserver(nil)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.MinInterval < 0 || o.Timeout < 0:
		return o, errors.New("MinInterval or Timeout is negative")
	case o.RefreshInterval < o.MinInterval:
		return o, errors.New("RefreshInterval is less than MinInterval")
	case o.MaxStale < o.RefreshInterval:
		return o, errors.New("MaxStale is less than RefreshInterval")
	case o.Timeout > o.MinInterval:
		return o, errors.New("the Timeout is more than MinInterval")
	}
	return o, nil
}

var errIssuer = errors.New("iss names none of the issuers")

// VerifyToken returns the claims of token if it is genuine, meant for the issuer's audience and valid now. For a token
// that is not the error wraps passbearer.ErrInvalidToken. Any other error means that the issuer's keys are not known. It
// fetches at most as the package's comment says, and then waits for [Options.MaxWait] and while ctx lasts. The claims
// belong to all who present the token: copy them before a change.
func (v *Verifier) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	if v == nil || v.sources == nil {
		return nil, fmt.Errorf("%w: %w", passbearer.ErrInvalidToken, errIssuer)
	}
	if v.only != nil {
		return v.verify(ctx, v.only, token)
	}
	guess := v.routes.find(token)
	if guess != nil {
		// A verifier takes tokens of its own issuer alone, so a wrong guess takes time and no more.
		if c, err := v.verify(ctx, guess, token); err == nil {
			return c, nil
		} else if v.peekIssuer(token) == guess.url {
			return nil, err
		}
	}
	s := v.sources[v.peekIssuer(token)]
	if s == nil {
		return nil, fmt.Errorf("%w: %w", passbearer.ErrInvalidToken, errIssuer)
	}
	c, err := v.verify(ctx, s, token)
	if err == nil {
		v.routes.add(token, s)
	}
	return c, err
}

func (v *Verifier) verify(ctx context.Context, s *source, token string) (*passbearer.Claims, error) {
	set, err := s.keys(ctx, func() bool { return v.peekIssuer(token) == s.url })
	switch {
	case err != nil && v.peekIssuer(token) != s.url: // no key would make it valid
		return nil, fmt.Errorf("%w: %w", passbearer.ErrInvalidToken, errIssuer)
	case err != nil:
		return nil, err
	}
	c, err := set.verifier.VerifyToken(ctx, token)
	if err == nil || v.peekIssuer(token) != s.url || !set.lacks(v.peekKeyID(token)) {
		return c, err
	}
	if !s.refreshed(ctx, set) {
		return nil, err
	}
	if set, err = s.keys(ctx, never); err != nil {
		return nil, err
	}
	return set.verifier.VerifyToken(ctx, token)
}

func never() bool { return false }

// Load reads the keys of every issuer whose keys are not known yet, one after another, for a program that does not want
// to start, or to call itself ready, without them. Its error names each issuer whose keys could not be read. It asks no
// more often than [Options.MinInterval] allows.
func (v *Verifier) Load(ctx context.Context) error {
	var failed []error
	for _, s := range v.sources {
		if err := s.load(ctx); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// MaxLifetime is the greatest jwttoken.Options.MaxLifetime of the issuers as it is in force.
func (v *Verifier) MaxLifetime() time.Duration { return v.maxLifetime }

// Leeway is the greatest jwttoken.Options.Leeway of the issuers as it is in force.
func (v *Verifier) Leeway() time.Duration { return v.leeway }

// RefusesMalformed tells a passbearer.Guard that no token is accepted which is not a token68.
func (v *Verifier) RefusesMalformed() passbearer.TokenVerifier { return v }
