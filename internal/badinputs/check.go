package badinputs

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
)

// check is what is asked of every answer to an input of the row.
func (c *stage) check(x *exchange) {
	c.inputs++
	c.count(x)
	if !c.allows(x.status) {
		c.errorf("%v: want the status %s", x, c.status)
		return
	}
	switch {
	case x.status < 400:
		c.checkSuccess(x)
	case isResource(x.sent):
		c.checkResourceRefusal(x)
	default:
		c.checkTokenRefusal(x)
	}
	c.inspect(x)
	c.checkConditions(x)
}

// inspect is about what no answer may do, whatever the row says of it.
func (c *stage) inspect(x *exchange) {
	if word := echo(x.sent, x.body+headerText(x.header)); word != "" {
		c.errorf("%v: the answer repeats %q", x, word)
	}
	c.checkInside(x)
}

func (c *stage) checkConditions(x *exchange) {
	for _, condition := range c.conditions() {
		if holds := conditions[condition]; holds != nil {
			c.also(condition, holds(c, x), x)
		} else if m := duration.FindStringSubmatch(condition); m != nil {
			ms, _ := strconv.Atoi(m[1])
			c.also(condition, c.takes(x, time.Duration(ms)*time.Millisecond), x)
		}
	}
}

// count is the sum at the end.
func (c *stage) count(x *exchange) {
	if c.kind == kindBad && (x.status/100 == 2 || len(x.calls) > 0 || strings.Contains(x.body, `"access_token"`)) {
		c.accepted++
	}
	if c.kind == kindControl && x.status != http.StatusOK {
		c.denied++
	}
	if x.status >= 500 && !c.allows(x.status) {
		c.undue++
	}
	if panicked(x) && !c.allows(http.StatusInternalServerError) {
		c.panics++
		c.errorf("%v: panic: %s", x, x.log)
	}
}

func panicked(x *exchange) bool {
	for _, e := range x.events {
		if e.Kind == passbearer.EventPanic {
			return true
		}
	}
	return strings.Contains(x.log, "http: panic serving")
}

// checkInside is about what the server's side saw.
func (c *stage) checkInside(x *exchange) {
	if c.kind == kindBad && len(x.calls) > 0 {
		c.errorf("%v: the protected handler was called", x)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(x.log, "\n"), "\n") {
		if line != "" && !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "http: ") && !panicked(x) {
			c.errorf("%v: the log has the line %q", x, line)
		}
	}
	if word := echo(x.sent, x.log); word != "" {
		c.errorf("%v: the log has %q", x, word)
	}
}

func (c *stage) checkSuccess(x *exchange) {
	if c.kind != kindControl {
		return
	}
	if isResource(x.sent) {
		if !admitted(x) {
			c.errorf("%v: the handler was called with %+v", x, x.calls)
		}
		return
	}
	a := x.answer()
	claims, err := c.tokens.VerifyToken(c.ctx, a.Access)
	if err != nil || !c.made[claims.Subject] || !strings.EqualFold(a.Type, "bearer") || !isTokenAnswer(x) {
		c.errorf("%v: not an answer with a token of this row's user: %v", x, err)
	}
}

// admitted reports whether the handler was called once, with what the token that
// was sent says.
func admitted(x *exchange) bool {
	if len(x.calls) != 1 {
		return false
	}
	sub, jti := principalOf(x.sent)
	got := x.calls[0].claims
	return sub != "" && got.Subject == sub && got.ID == jti
}

var compactJWT = regexp.MustCompile(`[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+`)

func principalOf(sent string) (sub, jti string) {
	var claims struct{ Sub, Jti string }
	if m := compactJWT.FindStringSubmatch(sent); m != nil {
		payload, _ := base64.RawURLEncoding.DecodeString(m[1])
		json.Unmarshal(payload, &claims)
	}
	return claims.Sub, claims.Jti
}

// isResource tells by the request's target which of the two forms of refusal it
// gets.
func isResource(sent string) bool {
	_, rest, _ := strings.Cut(sent, " ")
	path, _, _ := strings.Cut(rest, " ")
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "http://api"), "?")
	switch path {
	case "/items", "/admin", "/me", "/optional", "/extracted":
		return true
	}
	return strings.HasPrefix(path, "/key/")
}

// isOurs tells our answers from those of net/http, which are in plain text.
func isOurs(x *exchange) bool { return x.header.Get("Content-Type") == "application/json" }

func isTokenAnswer(x *exchange) bool {
	return isOurs(x) && x.header.Get("Cache-Control") == "no-store"
}

var challenge = regexp.MustCompile(`^Bearer realm="[^"\\]+"(, error="([a-z_]+)", error_description="[^"\\]+"(, scope="[^"\\]+")?)?$`)

