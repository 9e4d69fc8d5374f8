package bearertest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// What tokens say when a test says nothing else, and what an [Issuer] demands.
const (
	IssuerURL = "https://issuer.example" // iss
	Audience  = "https://api.example"    // aud
	ClientID  = "test"                   // client_id
)

// shared is made on first use: who imports the package may not need it.
var shared = sync.OnceValue(NewIssuer)

// Verifier returns the verifier of the tokens that [Token] makes. Its clock is
// [time.Now].
func Verifier() passbearer.TokenVerifier { return shared() }

// Token returns an access token for a user, with the scope given, that [Verifier]
// admits. [Issuer.Token] tells of subject, scope and edit.
func Token(t testing.TB, subject string, scope passbearer.Scope, edit ...func(*passbearer.Claims)) string {
	t.Helper()
	return shared().Token(t, subject, scope, edit...)
}

// Authorize adds token to r, in the place of other credentials, and returns r.
func Authorize(r *http.Request, token string) *http.Request {
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// Expired is an edit for [Token]: it makes a token that was issued a day ago and
// has been over for most of it.
func Expired(c *passbearer.Claims) {
	const day = passbearer.NumericDate(24 * time.Hour / time.Second)
	c.IssuedAt -= day
	c.AuthTime -= day
	c.Expiry -= day
}

// Issuer issues tokens with a key of its own, and verifies them as package jwttoken
// does. It stands for both the TokenIssuer and the TokenVerifier of an application.
// Make it with [NewIssuer]. It is safe for concurrent use.
type Issuer struct {
	// Clock is the time at which tokens are issued and verified.
	Clock Clock

	tokens *jwttoken.Tokens
	forges *jwttoken.Tokens // with the same key, whatever it is told
}

var (
	_ passbearer.TokenIssuer   = (*Issuer)(nil)
	_ passbearer.TokenVerifier = (*Issuer)(nil)
)

// NewIssuer returns an issuer with a new key. Tokens of another Issuer are forged to
// it.
func NewIssuer() *Issuer {
	i := new(Issuer)
	// HS256 has the cheapest keys, and nothing that a token says depends on the algorithm.
	keys := must(jwttoken.NewKeys(must(jwttoken.GenerateKey(jwttoken.HS256))))
	opts := jwttoken.Options{Now: i.Clock.Now, Leeway: -1, CacheSize: -1} // a cache would take 64 KiB for each Issuer
	i.tokens = must(jwttoken.New(keys, IssuerURL, Audience, &opts))
	opts.MaxLifetime, opts.InsecureSkipIssuer, opts.InsecureSkipAudience = 100*365*24*time.Hour, true, true
	i.forges = must(jwttoken.New(keys, "", "", &opts))
	return i
}

// must is for settings that are known to be right.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Token returns an access token for the user with that id (the sub claim) and the
// scope given, as a sign-in a moment ago would: it lives for
// [passbearer.DefaultAccessTokenLifetime]. Each edit may change what it says, be it
// to something that is refused:
//
//	old := issuer.Token(t, "johndoe", "items:read", bearertest.Expired)
//	elsewhere := issuer.Token(t, "johndoe", "items:read", func(c *passbearer.Claims) {
//		c.Audience = passbearer.NewAudience("https://other.example")
//	})
//	strong := issuer.Token(t, "johndoe", "account", func(c *passbearer.Claims) {
//		c.ACR, c.AuthTime, c.Extra = "urn:example:2fa", c.AuthTime-60, `{"tenant":"blue"}`
//	})
//
// The test fails where no token can say that, Extra that is no JSON object for
// instance.
func (i *Issuer) Token(t testing.TB, subject string, scope passbearer.Scope, edit ...func(*passbearer.Claims)) string {
	t.Helper()
	now := passbearer.NumericDate(i.Clock.Now().Unix())
	c := passbearer.Claims{
		Issuer: IssuerURL, Audience: passbearer.NewAudience(Audience), ClientID: ClientID,
		Subject: subject, Scope: scope, AuthTime: now, IssuedAt: now,
		Expiry: now + passbearer.NumericDate(passbearer.DefaultAccessTokenLifetime/time.Second),
	}
	for _, f := range edit {
		f(&c)
	}
	token, err := i.forges.IssueToken(context.Background(), c)
	if err != nil {
		t.Fatalf("bearertest: no token can say this: %v", err)
	}
	return token
}

// IssueToken implements passbearer.TokenIssuer, for a TokenHandler.
func (i *Issuer) IssueToken(ctx context.Context, c passbearer.Claims) (string, error) {
	return i.tokens.IssueToken(ctx, c)
}

// VerifyToken implements passbearer.TokenVerifier, for a Guard. It makes no allowance
// for clocks that differ, so that a token is over when its lifetime is.
func (i *Issuer) VerifyToken(ctx context.Context, token string) (*passbearer.Claims, error) {
	return i.tokens.VerifyToken(ctx, token)
}
