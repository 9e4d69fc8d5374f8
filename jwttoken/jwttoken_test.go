package jwttoken_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
	kid      = "k1"
	goodHead = `{"typ":"at+jwt","alg":"HS256","kid":"k1"}`
	now      = 1_800_000_000
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	ctx    = context.Background()
	rsaKey = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey  = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edKey  = ed25519.NewKeyFromSeed(secret)
	algs   = map[jwttoken.Algorithm]any{
		jwttoken.HS256: secret, jwttoken.ES256: ecKey, jwttoken.EdDSA: edKey, jwttoken.RS256: rsaKey, jwttoken.PS256: rsaKey,
	}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func clock() time.Time { return time.Unix(now, 0) }

func keys(alg jwttoken.Algorithm, key any) *jwttoken.Keys {
	return must(jwttoken.NewKeys(must(jwttoken.NewKey(alg, key, kid))))
}

func newTokens(t testing.TB, opts *jwttoken.Options) *jwttoken.Tokens {
	t.Helper()
	if opts == nil {
		opts = &jwttoken.Options{}
	}
	opts.Now = clock
	tokens, err := jwttoken.New(keys(jwttoken.HS256, secret), issuer, audience, opts)
	require.NoError(t, err)
	return tokens
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signSegments signs two segments as they are, however they are spelled.
func signSegments(head, payload string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(head + "." + payload))
	return head + "." + payload + "." + b64(string(mac.Sum(nil)))
}

func sign(head, payload string) string { return signSegments(b64(head), b64(payload)) }

func goodClaims() map[string]string {
	return map[string]string{
		"iss": `"` + issuer + `"`, "aud": `"` + audience + `"`, "sub": `"u1"`, "jti": `"j1"`,
		"iat": fmt.Sprint(now), "exp": fmt.Sprint(now + 60), "client_id": `"c1"`, "scope": `"read write"`,
	}
}

