package jwttoken

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/jsontext"
)

// Tokens issues access tokens and verifies them. Make it with [New]. It may be used concurrently.
type Tokens struct {
	*Verifier
	typ string
}

var (
	_ passbearer.TokenIssuer   = (*Tokens)(nil)
	_ passbearer.TokenVerifier = (*Tokens)(nil)
)

// RefusesMalformed is as [Verifier.RefusesMalformed].
func (t *Tokens) RefusesMalformed() passbearer.TokenVerifier { return t }

// New returns an issuer and verifier. The first of keys signs and must be private, unless the time of another
// has come ([Key.SignsFrom]); the rest is as for [NewVerifier].
func New(keys *Keys, issuer, audience string, opts *Options) (*Tokens, error) {
	v, err := NewVerifier(keys, issuer, audience, opts)
	if err != nil {
		return nil, err
	}
	if keys.load().first.private == nil {
		return nil, errors.New("jwttoken: new: the first key is public and cannot sign; use NewVerifier")
	}
	t := &Tokens{Verifier: v}
	for _, typ := range v.types {
		if t.typ == "" {
			t.typ = typ
		}
	}
	return t, nil
}

// IssueToken signs claims. It fills in what is zero: the issuer, the audience, the time of issue, an
// expiry [passbearer.DefaultAccessTokenLifetime] from now (or MaxLifetime if that is shorter), and a
// random ID of 128 bits.
//
// It refuses claims that its own verifier could not read back unchanged, so that a mistake is seen
// where it is made and not by the resource server.
func (t *Tokens) IssueToken(_ context.Context, claims passbearer.Claims) (string, error) {
	token, err := t.issue(claims)
	if err != nil {
		return "", fmt.Errorf("jwttoken: issue token: %w", err)
	}
	return token, nil
}

func (t *Tokens) issue(c passbearer.Claims) (string, error) {
	if t == nil || t.Verifier == nil || t.keys == nil {
		return "", errors.New("there are no keys; make Tokens with New")
	}
	now := t.opts.Now()
	if err := t.prepare(&c, now); err != nil {
		return "", err
	}
	b := scratches.Get().(*scratch)
	defer b.free()
	b.payload = appendClaims(b.payload, &c)
	if !t.isPlain(&c) {
		if err := t.readBack(b, &c); err != nil {
			return "", err
		}
	}
	return t.sign(b, now)
}

// prepare completes c and refuses what no payload needs to be written for.
func (t *Tokens) prepare(c *passbearer.Claims, now time.Time) error {
	t.fill(c, now)
	foreign := t.opts.Foreign != nil
	if foreign {
		c.Epoch = 0 // a private claim, which another issuer's verifier may take for something else
	}
	var err error
	if c.Extra, err = normalizeExtra(c.Extra, foreign); err != nil {
		return fmt.Errorf("extra: %w", err)
	}
	return t.checkIssue(c, now)
}

func (t *Tokens) fill(c *passbearer.Claims, now time.Time) {
	if c.Issuer == "" {
		c.Issuer = t.issuer
	}
	if c.Audience == "" && t.audience != "" {
		c.Audience = passbearer.NewAudience(t.audience)
	}
	if c.IssuedAt == 0 {
		c.IssuedAt = passbearer.NumericDate(now.Unix())
	}
	if c.Expiry == 0 {
		lifetime := min(passbearer.DefaultAccessTokenLifetime, t.opts.MaxLifetime)
		c.Expiry = passbearer.NumericDate(now.Add(lifetime).Unix())
	}
	if c.ID == "" {
		var id [16]byte
		_, _ = rand.Read(id[:]) // never returns an error
		c.ID = base64.RawURLEncoding.EncodeToString(id[:])
	}
}

func (t *Tokens) checkIssue(c *passbearer.Claims, now time.Time) error {
	cnf := c.Confirmation
	switch {
	case !t.opts.InsecureSkipIssuer && c.Issuer != t.issuer:
		return errors.New("the issuer is not ours")
	case c.Expiry > passbearer.NumericDate(now.Add(t.opts.MaxLifetime).Unix()):
		return errors.New("the expiry is beyond MaxLifetime")
	case c.NotBefore > c.Expiry:
		return errors.New("the token would expire before it is valid")
	case !c.Scope.Valid():
		return errors.New("the scope is not valid")
	case cnf != passbearer.Confirmation{} && (cnf.Method != "jkt" && cnf.Method != "x5t#S256" || cnf.Thumbprint == ""):
		return errors.New("the confirmation is not a jkt or x5t#S256 thumbprint")
	}
	return nil
}

// isPlain reports that readBack would find no fault with c, which is prepared. Nearly all claims are plain, and to
// read them back would be a fifth of a token request with HS256, the hash aside.
func (t *Tokens) isPlain(c *passbearer.Claims) bool {
	for _, text := range [...]string{
		c.Issuer, c.Subject, string(c.Audience), c.ID, c.ClientID, string(c.Scope), c.SessionID, c.ACR,
		c.Confirmation.Thumbprint,
	} {
		if jsontext.Plain(text) < len(text) {
			return false
		}
	}
	for _, date := range [...]passbearer.NumericDate{c.Expiry, c.NotBefore, c.IssuedAt, c.AuthTime} {
		if date < 0 || date >= maxDate {
			return false
		}
	}
	words := passbearer.Scope(c.AMR) // are separated as those of a scope
	const del = "\x7f"               // the one control character that is plain
	return words.Valid() && !strings.Contains(string(c.Audience), del) && c.Epoch >= 0 && c.Extra == "" &&
		t.checkRequired(c, nil) == nil
}

// readBack reads the payload as a verifier will. It catches text that is not UTF-8, negative times, a
// control character in the audience, missing required claims and too many members.
func (t *Tokens) readBack(b *scratch, c *passbearer.Claims) error {
	var err error
	if b.members, err = parseObject(textOf(b.payload), b.members); err != nil {
		return err
	}
	var got passbearer.Claims
	if err := decodeClaims(&got, b.members, t.opts.Foreign != nil); err != nil {
		return err
	}
	if got != *c {
		return errors.New("a claim cannot be encoded without a change")
	}
	return t.checkRequired(&got, b.members)
}

func (t *Tokens) sign(b *scratch, now time.Time) (string, error) {
	key := t.keys.load().signer(now)
	header := objectWriter{b.header}
	header.text("typ", t.typ)
	header.text("alg", string(key.alg))
	header.text("kid", key.id)
	b.header = header.close("")
	token := appendEncoded(b.signature, b.header)
	token = appendEncoded(append(token, '.'), b.payload)
	signature, err := key.method.Sign(textOf(token), key.private())
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	token = appendEncoded(append(token, '.'), signature)
	b.signature = token // for the next token to be made in; it is cleared before
	if len(token) > t.opts.MaxTokenSize {
		return "", errors.New("the token is longer than MaxTokenSize")
	}
	return string(token), nil
}

func appendEncoded(dst, segment []byte) []byte {
	return base64.RawURLEncoding.AppendEncode(dst, segment)
}
