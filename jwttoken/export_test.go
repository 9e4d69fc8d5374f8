package jwttoken

import (
	"github.com/golang-jwt/jwt/v5"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/mac"
)

// NewHS256 returns our HS256 and its key for that secret.
func NewHS256(secret []byte) (jwt.SigningMethod, any) { return hs256{}, mac.NewKey(secret) }

// These return our methods, which take golang-jwt's keys.
func NewES256() jwt.SigningMethod { return es256{} }
func NewEdDSA() jwt.SigningMethod { return eddsa{} }
func NewRS256() jwt.SigningMethod { return rs256{} }

// DER returns the DER of r and s as a token has them, and FromDER the reverse.
func DER(rs []byte) []byte               { return appendDER(nil, rs) }
func FromDER(der []byte) ([]byte, error) { return fromDER(der) }

// Tagger returns the function that makes a cache's keys, with GCM or without.
func Tagger(gcm bool) func(token string) [2]uint64 {
	t := newTaggers(gcm)().(*tagger)
	return func(token string) [2]uint64 {
		tag := t.of(token)
		return [2]uint64{tag.lo, tag.hi}
	}
}

// Uncached makes v verify each token anew.
func (v *Verifier) Uncached() *Verifier {
	other := *v
	other.cache = nil
	return &other
}

// OpenJWS returns the payload of a JWS of any typ.
func OpenJWS(keys *Keys, token string) ([]byte, error) {
	v := &Verifier{types: []string{"", "JWT"}}
	t, ok := split(token)
	if !ok {
		return nil, errSegments
	}
	s := new(scratch)
	_, err := v.open(keys.load(), t, s)
	return s.payload, err
}

// Stricter are the reasons why a token may be refused that golang-jwt's parser takes, with the same issuer,
// audience, typ, kid, leeway and required claims.
var Stricter = map[error]string{
	errBase64:    "there is one spelling of a segment: no line breaks, no unused bits (RFC 7515 §2)",
	errUTF8:      "encoding/json replaces what is not UTF-8",
	errDuplicate: "encoding/json keeps the last of two members (RFC 7519 §4 lets one refuse both)",
	errTwin:      "a registered name in another case is a trap",
	errDepth:     "32 levels are enough",
	errMembers:   "256 members are enough",
	errCritical:  "crit must be understood (RFC 7515 §4.1.11); golang-jwt does not look at it",
	errParameter: "alg, typ and kid are non-empty strings",
	errType:      "a registered claim that is not looked at has a type nevertheless",
	errOrder:     "nbf after exp is nonsense",
	errTooFar:    "a token that lives for years is a mistake",
	errNotYet:    "a fraction of a second of nbf is rounded up",
	errRange:     "a number beyond float64 is none",
	errNoIssue:   "an iat of 0 is none",
}

// Published returns the first byte of the JWK Set of keys.
func Published(keys *Keys) *byte { return &keys.load().published().text[0] }

// IsPlain tells whether IssueToken leaves these claims unread, what reading them back finds, and why it is not
// come to.
func (t *Tokens) IsPlain(c passbearer.Claims) (plain bool, found, refused error) {
	if err := t.prepare(&c, t.opts.Now()); err != nil {
		return false, nil, err
	}
	b := scratches.Get().(*scratch)
	defer b.free()
	b.payload = appendClaims(b.payload, &c)
	return t.isPlain(&c), t.readBack(b, &c), nil
}
