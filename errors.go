package passbearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/passbearer/passbearer/password"
)

var (
	// ErrNoCredentials means that a request carries no bearer token: no
	// Authorization header, an empty one, or one of another scheme. A custom
	// [GuardOptions.Extract] wraps it.
	ErrNoCredentials = errors.New("passbearer: no bearer token")

	// ErrInvalidToken means that a token is not valid here, for whatever
	// reason. A [TokenVerifier] wraps it.
	ErrInvalidToken = errors.New("passbearer: invalid token")

	// ErrUserNotFound means that no user has the name or id asked for.
	ErrUserNotFound = errors.New("passbearer: no such user")

	// ErrUserDisabled means that a user may not sign in now.
	ErrUserDisabled = errors.New("passbearer: user is disabled")

	// ErrUserExists means that a user to add has the id or the name of another.
	ErrUserExists = errors.New("passbearer: a user with this id or name exists")

	// ErrPasswordChanged means that a password was changed meanwhile.
	ErrPasswordChanged = errors.New("passbearer: the password was changed meanwhile")

	// ErrClientNotFound means that no client has the id asked for.
	ErrClientNotFound = errors.New("passbearer: no such client")

	// ErrSessionNotFound means that no session has the id asked for.
	ErrSessionNotFound = errors.New("passbearer: no such session")
)

// The error codes of RFC 6749 §5.2 and RFC 6750 §3.1, and two for answers
// those have no code for.
const (
	codeInvalidRequest     = "invalid_request"
	codeInvalidClient      = "invalid_client"
	codeInvalidGrant       = "invalid_grant"
	codeInvalidScope       = "invalid_scope"
	codeInvalidTarget      = "invalid_target" // RFC 8707 §2
	codeUnauthorizedClient = "unauthorized_client"
	codeInvalidToken       = "invalid_token"
	codeInsufficientScope  = "insufficient_scope"
	codeServerError        = "server_error"
	codeUnavailable        = "temporarily_unavailable"
	codeUnsupportedGrant   = "unsupported_grant_type"
	codeUseNonce           = "use_dpop_nonce"                   // RFC 9449 §8
	codeInvalidProof       = "invalid_dpop_proof"               // RFC 9449 §5, §7.1
	codeInsufficientAuth   = "insufficient_user_authentication" // RFC 9470 §3
	detailNotAuthenticated = "Not authenticated"
)

// The authentication schemes of a Guard (RFC 6750, RFC 9449).
const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
)

// Error is a refusal as the client gets it. Its fields are named as in the
// RFCs; none of them holds what the client sent.
type Error struct {
	StatusCode int // the HTTP status: 400 to 599, or else 400 is sent

	// ErrorCode is the RFC's error code, and empty where a request has no
	// credentials at all (RFC 6750 §3.1).
	ErrorCode string

	// ErrorDescription is a sentence for people, also the body's "detail".
	// Printable ASCII without quote and backslash (RFC 6749 §5.2).
	ErrorDescription string

	Scheme     string         // the challenge's scheme: "Bearer", "DPoP", "Basic", or empty for no challenge
	Realm      string         // the challenge's realm, or empty
	Scope      Scope          // what the resource demands
	Params     [][2]string    // further parameters of the challenge: name and value
	Header     http.Header    // further fields of the answer, DPoP-Nonce for instance
	RetryAfter time.Duration  // rounded up to seconds; zero sends no Retry-After
	Extra      map[string]any // further members of the JSON body

	// Cause is what went wrong inside. It is matched by errors.Is and
	// errors.As, and never sent.
	Cause error
}

