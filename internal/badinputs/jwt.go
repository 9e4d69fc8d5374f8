package badinputs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/passbearer/passbearer/jwttoken"
)

// Tokens are made here by hand, since the library's own issuer makes no bad ones.

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// head is the header of the server's own tokens.
const head = `{"typ":"at+jwt","alg":"ES256","kid":"current"}`

func headOf(alg jwttoken.Algorithm, kid string) string {
	return fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, kid)
}

// member is one of a payload, its value as it is spelled.
type member struct{ name, raw string }

// absent leaves a member out.
const absent = "(absent)"

// payload is a good one with edits: names and raw values in turn.
func (c *stage) payload(edits ...string) string {
	now := c.clock.unix()
	members := []member{
		{"iss", quote(issuer)}, {"aud", quote(audience)}, {"sub", `"u-crafted"`}, {"jti", quote(rand.Text())},
		{"iat", fmt.Sprint(now)}, {"exp", fmt.Sprint(now + 60)}, {"client_id", `"c1"`}, {"scope", `"read write"`},
	}
	for i := 0; i < len(edits); i += 2 {
		members = edit(members, member{edits[i], edits[i+1]})
	}
	var b strings.Builder
	for _, m := range members {
		if m.raw != absent {
			b.WriteByte("{,"[min(b.Len(), 1)])
			b.WriteString(`"` + m.name + `":` + m.raw)
		}
	}
	return b.String() + "}"
}

func edit(members []member, with member) []member {
	for i := range members {
		if members[i].name == with.name {
			members[i] = with
			return members
		}
	}
	return append(members, with)
}

func quote(s string) string { return strconv.Quote(s) }

// in is a time in seconds from now.
func (c *stage) in(seconds int64) string { return fmt.Sprint(c.clock.unix() + seconds) }

// jwt is a token of the server's own key, good but for the edits.
func (c *stage) jwt(edits ...string) string { return c.sign(head, c.payload(edits...)) }

// sign encodes and signs with the server's own key.
func (c *stage) sign(head, payload string) string { return c.seal(b64(head), b64(payload)) }

// seal signs two segments, however they are spelled.
func (c *stage) seal(head, payload string) string {
	return head + "." + payload + "." + signature("ES256", c.current, head+"."+payload)
}

// signature is the third segment.
func signature(alg string, key any, signed string) string {
	return b64(string(rawSignature(alg, key, signed)))
}

// rawSignature makes any of the algorithms of RFC 7518 with any key that can.
func rawSignature(alg string, key any, signed string) []byte {
	switch alg[:2] {
	case "HS":
		mac := hmac.New(hashOf(alg), key.([]byte))
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	case "ES":
		k := key.(*ecdsa.PrivateKey)
		r, s, err := ecdsa.Sign(rand.Reader, k, digest(alg, signed))
		if err != nil {
			panic(err)
		}
		return pair(r, s, (k.Params().BitSize+7)/8)
	case "RS":
		return must(rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), cryptoHash(alg), digest(alg, signed)))
	case "PS":
		return pss(key.(*rsa.PrivateKey), alg, signed, rsa.PSSSaltLengthEqualsHash)
	case "Ed":
		return ed25519.Sign(key.(ed25519.PrivateKey), []byte(signed))
	}
	panic("no such algorithm: " + alg)
}

func pss(key *rsa.PrivateKey, alg, signed string, salt int) []byte {
	return must(rsa.SignPSS(rand.Reader, key, cryptoHash(alg), digest(alg, signed), &rsa.PSSOptions{SaltLength: salt}))
}

// pair is the form of RFC 7518 §3.4.
func pair(r, s *big.Int, size int) []byte {
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out
}

func hashOf(alg string) func() hash.Hash {
	switch alg[2:] {
	case "384":
		return sha512.New384
	case "512":
		return sha512.New
	}
	return sha256.New
}

func cryptoHash(alg string) crypto.Hash {
	switch alg[2:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func digest(alg, signed string) []byte {
	h := hashOf(alg)()
	h.Write([]byte(signed))
	return h.Sum(nil)
}

var token68 = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// present judges tokens in the Authorization header. One that no header may have
// is handed to the verifier all the same, by a Guard that takes it from elsewhere.
func (c *stage) present(tokens ...string) { c.presentAt("/items", tokens...) }

func (c *stage) presentAt(path string, tokens ...string) {
	for _, token := range tokens {
		if token68.MatchString(token) {
			c.judge(get(path, bearer(token)))
			continue
		}
		c.need(path == "/items", "a token for %s has the wrong form", path)
		c.judge(get("/extracted?t=" + url.QueryEscape(token)))
	}
}

// split returns a token's segments.
func split(token string) (head, payload, signature string) {
	parts := strings.SplitN(token, ".", 3)
	return parts[0], parts[1], parts[2]
}

// quoteJSON writes any bytes as a string of JSON, control characters escaped.
func quoteJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}
