package passbearer

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// TokenIssuer makes access tokens. Implementations are called concurrently.
type TokenIssuer interface {
	// IssueToken returns an access token that says what c says. What the
	// issuer owns (issuer, audience, jti) it fills in where c leaves it empty.
	IssueToken(ctx context.Context, c Claims) (string, error)
}

// TokenVerifier checks access tokens. Implementations are called concurrently
// and must not keep the token.
type TokenVerifier interface {
	// VerifyToken returns what a valid token says. For a token that is not
	// valid (malformed, forged, expired, revoked, somebody else's) the error
	// wraps [ErrInvalidToken], and the answer is 401. Any other error means
	// that the verifier itself is broken, as does (nil, nil): the answer is
	// 503. The Claims may be shared between calls: the caller copies them.
	//
	// A verifier that accepts nothing but a token68 (RFC 9110 §11.2) may say so
	// by a method RefusesMalformed() TokenVerifier that returns itself: a [Guard]
	// then looks at the form of refused tokens alone. One with methods MaxLifetime()
	// and Leeway(), both time.Duration, tells for how long revocations must be kept: a
	// verifier around another passes them on.
	VerifyToken(ctx context.Context, token string) (*Claims, error)
}

// DefaultAccessTokenLifetime is how long an access token lives when nothing
// else is said.
const DefaultAccessTokenLifetime = 15 * time.Minute

// Claims are what an access token says (RFC 7519 §4.1, RFC 9068 §2.2). They
// hold no slice, map or pointer, so a copy shares nothing with its original.
type Claims struct {
	Issuer    string      // iss
	Subject   string      // sub: the user's id, never a name that may change hands
	Audience  Audience    // aud
	ClientID  string      // client_id
	Scope     Scope       // scope
	ID        string      // jti
	SessionID string      // sid: the session it belongs to, if any
	IssuedAt  NumericDate // iat
	NotBefore NumericDate // nbf
	Expiry    NumericDate // exp
	AuthTime  NumericDate // auth_time: when the user last signed in
	ACR       string      // acr
	AMR       string      // amr, separated by spaces (RFC 8176)

	// Epoch is one more than [User.Epoch] was at the time of issue (epoch, a
	// private claim), so that zero is absent. See [Revocations].
	Epoch int64

	// Confirmation is the key that the token is bound to (cnf, RFC 7800).
	Confirmation Confirmation

	// Extra is a JSON object with all other members of the token, or empty.
	// [ExtraClaims] reads it.
	Extra string
}

// ExtraClaims decodes the members of the token that [Claims] has no field for
// into a T, as encoding/json does. Without such members it returns T's zero
// value.
func ExtraClaims[T any](c *Claims) (T, error) {
	var v T
	if c.Extra == "" {
		return v, nil
	}
	if err := json.Unmarshal([]byte(c.Extra), &v); err != nil {
		return v, fmt.Errorf("passbearer: extra claims: %w", err)
	}
	return v, nil
}

// NumericDate is a time in seconds since 1970 (RFC 7519 §2). Zero is absent.
type NumericDate int64

// Time returns d as a time in UTC, and the zero time if d is absent.
func (d NumericDate) Time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Unix(int64(d), 0).UTC()
}

// Confirmation names the key that a token is bound to. The zero value is a
// token bound to none, which whoever bears it may use.
type Confirmation struct {
	Method     string // "jkt" (RFC 9449), "x5t#S256" (RFC 8705), another member of cnf, or "several"
	Thumbprint string // empty for a Method that is neither
}

// Audience holds the values of aud as one immutable string, separated by line
// feeds, which no value may contain.
type Audience string

// NewAudience joins values, which must not be empty or contain a line feed.
func NewAudience(values ...string) Audience {
	for _, v := range values {
		if v == "" || strings.Contains(v, "\n") {
			panic("passbearer: an audience is empty or has a line feed: name the API by a plain string or URI")
		}
	}
	return Audience(strings.Join(values, "\n"))
}

// Has reports whether value is one of a's values. It compares exactly.
func (a Audience) Has(value string) bool { return hasField(string(a), value, '\n') }

// All yields each value.
func (a Audience) All() iter.Seq[string] { return fields(string(a), '\n') }

// Scope is a list of scope tokens separated by spaces, as on the wire
// (RFC 6749 §3.3). Testing it takes no allocation.
type Scope string

// Has reports whether token is one of s's.
func (s Scope) Has(token string) bool { return hasField(string(s), token, ' ') }

// HasAll reports whether every one of tokens is in s.
func (s Scope) HasAll(tokens ...string) bool {
	for _, t := range tokens {
		if !s.Has(t) {
			return false
		}
	}
	return true
}

// HasAny reports whether at least one of tokens is in s.
func (s Scope) HasAny(tokens ...string) bool {
	for _, t := range tokens {
		if s.Has(t) {
			return true
		}
	}
	return false
}

// Subset reports whether every token of s is in of. The empty scope is a
// subset of all.
func (s Scope) Subset(of Scope) bool {
	for t := range s.All() {
		if !of.Has(t) {
			return false
		}
	}
	return true
}

// Intersect returns the tokens of s that other has too, in s's order, each
// once.
func (s Scope) Intersect(other Scope) Scope {
	var both Scope
	for t := range s.All() {
		if other.Has(t) && !both.Has(t) {
			both = both.with(t)
		}
	}
	return both
}

func (s Scope) with(token string) Scope {
	if s == "" {
		return Scope(token)
	}
	return s + " " + Scope(token)
}

// All yields each token.
func (s Scope) All() iter.Seq[string] { return fields(string(s), ' ') }

// Valid reports whether s follows the grammar of RFC 6749 §3.3: tokens of
// printable ASCII without quote and backslash, one space between two. The
// empty scope is valid.
func (s Scope) Valid() bool {
	space := true // a space may not follow here
	for i := range len(s) {
		c := s[i]
		if c == ' ' {
			if space {
				return false
			}
			space = true
			continue
		}
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
		space = false
	}
	return s == "" || !space
}

// hasField looks for field as text, which is faster than to compare with each.
func hasField(list, field string, sep byte) bool {
	if field == "" || strings.IndexByte(field, sep) >= 0 {
		return false
	}
	for {
		i := strings.Index(list, field)
		if i < 0 {
			return false
		}
		end := i + len(field)
		if (i == 0 || list[i-1] == sep) && (end == len(list) || list[end] == sep) {
			return true
		}
		_, list = cut(list[i:], sep)
	}
}

func fields(list string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for list := list; list != ""; {
			var head string
			if head, list = cut(list, sep); head != "" && !yield(head) {
				return
			}
		}
	}
}

func cut(list string, sep byte) (head, tail string) {
	if i := strings.IndexByte(list, sep); i >= 0 {
		return list[:i], list[i+1:]
	}
	return list, ""
}
