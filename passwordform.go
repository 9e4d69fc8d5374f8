package passbearer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const mediaForm = "application/x-www-form-urlencoded"

// Bounds of a token request.
const (
	maxFormBytes  = 64 << 10
	maxParams     = 32
	maxParamName  = 256 // bytes
	maxScopeCount = 256
	formTimeout   = 10 * time.Second // for the whole body, where the server sets no ReadTimeout
)

// PasswordForm is the form of a token request with a name and a password
// (RFC 6749 §4.3.2). It prints as its type only: a password is often typed into
// the wrong field.
type PasswordForm struct {
	GrantType    string `json:"-"` // "password", or empty where the lenient form lacks it
	Username     string `json:"-"` // as it was typed, not canonical
	Password     string `json:"-"` // not empty
	Scope        Scope  `json:"-"` // valid; empty if none was asked for
	ClientID     string `json:"-"` // as it was sent, not authenticated
	ClientSecret string `json:"-"` // likewise
}

// Format hides the form from package fmt.
func (PasswordForm) Format(s fmt.State, _ rune) { io.WriteString(s, "PasswordForm{…}") }

// LogValue hides the form from package slog.
func (PasswordForm) LogValue() slog.Value { return slog.StringValue("PasswordForm{…}") }

// ParsePasswordForm reads the form from r's body, as application/x-www-form-urlencoded
// and in nothing else; the URL's query is never a source. grant_type may be
// absent. The body is at most 64 KiB and 32 parameters, and arrives within 10
// seconds where the server has no ReadTimeout. The connection of a client that
// stalls ends too only with a ReadTimeout, or a read deadline such as
// [TokenHandler] sets.
//
// Every error is an [*Error] that [DenyTokenRequest] can answer. It may name a
// parameter, and never holds a value. ParsePasswordForm reads the body itself:
// nothing before it may have called r.ParseForm.
func ParsePasswordForm(r *http.Request) (*PasswordForm, error) { return parsePasswordForm(r, false) }

// ParsePasswordFormStrict is [ParsePasswordForm], but grant_type must be there,
// as RFC 6749 says.
func ParsePasswordFormStrict(r *http.Request) (*PasswordForm, error) {
	return parsePasswordForm(r, true)
}

func parsePasswordForm(r *http.Request, strict bool) (*PasswordForm, error) {
	wait := formTimeout
	if hasReadTimeout(r) {
		wait = 0 // the server's own limit is the one its operator chose
	}
	p, e := readParams(r, wait)
	if e != nil {
		return nil, e
	}
	grantType, e := p.grantType(strict)
	if e != nil {
		return nil, e
	}
	if grantType != grantPassword {
		return nil, unsupportedGrant()
	}
	form, e := p.passwordForm()
	if e != nil {
		return nil, e
	}
	return form, nil
}

func (p params) passwordForm() (*PasswordForm, *Error) {
	for _, name := range []string{"username", "password"} {
		if p.get(name) == "" {
			return nil, missing(name)
		}
	}
	scope, e := p.scope()
	if e != nil {
		return nil, e
	}
	return &PasswordForm{p.get("grant_type"), p.get("username"), p.get("password"), scope, p.get("client_id"), p.get("client_secret")}, nil
}

// params are the parameters of a token request, none of them repeated. An empty
// one is as good as absent (RFC 6749 §3.2). They are few: a map would be slower.
type params []param

type param struct{ name, value string }

func (p params) get(name string) string {
	for i := range p {
		if p[i].name == name {
			return p[i].value
		}
	}
	return ""
}

func (p params) has(name string) bool {
	return slices.ContainsFunc(p, func(q param) bool { return q.name == name })
}

// grantType follows the tutorial's form: without grant_type it is a password
// grant when username and password are there.
func (p params) grantType(strict bool) (string, *Error) {
	if grantType := p.get("grant_type"); grantType != "" {
		return grantType, nil
	}
	if strict || p.has("grant_type") || !p.has("username") && !p.has("password") {
		return "", missing("grant_type")
	}
	return grantPassword, nil
}

