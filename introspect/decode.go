package introspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/passbearer/passbearer"
)

// answer is what the endpoint said.
type answer struct {
	active    bool
	tokenType string
	use       string // token_use
	claims    passbearer.Claims
}

var (
	errSyntax    = errors.New("it is not one JSON object in UTF-8")
	errDuplicate = errors.New("it has a member twice")
	errActive    = errors.New("active is not true or false")
)

// parseAnswer reads names exactly and refuses duplicates, since encoding/json takes
// ACTIVE for active, and the last of two. Nothing but active is read of a token that is
// not active.
func parseAnswer(text []byte) (*answer, error) {
	members, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	a := new(answer)
	if a.active, err = findActive(members); err != nil || !a.active {
		return a, err
	}
	var extra []member
	for _, m := range members {
		known, ok := a.set(m)
		if known && !ok {
			return nil, fmt.Errorf("%s has the wrong type or value", m.name) // a name of ours
		}
		if !known {
			extra = append(extra, m)
		}
	}
	a.claims.Extra = join(extra)
	return a, nil
}

func findActive(members []member) (bool, error) {
	for _, m := range members {
		if text := string(m.raw); m.name == "active" && (text == "true" || text == "false") {
			return text == "true", nil
		}
	}
	return false, errActive
}

type member struct {
	name string
	raw  json.RawMessage
}

func parseObject(text []byte) ([]member, error) {
	// Valid first: a Decoder reads on after what is not.
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errSyntax
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errSyntax
	}
	var members []member
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errSyntax
		}
		m := member{name: name.(string)}
		if err := d.Decode(&m.raw); err != nil {
			return nil, errSyntax
		}
		if seen[m.name] {
			return nil, errDuplicate
		}
		seen[m.name] = true
		members = append(members, m)
	}
	return members, nil
}

// set reads a member that has a place of its own. A null is taken for absent, as some
// servers write it, save where that would take a restriction away.
func (a *answer) set(m member) (known, ok bool) {
	c := &a.claims
	switch m.name {
	case "active":
		return true, true
	case "token_type":
		return true, decode(m.raw, &a.tokenType)
	case "cnf":
		c.Confirmation, ok = decodeConfirmation(m.raw)
	case "aud":
		c.Audience, ok = decodeAudience(m.raw)
	case "exp":
		c.Expiry, ok = decodeDate(m.raw, math.Floor)
		ok = ok && (c.Expiry != 0 || isNull(m.raw)) // one of 1970 must not look like none
	case "nbf":
		c.NotBefore, ok = decodeDate(m.raw, math.Ceil)
	case "iat":
		c.IssuedAt, ok = decodeDate(m.raw, math.Floor)
	case "auth_time":
		c.AuthTime, ok = decodeDate(m.raw, math.Floor)
	case "scope":
		ok = decode(m.raw, &c.Scope) && c.Scope.Valid()
	case "amr":
		c.AMR, ok = decodeWords(m.raw)
	case "token_use":
		_ = decode(m.raw, &a.use) // no registered member: of another type it says nothing
		return false, true
	default:
		text := a.text(m.name)
		return text != nil, text != nil && decode(m.raw, text)
	}
	return true, ok
}

func (a *answer) text(name string) *string {
	switch c := &a.claims; name {
	case "iss":
		return &c.Issuer
	case "sub":
		return &c.Subject
	case "client_id":
		return &c.ClientID
	case "jti":
		return &c.ID
	case "sid":
		return &c.SessionID
	case "acr":
		return &c.ACR
	}
	return nil
}

// decode leaves v as it is for null.
func decode(raw json.RawMessage, v any) bool { return json.Unmarshal(raw, v) == nil }

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func decodeAudience(raw json.RawMessage) (passbearer.Audience, bool) {
	var one string
	values := []*string{&one}
	if !decode(raw, &one) && !decode(raw, &values) {
		return "", false
	}
	if isNull(raw) {
		return "", true
	}
	list := make([]string, len(values))
	for i, v := range values {
		if v == nil || !isAudience(*v) {
			return "", false
		}
		list[i] = *v
	}
	return passbearer.NewAudience(list...), true
}

// isAudience refuses control characters: a line break would make one value into two.
func isAudience(value string) bool {
	return value != "" && !strings.ContainsFunc(value, unicode.IsControl)
}

func decodeWords(raw json.RawMessage) (string, bool) {
	var words []string
	if !decode(raw, &words) {
		return "", false
	}
	for _, w := range words {
		if w == "" || strings.Contains(w, " ") {
			return "", false
		}
	}
	return strings.Join(words, " "), true
}

const maxDate = 1 << 53 // from here on a float64 no longer tells one second from the next

// decodeDate takes 0 for absent, as Keycloak wrote it.
func decodeDate(raw json.RawMessage, round func(float64) float64) (passbearer.NumericDate, bool) {
	if isNull(raw) {
		return 0, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	f = round(f)
	return passbearer.NumericDate(f), err == nil && 0 <= f && f < maxDate
}

// decodeConfirmation never returns the zero Confirmation with true: a binding that is
// not understood must not look like none (RFC 7800).
func decodeConfirmation(raw json.RawMessage) (none passbearer.Confirmation, ok bool) {
	members, err := parseObject(raw)
	if err != nil || len(members) == 0 {
		return none, false
	}
	method := members[0].name
	switch {
	case len(members) > 1:
		return passbearer.Confirmation{Method: "several"}, true
	case method == "jkt" || method == "x5t#S256":
		var thumbprint string
		ok := decode(members[0].raw, &thumbprint) && thumbprint != ""
		return passbearer.Confirmation{Method: method, Thumbprint: thumbprint}, ok
	}
	return passbearer.Confirmation{Method: method}, method != ""
}

// join writes an object with the members in their order, "" for none.
func join(members []member) string {
	if len(members) == 0 {
		return ""
	}
	var b bytes.Buffer
	for i, m := range members {
		b.WriteByte("{,"[min(i, 1)])
		name, _ := json.Marshal(m.name) // a string always encodes
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.raw)
	}
	b.WriteByte('}')
	return b.String()
}
