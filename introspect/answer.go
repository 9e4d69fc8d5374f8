package introspect

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

func invalid(why string) error {
	return fmt.Errorf("introspect: %w: %s", passbearer.ErrInvalidToken, why)
}

// What is no access token for here.
var (
	errInactive = invalid("it is not active")
	errExpired  = invalid("it has expired")
	errNotYet   = invalid("it is not valid yet")
	errIssuer   = invalid("it is of another issuer")
	errAudience = invalid("it is for another audience")
	errType     = invalid("it is no access token")
)

// judge reads an answer (RFC 7662 §2.2). What is malformed says nothing of the token,
// and does not wrap passbearer.ErrInvalidToken.
func (v *Verifier) judge(text []byte, now time.Time) (*passbearer.Claims, error) {
	a, err := parseAnswer(text)
	if err != nil {
		return nil, fmt.Errorf("introspect: %s answered what cannot be read: %w", v.endpoint.URL, err)
	}
	c := &a.claims
	switch {
	case !a.active:
		return nil, errInactive
	case !v.isAccessToken(a):
		return nil, errType
	case v.endpoint.Issuer != "" && c.Issuer != v.endpoint.Issuer:
		return nil, errIssuer
	case !v.opts.InsecureSkipAudience && !c.Audience.Has(v.endpoint.Audience):
		return nil, errAudience
	case isExpired(c, now):
		return nil, errExpired
	case c.NotBefore != 0 && c.NotBefore.Time().After(now.Add(clockLeeway)):
		return nil, errNotYet
	case a.is("DPoP") && c.Confirmation.Method != "jkt":
		return nil, errors.New("introspect: a token of type DPoP without cnf.jkt (RFC 9449 §6.2) would be taken for one that is bound to no key")
	}
	return c, nil
}

// isAccessToken: a refresh token has no token_type (RFC 7662 §2.2 has that of the token
// response, which is the access token's). Ory Hydra gives it one, and tells the two
// apart by token_use.
func (v *Verifier) isAccessToken(a *answer) bool {
	switch {
	case a.use != "" && a.use != "access_token":
		return false
	case a.tokenType == "":
		return !v.opts.InsecureSkipAudience
	}
	return a.is("Bearer") || a.is("DPoP")
}

func (a *answer) is(tokenType string) bool { return strings.EqualFold(a.tokenType, tokenType) }

// isExpired is without leeway: the server had its own. An answer without exp is taken
// at its word.
func isExpired(c *passbearer.Claims, now time.Time) bool {
	return c != nil && c.Expiry != 0 && !now.Before(c.Expiry.Time())
}