// payload is the good payload with pairs of name and raw value set; the value "-" removes the name.
func payload(pairs ...string) string {
	c := goodClaims()
	for i := 0; i < len(pairs); i += 2 {
		c[pairs[i]] = pairs[i+1]
	}
	var members []string
	for name, raw := range c {
		if raw != "-" {
			members = append(members, fmt.Sprintf(`"%s":%s`, name, raw))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func signed(pairs ...string) string { return sign(goodHead, payload(pairs...)) }

func header(h string) string { return sign(h, payload()) }

func after(d int) string { return fmt.Sprint(now + d) }

func TestRoundTrip(t *testing.T) {
	want := passbearer.Claims{
		Subject: "u1 <é&>", ClientID: "c1", Scope: "read write", SessionID: "s1", AuthTime: now - 5, NotBefore: now - 1,
		ACR: "2", AMR: "pwd otp", Audience: passbearer.NewAudience(audience, "other"),
		Confirmation: passbearer.Confirmation{Method: "jkt", Thumbprint: "abc"}, Extra: ` {"roles" : ["a", "b"], "n":1.50} `,
	}
	for alg, key := range algs {
		t.Run(string(alg), func(t *testing.T) {
			tokens := must(jwttoken.New(keys(alg, key), issuer, audience, &jwttoken.Options{Now: clock}))
			token, err := tokens.IssueToken(ctx, want)
			require.NoError(t, err)
			head, _, _ := strings.Cut(token, ".")
			require.Equal(t, fmt.Sprintf(`{"typ":"at+jwt","alg":"%s","kid":"k1"}`, alg), string(must(base64.RawURLEncoding.DecodeString(head))))
			got, err := tokens.VerifyToken(ctx, token)
			require.NoError(t, err)
			id := must(base64.RawURLEncoding.DecodeString(got.ID))
			require.Len(t, id, 16)
			full := want
			full.Issuer, full.IssuedAt, full.Expiry, full.ID = issuer, now, now+900, got.ID
			full.Extra = `{"roles":["a", "b"],"n":1.50}`
			require.Equal(t, full, *got)
			extra, err := passbearer.ExtraClaims[struct{ Roles []string }](got)
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b"}, extra.Roles)

			if signer, ok := key.(crypto.Signer); ok {
				v := must(jwttoken.NewVerifier(keys(alg, signer.Public()), issuer, audience, &jwttoken.Options{Now: clock}))
				_, err = v.VerifyToken(ctx, token)
				require.NoError(t, err)
				_, err = jwttoken.New(keys(alg, signer.Public()), issuer, audience, nil)
				require.Error(t, err)
			}
			other := keys(alg, must(otherKey(alg)))
			_, err = must(jwttoken.NewVerifier(other, issuer, audience, &jwttoken.Options{Now: clock})).VerifyToken(ctx, token)
			require.ErrorIs(t, err, passbearer.ErrInvalidToken)
		})
	}
}

func otherKey(alg jwttoken.Algorithm) (any, error) {
	switch alg {
	case jwttoken.HS256:
		return []byte(strings.Repeat("x", 32)), nil
	case jwttoken.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jwttoken.EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

func TestVerifyAccepts(t *testing.T) {
	for name, token := range map[string]string{
		"plain":                signed(),
		"white space":          sign(" {\n\"alg\" : \"HS256\" ,\"typ\":\"at+jwt\",\"kid\":\"k1\"}\r\n", "\t"+strings.NewReplacer(",", " , ", `":`, `" : `).Replace(payload("extra", "[ 1 , {} , [ ] ]"))+" "),
		"unknown claim":        signed("x", `{"a":[1,-0.5e+1,true,false,null,"\u00e9\ud83d\ude00\b\f\n\r\t\/\\\""],"b":{}}`),
		"media type":           header(`{"typ":"Application/AT+JWT","alg":"HS256","kid":"k1"}`),
		"one key, no kid":      header(`{"typ":"at+jwt","alg":"HS256"}`),
		"jku not followed":     header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","jku":"https://evil.example","jwk":{},"x5c":[],"x5u":"x"}`),
		"escaped name":         signed(`\u0073id`, `"s"`),
		"exp in leeway":        signed("exp", after(-1)),
		"exp at leeway":        signed("exp", after(-29)),
		"nbf at leeway":        signed("nbf", after(30)),
		"iat at leeway":        signed("iat", after(30)),
		"exp at max lifetime":  signed("exp", after(86400+30)),
		"exp fraction":         signed("exp", after(60)+".5"),
		"exp exponent":         signed("exp", "1.80000006e9"),
		"aud array":            signed("aud", `["x","`+audience+`"]`),
		"empty scope":          signed("scope", `""`),
		"no scope":             signed("scope", "-"),
		"empty amr":            signed("amr", "[]"),
		"depth 32":             signed("x", strings.Repeat("[", 31)+strings.Repeat("]", 31)),
		"256 members in value": signed("x", manyMembers(256)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newTokens(t, nil).VerifyToken(ctx, token)
			require.NoError(t, err)
		})
	}
}

func manyMembers(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"m%d":0`, i))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Each token is signed with the right key, unless its name says otherwise, and differs in one thing.
func TestVerifyRefuses(t *testing.T) {
	good := signed()
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty": "", "dots": "..", "one segment": "abc", "two segments": parts[0] + "." + parts[1],
		"four segments":      good + ".",
		"five segments":      good + ".a.b",
		"empty signature":    parts[0] + "." + parts[1] + ".",
		"empty payload":      signSegments(parts[0], ""),
		"empty header":       signSegments("", parts[1]),
		"truncated":          good[:len(good)-1],
		"no signature check": parts[0] + "." + parts[1] + "." + b64(strings.Repeat("x", 32)),
		"padding":            good + "=",
		"padded payload":     signSegments(parts[0], base64.URLEncoding.EncodeToString([]byte(payload("x", `"`+strings.Repeat("p", 3-len(payload("x", `""`))%3+1)+`"`)))),
		"line feed":          signSegments(parts[0], parts[1][:4]+"\n"+parts[1][4:]),
		"CR LF":              signSegments(parts[0]+"\r\n", parts[1]),
		"LF in signature":    good + "\n",
		"standard alphabet":  signSegments(parts[0], base64.RawStdEncoding.EncodeToString([]byte(payload("x", `"???>>>???~~~"`)))),
		"unused bits":        parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + nextChar(parts[2]),
		"space":              " " + good,
		"Bearer":             "Bearer " + good,
		"too long":           signed("x", `"`+strings.Repeat("x", 8<<10)+`"`),

		"alg none":          b64(`{"typ":"at+jwt","alg":"none","kid":"k1"}`) + "." + parts[1] + ".",
		"alg none signed":   header(`{"typ":"at+jwt","alg":"none","kid":"k1"}`),
		"alg absent":        header(`{"typ":"at+jwt","kid":"k1"}`),
		"alg null":          header(`{"typ":"at+jwt","alg":null,"kid":"k1"}`),
		"alg lower case":    header(`{"typ":"at+jwt","alg":"hs256","kid":"k1"}`),
		"alg of other key":  header(`{"typ":"at+jwt","alg":"HS512","kid":"k1"}`),
		"alg twice":         header(`{"typ":"at+jwt","alg":"HS256","alg":"HS256","kid":"k1"}`),
		"alg twin":          header(`{"typ":"at+jwt","alg":"HS256","ALG":"none","kid":"k1"}`),
		"kid unknown":       header(`{"typ":"at+jwt","alg":"HS256","kid":"k2"}`),
		"kid null":          header(`{"typ":"at+jwt","alg":"HS256","kid":null}`),
		"kid number":        header(`{"typ":"at+jwt","alg":"HS256","kid":1}`),
		"kid empty":         header(`{"typ":"at+jwt","alg":"HS256","kid":""}`),
		"typ absent":        header(`{"alg":"HS256","kid":"k1"}`),
		"typ JWT":           header(`{"typ":"JWT","alg":"HS256","kid":"k1"}`),
		"typ empty":         header(`{"typ":"","alg":"HS256","kid":"k1"}`),
		"typ prefix":        header(`{"typ":"application/","alg":"HS256","kid":"k1"}`),
		"typ other type":    header(`{"typ":"text/at+jwt","alg":"HS256","kid":"k1"}`),
		"typ array":         header(`{"typ":["at+jwt"],"alg":"HS256","kid":"k1"}`),
		"crit":              header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","crit":["exp"]}`),
		"crit null":         header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","crit":null}`),
		"crit escaped":      header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","\u0063rit":[]}`),
		"b64":               header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","b64":true}`),
		"enc":               header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","enc":"A128GCM"}`),
		"zip":               header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","zip":"DEF"}`),
		"p2c":               header(`{"typ":"at+jwt","alg":"HS256","kid":"k1","p2c":1}`),
		"header array":      header(`[]`),
		"header empty":      header(`{}`),
		"header BOM":        header("\ufeff" + goodHead),
		"header garbage":    header(goodHead + "{}"),
		"header not closed": header(goodHead[:len(goodHead)-1]),

		"BOM":                     sign(goodHead, "\ufeff"+payload()),
		"invalid UTF-8":           signed("x", "\"\xff\""),
		"overlong UTF-8":          signed("x", "\"\xc0\xaf\""),
		"trailing garbage":        sign(goodHead, payload()+"x"),
		"second object":           sign(goodHead, payload()+payload()),
		"NUL":                     sign(goodHead, payload()+"\x00"),
		"array":                   sign(goodHead, "["+payload()+"]"),
		"null payload":            sign(goodHead, "null"),
		"a bracket for the brace": sign(goodHead, "["+payload()[1:]),
		"empty object":            sign(goodHead, "{}"),
		"duplicate":               signed("x", `1,"sub":"admin"`),
		"duplicate unknown":       signed("x", `1,"x":1`),
		"duplicate escaped":       signed("x", `1,"\u0073ub":"admin"`),
		"duplicate nested":        signed("x", `[{"a":1,"a":2}]`),
		"case twin":               signed("EXP", after(60)),
		"case twin alone":         signed("sub", "-", "Sub", `"u1"`),
		"case twin folded":        signed("\u017fub", `"u1"`), // long s folds to s
		"depth 33":                signed("x", strings.Repeat("[", 32)+strings.Repeat("]", 32)),
		"depth 100":               signed("x", strings.Repeat("[", 100)+strings.Repeat("]", 100)),
		"depth 100 objects":       signed("x", strings.Repeat(`{"a":`, 100)+"1"+strings.Repeat("}", 100)),
		"257 members":             signed("x", manyMembers(257)),
		"huge number":             signed("x", "1e400000"),
		"huge exp":                signed("exp", "1e400000"),
		"lone high surrogate":     signed("x", `"\ud800"`),
		"lone low surrogate":      signed("x", `"\udc00"`),
		"high surrogate and text": signed("x", `"\ud800\u0041"`),
		"high surrogate cut":      signed("x", `"\ud800\u00"`),
		"bad hex":                 signed("x", `"\u00g0"`),
		"bad escape":              signed("x", `"\x41"`),
		"control in string":       signed("x", "\"a\nb\""),
		"leading zero":            signed("x", "01"),
		"plus":                    signed("x", "+1"),
		"bare fraction":           signed("x", ".5"),
		"cut fraction":            signed("x", "5."),
		"cut exponent":            signed("x", "5e"),
		"bare minus":              signed("x", "-"+" "),
		"NaN":                     signed("x", "NaN"),
		"comment":                 signed("x", "1/**/"),
		"trailing comma":          signed("x", "1,"),
		"array comma":             signed("x", "[1,]"),
		"array not closed":        signed("x", "[1 2]"),
		"single quotes":           signed("x", "'a'"),
		"no colon":                sign(goodHead, `{"a" 1}`),
		"open string":             sign(goodHead, `{"a`),
		"open escape":             sign(goodHead, `{"a\`),

		"exp absent":          signed("exp", "-"),
		"exp zero":            signed("exp", "0"),
		"exp null":            signed("exp", "null"),
		"exp string":          signed("exp", `"`+after(60)+`"`),
		"exp negative":        signed("exp", "-1"),
		"exp passed":          signed("exp", after(-30)),
		"exp fraction passed": signed("exp", after(-30)+".9"),
		"exp beyond lifetime": signed("exp", after(86400+31)),
		"exp 2^53":            signed("exp", "9007199254740992"),
		"nbf in future":       signed("nbf", after(31)),
		"nbf fraction":        signed("nbf", after(30)+".1"),
		"nbf after exp":       signed("nbf", after(20), "exp", after(10)),
		"nbf string":          signed("nbf", `"1"`),
		"iat absent":          signed("iat", "-"),
		"iat in future":       signed("iat", after(31)),
		"iat string":          signed("iat", `"`+after(0)+`"`),
		"iat zero":            signed("iat", "0"),
		"auth_time string":    signed("auth_time", `"1"`),
		"auth_time 2^53":      signed("auth_time", "9007199254740992"),
		"iss absent":          signed("iss", "-"),
		"iss other":           signed("iss", `"https://other.example"`),
		"iss trailing slash":  signed("iss", `"`+issuer+`/"`),
		"iss array":           signed("iss", `["`+issuer+`"]`),
		"aud absent":          signed("aud", "-"),
		"aud other":           signed("aud", `"other"`),
		"aud prefix":          signed("aud", `"`+audience+`/x"`),
		"aud empty":           signed("aud", `""`),
		"aud empty array":     signed("aud", `[]`),
		"aud array of empty":  signed("aud", `["`+audience+`",""]`),
		"aud array of number": signed("aud", `["`+audience+`",1]`),
		"aud number":          signed("aud", `1`),
		"aud null":            signed("aud", `null`),
		"aud line break":      signed("aud", `"x\n`+audience+`"`),
		"sub absent":          signed("sub", "-"),
		"sub empty":           signed("sub", `""`),
		"sub number":          signed("sub", `1`),
		"sub null":            signed("sub", `null`),
		"jti absent":          signed("jti", "-"),
		"jti empty":           signed("jti", `""`),
		"jti number":          signed("jti", `1`),
		"client_id number":    signed("client_id", `1`),
		"sid null":            signed("sid", `null`),
		"acr number":          signed("acr", `1`),
		"scope array":         signed("scope", `["read"]`),
		"scope null":          signed("scope", `null`),
		"scope two spaces":    signed("scope", `"read  write"`),
		"scope quote":         signed("scope", `"re\"ad"`),
		"amr string":          signed("amr", `"pwd"`),
		"amr with space":      signed("amr", `["pwd otp"]`),
		"amr with number":     signed("amr", `["pwd",1]`),
		"cnf string":          signed("cnf", `"x"`),
		"epoch zero":          signed("epoch", `0`),
		"epoch negative":      signed("epoch", `-1`),
		"epoch fraction":      signed("epoch", `1.5`),
		"epoch exponent":      signed("epoch", `1e2`),
		"epoch string":        signed("epoch", `"1"`),
		"epoch twin":          signed("Epoch", `1`),
		"cnf null":            signed("cnf", `null`),
		"cnf empty":           signed("cnf", `{}`),
		"cnf jkt empty":       signed("cnf", `{"jkt":""}`),
		"cnf jkt number":      signed("cnf", `{"jkt":1}`),
		"cnf empty name":      signed("cnf", `{"":1}`),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := newTokens(t, nil).VerifyToken(ctx, token)
			require.ErrorIs(t, err, passbearer.ErrInvalidToken)
			require.Nil(t, c)
			for part := range strings.SplitSeq(token, ".") {
				if len(part) > 3 {
					require.NotContains(t, err.Error(), part)
				}
			}
		})
	}
}

func nextChar(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, segment[len(segment)-1])+1])
}

func TestConfirmation(t *testing.T) {
	for raw, want := range map[string]passbearer.Confirmation{
		`{"jkt":"b"}`:                {Method: "jkt", Thumbprint: "b"},
		`{"x5t#S256":"a"}`:           {Method: "x5t#S256", Thumbprint: "a"},
		`{"jwk":{}}`:                 {Method: "jwk"},
		`{"x5t#S256":"a","jkt":"b"}`: {Method: "several"}, // bound twice: whoever checks one has not checked it
		`{"kid":1,"x5t#S256":"a"}`:   {Method: "several"},
	} {
		c, err := newTokens(t, nil).VerifyToken(ctx, signed("cnf", raw))
		require.NoError(t, err)
		require.Equal(t, want, c.Confirmation)
	}
}

// A public key is known to everyone, so it must never serve as the secret of an HMAC.
func TestAlgorithmConfusion(t *testing.T) {
	der := must(x509.MarshalPKIXPublicKey(&rsaKey.PublicKey))
	public := edKey.Public().(ed25519.PublicKey)
	for name, row := range map[string]struct {
		keys   *jwttoken.Keys
		secret []byte
	}{
		"RSA PEM": {keys(jwttoken.RS256, &rsaKey.PublicKey), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})},
		"RSA DER": {keys(jwttoken.RS256, &rsaKey.PublicKey), der},
		"Ed25519": {keys(jwttoken.EdDSA, public), public},
	} {
		t.Run(name, func(t *testing.T) {
			v := must(jwttoken.NewVerifier(row.keys, issuer, audience, &jwttoken.Options{Now: clock}))
			input := b64(goodHead) + "." + b64(payload())
			mac := hmac.New(sha256.New, row.secret)
			mac.Write([]byte(input))
			_, err := v.VerifyToken(ctx, input+"."+b64(string(mac.Sum(nil))))
			require.ErrorIs(t, err, passbearer.ErrInvalidToken)
		})
	}
}

func TestPS256SaltLength(t *testing.T) {
	v := must(jwttoken.NewVerifier(keys(jwttoken.PS256, rsaKey), issuer, audience, &jwttoken.Options{Now: clock}))
	for salt, accepted := range map[int]bool{32: true, 20: false, 0: false, 64: false} {
		input := b64(strings.Replace(goodHead, "HS256", "PS256", 1)) + "." + b64(payload())
		sum := sha256.Sum256([]byte(input))
		opts := &rsa.PSSOptions{SaltLength: salt}
		if salt == 0 {
			opts.SaltLength = rsa.PSSSaltLengthAuto // the longest that fits
		}
		sig := must(rsa.SignPSS(rand.Reader, rsaKey, crypto.SHA256, sum[:], opts))
		_, err := v.VerifyToken(ctx, input+"."+b64(string(sig)))
		require.Equal(t, accepted, err == nil, "salt %d", salt)
	}
}

func TestIssueRefuses(t *testing.T) {
	for name, c := range map[string]passbearer.Claims{
		"no subject":          {},
		"expiry too far":      {Subject: "u1", Expiry: now + 86401},
		"issuer":              {Subject: "u1", Issuer: "other"},
		"nbf after exp":       {Subject: "u1", NotBefore: now + 901},
		"negative expiry":     {Subject: "u1", Expiry: -1},
		"negative auth_time":  {Subject: "u1", AuthTime: -1},
		"scope":               {Subject: "u1", Scope: "a  b"},
		"extra array":         {Subject: "u1", Extra: "[]"},
		"extra garbage":       {Subject: "u1", Extra: "{} x"},
		"extra registered":    {Subject: "u1", Extra: `{"exp":1}`},
		"extra escaped":       {Subject: "u1", Extra: `{"\u0065xp":1}`},
		"extra twin":          {Subject: "u1", Extra: `{"Exp":1}`},
		"extra duplicate":     {Subject: "u1", Extra: `{"a":1,"a":2}`},
		"too many members":    {Subject: "u1", Extra: manyMembers(252)},
		"invalid UTF-8":       {Subject: "u\xff"},
		"audience control":    {Subject: "u1", Audience: "a\tb"},
		"amr spaces":          {Subject: "u1", AMR: "pwd  otp"},
		"confirmation method": {Subject: "u1", Confirmation: passbearer.Confirmation{Method: "jwk"}},
		"confirmation empty":  {Subject: "u1", Confirmation: passbearer.Confirmation{Method: "jkt"}},
		"too long":            {Subject: strings.Repeat("u", 8<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := newTokens(t, nil).IssueToken(ctx, c)
			require.Error(t, err)
			require.Empty(t, token)
		})
	}
	a := must(newTokens(t, nil).IssueToken(ctx, passbearer.Claims{Subject: "u1", Extra: " { } "}))
	b := must(newTokens(t, nil).IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
	require.NotEqual(t, a, b, "the ID is random")
	short := newTokens(t, &jwttoken.Options{MaxLifetime: time.Minute})
	c := must(short.VerifyToken(ctx, must(short.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))))
	require.EqualValues(t, now+60, c.Expiry)
}

func TestForeign(t *testing.T) {
	idp := func(f jwttoken.Foreign) *jwttoken.Tokens { return newTokens(t, &jwttoken.Options{Foreign: &f}) }
	verify := func(f jwttoken.Foreign, head string, pairs ...string) (*passbearer.Claims, error) {
		return idp(f).VerifyToken(ctx, sign(head, payload(pairs...)))
	}
	const bare, jwtHead = `{"alg":"HS256","kid":"k1"}`, `{"typ":"jwt","alg":"HS256","kid":"k1"}`
	minimal := []string{"jti", "-", "iat", "-", "client_id", "-", "scope", `["a","b"]`}

	for _, head := range []string{bare, jwtHead, goodHead} {
		c, err := verify(jwttoken.Foreign{}, head, minimal...)
		require.NoError(t, err)
		require.EqualValues(t, "a b", c.Scope)
	}
	for name, row := range map[string]struct {
		f     jwttoken.Foreign
		head  string
		pairs []string
	}{
		"sub by default":  {jwttoken.Foreign{}, bare, []string{"sub", "-"}},
		"exp always":      {jwttoken.Foreign{Required: []string{}}, bare, []string{"exp", "-"}},
		"iss always":      {jwttoken.Foreign{}, bare, []string{"iss", "-"}},
		"aud always":      {jwttoken.Foreign{}, bare, []string{"aud", "-"}},
		"other typ":       {jwttoken.Foreign{}, `{"typ":"dpop+jwt","alg":"HS256","kid":"k1"}`, nil},
		"typ absent":      {jwttoken.Foreign{Types: []string{"JWT"}}, bare, nil},
		"typ present":     {jwttoken.Foreign{Types: []string{""}}, jwtHead, nil},
		"typ empty":       {jwttoken.Foreign{}, `{"typ":"","alg":"HS256","kid":"k1"}`, nil},
		"required absent": {jwttoken.Foreign{Required: []string{"tid"}}, bare, nil},
		"required null":   {jwttoken.Foreign{Required: []string{"tid"}}, bare, []string{"tid", "null"}},
		"required empty":  {jwttoken.Foreign{Required: []string{"tid"}}, bare, []string{"tid", "[]"}},
		"required iat":    {jwttoken.Foreign{Required: []string{"iat"}}, bare, []string{"iat", "0"}},
		"scope member":    {jwttoken.Foreign{}, bare, []string{"scope", `["a b"]`}},
		"scope number":    {jwttoken.Foreign{}, bare, []string{"scope", `["a",1]`}},
		"map error":       {jwttoken.Foreign{Map: func(*passbearer.Claims) error { return errors.New("no") }}, bare, nil},
		"map bad scope":   {jwttoken.Foreign{Map: func(c *passbearer.Claims) error { c.Scope = "a  b"; return nil }}, bare, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(row.f, row.head, row.pairs...)
			require.ErrorIs(t, err, passbearer.ErrInvalidToken)
		})
	}

	f := jwttoken.Foreign{Required: []string{"scp"}, Map: func(c *passbearer.Claims) error {
		extra, err := passbearer.ExtraClaims[struct{ Scp string }](c)
		c.Scope = passbearer.Scope(extra.Scp)
		return err
	}}
	c, err := verify(f, bare, "scope", "-", "sub", "-", "scp", `"mail files"`)
	require.NoError(t, err)
	require.EqualValues(t, "mail files", c.Scope)

	for typ, types := range map[string][]string{`{"typ":"JWT",`: nil, `{"typ":"x",`: {"", "x"}, `{"alg"`: {""}} {
		idp := idp(jwttoken.Foreign{Types: types})
		token := must(idp.IssueToken(ctx, passbearer.Claims{Subject: "u1"}))
		require.True(t, strings.HasPrefix(token, b64(typ)[:8]), typ)
		_, err := idp.VerifyToken(ctx, token)
		require.NoError(t, err)
	}
}

func TestOptions(t *testing.T) {
	ok := func(o jwttoken.Options, pairs ...string) bool {
		_, err := newTokens(t, &o).VerifyToken(ctx, signed(pairs...))
		return err == nil
	}
	require.False(t, ok(jwttoken.Options{Leeway: -1}, "exp", after(0)))
	require.True(t, ok(jwttoken.Options{Leeway: -1}, "exp", after(1)))
	require.False(t, ok(jwttoken.Options{Leeway: -1}, "nbf", after(1)))
	require.True(t, ok(jwttoken.Options{Leeway: time.Minute}, "exp", after(-59)))
	require.False(t, ok(jwttoken.Options{MaxLifetime: time.Minute}, "exp", after(91)))
	require.False(t, ok(jwttoken.Options{MaxTokenSize: 100}))
	require.True(t, ok(jwttoken.Options{InsecureSkipIssuer: true}, "iss", `"x"`))
	require.False(t, ok(jwttoken.Options{InsecureSkipIssuer: true}, "iss", "-"))
	require.True(t, ok(jwttoken.Options{InsecureSkipAudience: true}, "aud", `"x"`))
	require.False(t, ok(jwttoken.Options{InsecureSkipAudience: true}, "aud", "-"))

	open := must(jwttoken.New(keys(jwttoken.HS256, secret), "", "", &jwttoken.Options{InsecureSkipIssuer: true, InsecureSkipAudience: true}))
	token, err := open.IssueToken(ctx, passbearer.Claims{Issuer: "x", Audience: "y", Subject: "u1"})
	require.NoError(t, err)
	_, err = open.VerifyToken(ctx, token) // by the real clock
	require.NoError(t, err)

	set := keys(jwttoken.HS256, secret)
	for name, err := range map[string]error{
		"no keys":      second(jwttoken.NewVerifier(nil, issuer, audience, nil)),
		"zero keys":    second(jwttoken.New(&jwttoken.Keys{}, issuer, audience, nil)),
		"no issuer":    second(jwttoken.NewVerifier(set, "", audience, nil)),
		"no audience":  second(jwttoken.NewVerifier(set, issuer, "", &jwttoken.Options{InsecureSkipIssuer: true})),
		"max lifetime": second(jwttoken.NewVerifier(set, issuer, audience, &jwttoken.Options{MaxLifetime: -1})),
		"max size":     second(jwttoken.NewVerifier(set, issuer, audience, &jwttoken.Options{MaxTokenSize: -1})),
		"no types":     second(jwttoken.NewVerifier(set, issuer, audience, &jwttoken.Options{Foreign: &jwttoken.Foreign{Types: []string{}}})),
		"empty name":   second(jwttoken.NewVerifier(set, issuer, audience, &jwttoken.Options{Foreign: &jwttoken.Foreign{Required: []string{""}}})),
	} {
		require.Error(t, err, name)
	}
	_, err = new(jwttoken.Verifier).VerifyToken(ctx, signed())
	require.ErrorIs(t, err, passbearer.ErrInvalidToken)
	_, err = new(jwttoken.Tokens).IssueToken(ctx, passbearer.Claims{Subject: "u1"})
	require.Error(t, err)
}

func second[T any](_ T, err error) error { return err }

// FuzzPayload signs any payload: what is accepted must be JSON to encoding/json with the same subject,
// and must survive being issued again.
// TestEpoch: a private claim, exact to the last bit, which another issuer's
// tokens may use for something else.
func TestEpoch(t *testing.T) {
	const epoch = 1<<60 + 1
	own := newTokens(t, nil)
	c, err := own.VerifyToken(ctx, must(own.IssueToken(ctx, passbearer.Claims{Subject: "u1", Epoch: epoch})))
	require.NoError(t, err)
	require.EqualValues(t, epoch, c.Epoch)
	require.Empty(t, c.Extra)
	_, err = own.IssueToken(ctx, passbearer.Claims{Subject: "u1", Epoch: -1})
	require.Error(t, err)
	_, err = own.IssueToken(ctx, passbearer.Claims{Subject: "u1", Extra: `{"epoch":1}`})
	require.Error(t, err)

	foreign := newTokens(t, &jwttoken.Options{Foreign: &jwttoken.Foreign{}})
	c, err = foreign.VerifyToken(ctx, must(foreign.IssueToken(ctx, passbearer.Claims{Subject: "u1", Epoch: epoch, Extra: `{"epoch":"jurassic"}`})))
	require.NoError(t, err)
	require.Zero(t, c.Epoch)
	require.Equal(t, `{"epoch":"jurassic"}`, c.Extra)
}

// unfinished texts end where a parser may look beyond the end.
var unfinished = []string{`{`, `{"`, `{"\`, `{"\u`, `{"\ud800\`, `{"alg"`, `{"alg":`, `{"alg":"`, `{"alg":"\`, `{"alg":"\u00`, `{"alg":[`, `{"alg":["\`, `{"a":-`, `{"a":1e`, `{"a":t`, `{"a":{`, `{"a":1,`}

// TestTextIsEscaped: what JSON cannot hold as it is comes back as it was.
func TestTextIsEscaped(t *testing.T) {
	tokens := must(jwttoken.New(keys(jwttoken.HS256, secret), issuer, audience, nil))
	for _, text := range []string{`a"b`, `a\b`, "a\x00\x1f\x7f", "<a>&", "é\u2028😀", "~ !"} {
		got := must(tokens.VerifyToken(ctx, must(tokens.IssueToken(ctx, passbearer.Claims{Subject: text, AMR: "pwd otp"}))))
		require.Equal(t, text, got.Subject)
		require.Equal(t, "pwd otp", got.AMR)
	}
}
