package jwttoken

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/jsontext"
)

const maxDate = 1 << 53 // from here on a float64 no longer tells one second from the next

var (
	errTwin = errors.New("a name differs from a registered one by case only")
	errType = errors.New("a claim has the wrong type or value")
)

// registered are the members that have a field of their own in [passbearer.Claims].
var registered = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time", "acr", "amr", "cnf", "epoch",
}

// registeredIn leaves out "epoch", a private claim, which means something in own tokens alone.
func registeredIn(foreign bool) []string {
	if foreign {
		return registered[:len(registered)-1]
	}
	return registered
}

// isTwin reports whether a name that is none of names is one of them but for its case, such as "EXP": a
// lax reader takes it for the other.
func isTwin(name string, names []string) bool {
	if strings.IndexFunc(name, folds) < 0 {
		return false
	}
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(name, n) })
}

// folds reports whether r may stand for a lower-case letter; beyond ASCII there are a few that do.
func folds(r rune) bool { return 'A' <= r && r <= 'Z' || r > unicode.MaxASCII }

// decodeClaims reads the members of a payload into c. What is not registered goes to Extra as it was
// spelled.
func decodeClaims(c *passbearer.Claims, members []member, foreign bool) error {
	names := registeredIn(foreign)
	var extra []member
	for i := range members {
		m := &members[i]
		known, ok := decodeClaim(c, m, foreign)
		switch {
		case known && !ok:
			return errType
		case !known && isTwin(m.name, names):
			return errTwin
		case !known:
			extra = append(extra, *m)
		}
	}
	c.Extra = joinMembers(extra)
	return nil
}

func decodeClaim(c *passbearer.Claims, m *member, foreign bool) (known, ok bool) {
	switch m.name {
	case "iss":
		c.Issuer, ok = parseString(m.raw)
	case "sub":
		c.Subject, ok = parseString(m.raw)
	case "aud":
		c.Audience, ok = decodeAudience(m.raw)
	case "exp":
		c.Expiry, ok = decodeDate(m.raw, math.Floor)
	case "nbf":
		// Rounded up: a token must not become valid before its time.
		c.NotBefore, ok = decodeDate(m.raw, math.Ceil)
	case "iat":
		c.IssuedAt, ok = decodeDate(m.raw, math.Floor)
	case "jti":
		c.ID, ok = parseString(m.raw)
	case "client_id":
		c.ClientID, ok = parseString(m.raw)
	case "scope":
		c.Scope, ok = decodeScope(m.raw, foreign)
	case "sid":
		c.SessionID, ok = parseString(m.raw)
	case "auth_time":
		c.AuthTime, ok = decodeDate(m.raw, math.Floor)
	case "acr":
		c.ACR, ok = parseString(m.raw)
	case "amr":
		c.AMR, ok = decodeWords(m.raw)
	case "cnf":
		c.Confirmation, ok = decodeConfirmation(m.raw)
	case "epoch":
		if foreign {
			return false, false
		}
		c.Epoch, ok = decodeCount(m.raw)
	default:
		return false, false
	}
	return true, ok
}

func decodeAudience(raw string) (passbearer.Audience, bool) {
	if value, ok := parseString(raw); ok {
		return passbearer.Audience(value), isAudience(value)
	}
	values, ok := decodeStrings(raw)
	for _, value := range values {
		ok = ok && isAudience(value)
	}
	if !ok || len(values) == 0 {
		return "", false
	}
	return passbearer.NewAudience(values...), true
}

// isAudience refuses control characters: a line break would make one value into two.
func isAudience(value string) bool {
	return value != "" && !strings.ContainsFunc(value, unicode.IsControl)
}

func decodeStrings(raw string) ([]string, bool) {
	values, ok := parseArray(raw)
	for i, element := range values {
		var isString bool
		values[i], isString = parseString(element)
		ok = ok && isString
	}
	return values, ok
}

// decodeWords joins an array of strings by spaces; a string with a space would become two.
func decodeWords(raw string) (string, bool) {
	words, ok := decodeStrings(raw)
	for _, word := range words {
		ok = ok && word != "" && !strings.Contains(word, " ")
	}
	return strings.Join(words, " "), ok
}

func decodeScope(raw string, foreign bool) (passbearer.Scope, bool) {
	text, ok := parseString(raw)
	if !ok && foreign {
		text, ok = decodeWords(raw)
	}
	scope := passbearer.Scope(text)
	return scope, ok && scope.Valid()
}

func decodeDate(raw string, round func(float64) float64) (passbearer.NumericDate, bool) {
	if raw[0] != '-' && !isDigit(raw[0]) {
		return 0, false
	}
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return passbearer.NumericDate(n), 0 <= n && n < maxDate
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f < 0 {
		return 0, false
	}
	f = round(f)
	return passbearer.NumericDate(f), f < maxDate
}