// checkResourceRefusal follows RFC 6750 §3. Where the catalogue has no code, none
// may be in a 401; what net/http refuses has no challenge.
func (c *stage) checkResourceRefusal(x *exchange) {
	if c.code == "-" && x.status != http.StatusUnauthorized && !isOurs(x) {
		return
	}
	if x.status >= 500 {
		if a := x.answer(); !isTokenAnswer(x) || a.Detail == "" || x.header.Get("Www-Authenticate") != "" {
			c.errorf("%v: not the form of a failure", x)
		}
		return
	}
	m := challenge.FindStringSubmatch(x.header.Get("Www-Authenticate"))
	switch a := x.answer(); {
	case len(x.header["Www-Authenticate"]) != 1 || m == nil:
		c.errorf("%v: not one challenge of RFC 6750", x)
	case c.status != "-" && m[2] != strings.Trim(c.code, "-"):
		c.errorf("%v: want the error %s in the challenge", x, c.code)
	case !isTokenAnswer(x) || (a.Detail == "" && x.method() != http.MethodHead):
		c.errorf("%v: not the form of a refusal", x)
	}
}

// checkTokenRefusal follows RFC 6749 §5.2, with the member detail.
func (c *stage) checkTokenRefusal(x *exchange) {
	if c.code == "-" && !isOurs(x) {
		return
	}
	a := x.answer()
	switch {
	case !isTokenAnswer(x) || a.Detail != a.Description || x.method() != http.MethodHead && a.Detail == "":
		c.errorf("%v: not the form of a refusal", x)
	case c.code != "-" && a.Error != c.code:
		c.errorf("%v: want the error %s", x, c.code)
	case a.Error == "invalid_client" && usedHeader(x.sent):
		if x.header.Get("Www-Authenticate") != `Basic realm="token"` {
			c.errorf("%v: a client that used the header gets no challenge", x)
		}
	case x.header.Get("Www-Authenticate") != "":
		c.errorf("%v: a challenge where none is due", x)
	}
}

func usedHeader(sent string) bool {
	head, _, _ := strings.Cut(sent, "\r\n\r\n")
	_, value, ok := strings.Cut(head, "\r\nAuthorization: ")
	value, _, _ = strings.Cut(value, "\r\n")
	return ok && strings.TrimSpace(value) != "" && value != "Basic Og=="
}

func headerText(h http.Header) string {
	var b strings.Builder
	h.Write(&b)
	return b.String()
}

// minWord is the length from which a word that was sent must not be repeated.
const minWord = 12

// public are words of that length that an answer has of itself: the names of
// parameters and headers, and what to send.
var public = setOf("x-www-form-urlencoded", "Authorization", "Content-Encoding", "Content-Length", "Content-Type", "client_secret",
	"refresh_token", "access_token", "token_type_hint", "client_assertion", "client_assertion_type", "code_verifier", "redirect_uri",
	"response_type", "subject_token", "subject_token_type", "requested_token_type")

func setOf(list ...string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return set
}

// echo returns a word of what was sent that is in text.
func echo(sent, text string) string {
	for _, word := range words(sent) {
		if strings.Contains(text, word) {
			return word
		}
	}
	return ""
}

// words are those that must not be repeated, as they were sent and decoded.
func words(sent string) (all []string) {
	const looked = 8 << 10
	if len(sent) > 2*looked {
		sent = sent[:looked] + " " + sent[len(sent)-looked:]
	}
	separates := func(r rune) bool { return strings.ContainsRune(" \t\r\n&=;,:\"?/<>(){}", r) }
	for _, word := range strings.FieldsFunc(sent, separates) {
		plain, err := url.QueryUnescape(word)
		if err != nil {
			plain = word
		}
		for _, w := range []string{word, plain} {
			if len(w) >= minWord && !public[w] {
				all = append(all, w)
			}
		}
	}
	return all
}

var duration = regexp.MustCompile(`^<= (\d+) ms$`)

// takes reports whether the server answers x's request within d. Other processes
// have the processor too, so the best of some tries counts.
func (c *stage) takes(x *exchange, d time.Duration) bool {
	return atBest(d, func() time.Duration {
		w, r := httptest.NewRecorder(), c.read(x.sent)
		start := time.Now()
		c.mux.ServeHTTP(w, r)
		return time.Since(start)
	})
}

func atBest(d time.Duration, measure func() time.Duration) bool {
	for range 20 {
		if measure() <= d*slowdown {
			return true
		}
	}
	return false
}

// allocates reports whether f takes at most so many bytes, at best: other
// goroutines' are counted too. The race detector has some of its own, so that with
// it this is not asked.
func allocates(most uint64, f func()) bool {
	for range 20 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		if slowdown > 1 || after.TotalAlloc-before.TotalAlloc <= most {
			return true
		}
	}
	return false
}
