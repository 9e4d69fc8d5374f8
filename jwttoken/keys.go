package jwttoken

import (
	"bytes"
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
	"log/slog"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/passbearer/passbearer/internal/mac"
)

// Algorithm is a JWS signature algorithm by its registered name (RFC 7518 §3.1, RFC 8037 §3.1).
type Algorithm string

// The algorithms this package signs and verifies with. There is no "none".
const (
	HS256 Algorithm = "HS256" // HMAC with SHA-256, a shared secret of at least 32 bytes
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	EdDSA Algorithm = "EdDSA" // Ed25519
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256, at least 2048 bits
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256, at least 2048 bits
)

const (
	minSecret   = 32   // bytes, RFC 7518 §3.2
	minRSA      = 2048 // bits, RFC 7518 §3.3
	maxKeyID    = 256  // bytes; the id is part of every token
	kidHMACText = "passbearer jwt kid"
)

// RFC 7518 §3.5 fixes the salt length to that of the hash. The library's own PS256 accepts any
// length when it verifies, which would accept signatures the RFC does not allow.
var ps256 = &jwt.SigningMethodRSAPSS{
	SigningMethodRSA: &jwt.SigningMethodRSA{Name: "PS256", Hash: crypto.SHA256},
	Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	VerifyOptions:    &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
}

// Key is one key bound to one [Algorithm] and one key id. Make it with [NewKey] or [GenerateKey];
// the zero Key is refused by [NewKeys]. Printing or logging a Key shows its algorithm and id only.
type Key struct {
	m    *material
	from time.Time // see SignsFrom
}

// material holds the keys in functions: fmt reaches unexported fields by reflection, without calling
// Format, and follows pointers for some verbs, but of a function it prints an address only.
type material struct {
	alg     Algorithm
	id      string
	method  jwt.SigningMethod
	private func() any // nil if the key can only verify
	public  func() any
}

func hide(key any) func() any { return func() any { return key } }

// NewKey binds key to alg. The accepted types are
//
//   - HS256: []byte of at least 32 bytes, which is copied
//   - ES256: *ecdsa.PrivateKey or *ecdsa.PublicKey on P-256
//   - EdDSA: ed25519.PrivateKey or ed25519.PublicKey
//   - RS256, PS256: *rsa.PrivateKey or *rsa.PublicKey of at least 2048 bits
//
// A public key verifies only. An empty id becomes the RFC 7638 thumbprint of the public key, or for
// HS256 an id derived from the secret by HMAC, which does not disclose it.
func NewKey(alg Algorithm, key any, id string) (Key, error) {
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	m := &material{alg: alg, id: id}
	var err error
	switch alg {
	case HS256:
		err = m.setSecret(key)
	case ES256:
		err = m.setECDSA(key)
	case EdDSA:
		err = m.setEd25519(key)
	case RS256, PS256:
		err = m.setRSA(key)
	default:
		err = fmt.Errorf("algorithm %q is not supported", alg)
	}
	if err != nil {
		return Key{}, fmt.Errorf("jwttoken: new key: %w", err)
	}
	if m.id == "" {
		m.id = m.thumbprint()
	}
	return Key{m: m}, nil
}

// GenerateKey makes a new private key for alg: 32 random bytes for HS256, 2048 bits for RSA.
// Its id is the one [NewKey] derives.
func GenerateKey(alg Algorithm) (Key, error) {
	var key any
	var err error
	switch alg {
	case HS256:
		secret := make([]byte, minSecret)
		_, err = rand.Read(secret)
		key = secret
	case ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case RS256, PS256:
		key, err = rsa.GenerateKey(rand.Reader, minRSA)
	}
	if err != nil {
		return Key{}, fmt.Errorf("jwttoken: generate key: %w", err)
	}
	return NewKey(alg, key, "")
}

// SignsFrom returns k as a key that verifies at once, and signs from t on by the clock of the issuer
// ([Options.Now]), in every process that has it. The zero time takes the time away.
//
// In a set, the private key whose time came last signs, and among keys without a time the first: until t that
// is the key before, without a further change. If no key's time has come, the earliest signs. A public key
// never signs, whatever its time.
func (k Key) SignsFrom(t time.Time) Key {
	k.from = t.Round(0) // the wall clock, which processes share
	return k
}

// String returns the algorithm and the id, never the key.
func (k Key) String() string {
	if k.m == nil {
		return "jwttoken.Key{}"
	}
	return fmt.Sprintf("jwttoken.Key{%s %q}", k.m.alg, k.m.id)
}

// Format implements [fmt.Formatter] for every verb, so that no verb prints the key.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(k.String())) }