// Error has the description, the code and the cause: for logs, not for clients.
func (e *Error) Error() string {
	text := "passbearer: " + e.ErrorDescription
	if e.ErrorCode != "" {
		text = "passbearer: " + e.ErrorCode + ": " + e.ErrorDescription
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// GoString is e.Error(): Extra may hold a secret.
func (e *Error) GoString() string { return e.Error() }

// addHeader leaves the map alone, which may be the application's.
func (e *Error) addHeader(name, value string) {
	if e.Header = e.Header.Clone(); e.Header == nil {
		e.Header = http.Header{}
	}
	e.Header.Add(name, value)
}

// Unwrap returns e.Cause.
func (e *Error) Unwrap() error { return e.Cause }

// Challenge returns the value of WWW-Authenticate for e (RFC 6750 §3), or the
// empty string.
func (e *Error) Challenge() string {
	if e.Scheme == "" {
		return ""
	}
	var params []string
	add := func(name, value string) {
		if value != "" {
			params = append(params, name+`="`+quoteSafe(value)+`"`)
		}
	}
	add("realm", e.Realm)
	if (e.Scheme == schemeBearer || e.Scheme == schemeDPoP) && e.ErrorCode != "" {
		add("error", e.ErrorCode)
		add("error_description", e.ErrorDescription)
	}
	if e.ErrorCode == codeInsufficientScope {
		add("scope", string(e.Scope))
	}
	for _, p := range e.Params {
		add(p[0], p[1])
	}
	if len(params) == 0 {
		return e.Scheme
	}
	return e.Scheme + " " + strings.Join(params, ", ")
}

// quoteSafe drops what could end a quoted string or a header line.
func quoteSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}

// Deny answers r with err, an [*Error] as [BearerToken] and [Guard.Check]
// return it: its status, its challenge and {"detail": …}. It is the default of
// [GuardOptions.Deny]. See [AsError] for other errors.
func Deny(w http.ResponseWriter, _ *http.Request, err error) {
	e := AsError(err)
	writeRefusal(w, e, map[string]any{"detail": e.ErrorDescription})
}

// DenyTokenRequest answers a token request that [ParsePasswordForm] or the
// application refused: as [Deny] does, and with the members of RFC 6749 §5.2,
// error and error_description.
func DenyTokenRequest(w http.ResponseWriter, _ *http.Request, err error) {
	e := AsError(err)
	writeRefusal(w, e, map[string]any{
		"detail":            e.ErrorDescription,
		"error":             e.ErrorCode,
		"error_description": e.ErrorDescription,
	})
}

// AsError returns the [*Error] in err, 401 for [ErrNoCredentials], 503 for a store
// that failed, [password.ErrBusy] and [password.ErrPepper], and for any other error
// one that answers 500; neither says anything of it. A Deny function of your own begins with it.
func AsError(err error) *Error {
	var e *Error
	var s *storeError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &s) && !isFinding(err), errors.Is(err, password.ErrBusy), errors.Is(err, password.ErrPepper):
		return unavailable(err)
	case errors.Is(err, ErrNoCredentials):
		return noCredentials()
	}
	return serverError(err)
}

// isFinding reports whether a store that works said what it found. What that
// means for a client, the application knows.
func isFinding(err error) bool {
	for _, finding := range []error{ErrUserNotFound, ErrUserExists, ErrClientNotFound, ErrSessionNotFound, ErrPasswordChanged} {
		if errors.Is(err, finding) {
			return true
		}
	}
	return false
}

func invalidToken(cause error) *Error {
	return &Error{StatusCode: http.StatusUnauthorized, ErrorCode: codeInvalidToken, ErrorDescription: "Could not validate credentials", Scheme: schemeBearer, Cause: cause}
}

func serverError(cause error) *Error {
	return &Error{StatusCode: http.StatusInternalServerError, ErrorCode: codeServerError, ErrorDescription: "Internal server error", Cause: cause}
}

// storeError is an error of a store. It is matched like what it wraps, except
// that an [*Error] in it is not an answer: that one was for the store.
type storeError struct {
	step string
	err  error
}

func (e *storeError) Error() string { return e.step + ": " + e.err.Error() }

func (e *storeError) Is(target error) bool { return errors.Is(e.err, target) }

func (e *storeError) As(target any) bool {
	if _, refusal := target.(**Error); refusal {
		return false
	}
	return errors.As(e.err, target)
}

// retryAfter is short: what is down may be up again, and clients back off by
// themselves.
const retryAfter = time.Second

func unavailable(cause error) *Error {
	var p *panicError
	if errors.As(cause, &p) {
		return serverError(cause)
	}
	return &Error{StatusCode: http.StatusServiceUnavailable, ErrorCode: codeUnavailable, ErrorDescription: "Temporarily unavailable", RetryAfter: retryAfter, Cause: cause}
}

// panicError is a panic of the application's code, caught.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// recovered turns a panic into an error. http.ErrAbortHandler goes on: it is
// how a handler hangs up.
func recovered(err *error) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // as net/http does
		panic(v)
	}
	*err = &panicError{v, debug.Stack()}
}

// guardPanic calls the application's f.
func guardPanic(f func() error) (err error) {
	defer recovered(&err)
	return f()
}

func writeRefusal(w http.ResponseWriter, e *Error, body map[string]any) {
	for name, value := range e.Extra {
		if _, taken := body[name]; !taken {
			body[name] = value
		}
	}
	text, err := json.Marshal(body)
	if err != nil { // only Extra can do this
		text = []byte(`{"detail":"Internal server error"}`)
	}
	h := w.Header()
	if challenge := e.Challenge(); challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
	for name, values := range e.Header {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.StatusCode == http.StatusMethodNotAllowed {
		h.Set("Allow", http.MethodPost)
	}
	if e.StatusCode == http.StatusRequestEntityTooLarge || e.StatusCode == http.StatusRequestTimeout {
		h.Set("Connection", "close") // what is left of the body is not read
	}
	status := e.StatusCode
	if status < 400 || status > 599 {
		status = http.StatusBadRequest
	}
	writeJSON(w, status, text)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	writeJSONHeader(w, status)
	w.Write(append(body, '\n'))
}

func writeJSONHeader(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}
