package remotejwks

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// What is peeked at is not verified. It chooses among what is configured, and the verifier then reads the token
// again, strictly.

// peekIssuer returns what a token says its issuer is, or the empty string, which is no issuer's.
func (v *Verifier) peekIssuer(token string) string {
	var payload struct {
		Issuer string `json:"iss"`
	}
	v.peek(token, 1, &payload)
	return payload.Issuer
}

// peekKeyID returns the key id that a token names, or the empty string.
func (v *Verifier) peekKeyID(token string) string {
	var header struct {
		KeyID string `json:"kid"`
	}
	v.peek(token, 0, &header)
	return header.KeyID
}

func (v *Verifier) peek(token string, segment int, into any) {
	if len(token) > v.maxTokenSize {
		return
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return
	}
	if text, err := base64.RawURLEncoding.DecodeString(parts[segment]); err == nil {
		_ = json.Unmarshal(text, into) // what cannot be read is left empty
	}
}
