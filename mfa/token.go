package mfa

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
	"time"

	"github.com/passbearer/passbearer"
)

// An mfa_token is base64url of
//
//	version 1 | id 16 | expiry 8 | epoch 8 | texts | tag 32
//
// where a text is its length, 2, and its bytes. The tag is HMAC-SHA256 of all before
// it, so a forged token costs no I/O. The key is of this purpose alone: no other
// token passes for one, nor one for another.
const (
	version   = 1
	idSize    = 16
	headSize  = 1 + idSize + 8 + 8
	tagSize   = sha256.Size
	maxToken  = 8 << 10 // bytes as it is sent, of the 64 KiB that a form may have
	minSecret = 32      // bytes
)

var encoding = base64.RawURLEncoding.Strict()

var errTooLong = errors.New("mfa: the grant is too large for an mfa_token: its scope or its extra claims have some kilobytes")

// token is what was decided after the password.
type token struct {
	id     [idSize]byte
	expiry int64 // seconds since 1970
	epoch  int64

	userID, clientID, jkt string
	scope                 string // granted
	amr, extra            string
}

// Format hides the token from package fmt.
func (token) Format(s fmt.State, _ rune) { io.WriteString(s, "token{…}") }

func newToken(req *passbearer.GrantRequest, g *passbearer.Grant, expiry time.Time) token {
	t := token{expiry: expiry.Unix(), epoch: g.User.Epoch, userID: g.User.ID, clientID: req.Client.ID, jkt: req.JKT,
		scope: string(g.Scope), amr: g.AMR, extra: g.Extra}
	rand.Read(t.id[:])
	return t
}

// texts are in the order in which they are written.
func (t *token) texts() []*string {
	return []*string{&t.userID, &t.clientID, &t.jkt, &t.scope, &t.amr, &t.extra}
}

// usedID is what a ReplayStore knows the token by.
func (t *token) usedID() string { return "mfa:" + encoding.EncodeToString(t.id[:]) }

// key makes tags. It is a function, which prints as such, also where Format is not
// asked.
type key func([]byte) []byte

func newKey(secret []byte) (key, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("mfa: a secret has %d bytes, which is below %d", len(secret), minSecret)
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "passbearer mfa token v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("mfa: derive a key: %w", err)
	}
	return func(text []byte) []byte {
		mac := hmac.New(sha256.New, derived)
		mac.Write(text)
		return mac.Sum(nil)
	}, nil
}

func (k key) seal(t token) (string, error) {
	b := append([]byte{version}, t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.expiry))
	b = binary.BigEndian.AppendUint64(b, uint64(t.epoch))
	for _, text := range t.texts() {
		if len(*text) > maxToken {
			return "", errTooLong
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(*text)))
		b = append(b, *text...)
	}
	b = append(b, k(b)...)
	if encoding.EncodedLen(len(b)) > maxToken {
		return "", errTooLong
	}
	return encoding.EncodeToString(b), nil
}

// open authenticates before it reads. A token has one spelling: the decoder would
// pass over line breaks.
func open(keys []key, text string) (t token, ok bool) {
	if len(text) > maxToken {
		return t, false
	}
	b, err := encoding.DecodeString(text)
	if err != nil || encoding.EncodedLen(len(b)) != len(text) || len(b) < headSize+tagSize {
		return t, false
	}
	signed, tag := b[:len(b)-tagSize], b[len(b)-tagSize:]
	for _, k := range keys {
		if hmac.Equal(k(signed), tag) {
			return decode(signed)
		}
	}
	return t, false
}

func decode(b []byte) (t token, ok bool) {
	if b[0] != version {
		return t, false
	}
	rest := b[1+copy(t.id[:], b[1:]):]
	t.expiry = int64(binary.BigEndian.Uint64(rest))
	t.epoch = int64(binary.BigEndian.Uint64(rest[8:]))
	rest = rest[16:]
	for _, text := range t.texts() {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return t, false
		}
		end := 2 + int(binary.BigEndian.Uint16(rest))
		*text, rest = string(rest[2:end]), rest[end:]
	}
	return t, len(rest) == 0
}
