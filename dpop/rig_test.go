package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/dpop"
)

const (
	resource = "https://api.example/items"
	token    = "an.access.token"
)

var start = time.Unix(1_800_000_000, 0)

type object = map[string]any

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return b64(sum[:])
}

// client has a key and makes proofs.
type client struct {
	alg string
	key crypto.Signer
	jwk object
}

func newClient(alg string) *client {
	switch alg {
	case "ES256":
		k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		p, _ := k.PublicKey.Bytes()
		return &client{alg, k, object{"kty": "EC", "crv": "P-256", "x": b64(p[1:33]), "y": b64(p[33:])}}
	case "EdDSA":
		public, k, _ := ed25519.GenerateKey(rand.Reader)
		return &client{alg, k, object{"kty": "OKP", "crv": "Ed25519", "x": b64(public)}}
	}
	return newRSA(alg, 2048)
}

func newRSA(alg string, bits int) *client {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return &client{alg, k, object{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}}
}

// thumbprint is by encoding/json, which sorts the members (RFC 7638 §3).
func (c *client) thumbprint() string {
	text, _ := json.Marshal(c.jwk)
	return hash(string(text))
}

func (c *client) header() object { return object{"typ": "dpop+jwt", "alg": c.alg, "jwk": c.jwk} }

// claims are new ones for a GET of the resource with the token.
func (c *client) claims(at time.Time) object {
	return object{"jti": rand.Text(), "htm": "GET", "htu": resource, "iat": at.Unix(), "ath": hash(token)}
}

func (c *client) proof(claims object) string { return c.sign(text(c.header()), text(claims)) }

func text(o object) string {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (c *client) sign(header, payload string) string {
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	signature, err := jwt.GetSigningMethod(c.alg).Sign(signed, c.key)
	if err != nil {
		panic(err)
	}
	return signed + "." + b64(signature)
}

func with(o object, name string, value any) object {
	o[name] = value
	return o
}

func without(o object, name string) object {
	delete(o, name)
	return o
}

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newVerifier(t testing.TB, o dpop.Options) (*dpop.Verifier, *clock) {
	t.Helper()
	c := &clock{now: start}
	if o.Now == nil {
		o.Now = c.Now
	}
	v, err := dpop.New(&o)
	require.NoError(t, err)
	return v, c
}

func request(method, url string, proofs ...string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

// refusal is code and description, or the text of another error.
func refusal(err error) string {
	var e *passbearer.Error
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &e):
		return fmt.Sprintf("%s: %s", e.ErrorCode, e.ErrorDescription)
	}
	return err.Error()
}
