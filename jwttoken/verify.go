package jwttoken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

// Verifier verifies access tokens. Make it with [NewVerifier]; the zero Verifier refuses every token.
// It may be used concurrently.
type Verifier struct {
	keys             *Keys
	issuer, audience string
	opts             Options
	types            []string
	required         []string
	cache            *cache // nil: none
}

var _ passbearer.TokenVerifier = (*Verifier)(nil)

// NewVerifier returns a verifier of tokens that issuer has signed with one of keys for audience.
// Both strings are compared exactly. Either may be empty only with its InsecureSkip option.
func NewVerifier(keys *Keys, issuer, audience string, opts *Options) (*Verifier, error) {
	v, err := newVerifier(keys, issuer, audience, opts)
	if err != nil {
		return nil, fmt.Errorf("jwttoken: new verifier: %w", err)
	}
	return v, nil
}

func newVerifier(keys *Keys, issuer, audience string, opts *Options) (*Verifier, error) {
	v := &Verifier{keys: keys, issuer: issuer, audience: audience}
	if opts != nil {
		v.opts = *opts
	}
	switch {
	case keys.load() == nil:
		return nil, errors.New("keys are missing; make them with NewKeys")
	case issuer == "" && !v.opts.InsecureSkipIssuer:
		return nil, errors.New("the issuer is empty; set it or InsecureSkipIssuer")
	case audience == "" && !v.opts.InsecureSkipAudience:
		return nil, errors.New("the audience is empty; set it or InsecureSkipAudience")
	case v.opts.MaxLifetime < 0:
		return nil, errors.New("MaxLifetime is negative")
	case v.opts.MaxTokenSize < 0:
		return nil, errors.New("MaxTokenSize is negative")
	case v.opts.CacheSize > maxCacheSize:
		return nil, errors.New("CacheSize is beyond 16,777,216")
	}
	v.setDefaults()
	return v, v.setProfile()
}

// MaxLifetime is [Options.MaxLifetime] as it is in force.
func (v *Verifier) MaxLifetime() time.Duration { return v.opts.MaxLifetime }

// Leeway is [Options.Leeway] as it is in force.
func (v *Verifier) Leeway() time.Duration { return v.opts.Leeway }

// VerifyToken returns the claims of token if it is genuine, meant for this audience and valid now.
// Every error wraps [passbearer.ErrInvalidToken], and none contains a part of the token. The claims
// belong to all who present the token: copy them before a change.
func (v *Verifier) VerifyToken(_ context.Context, token string) (*passbearer.Claims, error) {
	switch {
	case v == nil || v.keys == nil:
		return nil, &refusal{"", errNoKeys}
	case len(token) > v.opts.MaxTokenSize:
		return nil, &refusal{"", errLength}
	}
	keys := v.keys.load()
	var t tag
	if v.cache != nil {
		t = v.cache.tag(token)
		if known := v.cache.find(t, keys.version); known != nil {
			return v.again(known)
		}
	}
	verified, err := v.verify(keys, token)
	if err != nil {
		return nil, err
	}
	if v.cache != nil {
		verified.tag = t
		v.cache.add(verified, v.now())
	}
	return &verified.claims, nil
}

// again checks what time may have changed since the token was verified.
func (v *Verifier) again(known *verified) (*passbearer.Claims, error) {
	if err := v.checkTimes(known.dates, v.now()); err != nil {
		return nil, &refusal{"", err}
	}
	return &known.claims, nil
}

// now returns milliseconds since 1970.
func (v *Verifier) now() int64 { return v.opts.Now().UnixMilli() }

// RefusesMalformed tells a [passbearer.Guard] that no token is accepted which is not a token68, so that it
// need look at the form of refused ones alone.
func (v *Verifier) RefusesMalformed() passbearer.TokenVerifier { return v }

// verify does all that is done when a token is seen for the first time.
func (v *Verifier) verify(keys *keySet, token string) (*verified, error) {
	parts, ok := split(token)
	if !ok {
		return nil, &refusal{"", errSegments}
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	if step, err := v.open(keys, parts, s); err != nil {
		return nil, &refusal{step, err}
	}
	var err error
	if s.members, err = parseObject(string(s.payload), s.members); err != nil {
		return nil, &refusal{"payload: ", err}
	}
	verified := &verified{version: keys.version}
	if err := decodeClaims(&verified.claims, s.members, v.opts.Foreign != nil); err != nil {
		return nil, &refusal{"payload: ", err}
	}
	if err := v.checkClaims(&verified.claims, s.members); err != nil {
		return nil, &refusal{"", err}
	}
	verified.dates = datesOf(&verified.claims)
	if err := v.mapForeign(&verified.claims); err != nil {
		return nil, &refusal{"map claims: ", err}
	}
	return verified, nil
}

func (v *Verifier) checkClaims(c *passbearer.Claims, members []member) error {
	if err := v.checkRequired(c, members); err != nil {
		return err
	}
	if err := v.checkTimes(datesOf(c), v.now()); err != nil {
		return err
	}
	switch {
	case !v.opts.InsecureSkipIssuer && c.Issuer != v.issuer:
		return errIssuer
	case !v.opts.InsecureSkipAudience && !c.Audience.Has(v.audience):
		return errAudience
	}
	return nil
}

// checkRequired reports a claim that is absent or empty.
func (v *Verifier) checkRequired(c *passbearer.Claims, members []member) error {
	if c.Expiry <= 0 {
		return errNoExpiry
	}
	for _, name := range v.required {
		var absent bool
		switch name {
		case "iss":
			absent = c.Issuer == ""
		case "sub":
			absent = c.Subject == ""
		case "aud":
			absent = c.Audience == ""
		case "jti":
			absent = c.ID == ""
		case "iat":
			if c.IssuedAt <= 0 {
				return errNoIssue
			}
		default:
			absent = !slices.ContainsFunc(members, func(m member) bool { return m.name == name && !isEmpty(m.raw) })
		}
		if absent {
			return errRequired
		}
	}
	return nil
}

func isEmpty(raw string) bool {
	return raw == "null" || raw == `""` || raw[0] == '[' && strings.Trim(raw[1:], " \t\r\n") == "]"
}

// dates are those of a token, whatever Foreign.Map makes of the claims.
type dates struct{ expiry, notBefore, issuedAt passbearer.NumericDate }

func datesOf(c *passbearer.Claims) dates { return dates{c.Expiry, c.NotBefore, c.IssuedAt} }

// checkTimes compares milliseconds since 1970, which a date as great as maxDate has room for.
func (v *Verifier) checkTimes(d dates, now int64) error {
	leeway := v.opts.Leeway.Milliseconds()
	switch {
	case now >= milliseconds(d.expiry)+leeway:
		return errExpired
	case milliseconds(d.notBefore) > now+leeway:
		return errNotYet
	case milliseconds(d.issuedAt) > now+leeway:
		return errFuture
	case d.notBefore > d.expiry:
		return errOrder
	case milliseconds(d.expiry) > now+leeway+v.opts.MaxLifetime.Milliseconds():
		return errTooFar
	}
	return nil
}

func milliseconds(d passbearer.NumericDate) int64 { return int64(d) * 1000 }

func (v *Verifier) mapForeign(c *passbearer.Claims) error {
	if v.opts.Foreign == nil || v.opts.Foreign.Map == nil {
		return nil
	}
	if err := v.opts.Foreign.Map(c); err != nil {
		return err
	}
	if !c.Scope.Valid() {
		return errors.New("the scope is not valid")
	}
	return nil
}
