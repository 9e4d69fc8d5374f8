package dpop_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/dpop"
)

func TestEveryAlgorithm(t *testing.T) {
	v, c := newVerifier(t, dpop.Options{})
	require.Equal(t, []string{"ES256", "EdDSA", "PS256", "RS256"}, v.ProofAlgorithms())
	for _, alg := range v.ProofAlgorithms() {
		k := newClient(alg)
		jkt, err := v.VerifyProof(request("GET", resource, k.proof(k.claims(c.now))), token)
		require.NoError(t, err, alg)
		require.Equal(t, k.thumbprint(), jkt)

		others := []string{"ES256"}
		if alg == "ES256" {
			others = []string{"RS256"}
		}
		only, _ := newVerifier(t, dpop.Options{Algorithms: others})
		_, err = only.VerifyProof(request("GET", resource, k.proof(k.claims(c.now))), token)
		require.Equal(t, "invalid_dpop_proof: The alg of the DPoP proof is not supported", refusal(err))
	}
}

func TestBadProofs(t *testing.T) {
	k, other, r2 := newClient("ES256"), newClient("ES256"), newClient("RS256")
	weak := newRSA("RS256", 1024)
	const (
		malformed = "The DPoP proof is malformed"
		badKey    = "The key of the DPoP proof is not accepted"
		badSig    = "The signature of the DPoP proof is not valid"
		badAlg    = "The alg of the DPoP proof is not supported"
		badType   = "The typ of the DPoP proof is not dpop+jwt"
		badURL    = "The DPoP proof is for another URL"
		badMethod = "The DPoP proof is for another method"
		badToken  = "The DPoP proof is not for this access token"
		badTime   = "The DPoP proof is too old, or from the future"
		noTime    = "The DPoP proof lacks iat, or it is not a time"
		count     = "There must be exactly one DPoP proof"
		longJTI   = "The jti of the DPoP proof is too long"
	)
	lacks := func(name string) string { return "The DPoP proof lacks " + name + ", or it is not a string" }
	good := func() object { return k.claims(start) }
	header := func(name string, value any) string {
		return k.sign(text(with(k.header(), name, value)), text(good()))
	}
	jwk := func(c *client, name string, value any) string {
		key := object{}
		for n, v := range c.jwk {
			key[n] = v
		}
		if key[name] = value; value == nil {
			delete(key, name)
		}
		return c.sign(text(with(c.header(), "jwk", key)), text(good()))
	}
	claim := func(name string, value any) string { return k.proof(with(good(), name, value)) }
	lacking := func(name string) string { return k.proof(without(good(), name)) }
	raw := func(header, payload string) string { return k.sign(header, payload) }
	proof := k.proof(good())
	parts := strings.Split(proof, ".")
	one := func(p string) []string { return []string{p} }
	for _, tt := range []struct {
		name   string
		proofs []string
		want   string
	}{
		{"no proof", nil, count},
		{"two proofs", []string{k.proof(good()), k.proof(good())}, count},
		{"the same twice", []string{proof, proof}, count},
		{"empty", one(""), malformed},
		{"two in one field", one(proof + "," + k.proof(good())), malformed},
		{"two segments", one(parts[0] + "." + parts[1]), malformed},
		{"four segments", one(proof + ".AA"), malformed},
		{"no signature", one(parts[0] + "." + parts[1] + "."), malformed},
		{"padded", one(proof + "="), malformed},
		{"a line break", one(parts[0] + "\n." + parts[1] + "." + parts[2]), malformed},
		{"standard base64", one(parts[0] + "." + parts[1] + ".+/" + parts[2][2:]), malformed},
		{"unused bits", one(proof[:len(proof)-1] + next(proof[len(proof)-1])), malformed},
		{"too long", one(claim("x", strings.Repeat("x", 4<<10))), malformed},
		{"header not JSON", one(raw("x", text(good()))), malformed},
		{"header an array", one(raw("[]", text(good()))), malformed},
		{"header with a rest", one(raw(text(k.header())+"{}", text(good()))), malformed},
		{"header with a duplicate", one(raw(`{"typ":"dpop+jwt",`+text(k.header())[1:], text(good()))), malformed},
		{"key with a duplicate", one(raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC",`+text(k.jwk)[1:]+`}`, text(good()))), malformed},
		{"key with an escaped duplicate", one(raw(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"k\u0074y":"EC",`+text(k.jwk)[1:]+`}`, text(good()))), malformed},
		{"claims with a duplicate", one(raw(text(k.header()), `{"htm":"POST",`+text(good())[1:])), malformed},
		{"claims with a nested duplicate", one(raw(text(k.header()), `{"x":[{"a":1,"a":2}],`+text(good())[1:])), malformed},
		{"claims not UTF-8", one(raw(text(k.header()), "{\"x\":\"\xff\","+text(good())[1:])), malformed},
		{"a lone surrogate", one(raw(text(k.header()), `{"x":"\ud800",`+text(good())[1:])), malformed},
		{"claims null", one(raw(text(k.header()), "null")), malformed},
		{"claims with a comma", one(raw(text(k.header()), strings.TrimSuffix(text(good()), "}")+",}")), malformed},
		{"crit", one(header("crit", []string{"exp"})), malformed},
		{"b64", one(header("b64", false)), malformed},
		{"typ JWT", one(header("typ", "JWT")), badType},
		{"typ at+jwt", one(header("typ", "at+jwt")), badType},
		{"typ in capitals", one(header("typ", "DPoP+JWT")), badType},
		{"no typ", one(raw(text(without(k.header(), "typ")), text(good()))), badType},
		{"TYP", one(raw(text(with(without(k.header(), "typ"), "TYP", "dpop+jwt")), text(good()))), badType},
		{"none", one(b64([]byte(text(with(k.header(), "alg", "none")))) + "." + parts[1] + ".AA"), badAlg},
		{"HS256", one(header("alg", "HS256")), badAlg},
		{"ES384", one(header("alg", "ES384")), badAlg},
		{"alg is no string", one(header("alg", 256)), badAlg},
		{"alg of another key", one(header("alg", "RS256")), badKey},
		{"no jwk", one(raw(text(without(k.header(), "jwk")), text(good()))), badKey},
		{"jwk is a string", one(header("jwk", "x")), badKey},
		{"jku instead of jwk", one(raw(text(with(without(k.header(), "jwk"), "jku", "https://evil.example/jwks")), text(good()))), badKey},
		{"private key", one(jwk(k, "d", "AA")), badKey},
		{"private RSA key", one(jwk(r2, "dp", "AA")), badKey},
		{"secret", one(jwk(k, "k", "AA")), badKey},
		{"no x", one(jwk(k, "x", nil)), badKey},
		{"off the curve", one(jwk(k, "x", b64(make([]byte, 32)))), badKey},
		{"another curve", one(jwk(k, "crv", "secp256k1")), badKey},
		{"short coordinate", one(jwk(k, "y", "AAAA")), badKey},
		{"RSA 1024", one(weak.proof(good())), badKey},
		{"exponent 3", one(jwk(r2, "e", "Aw")), badKey},
		{"even exponent", one(jwk(r2, "e", "AQAC")), badKey},
		{"leading zero", one(jwk(r2, "e", "AAEAAQ")), badKey},
		{"another's key", one(jwk(k, "x", other.jwk["x"])), badKey},
		{"another's signature", one(other.sign(text(k.header()), text(good()))), badSig},
		{"other claims", one(parts[0] + "." + b64([]byte(text(good()))) + "." + parts[2]), badSig},
		{"no jti", one(lacking("jti")), lacks("jti")},
		{"empty jti", one(claim("jti", "")), lacks("jti")},
		{"jti is a number", one(claim("jti", 1)), lacks("jti")},
		{"long jti", one(claim("jti", strings.Repeat("x", 129))), longJTI},
		{"no htm", one(lacking("htm")), lacks("htm")},
		{"another method", one(claim("htm", "POST")), badMethod},
		{"method in lower case", one(claim("htm", "get")), badMethod},
		{"no htu", one(lacking("htu")), lacks("htu")},
		{"another host", one(claim("htu", "https://api.example.evil/items")), badURL},
		{"another path", one(claim("htu", "https://api.example/item")), badURL},
		{"another scheme", one(claim("htu", "http://api.example/items")), badURL},
		{"another port", one(claim("htu", "https://api.example:8443/items")), badURL},
		{"relative", one(claim("htu", "/items")), badURL},
		{"user", one(claim("htu", "https://u@api.example/items")), badURL},
		{"trailing slash", one(claim("htu", "https://api.example/items/")), badURL},
		{"no iat", one(lacking("iat")), noTime},
		{"iat is a string", one(claim("iat", "1800000000")), noTime},
		{"negative iat", one(claim("iat", -1)), noTime},
		{"huge iat", one(claim("iat", 1e300)), noTime},
		{"old", one(claim("iat", start.Unix()-61)), badTime},
		{"future", one(claim("iat", start.Unix()+11)), badTime},
		{"no ath", one(lacking("ath")), badToken},
		{"empty ath", one(claim("ath", "")), badToken},
		{"another token's", one(claim("ath", hash("another"))), badToken},
		{"ath padded", one(claim("ath", hash(token)+"=")), badToken},
		{"ath is a number", one(claim("ath", 1)), lacks("ath")},
		{"nonce is a number", one(claim("nonce", 1)), lacks("nonce")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, _ := newVerifier(t, dpop.Options{Replays: replaysOf(func() (bool, error) {
				t.Error("a bad proof is not remembered")
				return true, nil
			})})
			_, err := v.VerifyProof(request("GET", resource, tt.proofs...), token)
			require.Equal(t, "invalid_dpop_proof: "+tt.want, refusal(err))
			var e *passbearer.Error
			require.ErrorAs(t, err, &e)
			require.Zero(t, e.StatusCode)
			require.Empty(t, e.Scheme)
		})
	}
}

// next is a character of base64url that differs in the bits a decoder ignores.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

type replaysOf func() (bool, error)

func (f replaysOf) UseOnce(_ context.Context, id string, lifetime time.Duration) (bool, error) {
	return f()
}

func TestGoodProofs(t *testing.T) {
	k := newClient("ES256")
	for name, change := range map[string]func(header, claims object){
		"oldest":           func(_, c object) { c["iat"] = start.Unix() - 60 },
		"youngest":         func(_, c object) { c["iat"] = start.Unix() + 10 },
		"fraction":         func(_, c object) { c["iat"] = float64(start.Unix()) + 0.5 },
		"long jti":         func(_, c object) { c["jti"] = strings.Repeat("ü", 64) },
		"query, fragment":  func(_, c object) { c["htu"] = resource + "?x=1#y" },
		"capitals, port":   func(_, c object) { c["htu"] = "HTTPS://API.example:443/items" },
		"dots, escapes":    func(_, c object) { c["htu"] = "https://api.example/a/../%69t%65ms" },
		"unknown claims":   func(_, c object) { c["x"], c["exp"] = object{"y": []int{1}}, 1 },
		"unasked nonce":    func(_, c object) { c["nonce"] = "another server's" },
		"unknown kid, jku": func(h, _ object) { h["kid"], h["jku"] = "k", "https://evil.example/jwks" },
		"key with a kid":   func(h, _ object) { h["jwk"] = with(clone(k.jwk), "kid", "1") },
	} {
		v, _ := newVerifier(t, dpop.Options{})
		h, c := k.header(), k.claims(start)
		change(h, c)
		jkt, err := v.VerifyProof(request("GET", resource+"?q=2", k.sign(text(h), text(c))), token)
		require.NoError(t, err, name)
		require.Equal(t, k.thumbprint(), jkt, name)
	}
	v, _ := newVerifier(t, dpop.Options{})
	_, err := v.VerifyProof(request("GET", resource, k.proof(k.claims(start))), "")
	require.NoError(t, err, "ath means nothing without a token")
}

func clone(o object) object {
	c := object{}
	for n, v := range o {
		c[n] = v
	}
	return c
}

func TestURLs(t *testing.T) {
	k := newClient("EdDSA")
	for _, tt := range []struct {
		base, url, htu string
		want           bool
	}{
		{"", "http://localhost:8000/a", "http://localhost:8000/a", true},
		{"", "http://localhost:80/a", "http://localhost/a", true},
		{"", "http://localhost/a", "https://localhost/a", false},
		{"", "http://localhost", "http://localhost/", true},
		{"", "http://localhost/", "http://localhost", true},
		{"", "http://[::1]:8000/a", "http://[::1]:8000/a", true},
		{"", "http://localhost/a%2fb", "http://localhost/a%2Fb", true},
		{"", "http://localhost/a%2Fb", "http://localhost/a/b", false},
		{"", "http://localhost/%7Ea", "http://localhost/~a", true},
		{"", "http://localhost/a//b", "http://localhost/a/b", false},
		{"", "http://localhost/a%25b", "http://localhost/a%25b", true},
		{"", "http://localhost/a", `http:\\localhost/a`, false},
		{"", "http://localhost/%C3%A4", "http://localhost/ä", false},
		{"", "http://localhost/a", "http:localhost/a", false},
		{"https://api.example", "http://10.0.0.1:8000/a", "https://api.example/a", true},
		{"https://api.example/", "http://10.0.0.1:8000/a", "https://api.example:443/a", true},
		{"https://api.example", "http://10.0.0.1:8000/a", "http://10.0.0.1:8000/a", false},
		{"https://example.com/api", "http://10.0.0.1:8000/a", "https://example.com/api/a", true},
		{"https://example.com/api", "http://10.0.0.1:8000/a", "https://example.com/a", false},
	} {
		v, _ := newVerifier(t, dpop.Options{BaseURL: tt.base})
		r := request("GET", tt.url, k.proof(with(k.claims(start), "htu", tt.htu)))
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
			r.Header.Set(name, "https")
		}
		_, err := v.VerifyProof(r, token)
		require.Equal(t, tt.want, err == nil, "%v: %v", tt, err)
	}

	v, _ := newVerifier(t, dpop.Options{})
	var err error
	stripped := http.StripPrefix("/api", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, err = v.VerifyProof(r, token) }))
	stripped.ServeHTTP(nil, request("GET", "http://localhost/api/a", k.proof(with(k.claims(start), "htu", "http://localhost/api/a"))))
	require.NoError(t, err, "the URL is the client's, before StripPrefix")
}

func TestNormalPath(t *testing.T) {
	for path, want := range map[string]string{ // RFC 3986 §5.2.4, §6.2.2
		"": "/", "/": "/", "/a": "/a", "/a/": "/a/", "/.": "/", "/..": "/", "/a/.": "/a/", "/a/..": "/", "/a/b/..": "/a/", "/../../a": "/a",
		"/a/b/c/./../../g": "/a/g", "/a//b": "/a//b", "/%2e%2E/a": "/a", "/%7euser": "/~user", "/a%2fb": "/a%2Fb", "/%c3%a4": "/%C3%A4", "/...": "/...", "/.a": "/.a",
	} {
		require.Equal(t, want, dpop.NormalPath(path), path)
		require.Equal(t, want, dpop.NormalPath(want), "it is stable")
	}
}

func TestReplay(t *testing.T) {
	k := newClient("ES256")
	c := &clock{now: start}
	shared := dpop.NewReplays(10, c.Now)
	a, _ := newVerifier(t, dpop.Options{Replays: shared, Now: c.Now})
	b, _ := newVerifier(t, dpop.Options{Replays: shared, Now: c.Now})
	alone, _ := newVerifier(t, dpop.Options{Now: c.Now})

	claims := k.claims(start.Add(10 * time.Second)) // the client's clock is ahead
	proof := k.proof(claims)
	use := func(v *dpop.Verifier, proof string) string {
		_, err := v.VerifyProof(request("GET", resource, proof), token)
		return refusal(err)
	}
	const replayed = "invalid_dpop_proof: The DPoP proof was used before"
	require.Equal(t, "accepted", use(a, proof))
	require.Equal(t, replayed, use(a, proof))
	require.Equal(t, replayed, use(b, proof))
	require.Equal(t, replayed, use(b, k.proof(claims)), "another signature, the same jti")
	require.Equal(t, "accepted", use(alone, proof))
	other := newClient("ES256")
	require.Equal(t, "accepted", use(a, other.proof(claims)), "a jti is one key's")
	c.add(70 * time.Second)
	require.Equal(t, replayed, use(b, proof), "as long as it is good")
	c.add(time.Second)
	require.Equal(t, "invalid_dpop_proof: The DPoP proof is too old, or from the future", use(b, proof))
}

func TestReplaysAreBounded(t *testing.T) {
	c := &clock{now: start}
	s := dpop.NewReplays(100, c.Now)
	use := func(id int) (bool, error) { return s.UseOnce(t.Context(), string(rune(id)), time.Minute) }
	for round := range 5 {
		for i := range 100 {
			if i == 50 {
				c.add(time.Second)
			}
			first, err := use(round*1000 + i)
			require.NoError(t, err)
			require.True(t, first)
		}
		first, err := use(round * 1000)
		require.NoError(t, err, "what is known is known when it is full")
		require.False(t, first)
		_, err = use(round*1000 + 999)
		require.Error(t, err)
		c.add(time.Minute - time.Second)
		first, err = use(round*1000 + 999)
		require.True(t, first, "the first half has expired: %v", err)
		first, _ = use(round*1000 + 50)
		require.False(t, first, "the second has not")
		c.add(time.Minute)
	}
}

func TestReplayStoreFails(t *testing.T) {
	k := newClient("ES256")
	down := errors.New("down")
	v, _ := newVerifier(t, dpop.Options{Replays: replaysOf(func() (bool, error) { return true, down })})
	_, err := v.VerifyProof(request("GET", resource, k.proof(k.claims(start))), token)
	var e *passbearer.Error
	require.False(t, errors.As(err, &e), "503")
	require.ErrorIs(t, err, down)
}

func TestOneOfManyPasses(t *testing.T) {
	k := newClient("ES256")
	v, _ := newVerifier(t, dpop.Options{})
	for range 20 {
		proof := k.proof(k.claims(start))
		var accepted atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := v.VerifyProof(request("GET", resource, proof), token); err == nil {
					accepted.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, accepted.Load())
	}
}

func TestNonces(t *testing.T) {
	k := newClient("ES256")
	c := &clock{now: start}
	key := func(fill byte) []byte { return []byte(strings.Repeat(string(rune(fill)), 32)) }
	of := func(keys ...[]byte) *dpop.Verifier {
		v, _ := newVerifier(t, dpop.Options{RequireNonce: true, NonceKeys: keys, Now: c.Now})
		return v
	}
	use := func(v *dpop.Verifier, nonce any) (next string) {
		claims := k.claims(c.now)
		if nonce != nil {
			claims["nonce"] = nonce
		}
		_, err := v.VerifyProof(request("GET", resource, k.proof(claims)), token)
		if err == nil {
			return ""
		}
		var e *passbearer.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "use_dpop_nonce", e.ErrorCode)
		require.Len(t, e.Header, 1)
		require.NotEmpty(t, e.Header.Get("DPoP-Nonce"))
		return e.Header.Get("DPoP-Nonce")
	}
	a, b, later := of(key('a')), of(key('a')), of(key('b'), key('a'))
	nonce := use(a, nil)
	require.Empty(t, use(a, nonce))
	require.Empty(t, use(a, nonce), "with a new jti")
	require.Empty(t, use(b, nonce), "another process")
	require.Empty(t, use(later, nonce), "with the next key already")
	require.NotEmpty(t, use(a, use(later, nil)), "of a key that is not known here")
	require.NotEmpty(t, use(of(), nonce), "a random key")
	require.NotEmpty(t, use(a, ""))
	require.NotEmpty(t, use(a, "x"))
	require.NotEmpty(t, use(a, next32(nonce)))
	c.add(5 * time.Minute)
	require.Empty(t, use(a, nonce))
	c.add(time.Second)
	fresh := use(a, nonce)
	require.NotEqual(t, nonce, fresh)
	require.Empty(t, use(a, fresh))
	c.add(-12 * time.Second)
	require.NotEmpty(t, use(a, fresh), "from the future")

	claims := with(k.claims(start.Add(-time.Hour)), "htm", "POST")
	_, err := a.VerifyProof(request("GET", resource, k.proof(claims)), token)
	require.Equal(t, "invalid_dpop_proof: The DPoP proof is for another method", refusal(err), "a nonce would not help")
}

func next32(nonce string) string { return next(nonce[0]) + nonce[1:] }

func TestNew(t *testing.T) {
	_, err := dpop.New(nil)
	require.NoError(t, err)
	long := make([]byte, 32)
	for _, o := range []dpop.Options{
		{Algorithms: []string{}}, {Algorithms: []string{"HS256"}}, {Algorithms: []string{"none"}}, {MaxAge: -1}, {MaxAge: time.Millisecond}, {MaxAge: 25 * time.Hour},
		{Leeway: 25 * time.Hour}, {NonceLifetime: -1}, {RequireNonce: true, NonceKeys: [][]byte{{1}}}, {RequireNonce: true, NonceKeys: [][]byte{}}, {NonceKeys: [][]byte{long}},
		{BaseURL: "api.example"}, {BaseURL: "https://"}, {BaseURL: "ftp://api.example"}, {BaseURL: "https://api.example?x"}, {BaseURL: "https://api.example#x"}, {BaseURL: "https://u:p@api.example"},
	} {
		_, err := dpop.New(&o)
		require.ErrorContains(t, err, "dpop: ", "%+v", o)
	}
}

// TestKeysDoNotPrint, by fmt and in slog.
func TestKeysDoNotPrint(t *testing.T) {
	opts := dpop.Options{RequireNonce: true, NonceKeys: [][]byte{[]byte(strings.Repeat("Z", 32))}}
	v, err := dpop.New(&opts)
	require.NoError(t, err)
	for _, x := range []any{opts, &opts, *v, v} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", x)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", x)
		require.Equal(t, 2, strings.Count(log.String(), "{…}"), log.String())
		text := log.String() + fmt.Sprintf("%v %+v %#v %s %d %x", x, x, x, x, x, x)
		for _, secret := range []string{"ZZ", "90 90", "5a5a", "0x5a", "WlpaWl"} {
			require.NotContains(t, text, secret)
		}
	}
}
