package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// suite is what all rows of one algorithm share: a key, a token that is valid, one of the same length whose
// signature is not, and the bare check of the signature, which no middleware can do without.
type suite struct {
	alg             string
	private, public any
	key             jwttoken.Key
	keys            *jwttoken.Keys
	tokens          *jwttoken.Tokens
	token, forged   string
	bare            func()
}

func newSuite(alg jwttoken.Algorithm) *suite {
	s := &suite{alg: string(alg)}
	switch alg {
	case jwttoken.HS256:
		secret := make([]byte, 32)
		must(rand.Read(secret))
		s.private, s.public = secret, secret
	case jwttoken.ES256:
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		s.private, s.public = key, &key.PublicKey
	case jwttoken.EdDSA:
		public, key, err := ed25519.GenerateKey(rand.Reader)
		s.private, s.public = must(key, err), public
	case jwttoken.RS256:
		key := must(rsa.GenerateKey(rand.Reader, 2048))
		s.private, s.public = key, &key.PublicKey
	}
	s.key = must(jwttoken.NewKey(alg, s.private, "key-1"))
	s.keys = must(jwttoken.NewKeys(s.key))
	s.tokens = must(jwttoken.New(s.keys, issuer, audience, nil))
	s.token = s.issue("read write")
	signed, signature := cutSignature(s.token)
	wrong := bytes.Clone(signature)
	wrong[0] ^= 1
	s.forged = signed + "." + base64.RawURLEncoding.EncodeToString(wrong)
	s.bare = s.bareCheck(signed, signature)
	return s
}

func (s *suite) issue(scope passbearer.Scope) string {
	return must(s.tokens.IssueToken(context.Background(), passbearer.Claims{Subject: "0198f2a4-7c31-7d1e-9c55-2f6f4c1f8a10",
		ClientID: "web", Scope: scope, Expiry: passbearer.NumericDate(time.Now().Add(12 * time.Hour).Unix())}))
}

func cutSignature(token string) (signed string, signature []byte) {
	i := strings.LastIndexByte(token, '.')
	return token[:i], must(base64.RawURLEncoding.DecodeString(token[i+1:]))
}

func (s *suite) bareCheck(signed string, signature []byte) func() {
	text := []byte(signed)
	var check func() bool
	switch key := s.public.(type) {
	case []byte:
		mac, sum := hmac.New(sha256.New, key), make([]byte, 0, sha256.Size)
		check = func() bool {
			mac.Reset()
			mac.Write(text)
			return hmac.Equal(mac.Sum(sum), signature)
		}
	case *ecdsa.PublicKey:
		der := derSignature(signature)
		check = func() bool {
			hash := sha256.Sum256(text)
			return ecdsa.VerifyASN1(key, hash[:], der)
		}
	case ed25519.PublicKey:
		check = func() bool { return ed25519.Verify(key, text, signature) }
	case *rsa.PublicKey:
		check = func() bool {
			hash := sha256.Sum256(text)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature) == nil
		}
	}
	return func() {
		if !check() {
			panic("the bare check refuses a valid signature")
		}
	}
}

// derSignature turns the r and s of RFC 7518 §3.4 into the form that crypto/ecdsa reads.
func derSignature(rs []byte) []byte {
	var body []byte
	for _, n := range [][]byte{rs[:32], rs[32:]} {
		n = []byte(strings.TrimLeft(string(n), "\x00"))
		if n[0] >= 0x80 {
			n = append([]byte{0}, n...)
		}
		body = append(append(body, 2, byte(len(n))), n...)
	}
	return append([]byte{0x30, byte(len(body))}, body...)
}

// guard is this library's middleware around a handler that does nothing. size is jwttoken.Options.CacheSize.
func (s *suite) guard(size int) http.Handler {
	return guard(s.verifier(size))
}

func (s *suite) verifier(size int) *jwttoken.Verifier {
	return must(jwttoken.NewVerifier(s.keys, issuer, audience, &jwttoken.Options{CacheSize: size}))
}

func guard(v passbearer.TokenVerifier) http.Handler {
	return passbearer.NewGuard(v, nil).Handler(http.HandlerFunc(nothing))
}

func nothing(http.ResponseWriter, *http.Request) {}

type claimsKey struct{}

// glue is what no middleware can do without that gives each request its own claims: it reads the header, puts
// claims into the context and copies the request.
func glue() http.Handler {
	claims := passbearer.Claims{Subject: "u1"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		nothing(w, r.WithContext(&glueContext{r.Context(), claims}))
	})
}

type glueContext struct {
	context.Context
	claims passbearer.Claims
}

func (c *glueContext) Value(key any) any {
	if key == (claimsKey{}) {
		return &c.claims
	}
	return c.Context.Value(key)
}

// trusting makes a Guard that does all that a Guard does but for verifying: it also refuses what is not a
// bearer token by RFC 6750.
type trusting struct{}

var trusted = &passbearer.Claims{Subject: "u1"}

func (trusting) VerifyToken(context.Context, string) (*passbearer.Claims, error) { return trusted, nil }

// requests returns an operation: a request with that token. It panics if the answer is not the one that is
// measured.
func requests(h http.Handler, token string, status int) func() {
	r := &http.Request{Method: "GET", URL: &url.URL{Path: "/items/"}, Header: http.Header{"Authorization": {"Bearer " + token}}}
	w := &answer{header: make(http.Header)}
	return func() {
		clear(w.header)
		w.status = http.StatusOK
		h.ServeHTTP(w, r)
		if w.status != status {
			panic(fmt.Sprintf("the answer is %d, not %d", w.status, status))
		}
	}
}

// answer is a ResponseWriter that costs nothing.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
