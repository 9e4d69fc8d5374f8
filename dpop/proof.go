package dpop

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxProof = 4 << 10 // bytes; one with a key and a signature of RSA 4096 has about 2,200
	maxJTI   = 128     // bytes
)

// The reasons are fixed texts: an error must not repeat what the proof contains.
var (
	errSegments  = errors.New("not three segments of base64url, or too long")
	errJSON      = errors.New("a segment is not one JSON object in UTF-8 with unique member names")
	errCritical  = errors.New("the header has a parameter that changes what the proof means")
	errSignature = errors.New("the signature is not by the key")
)

// claims are those of a proof, checked for their form only.
type claims struct {
	jti, method, url string
	issuedAt         time.Time
	tokenHash, nonce string // or empty
}

// open returns key and claims of a proof whose signature is by that key. It reads
// nothing of the claims before that.
func (v *Verifier) open(proof string) (*publicKey, *claims, error) {
	segments := strings.Split(proof, ".")
	if len(proof) > maxProof || len(segments) != 3 {
		return nil, nil, invalid("The DPoP proof is malformed", errSegments)
	}
	var parts [3][]byte
	for i, s := range segments {
		var ok bool
		if parts[i], ok = decodeBase64(s); !ok {
			return nil, nil, invalid("The DPoP proof is malformed", errSegments)
		}
	}
	key, err := v.readHeader(parts[0])
	if err != nil {
		return nil, nil, err
	}
	signed := proof[:len(segments[0])+1+len(segments[1])]
	if key.method.Verify(signed, parts[2], key.key) != nil {
		return nil, nil, invalid("The signature of the DPoP proof is not valid", errSignature)
	}
	c, err := readClaims(parts[1])
	return key, c, err
}

func (v *Verifier) readHeader(text []byte) (*publicKey, error) {
	header, err := parseObject(text)
	if err != nil {
		return nil, invalid("The DPoP proof is malformed", err)
	}
	// RFC 7515 §4.1.11, RFC 7797 §3, RFC 7516 §4.1, RFC 7518 §4.8.1.2. A key that jku,
	// x5u, x5c or kid point to is never looked at.
	for _, name := range []string{"crit", "b64", "enc", "zip", "p2c"} {
		if _, ok := header[name]; ok {
			return nil, invalid("The DPoP proof is malformed", errCritical)
		}
	}
	if header["typ"] != "dpop+jwt" {
		return nil, invalid("The typ of the DPoP proof is not dpop+jwt", nil)
	}
	alg, _ := header["alg"].(string)
	if !slices.Contains(v.opts.Algorithms, alg) {
		return nil, invalid("The alg of the DPoP proof is not supported", nil)
	}
	jwk, _ := header["jwk"].(map[string]any)
	key, err := parseKey(alg, jwk)
	if err != nil {
		return nil, invalid("The key of the DPoP proof is not accepted", err)
	}
	return key, nil
}

func readClaims(text []byte) (*claims, error) {
	members, err := parseObject(text)
	if err != nil {
		return nil, invalid("The DPoP proof is malformed", err)
	}
	var c claims
	for _, m := range []struct {
		name     string
		value    *string
		required bool
	}{
		{"jti", &c.jti, true}, {"htm", &c.method, true}, {"htu", &c.url, true}, {"ath", &c.tokenHash, false}, {"nonce", &c.nonce, false},
	} {
		raw, present := members[m.name]
		value, ok := raw.(string)
		if *m.value = value; present && !ok || m.required && value == "" {
			return nil, invalid("The DPoP proof lacks "+m.name+", or it is not a string", nil)
		}
	}
	if len(c.jti) > maxJTI {
		return nil, invalid("The jti of the DPoP proof is too long", nil)
	}
	number, _ := members["iat"].(json.Number)
	seconds, err := number.Float64()
	if err != nil || !(0 <= seconds && seconds < 1<<40) {
		return nil, invalid("The DPoP proof lacks iat, or it is not a time", nil)
	}
	whole, fraction := math.Modf(seconds)
	c.issuedAt = time.Unix(int64(whole), int64(fraction*1e9))
	return &c, nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

// decodeBase64 accepts one spelling only: Go's decoder skips line breaks, and
// without Strict it ignores the unused bits of the last character.
func decodeBase64(segment string) ([]byte, bool) {
	if segment == "" || strings.ContainsAny(segment, "\r\n") {
		return nil, false
	}
	decoded, err := strictBase64.DecodeString(segment)
	return decoded, err == nil
}

// parseObject reads exactly one JSON object. encoding/json keeps the last of
// duplicate members and replaces invalid UTF-8, each of which gives one signed text
// two readings, so it is used for its tokens alone. Numbers are a json.Number.
func parseObject(text []byte) (map[string]any, error) {
	if !json.Valid(text) {
		return nil, errJSON
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	value, err := parseValue(d)
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return nil, errJSON
	}
	return object, nil
}

// parseValue is called for valid JSON, whose depth maxProof bounds.
func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return parseMembers(d)
	case json.Delim('['):
		for d.More() { // no array means anything here
			if _, err := parseValue(d); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return []any(nil), err
	}
	if s, ok := token.(string); ok && strings.ContainsRune(s, utf8.RuneError) {
		return nil, errJSON // what invalid UTF-8 and a lone surrogate become
	}
	return token, nil
}

func parseMembers(d *json.Decoder) (map[string]any, error) {
	object := make(map[string]any)
	for d.More() {
		name, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		if _, twice := object[name.(string)]; twice {
			return nil, errJSON
		}
		if object[name.(string)], err = parseValue(d); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}