// scope returns the scope asked for, each token once.
func (p params) scope() (Scope, *Error) {
	asked := Scope(p.get("scope"))
	var scope Scope
	n := 0
	for token := range asked.All() {
		if n++; n > maxScopeCount {
			return "", formError(codeInvalidScope, "Too many scopes")
		}
		if !Scope(token).Valid() {
			return "", formError(codeInvalidScope, "Malformed scope")
		}
		if !scope.Has(token) {
			scope = scope.with(token)
		}
	}
	return scope, nil
}

// readParams reads the whole of a token request.
func readParams(r *http.Request, wait time.Duration) (params, *Error) {
	if e := checkForm(r); e != nil {
		return nil, e
	}
	body, e := readForm(r, wait)
	if e != nil {
		return nil, e
	}
	p, e := parseParams(string(body))
	if e != nil {
		return nil, e
	}
	if p.get("resource") != "" {
		return nil, formError(codeInvalidTarget, "resource is not supported: tokens have one audience")
	}
	return p, nil
}

// checkForm refuses what need not be read.
func checkForm(r *http.Request) *Error {
	if r.PostForm != nil || r.MultipartForm != nil {
		return serverError(errors.New("the request's form was parsed before the token endpoint: mount it outside of that middleware"))
	}
	if name := inQuery(r, knownParams...); name != "" {
		return formError(codeInvalidRequest, "Parameter in the URL: "+name)
	}
	types := r.Header["Content-Type"]
	if len(types) != 1 {
		return formError(codeInvalidRequest, "Content-Type must be application/x-www-form-urlencoded, once")
	}
	media, attrs, err := parseMediaType(types[0])
	if charset, ok := attrs["charset"]; err == nil && ok && !strings.EqualFold(charset, "utf-8") {
		return formError(codeInvalidRequest, "The form's charset must be UTF-8")
	}
	switch {
	case media == "multipart/form-data":
		return formError(codeInvalidRequest, "Send application/x-www-form-urlencoded, not multipart (in a browser: URLSearchParams, not FormData)")
	case media == "application/json":
		return formError(codeInvalidRequest, "Send application/x-www-form-urlencoded, not JSON (in a browser: URLSearchParams)")
	case err != nil, media != mediaForm:
		return formError(codeInvalidRequest, "Content-Type must be application/x-www-form-urlencoded")
	case r.Header.Get("Content-Encoding") != "":
		return formError(codeInvalidRequest, "Content-Encoding is not supported")
	case r.ContentLength > maxFormBytes:
		return tooLarge()
	}
	return nil
}

func parseMediaType(header string) (media string, attrs map[string]string, err error) {
	if header == mediaForm { // nearly always
		return header, nil, nil
	}
	return mime.ParseMediaType(header)
}

// readForm bounds the body's size and time; a wait of 0 leaves the time to the
// connection. Otherwise reading happens on a goroutine of its own, since a
// ResponseWriter that hides SetReadDeadline leaves no other way to stop waiting.
// net/http ends it once the answer is written.
func readForm(r *http.Request, wait time.Duration) ([]byte, *Error) {
	if wait == 0 {
		return checkBody(r, readBody(r))
	}
	done := make(chan bodyRead, 1)
	go func() { done <- readBody(r) }()
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case read := <-done:
		return checkBody(r, read)
	case <-timeout.C:
		return nil, tooSlow()
	}
}

type bodyRead struct {
	body []byte
	err  error
}

func readBody(r *http.Request) (read bodyRead) {
	defer func() {
		if v := recover(); v != nil { // on a goroutine of its own it would end the process
			read.err = &panicError{v, debug.Stack()}
		}
	}()
	read.body, read.err = io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	return read
}

func hasReadTimeout(r *http.Request) bool {
	s := serverOf(r)
	return s != nil && s.ReadTimeout > 0
}

// serverOf returns nil where r does not come from net/http.
func serverOf(r *http.Request) *http.Server {
	s, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	return s
}

