package passbearer

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/passbearer/passbearer/internal/mac"
)

// A refresh token is base64url of
//
//	version 1 | key id 4 | secret 16 | generation 8 | binding 16 | tag 32
//
// The tag authenticates all before it, so a forged token costs no I/O. The
// row's id is a hash of the secret, so the database holds nothing that could be
// presented; the binding is a hash of issuer, user and client, so a row given
// to another user is noticed.
const (
	refreshVersion = 1
	keyIDSize      = 4
	secretSize     = 16
	bindingSize    = 16
	signedSize     = 1 + keyIDSize + secretSize + 8 + bindingSize
	refreshSize    = signedSize + sha256.Size

	minRefreshSecret = 32 // bytes
)

var refreshEncoding = base64.RawURLEncoding.Strict()

// refreshToken is an authenticated refresh token, decoded.
type refreshToken struct {
	secret     [secretSize]byte
	generation int64
	binding    [bindingSize]byte
}

func (refreshToken) Format(s fmt.State, _ rune) { io.WriteString(s, "refreshToken{…}") }

// sessionID is the row's id, and the sid of its access tokens.
func (t refreshToken) sessionID() string {
	const label = "passbearer sid"
	sum := sha256.Sum256(append(append(make([]byte, 0, len(label)+secretSize), label...), t.secret[:]...))
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 22), sum[:16]))
}

// successor is derived, so whoever asks gets the same one.
func (t refreshToken) successor() refreshToken {
	t.generation++
	return t
}

// RefreshKeys sign refresh tokens. Make them with [NewRefreshKeys].
type RefreshKeys struct {
	issuer string
	keys   []*refreshKey // the first signs
}

type refreshKey struct {
	id     [keyIDSize]byte
	signer *mac.Key
	secret func() []byte // a function prints as such, also where Format is not asked
}

// NewRefreshKeys derives keys from secrets, random and of 32 bytes or more
// each, the same in every instance; the first one signs, all verify. To change
// the secret, add the new one at the end everywhere, then move it to the front,
// and keep the old one until the longest session has expired. The issuer is
// the one of the access tokens; with another issuer the keys are others.
func NewRefreshKeys(issuer string, secrets ...[]byte) (*RefreshKeys, error) {
	if issuer == "" || len(secrets) == 0 {
		return nil, errors.New("passbearer: refresh keys need an issuer and a secret")
	}
	k := &RefreshKeys{issuer: issuer}
	for i, secret := range secrets {
		key, err := newRefreshKey(issuer, secret)
		if err != nil {
			return nil, fmt.Errorf("passbearer: refresh key %d: %w", i, err)
		}
		if k.byID(key.id[:]) != nil {
			return nil, fmt.Errorf("passbearer: refresh key %d: its id is that of an earlier one: is a secret there twice?", i)
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

func newRefreshKey(issuer string, secret []byte) (*refreshKey, error) {
	if len(secret) < minRefreshSecret {
		return nil, fmt.Errorf("the secret has %d bytes, which is below %d", len(secret), minRefreshSecret)
	}
	info := fmt.Sprintf("passbearer refresh token v%d %s", refreshVersion, issuer)
	derived, err := hkdf.Key(sha256.New, secret, nil, info, keyIDSize+sha256.Size)
	if err != nil {
		return nil, err
	}
	id, rest := [keyIDSize]byte(derived), derived[keyIDSize:]
	return &refreshKey{id, mac.NewKey(rest), func() []byte { return rest }}, nil
}

// Format hides the keys from package fmt.
func (RefreshKeys) Format(s fmt.State, _ rune) { io.WriteString(s, "RefreshKeys{…}") }

// LogValue hides the keys from package slog.
func (RefreshKeys) LogValue() slog.Value { return slog.StringValue("RefreshKeys{…}") }

func (k *RefreshKeys) byID(id []byte) *refreshKey {
	for _, key := range k.keys {
		if string(key.id[:]) == string(id) {
			return key
		}
	}
	return nil
}

// begin returns the first token of a new session.
func (k *RefreshKeys) begin(userID, clientID string) (t refreshToken) {
	rand.Read(t.secret[:])
	t.binding = k.binding(userID, clientID)
	return t
}

func (k *RefreshKeys) binding(userID, clientID string) (b [bindingSize]byte) {
	text := make([]byte, 0, 256)
	for _, s := range [...]string{k.issuer, userID, clientID} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(s)))
		text = append(text, s...)
	}
	sum := sha256.Sum256(text)
	copy(b[:], sum[:])
	return b
}

// binds reports whether row has the user and client that t was made for.
func (k *RefreshKeys) binds(t refreshToken, row *Session) bool {
	return t.binding == k.binding(row.UserID, row.ClientID)
}

func (k *RefreshKeys) seal(t refreshToken) string {
	key := k.keys[0]
	b := make([]byte, 0, refreshSize)
	b = append(b, refreshVersion)
	b = append(b, key.id[:]...)
	b = append(b, t.secret[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.generation))
	b = append(b, t.binding[:]...)
	text := make([]byte, 0, (refreshSize*8+5)/6)
	return string(refreshEncoding.AppendEncode(text, key.sign(b)))
}

// sign appends the tag.
func (key *refreshKey) sign(b []byte) []byte { return key.signer.Append(b, b) }

// open reports false for whatever seal did not write. The decoder skips line
// breaks, which the two lengths together rule out.
func (k *RefreshKeys) open(text string) (t refreshToken, ok bool) {
	if len(text) != refreshEncoding.EncodedLen(refreshSize) {
		return t, false
	}
	b, err := refreshEncoding.DecodeString(text)
	if err != nil || len(b) != refreshSize || b[0] != refreshVersion {
		return t, false
	}
	key := k.byID(b[1 : 1+keyIDSize])
	if key == nil || !hmac.Equal(key.sign(b[:signedSize:signedSize]), b) {
		return t, false
	}
	rest := b[1+keyIDSize:]
	copy(t.secret[:], rest)
	generation := binary.BigEndian.Uint64(rest[secretSize:])
	copy(t.binding[:], rest[secretSize+8:])
	t.generation = int64(generation)
	return t, generation < math.MaxInt64
}
