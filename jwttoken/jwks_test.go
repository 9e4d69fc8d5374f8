package jwttoken_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// fetch asks h for the JWK Set; header has pairs of name and value.
func fetch(h http.Handler, method string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "/jwks.json", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(r *http.Response) string { return string(must(io.ReadAll(r.Body))) }

func jwks(keys *jwttoken.Keys) string {
	return body(fetch(jwttoken.NewJWKSHandler(keys, nil), "GET"))
}

// The keys of RFC 7517 appendix A.1 and RFC 8037 appendix A.2, as published for signatures. The id of the
// third is its thumbprint in RFC 8037 appendix A.3.
func TestJWKSet(t *testing.T) {
	ec := jwk{Kty: "EC", Alg: "ES256", Crv: "P-256", X: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", Y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
	rs := jwk{Kty: "RSA", Alg: "RS256", N: rfc7638N, E: "AQAB"}
	set := must(jwttoken.NewKeys(must(jwttoken.NewKey(jwttoken.ES256, ec.key(), "1")),
		must(jwttoken.NewKey(jwttoken.RS256, rs.key(), "2011-04-29")), must(jwttoken.NewKey(jwttoken.EdDSA, rfcEdDSA.key(), ""))))
	require.Equal(t, `{"keys":[`+
		`{"crv":"P-256","kty":"EC","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","alg":"ES256","kid":"1"},`+
		`{"e":"AQAB","kty":"RSA","n":"`+rfc7638N+`","use":"sig","alg":"RS256","kid":"2011-04-29"},`+
		`{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}`+
		`]}`, jwks(set))
}

// TestJWKSetHasNoPrivateMember: of each kind of key nothing but what is listed here, and no private number in
// another member.
func TestJWKSetHasNoPrivateMember(t *testing.T) {
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	ecD := must(ecKey.Bytes())
	for alg, row := range map[jwttoken.Algorithm]struct{ members, secrets []string }{
		jwttoken.ES256: {[]string{"alg", "crv", "kid", "kty", "use", "x", "y"}, []string{base64.RawURLEncoding.EncodeToString(ecD)}},
		jwttoken.EdDSA: {[]string{"alg", "crv", "kid", "kty", "use", "x"}, []string{b64(string(edKey.Seed())), b64(string(edKey))}},
		jwttoken.RS256: {[]string{"alg", "e", "kid", "kty", "n", "use"}, []string{number(rsaKey.D), number(rsaKey.Primes[0]), number(rsaKey.Primes[1])}},
		jwttoken.PS256: {[]string{"alg", "e", "kid", "kty", "n", "use"}, []string{number(rsaKey.D), number(rsaKey.Primes[0]), number(rsaKey.Primes[1])}},
	} {
		text := jwks(keys(alg, algs[alg]))
		var set struct{ Keys []map[string]string }
		require.NoError(t, json.Unmarshal([]byte(text), &set), "%s: every member is a string", alg)
		require.Len(t, set.Keys, 1)
		require.Equal(t, row.members, slices.Sorted(maps.Keys(set.Keys[0])), alg)
		for _, secret := range row.secrets {
			require.NotContains(t, text, secret, alg)
		}
	}
}

func TestJWKSHandlerPanics(t *testing.T) {
	const needs = "jwttoken: NewJWKSHandler needs Keys: make them with NewKeys"
	require.PanicsWithValue(t, needs, func() { jwttoken.NewJWKSHandler(nil, nil) })
	require.PanicsWithValue(t, needs, func() { jwttoken.NewJWKSHandler(new(jwttoken.Keys), nil) })
	require.PanicsWithValue(t, "jwttoken: NewJWKSHandler: HS256 has secrets only, of which nothing can be published: use ES256 or EdDSA",
		func() { jwttoken.NewJWKSHandler(keys(jwttoken.HS256, secret), nil) })
	require.PanicsWithValue(t, "jwttoken: JWKSOptions.MaxAge is not whole seconds: round it",
		func() {
			jwttoken.NewJWKSHandler(jwttoken.EphemeralKeys(), &jwttoken.JWKSOptions{MaxAge: 1500 * time.Millisecond})
		})

	set := jwttoken.EphemeralKeys()
	h := jwttoken.NewJWKSHandler(set, nil)
	require.NoError(t, set.Set(must(jwttoken.NewKey(jwttoken.HS256, secret, kid))))
	require.Equal(t, `{"keys":[]}`, body(fetch(h, "GET")))
}

// TestJWKSetVerifies: who knows nothing but the JWK Set verifies the tokens of each key in it.
func TestJWKSetVerifies(t *testing.T) {
	var all []jwttoken.Key
	var tokens []string
	for alg, key := range algs {
		if alg == jwttoken.HS256 {
			continue
		}
		k := must(jwttoken.NewKey(alg, key, `"<`+string(alg)+`>&é`))
		all = append(all, k)
		issuer := must(jwttoken.New(must(jwttoken.NewKeys(k)), issuer, audience, &jwttoken.Options{Now: clock}))
		tokens = append(tokens, must(issuer.IssueToken(ctx, passbearer.Claims{Subject: "u1"})))
	}
	published := decode(t, jwks(must(jwttoken.NewKeys(all...))))
	require.Len(t, published, len(tokens))
	for _, token := range tokens {
		requireVerifies(t, published, token)
	}
}

// decode reads a JWK Set by the test's own parser.
func decode(t *testing.T, text string) map[string]jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	require.NoError(t, json.Unmarshal([]byte(text), &set))
	byID := make(map[string]jwk)
	for _, k := range set.Keys {
		byID[k.Kid] = k
	}
	require.Len(t, byID, len(set.Keys))
	return byID
}

// requireVerifies lets golang-jwt verify token by the key that its header names.
func requireVerifies(t *testing.T, published map[string]jwk, token string) {
	t.Helper()
	parsed, err := jwt.Parse(token, func(token *jwt.Token) (any, error) {
		k := published[token.Header["kid"].(string)]
		require.Equal(t, k.Alg, token.Method.Alg())
		require.Equal(t, "sig", k.Use)
		return k.key(), nil
	}, jwt.WithTimeFunc(clock), jwt.WithIssuer(issuer))
	require.NoError(t, err)
	require.True(t, parsed.Valid)
}

// TestJWKSetCoordinates: those of P-256 are 32 bytes long however small they are (RFC 7518 §6.2.1.2).
func TestJWKSetCoordinates(t *testing.T) {
	small := 0
	for d := int64(1); small < 2; d++ {
		key := must(ecdsa.ParseRawPrivateKey(elliptic.P256(), big.NewInt(d).FillBytes(make([]byte, 32))))
		point := must(key.PublicKey.Bytes())
		if point[1] != 0 && point[33] != 0 {
			continue
		}
		small++
		for _, k := range decode(t, jwks(keys(jwttoken.ES256, key))) {
			require.Equal(t, b64(string(point[1:33])), k.X)
			require.Equal(t, b64(string(point[33:])), k.Y)
		}
	}
}

func TestJWKSHandler(t *testing.T) {
	set := jwttoken.EphemeralKeys()
	h := jwttoken.NewJWKSHandler(set, nil)
	got := fetch(h, "GET")
	etag, text := got.Header.Get("ETag"), body(got)
	require.Equal(t, 200, got.StatusCode)
	require.Regexp(t, `^"[0-9a-f]{32}"$`, etag)
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.Equal(t, "public, max-age=300", got.Header.Get("Cache-Control"))
	require.Equal(t, "*", got.Header.Get("Access-Control-Allow-Origin"))

	for _, row := range []struct {
		method, ifNoneMatch string
		status              int
		body                string
	}{
		{"HEAD", "", 200, ""},
		{"GET", etag, 304, ""},
		{"GET", "W/" + etag, 304, ""},
		{"GET", `"x", ` + etag, 304, ""},
		{"GET", "*", 304, ""},
		{"HEAD", etag, 304, ""},
		{"GET", `"x"`, 200, text},
		{"POST", "", 405, "{\"detail\":\"Use GET\"}\n"},
		{"PUT", etag, 405, "{\"detail\":\"Use GET\"}\n"},
		{"OPTIONS", "", 405, "{\"detail\":\"Use GET\"}\n"},
	} {
		got := fetch(h, row.method, "If-None-Match", row.ifNoneMatch)
		require.Equal(t, row.status, got.StatusCode, row)
		require.Equal(t, row.body, body(got), row)
		require.Equal(t, "*", got.Header.Get("Access-Control-Allow-Origin"), row)
		if row.status == 405 {
			require.Equal(t, "GET, HEAD", got.Header.Get("Allow"))
			require.Empty(t, got.Header.Get("Cache-Control"))
			continue
		}
		require.Equal(t, etag, got.Header.Get("ETag"), row)
		require.Equal(t, "public, max-age=300", got.Header.Get("Cache-Control"), row)
	}

	for age, want := range map[time.Duration]string{0: "public, max-age=300", time.Hour: "public, max-age=3600", -1: "no-cache"} {
		got := fetch(jwttoken.NewJWKSHandler(set, &jwttoken.JWKSOptions{MaxAge: age}), "GET")
		require.Equal(t, want, got.Header.Get("Cache-Control"))
	}
}

// TestJWKSetFollowsKeys: it is made once for each set, and all processes with the same keys have the same.
func TestJWKSetFollowsKeys(t *testing.T) {
	a, b := must(jwttoken.NewKey(jwttoken.ES256, ecKey, "a")), must(jwttoken.NewKey(jwttoken.EdDSA, edKey, "b"))
	set := must(jwttoken.NewKeys(a))
	h := jwttoken.NewJWKSHandler(set, nil)
	first := fetch(h, "GET").Header.Get("ETag")
	require.Same(t, jwttoken.Published(set), jwttoken.Published(set))

	require.NoError(t, set.Set(a, b.SignsFrom(clock().Add(time.Hour))))
	changed := fetch(h, "GET", "If-None-Match", first)
	require.Equal(t, 200, changed.StatusCode)
	require.Len(t, decode(t, body(changed)), 2, "the next key is published before it signs")

	list := []jwttoken.Key{a, b}
	other := must(jwttoken.NewKeys(list...))
	clear(list)
	require.Equal(t, changed.Header.Get("ETag"), fetch(jwttoken.NewJWKSHandler(other, nil), "GET").Header.Get("ETag"))

	require.NoError(t, set.Set(a))
	require.Equal(t, 304, fetch(h, "GET", "If-None-Match", first).StatusCode)
}

func TestJWKSConcurrently(t *testing.T) {
	a, b := must(jwttoken.GenerateKey(jwttoken.EdDSA)), must(jwttoken.GenerateKey(jwttoken.ES256))
	set := must(jwttoken.NewKeys(a))
	h := jwttoken.NewJWKSHandler(set, nil)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if got := fetch(h, "GET"); got.StatusCode != 200 || !json.Valid([]byte(body(got))) {
					t.Error("not a JWK Set")
				}
			}
		})
	}
	for range 50 {
		require.NoError(t, set.Set(a, b))
		require.NoError(t, set.Set(b))
	}
	all.Wait()
}