func checkBody(r *http.Request, read bodyRead) ([]byte, *Error) {
	switch {
	case len(read.body) > maxFormBytes:
		return nil, tooLarge()
	case read.err != nil:
		return nil, bodyError(read.err)
	case len(read.body) == 0 && r.ContentLength > 0:
		return nil, serverError(errors.New("the request's body was read before the token endpoint: mount it outside of that middleware"))
	}
	return read.body, nil
}

func bodyError(err error) *Error {
	var tooBig *http.MaxBytesError
	var p *panicError
	switch {
	case errors.As(err, &p):
		return serverError(err)
	case errors.As(err, &tooBig):
		return tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return tooSlow()
	}
	return formError(codeInvalidRequest, "The body could not be read")
}

// parseParams is stricter than url.ParseQuery, which keeps repeated parameters
// and takes any bytes.
func parseParams(body string) (params, *Error) {
	p := make(params, 0, min(maxParams, 1+strings.Count(body, "&")))
	for n := 0; body != ""; {
		var pair string
		pair, body = cut(body, '&')
		if pair == "" {
			continue
		}
		if n++; n > maxParams {
			return nil, formError(codeInvalidRequest, "Too many parameters")
		}
		if strings.Contains(pair, ";") {
			return nil, formError(codeInvalidRequest, "Parameters are separated by &, and a semicolon is written %3B")
		}
		name, value, e := parsePair(pair)
		if e != nil {
			return nil, e
		}
		if p.has(name) {
			return nil, formError(codeInvalidRequest, "Repeated parameter"+named(name))
		}
		p = append(p, param{name, value})
	}
	return p, nil
}

func parsePair(pair string) (name, value string, e *Error) {
	rawName, rawValue := cut(pair, '=')
	if len(rawName) > maxParamName {
		return "", "", formError(codeInvalidRequest, "A parameter's name is too long")
	}
	name, err := url.QueryUnescape(rawName)
	if err != nil || !isText(name) {
		return "", "", formError(codeInvalidRequest, "A parameter's name is malformed")
	}
	value, err = url.QueryUnescape(rawValue)
	switch {
	case err != nil:
		return "", "", formError(codeInvalidRequest, "Bad percent-encoding in parameter"+named(name))
	case !utf8.ValidString(value):
		return "", "", formError(codeInvalidRequest, "Not UTF-8: parameter"+named(name))
	case !isText(value) && name == "scope":
		return "", "", formError(codeInvalidScope, "Malformed scope")
	case !isText(value):
		return "", "", formError(codeInvalidRequest, "NUL in parameter"+named(name))
	}
	return name, value, nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// knownParams may be named in an answer. Another name may be a piece of a
// password whose & was not escaped.
var knownParams = []string{
	"grant_type", "username", "password", "scope", "client_id", "client_secret", "refresh_token",
	"token", "token_type_hint", "access_token", "client_assertion", "client_assertion_type", "resource",
	"audience", "code", "code_verifier", "redirect_uri", "device_code", "assertion", "subject_token",
	"actor_token", "requested_token_type", "subject_token_type", "state", "response_type",
	"mfa_token", "otp",
}

func named(name string) string {
	for _, known := range knownParams {
		if name == known {
			return ": " + name
		}
	}
	return ""
}

func missing(name string) *Error { return formError(codeInvalidRequest, "Missing parameter: "+name) }

func formError(code, description string) *Error {
	return &Error{StatusCode: http.StatusBadRequest, ErrorCode: code, ErrorDescription: description}
}

func unsupportedGrant() *Error {
	return formError(codeUnsupportedGrant, "This grant type is not supported here")
}

func tooLarge() *Error {
	return &Error{StatusCode: http.StatusRequestEntityTooLarge, ErrorCode: codeInvalidRequest, ErrorDescription: "The body is over 64 KiB"}
}

func tooSlow() *Error {
	return &Error{StatusCode: http.StatusRequestTimeout, ErrorCode: codeInvalidRequest, ErrorDescription: "The body took too long"}
}
