package jwttoken

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	defaultLeeway       = 30 * time.Second
	defaultMaxLifetime  = 24 * time.Hour
	defaultMaxTokenSize = 8 << 10
	accessTokenType     = "at+jwt" // RFC 9068 §2.1
)

// Options change how tokens are issued and verified. A nil *Options and the zero Options mean the defaults.
type Options struct {
	// Foreign replaces the rules of RFC 9068 by those of another issuer. Nil: RFC 9068.
	Foreign *Foreign
	// Leeway is how far clocks may differ. Zero: 30 s. Negative: none.
	Leeway time.Duration
	// MaxLifetime is how far in the future a token may expire. Zero: 24 h. Where it is longer,
	// passbearer.RevocationsOptions.Lifetime and the stores' RevocationLifetime must be too.
	MaxLifetime time.Duration
	// MaxTokenSize is the greatest length of a token in bytes. Zero: 8 KiB.
	MaxTokenSize int
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// InsecureSkipIssuer accepts tokens of any issuer that the keys verify.
	InsecureSkipIssuer bool
	// InsecureSkipAudience accepts tokens that are meant for another resource server.
	InsecureSkipAudience bool
}

// Foreign describes the access tokens of an issuer that does not follow RFC 9068. Such an issuer may
// sign ID tokens with the same key and the same type; set an audience that only access tokens have.
type Foreign struct {
	// Types are the accepted values of the typ header, compared without regard to case and with or
	// without the prefix "application/". "" means typ may be absent. Nil: "JWT", "at+jwt" and "".
	Types []string
	// Required names the claims a token must have beside exp. Nil: "sub". Empty: none.
	Required []string
	// Map changes the verified claims, such as taking the scope out of Extra. It runs after every
	// other check; its error refuses the token. It may be called concurrently. Nil: no change.
	Map func(*passbearer.Claims) error
}

// Verifier verifies access tokens. Make it with [NewVerifier]; the zero Verifier refuses every token.
// It may be used concurrently.
type Verifier struct {
	keys             *Keys
	issuer, audience string
	opts             Options
	types            []string
	required         []string
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
	case keys == nil || keys.first == nil:
		return nil, errors.New("keys are missing; make them with NewKeys")
	case issuer == "" && !v.opts.InsecureSkipIssuer:
		return nil, errors.New("the issuer is empty; set it or InsecureSkipIssuer")
	case audience == "" && !v.opts.InsecureSkipAudience:
		return nil, errors.New("the audience is empty; set it or InsecureSkipAudience")
	case v.opts.MaxLifetime < 0:
		return nil, errors.New("MaxLifetime is negative")
	case v.opts.MaxTokenSize < 0:
		return nil, errors.New("MaxTokenSize is negative")
	}
	v.setDefaults()
	return v, v.setProfile()
}

