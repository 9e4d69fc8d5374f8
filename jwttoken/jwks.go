package jwttoken

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"
)

const defaultJWKSMaxAge = 5 * time.Minute

// JWKSOptions change how a JWK Set is served. A nil *JWKSOptions and the zero JWKSOptions mean the defaults.
type JWKSOptions struct {
	// MaxAge is how long caches and verifiers may use a JWK Set without asking again, in whole seconds. Zero:
	// 5 minutes. Negative: they ask each time. A new key must be published for that long before it signs
	// ([Key.SignsFrom]), and for that long others may still take a removed one.
	MaxAge time.Duration
}

// NewJWKSHandler serves the public halves of keys as a JWK Set (RFC 7517 §5), in the order of the set and
// as [Keys.Set] leaves them, so that others can verify tokens: with GET and HEAD, for caches and with an
// ETag, and for scripts of every origin, since it is public.
//
// The content type is application/json, which all clients take. Several do not take application/jwk-set+json,
// or ask in Accept for another type than that.
//
// It panics if keys are missing, or secrets of HS256, of which nothing can be published, and if MaxAge is not
// whole seconds. Should Set bring in secrets later, the JWK Set is empty.
func NewJWKSHandler(keys *Keys, opts *JWKSOptions) http.Handler {
	maxAge := defaultJWKSMaxAge
	if opts != nil && opts.MaxAge != 0 {
		maxAge = opts.MaxAge
	}
	switch {
	case keys.load() == nil:
		panic("jwttoken: NewJWKSHandler needs Keys: make them with NewKeys")
	case keys.load().first.alg == HS256:
		panic("jwttoken: NewJWKSHandler: HS256 has secrets only, of which nothing can be published: use ES256 or EdDSA")
	case maxAge > 0 && maxAge%time.Second != 0:
		panic("jwttoken: JWKSOptions.MaxAge is not whole seconds: round it")
	}
	h := &jwksHandler{keys, "no-cache"}
	if maxAge > 0 {
		h.cacheControl = fmt.Sprintf("public, max-age=%d", maxAge/time.Second)
	}
	return h
}

type jwksHandler struct {
	keys         *Keys
	cacheControl string
}

func (h *jwksHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Content-Type", "application/json")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = io.WriteString(w, `{"detail":"Use GET"}`+"\n")
		return
	}
	set := h.keys.load().published()
	header.Set("Cache-Control", h.cacheControl)
	header.Set("ETag", set.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(set.text))
}

// jwkSet is the JWK Set of a keySet, encoded.
type jwkSet struct {
	text []byte
	etag string // of the text, so that all processes with the same keys have the same
}

func newJWKSet(keys []Key) jwkSet {
	set := struct {
		Keys []publishedJWK `json:"keys"`
	}{[]publishedJWK{}}
	for _, k := range keys {
		if jwk, ok := k.m.jwk(); ok {
			set.Keys = append(set.Keys, publishedJWK{jwk, "sig", k.m.alg, k.m.id})
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(text)
	return jwkSet{text, fmt.Sprintf(`"%x"`, sum[:16])}
}

// publishedJWK is a publicJWK as it stands in a JWK Set (RFC 7517 §4).
type publishedJWK struct {
	publicJWK
	Use   string    `json:"use"`
	Alg   Algorithm `json:"alg"`
	KeyID string    `json:"kid"`
}

// publicJWK has the required members of a public key (RFC 7638 §3.2, RFC 8037 §2) and no room for another, in
// the order that RFC 7638 §3.3 hashes.
type publicJWK struct {
	Curve    string `json:"crv,omitempty"`
	Exponent string `json:"e,omitempty"`
	Type     string `json:"kty"`
	Modulus  string `json:"n,omitempty"`
	X        string `json:"x,omitempty"`
	Y        string `json:"y,omitempty"`
}

// jwk returns the public key, which a secret does not have.
func (m *material) jwk() (jwk publicJWK, ok bool) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := m.public().(type) {
	case *ecdsa.PublicKey:
		point, _ := k.ECDH() // checked by setECDSA
		xy := point.Bytes()[1:]
		return publicJWK{Type: "EC", Curve: "P-256", X: b64(xy[:32]), Y: b64(xy[32:])}, true
	case ed25519.PublicKey:
		return publicJWK{Type: "OKP", Curve: "Ed25519", X: b64(k)}, true
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E)).Bytes()
		return publicJWK{Type: "RSA", Exponent: b64(e), Modulus: b64(k.N.Bytes())}, true
	}
	return publicJWK{}, false
}