func decodeCount(raw string) (int64, bool) {
	n, err := strconv.ParseInt(raw, 10, 64)
	return n, err == nil && n > 0
}

// decodeConfirmation never returns the zero Confirmation with true: a bound token (RFC 7800) whose
// binding is not understood must not look like one that is not bound, and one that is bound twice not
// like one that is bound once.
func decodeConfirmation(raw string) (none passbearer.Confirmation, ok bool) {
	members, err := parseObject(raw, nil)
	if err != nil || len(members) == 0 {
		return none, false
	}
	method := members[0].name
	switch {
	case len(members) > 1:
		return passbearer.Confirmation{Method: "several"}, true
	case method == "jkt" || method == "x5t#S256":
		thumbprint, isString := parseString(members[0].raw)
		return passbearer.Confirmation{Method: method, Thumbprint: thumbprint}, isString && thumbprint != ""
	}
	return passbearer.Confirmation{Method: method}, method != ""
}

// joinMembers writes an object with the members as they were spelled, "" for none.
func joinMembers(members []member) string {
	if len(members) == 0 {
		return ""
	}
	size := 1
	for i := range members {
		size += len(members[i].rawName) + len(members[i].raw) + 2
	}
	var b strings.Builder
	b.Grow(size)
	for i, m := range members {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(m.rawName)
		b.WriteByte(':')
		b.WriteString(m.raw)
	}
	b.WriteByte('}')
	return b.String()
}

// appendClaims appends the payload of c to the empty slice dst. The caller has put c.Extra through
// [normalizeExtra].
func appendClaims(dst []byte, c *passbearer.Claims) []byte {
	w := objectWriter{dst}
	w.text("iss", c.Issuer)
	w.text("sub", c.Subject)
	w.audience(c.Audience)
	w.date("exp", c.Expiry)
	w.date("nbf", c.NotBefore)
	w.date("iat", c.IssuedAt)
	w.text("jti", c.ID)
	w.text("client_id", c.ClientID)
	w.text("scope", string(c.Scope))
	w.text("sid", c.SessionID)
	w.date("auth_time", c.AuthTime)
	w.text("acr", c.ACR)
	if c.AMR != "" {
		w.texts("amr", c.AMR, " ")
	}
	if c.Epoch != 0 {
		w.number("epoch", c.Epoch)
	}
	if cnf := c.Confirmation; cnf != (passbearer.Confirmation{}) {
		w.name("cnf")
		inner := objectWriter{}
		inner.text(cnf.Method, cnf.Thumbprint)
		w.b = append(w.b, inner.close("")...)
	}
	return w.close(c.Extra)
}

// normalizeExtra returns extra as a verifier will read it back.
func normalizeExtra(extra string, foreign bool) (string, error) {
	if extra == "" {
		return "", nil
	}
	members, err := parseObject(extra, nil)
	if err != nil {
		return "", err
	}
	for _, m := range members {
		switch names := registeredIn(foreign); {
		case slices.Contains(names, m.name):
			return "", errors.New("a registered claim must be set by its own field")
		case isTwin(m.name, names):
			return "", errTwin
		}
	}
	return joinMembers(members), nil
}

// objectWriter writes members in a fixed order and leaves out empty ones. Their names are ours, or the
// method of a confirmation that checkIssue lets pass: they need no escape.
type objectWriter struct{ b []byte }

func (w *objectWriter) name(name string) {
	w.b = append(w.b, "{,"[min(len(w.b), 1)], '"')
	w.b = append(append(w.b, name...), `":`...)
}

func (w *objectWriter) text(name, value string) {
	if value != "" {
		w.name(name)
		w.b = jsontext.AppendString(w.b, value)
	}
}

// texts writes an array of what list has between separators.
func (w *objectWriter) texts(name, list, separator string) {
	w.name(name)
	open := byte('[')
	for value := range strings.SplitSeq(list, separator) {
		w.b = jsontext.AppendString(append(w.b, open), value)
		open = ','
	}
	w.b = append(w.b, ']')
}

func (w *objectWriter) number(name string, value int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

func (w *objectWriter) date(name string, value passbearer.NumericDate) {
	if value != 0 {
		w.number(name, int64(value))
	}
}

func (w *objectWriter) audience(a passbearer.Audience) {
	if strings.Contains(string(a), "\n") {
		w.texts("aud", string(a), "\n")
		return
	}
	w.text("aud", string(a))
}

// close appends the members of extra, an object without registered names, and ends the object.
func (w *objectWriter) close(extra string) []byte {
	if len(w.b) == 0 {
		w.b = append(w.b, '{')
	} else if extra != "" {
		w.b = append(w.b, ',')
	}
	if extra == "" {
		extra = "{}"
	}
	return append(w.b, extra[1:]...)
}