func (v *Verifier) setDefaults() {
	o := &v.opts
	if o.Leeway == 0 {
		o.Leeway = defaultLeeway
	}
	o.Leeway = max(o.Leeway, 0)
	if o.MaxLifetime == 0 {
		o.MaxLifetime = defaultMaxLifetime
	}
	if o.MaxTokenSize == 0 {
		o.MaxTokenSize = defaultMaxTokenSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func (v *Verifier) setProfile() error {
	f := v.opts.Foreign
	if f == nil {
		v.types = []string{accessTokenType}
		v.required = []string{"iss", "aud", "iat", "sub", "jti"}
		return nil
	}
	// Copies: the caller's later changes must not change what is verified.
	v.opts.Foreign = &Foreign{Map: f.Map}
	v.types, v.required = slices.Clone(f.Types), slices.Clone(f.Required)
	if f.Types == nil {
		v.types = []string{"JWT", accessTokenType, ""}
	}
	if f.Required == nil {
		v.required = []string{"sub"}
	}
	if len(v.types) == 0 {
		return errors.New("Foreign.Types is empty; use nil for the defaults")
	}
	if slices.Contains(v.required, "") {
		return errors.New("Foreign.Required contains an empty name")
	}
	return nil
}

// MaxLifetime is [Options.MaxLifetime] as it is in force.
func (v *Verifier) MaxLifetime() time.Duration { return v.opts.MaxLifetime }

// VerifyToken returns the claims of token if it is genuine, meant for this audience and valid now.
// Every error wraps [passbearer.ErrInvalidToken], and none contains a part of the token.
func (v *Verifier) VerifyToken(_ context.Context, token string) (*passbearer.Claims, error) {
	c, err := v.verify(token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", passbearer.ErrInvalidToken, err)
	}
	return c, nil
}

func (v *Verifier) verify(token string) (*passbearer.Claims, error) {
	if v == nil || v.keys == nil {
		return nil, errors.New("the verifier has no keys; make it with NewVerifier")
	}
	payload, err := v.open(token)
	if err != nil {
		return nil, err
	}
	members, err := parseObject(payload)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	c, err := decodeClaims(members, v.opts.Foreign != nil)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if err := v.checkRequired(members, c); err != nil {
		return nil, err
	}
	if err := v.checkTimes(c); err != nil {
		return nil, err
	}
	if !v.opts.InsecureSkipIssuer && c.Issuer != v.issuer {
		return nil, errors.New("wrong issuer")
	}
	if !v.opts.InsecureSkipAudience && !c.Audience.Has(v.audience) {
		return nil, errors.New("wrong audience")
	}
	return v.mapForeign(c)
}

func (v *Verifier) mapForeign(c *passbearer.Claims) (*passbearer.Claims, error) {
	if v.opts.Foreign == nil || v.opts.Foreign.Map == nil {
		return c, nil
	}
	if err := v.opts.Foreign.Map(c); err != nil {
		return nil, fmt.Errorf("map claims: %w", err)
	}
	if !c.Scope.Valid() {
		return nil, errors.New("map claims: the scope is not valid")
	}
	return c, nil
}

// open returns the payload of a token whose signature is valid, and looks at no byte of it before.
func (v *Verifier) open(token string) ([]byte, error) {
	if len(token) > v.opts.MaxTokenSize {
		return nil, errors.New("token is too long")
	}
	if strings.Count(token, ".") != 2 {
		return nil, errors.New("token does not have three segments")
	}
	head, rest, _ := strings.Cut(token, ".")
	body, tail, _ := strings.Cut(rest, ".")
	header, err1 := decodeSegment(head)
	payload, err2 := decodeSegment(body)
	signature, err3 := decodeSegment(tail)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, errors.New("a segment is not canonical base64url")
	}
	key, err := v.readHeader(header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if key.method.Verify(token[:len(head)+1+len(body)], signature, key.public()) != nil {
		return nil, errors.New("signature does not verify")
	}
	return payload, nil
}

// decodeSegment accepts one spelling only: Go's decoder skips line breaks, and without Strict it
// ignores the unused bits of the last character.
func decodeSegment(segment string) ([]byte, error) {
	if segment == "" || strings.ContainsAny(segment, "\r\n") {
		return nil, errSyntax
	}
	return base64.RawURLEncoding.Strict().DecodeString(segment)
}

// headerNames are the header parameters that are read, and those whose presence changes what the
// other segments mean (RFC 7515 §4.1.11, RFC 7797 §3, RFC 7516 §4.1, RFC 7518 §4.8.1.2).
var headerNames = []string{"alg", "typ", "kid", "crit", "b64", "enc", "zip", "p2c"}

func (v *Verifier) readHeader(data []byte) (*material, error) {
	members, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	if err := checkNames(members, headerNames); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, m := range members {
		switch m.name {
		case "alg", "typ", "kid":
			text, ok := parseString(m.raw)
			if !ok || text == "" {
				return nil, errors.New("a parameter is not a non-empty string")
			}
			values[m.name] = text
		case "crit", "b64", "enc", "zip", "p2c":
			return nil, errors.New("an unsupported parameter is present")
		}
	}
	if !v.acceptsType(values["typ"]) {
		return nil, errors.New("wrong typ")
	}
	return v.keys.find(values["kid"], values["alg"])
}

func (v *Verifier) acceptsType(typ string) bool {
	return slices.ContainsFunc(v.types, func(t string) bool {
		return strings.EqualFold(shortType(t), shortType(typ)) && (t == "") == (typ == "")
	})
}

// shortType removes the prefix that RFC 7515 §4.1.9 lets an issuer leave out.
func shortType(typ string) string {
	const prefix = "application/"
	if len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		return typ[len(prefix):]
	}
	return typ
}

// find returns the key with the id. Without an id there must be no choice: trying each key would let
// the token pick one.
func (k *Keys) find(id, alg string) (*material, error) {
	key := k.byID[id]
	if id == "" && len(k.byID) == 1 {
		key = k.first
	}
	if key == nil {
		return nil, errors.New("kid does not name a key")
	}
	if alg != string(key.alg) {
		return nil, errors.New("alg is not the algorithm of the key")
	}
	return key, nil
}

// checkRequired reports a claim that is absent or empty.
func (v *Verifier) checkRequired(members []member, c *passbearer.Claims) error {
	if c.Expiry <= 0 {
		return errors.New("exp is missing")
	}
	if slices.Contains(v.required, "iat") && c.IssuedAt <= 0 {
		return errors.New("iat is missing")
	}
	for _, name := range v.required {
		if !slices.ContainsFunc(members, func(m member) bool { return m.name == name && !isEmpty(m.raw) }) {
			return errors.New("a required claim is missing")
		}
	}
	return nil
}

func isEmpty(raw []byte) bool {
	text, isString := parseString(raw)
	elements, isArray := parseArray(raw)
	return string(raw) == "null" || isString && text == "" || isArray && len(elements) == 0
}

func (v *Verifier) checkTimes(c *passbearer.Claims) error {
	now, leeway := v.opts.Now(), v.opts.Leeway
	exp, latest := unix(c.Expiry), now.Add(leeway)
	switch {
	case !now.Before(exp.Add(leeway)):
		return errors.New("token has expired")
	case unix(c.NotBefore).After(latest):
		return errors.New("token is not valid yet")
	case unix(c.IssuedAt).After(latest):
		return errors.New("token was issued in the future")
	case c.NotBefore > c.Expiry:
		return errors.New("nbf is after exp")
	case exp.After(latest.Add(v.opts.MaxLifetime)):
		return errors.New("token expires too far in the future")
	}
	return nil
}

func unix(d passbearer.NumericDate) time.Time { return time.Unix(int64(d), 0) }