// LogValue implements [slog.LogValuer].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

func checkKeyID(id string) error {
	if len(id) > maxKeyID || !utf8.ValidString(id) {
		return errors.New("jwttoken: new key: the id must be UTF-8 of at most 256 bytes")
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return errors.New("jwttoken: new key: the id contains a control character")
		}
	}
	return nil
}

func (m *material) setSecret(key any) error {
	secret, ok := key.([]byte)
	if !ok {
		return fmt.Errorf("HS256 needs []byte, not %T", key)
	}
	if len(secret) < minSecret {
		return fmt.Errorf("HS256 needs at least %d bytes, not %d", minSecret, len(secret))
	}
	expanded := mac.NewKey(bytes.Clone(secret))
	m.method, m.private, m.public = hs256{}, hide(expanded), hide(expanded)
	return nil
}

func (m *material) setECDSA(key any) error {
	m.method = es256{}
	pub, isPublic := key.(*ecdsa.PublicKey)
	priv, isPrivate := key.(*ecdsa.PrivateKey)
	switch {
	case isPrivate && priv != nil:
		pub = &priv.PublicKey
	case isPublic && pub != nil:
	default:
		return fmt.Errorf("ES256 needs a non-nil *ecdsa.PrivateKey or *ecdsa.PublicKey, not %T", key)
	}
	if pub.Curve != elliptic.P256() {
		return errors.New("ES256 needs a key on P-256")
	}
	point, err := pub.ECDH() // refuses a point that is not on the curve
	if err != nil {
		return errors.New("ES256: the public key is not a point on P-256")
	}
	m.public = hide(pub)
	if !isPrivate {
		return nil
	}
	// A private key beside a foreign public key would sign what nobody can verify.
	scalar, err := priv.ECDH()
	if err != nil || !scalar.PublicKey().Equal(point) {
		return errors.New("ES256: the private key does not match its public key")
	}
	m.private = hide(priv)
	return nil
}

func (m *material) setEd25519(key any) error {
	m.method = eddsa{}
	switch k := key.(type) {
	case ed25519.PrivateKey:
		if len(k) != ed25519.PrivateKeySize {
			return errors.New("EdDSA: the private key has a wrong length")
		}
		whole := ed25519.NewKeyFromSeed(k.Seed())
		// Signing with a wrong public half discloses the private key.
		if !whole.Equal(k) {
			return errors.New("EdDSA: the private key does not match its public key")
		}
		m.private, m.public = hide(whole), hide(whole.Public())
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return errors.New("EdDSA: the public key has a wrong length")
		}
		m.public = hide(append(ed25519.PublicKey(nil), k...))
	default:
		return fmt.Errorf("EdDSA needs ed25519.PrivateKey or ed25519.PublicKey, not %T", key)
	}
	return nil
}

func (m *material) setRSA(key any) error {
	m.method = rs256{}
	if m.alg == PS256 {
		m.method = ps256
	}
	pub, isPublic := key.(*rsa.PublicKey)
	priv, isPrivate := key.(*rsa.PrivateKey)
	switch {
	case isPrivate && priv != nil:
		pub = &priv.PublicKey
	case isPublic && pub != nil:
	default:
		return fmt.Errorf("%s needs a non-nil *rsa.PrivateKey or *rsa.PublicKey, not %T", m.alg, key)
	}
	if pub.N == nil || pub.N.Sign() <= 0 || pub.N.BitLen() < minRSA {
		return fmt.Errorf("%s needs at least %d bits", m.alg, minRSA)
	}
	// With e = 1 every signature is its own message.
	if pub.E < 3 || pub.E%2 == 0 {
		return fmt.Errorf("%s needs an odd public exponent of at least 3", m.alg)
	}
	if isROCA(pub.N) {
		return fmt.Errorf("%s: the key is of a kind that can be factored (ROCA, CVE-2017-15361); make another one", m.alg)
	}
	m.public = hide(pub)
	if !isPrivate {
		return nil
	}
	if err := priv.Validate(); err != nil {
		return fmt.Errorf("%s: the private key is not consistent", m.alg)
	}
	m.private = hide(priv)
	return nil
}

// thumbprint is RFC 7638. The secret of HS256 gets an HMAC instead, since a plain hash would let a weak
// secret be searched by its id.
func (m *material) thumbprint() string {
	b64 := base64.RawURLEncoding.EncodeToString
	if k, secret := m.public().(*mac.Key); secret {
		sum := k.Sum(kidHMACText)
		return b64(sum[:16])
	}
	jwk, _ := m.jwk()
	text, err := json.Marshal(jwk)
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(text)
	return b64(sum[:])
}
