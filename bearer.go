package passbearer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Guard admits requests that carry a valid access token. Make it with
// [NewGuard]; the zero Guard refuses every request. It never reads a request's
// body, and is safe for concurrent use.
type Guard struct {
	verifier TokenVerifier
	opts     GuardOptions
	required Scope
	acr      []string      // one of them; nil: any
	maxAge   time.Duration // of auth_time; 0: any
	lazy     bool          // the verifier looks at a token's form itself
	params   [][2]string   // of every challenge
	invalid  *recorded     // what [Deny] answers to a token that is not valid
}

// GuardOptions are the settings of a [Guard]. The zero value is usual.
type GuardOptions struct {
	// Realm is the realm of the challenge, printable ASCII without quote and
	// backslash. Empty means "api".
	Realm string

	// Scopes describes the scopes there are, by name, for the documents that
	// are made of the Guard's handlers. With it, [Guard.Require] panics on any
	// other scope; nil means that any may be demanded.
	Scopes map[string]string

	// Optional admits requests without credentials; [FromContext] tells them
	// apart. Credentials that are not valid are refused all the same.
	Optional bool

	// DPoP checks the proofs of tokens that are bound to a key (RFC 9449) and come
	// with the scheme DPoP. Nil refuses such tokens.
	DPoP ProofVerifier

	// RequireDPoP refuses tokens that are bound to no key.
	RequireDPoP bool

	// ResourceMetadata is the URL of this resource's metadata (RFC 9728), named in
	// every challenge so that clients find who issues its tokens.
	// authserver.ResourceMetadataURL makes it. Empty means that there is none.
	ResourceMetadata string

	// Extract returns the request's token in the place of [BearerToken], from
	// a cookie for instance. An error that wraps [ErrNoCredentials] or an
	// empty token means that there is none; an [*Error] is answered as it is,
	// any other 400. A token that is bound to a key needs its proof all the same.
	// It must not read the body.
	Extract func(*http.Request) (string, error)

	// Observer is told of refused tokens and failures; nil means
	// [LogObserver](nil).
	Observer Observer

	// Deny writes the refusal, an [*Error]; nil means [Deny].
	Deny func(http.ResponseWriter, *http.Request, error)
}

// NewGuard returns a Guard that asks v about each token; nil options mean the
// defaults. It panics if v is nil or an option is one that cannot be sent.
func NewGuard(v TokenVerifier, opts *GuardOptions) *Guard {
	if v == nil {
		panic("passbearer: NewGuard without a TokenVerifier: jwttoken.New makes one")
	}
	g := &Guard{verifier: v}
	if opts != nil {
		g.opts = *opts
	}
	g.lazy = g.opts.Extract == nil && refusesMalformed(v)
	if g.opts.Realm != quoteSafe(g.opts.Realm) {
		panic("passbearer: GuardOptions.Realm is not printable ASCII, or has a quote or backslash")
	}
	if g.opts.ResourceMetadata != quoteSafe(g.opts.ResourceMetadata) {
		panic("passbearer: GuardOptions.ResourceMetadata is no URL in printable ASCII")
	}
	if g.opts.RequireDPoP && g.opts.DPoP == nil {
		panic("passbearer: GuardOptions.RequireDPoP without DPoP: dpop.New makes the verifier of proofs")
	}
	for s := range g.opts.Scopes {
		if !isScopeToken(s) {
			panic(fmt.Sprintf("passbearer: GuardOptions.Scopes has %q, which is not one scope in the characters of RFC 6749 §3.3", s))
		}
	}
	g.opts.Scopes = maps.Clone(g.opts.Scopes)
	if g.opts.ResourceMetadata != "" {
		g.params = [][2]string{{"resource_metadata", g.opts.ResourceMetadata}}
	}
	g.invalid = recordDeny(g.finish(invalidToken(nil)))
	return g
}

// Require returns a Guard that also demands every one of scopes (each one
// token, RFC 6749 §3.3). It is never Optional: where a scope is demanded, so is
// a token. For any-of, use [Scope.HasAny] in the handler.
func (g *Guard) Require(scopes ...string) *Guard {
	stricter := *g
	for _, s := range scopes {
		if !isScopeToken(s) {
			panic(fmt.Sprintf("passbearer: Require(%q): give each scope as an argument of its own, in the characters of RFC 6749 §3.3", s))
		}
		if _, known := g.opts.Scopes[s]; !known && g.opts.Scopes != nil {
			panic(fmt.Sprintf("passbearer: Require(%q): GuardOptions.Scopes does not have this scope: correct the one or add it to the other", s))
		}
		if !stricter.required.Has(s) {
			stricter.required = stricter.required.with(s)
		}
	}
	stricter.opts.Optional = g.opts.Optional && stricter.required == ""
	return &stricter
}

func isScopeToken(s string) bool {
	return s != "" && !strings.Contains(s, " ") && Scope(s).Valid()
}

// Check decides on r and writes nothing. It returns a copy of the token's
// claims, or nil without error if the Guard is Optional and r has no
// credentials. Every error is an [*Error].
func (g *Guard) Check(r *http.Request) (*Claims, error) {
	c, e := g.check(r)
	if e != nil {
		return nil, e
	}
	if c == nil {
		return nil, nil
	}
	own := *c
	return &own, nil
}

// Handler admits requests to h, their claims in the context. What it returns
// has methods Demand() Demand and Unwrap() http.Handler.
func (g *Guard) Handler(h http.Handler) http.Handler {
	if h == nil {
		panic("passbearer: Guard.Handler(nil): give it the handler to protect")
	}
	return &guarded{g, func(w http.ResponseWriter, r *http.Request, _ *Claims) { h.ServeHTTP(w, r) }, h}
}

// HandlerFunc admits requests to f with their claims, which are in the context
// too. Since f needs them, it cannot be mounted unguarded. What it returns has a
// method Demand() Demand. HandlerFunc panics on an Optional Guard, for which there
// may be no claims: use [Guard.Handler] and [FromContext].
func (g *Guard) HandlerFunc(f func(http.ResponseWriter, *http.Request, *Claims)) http.Handler {
	if f == nil {
		panic("passbearer: Guard.HandlerFunc(nil): give it the function to protect")
	}
	if g.opts.Optional {
		panic("passbearer: HandlerFunc on an Optional Guard: use Handler and FromContext")
	}
	return &guarded{g, f, nil}
}

// Admit is [Guard.Handler] for frameworks whose handlers are no [http.Handler]. It
// returns the request to go on with, which has the claims in its context, or answers the
// one it was given and returns nil.
func (g *Guard) Admit(w http.ResponseWriter, r *http.Request) *http.Request {
	admitted, _ := g.admit(w, r)
	return admitted
}

// FromContext returns the claims that a [Guard], the innermost one, has put into
// a request's context. The copy belongs to the request.
func FromContext(ctx context.Context) (*Claims, bool) {
	a, ok := ctx.Value(admissionKey{}).(*admission)
	if !ok || !a.admitted {
		return nil, false
	}
	return &a.claims, true
}

// guarded is what a Guard makes of a handler.
type guarded struct {
	guard *Guard
	next  func(http.ResponseWriter, *http.Request, *Claims)
	inner http.Handler // what next calls, or nil
}

// Demand is what a Guard demands of a request, so that documents are derived from
// the very value that enforces.
type Demand struct {
	Scope    Scope             // all of it
	Optional bool              // requests without credentials are admitted
	Scopes   map[string]string // [GuardOptions.Scopes], not to be changed

	ACR    []string      // one of them; nil is any
	MaxAge time.Duration // of auth_time; zero is any

	ProofAlgorithms []string // of proofs of possession; nil where bound tokens are refused
	RequireDPoP     bool     // tokens have to be bound to a key
}

// Demand tells what g demands.
func (g *Guard) Demand() Demand {
	return Demand{Scope: g.required, Optional: g.opts.Optional, Scopes: g.opts.Scopes,
		ACR: slices.Clone(g.acr), MaxAge: g.maxAge,
		ProofAlgorithms: proofAlgorithms(g.opts.DPoP), RequireDPoP: g.opts.RequireDPoP}
}

// Demand tells what the handler's Guard demands.
func (h *guarded) Demand() Demand { return h.guard.Demand() }

// Unwrap returns the handler within, in which another Guard may demand more.
func (h *guarded) Unwrap() http.Handler { return h.inner }

func (h *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if admitted, c := h.guard.admit(w, r); admitted != nil {
		h.next(w, admitted, c)
	}
}

// admit returns nil for a request that it has answered.
func (g *Guard) admit(w http.ResponseWriter, r *http.Request) (*http.Request, *Claims) {
	c, e := g.check(r)
	switch {
	case e != nil:
		g.deny(w, r, e, c)
		return nil, nil
	case c != nil:
		a := &admission{r.Context(), g, *c, true}
		return r.WithContext(a), &a.claims
	}
	if _, outer := FromContext(r.Context()); outer { // admitted by another Guard, which is not what this one says
		r = r.WithContext(&admission{Context: r.Context(), guard: g})
	}
	return r, nil
}

// admission is the one context node of an admitted request. The claims are in
// it, not behind it, so that admitting costs one allocation and one request copy.
type admission struct {
	context.Context
	guard    *Guard
	claims   Claims
	admitted bool
}

type admissionKey struct{}

func (a *admission) Value(key any) any {
	if _, ok := key.(admissionKey); ok {
		return a
	}
	return a.Context.Value(key)
}

func guardOf(ctx context.Context) *Guard {
	if a, ok := ctx.Value(admissionKey{}).(*admission); ok {
		return a.guard
	}
	return new(Guard)
}

// check returns the claims of a token that was verified, also beside an error,
// and neither where there are no credentials and need not be. The claims may be
// shared.
func (g *Guard) check(r *http.Request) (*Claims, *Error) {
	token, scheme, err := g.extract(r)
	if err != nil {
		if g.opts.Optional && errors.Is(err, ErrNoCredentials) {
			return nil, nil
		}
		return nil, g.finish(extractError(err))
	}
	c, err := g.verify(r.Context(), token)
	switch {
	case err != nil && g.lazy && !isToken68(token):
		return nil, g.finish(malformed(scheme))
	case err != nil && scheme == schemeDPoP:
		return nil, g.finish(g.underKey(verifyError(err)))
	case err != nil:
		return nil, g.finish(verifyError(err))
	}
	if e := g.checkPossession(r, token, scheme, c); e != nil {
		return c, g.finish(e)
	}
	if !g.required.Subset(c.Scope) {
		return c, g.finish(insufficientScope(cmp.Or(scheme, schemeBearer)))
	}
	if g.acr != nil || g.maxAge > 0 {
		if e := g.checkAuthentication(c); e != nil {
			return c, g.finish(e)
		}
	}
	return c, nil
}

// extract returns the token and the scheme it came with, empty where Extract took
// it from elsewhere.
func (g *Guard) extract(r *http.Request) (token, scheme string, err error) {
	if g.opts.Extract == nil {
		token, scheme, err = authorization(r, g.opts.DPoP != nil)
		if err == nil && !g.lazy && !isToken68(token) {
			err = malformed(scheme)
		}
		return token, scheme, err
	}
	err = guardPanic(func() (err error) {
		if token, err = g.opts.Extract(r); err == nil && token == "" {
			return noCredentials()
		}
		return err
	})
	return token, "", err
}

func extractError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.copy()
	case errors.Is(err, ErrNoCredentials):
		return noCredentials()
	}
	if p := (*panicError)(nil); errors.As(err, &p) {
		return serverError(err)
	}
	e = badRequest(schemeBearer, "Malformed credentials")
	e.Cause = err
	return e
}

// copy makes an error of the application's our own.
func (e *Error) copy() *Error {
	own := *e
	return &own
}

var errNoAnswer = errors.New("passbearer: the TokenVerifier returned neither claims nor an error")

func (g *Guard) verify(ctx context.Context, token string) (c *Claims, err error) {
	if g.verifier == nil {
		return nil, errors.New("passbearer: a zero Guard: make it with NewGuard")
	}
	defer recovered(&err)
	if c, err = g.verifier.VerifyToken(ctx, token); c == nil && err == nil {
		err = errNoAnswer
	}
	return c, err
}

func verifyError(err error) *Error {
	if errors.Is(err, ErrInvalidToken) {
		return invalidToken(err)
	}
	return unavailable(err)
}

// finish puts in what the Guard knows and the error does not. It changes e, so
// nobody else may have it.
func (g *Guard) finish(e *Error) *Error {
	if e.StatusCode == http.StatusUnauthorized && e.Scheme == "" {
		e.Scheme = schemeBearer // RFC 9110 §15.5.2: no 401 without a challenge
	}
	if e.Scheme != "" {
		e.Realm = cmp.Or(e.Realm, g.opts.Realm, "api")
		if e.Params == nil {
			e.Params = g.params
		} else {
			e.Params = slices.Concat(e.Params, g.params)
		}
	}
	if g.opts.DPoP != nil {
		g.finishDPoP(e)
	}
	e.Scope = cmp.Or(e.Scope, g.required)
	return e
}

// finishDPoP says in the challenge which proofs are taken. Who has no credentials
// at all gets a challenge for each kind of token.
func (g *Guard) finishDPoP(e *Error) {
	if e.Scheme == schemeBearer && e.ErrorCode == "" {
		if !g.opts.RequireDPoP {
			also := Error{Scheme: schemeDPoP, Realm: e.Realm, Params: append([][2]string{algs(g.opts.DPoP)}, g.params...)}
			e.addHeader("WWW-Authenticate", also.Challenge())
			return
		}
		e.Scheme = schemeDPoP
	}
	if e.Scheme == schemeDPoP {
		e.Params = append([][2]string{algs(g.opts.DPoP)}, e.Params...)
	}
}

// deny answers with e, which finish has seen.
func (g *Guard) deny(w http.ResponseWriter, r *http.Request, e *Error, c *Claims) {
	g.report(r.Context(), e, c)
	switch {
	case g.opts.Deny != nil:
		g.opts.Deny(w, r, e)
	case g.invalid.isAnswerTo(e):
		g.invalid.answer(w)
	default:
		Deny(w, r, e)
	}
}

// report tells of what somebody may want to look into; a request without
// credentials or with malformed ones is nobody's news.
func (g *Guard) report(ctx context.Context, e *Error, c *Claims) {
	kind, failed := failure(ctx, e)
	if e.StatusCode == http.StatusUnauthorized && e.ErrorCode != "" && e.ErrorCode != codeInsufficientAuth && e.ErrorCode != codeUseNonce {
		kind, failed = EventTokenRefused, true
	}
	if !failed {
		return
	}
	if c == nil {
		c = new(Claims)
	}
	observe(ctx, g.opts.Observer, Event{Kind: kind, UserID: c.Subject, ClientID: c.ClientID, SessionID: c.SessionID, TokenID: c.ID, Err: e.Cause})
}

// BearerToken returns the bearer token in r's Authorization header
// (RFC 6750 §2.1), without checking anything but its form. The scheme's case
// does not matter; the token is a token68. Every error is an [*Error] that
// [Deny] can answer: 401 wrapping [ErrNoCredentials] where there is no header,
// an empty one or another scheme, 400 invalid_request where the credentials
// are malformed, there are several headers, or the URL's query has an
// access_token besides. A token in the query or in the body is never taken.
func BearerToken(r *http.Request) (string, error) {
	token, scheme, err := authorization(r, false)
	if err == nil && !isToken68(token) {
		return "", malformed(scheme)
	}
	return token, err
}

// authorization leaves the token's form to the caller. The scheme is Bearer, or
// DPoP where that is taken.
func authorization(r *http.Request, dpop bool) (token, scheme string, err error) {
	headers := r.Header["Authorization"]
	if len(headers) > 1 {
		return "", "", badRequest(schemeBearer, "Several Authorization headers")
	}
	if len(headers) == 0 {
		return "", "", noCredentials()
	}
	header := headers[0]
	if n := len(header); n > 0 && (isBlank(header[0]) || isBlank(header[n-1])) {
		header = strings.Trim(header, " \t") // RFC 9110 §5.5; net/http has done it already
	}
	scheme = schemeBearer
	if dpop && isScheme(header, schemeDPoP) {
		scheme = schemeDPoP
	} else if !isScheme(header, schemeBearer) {
		return "", "", noCredentials()
	}
	rest := header[len(scheme):]
	if token = strings.TrimLeft(rest, " "); len(token) == len(rest) {
		if rest == "" {
			return "", "", badRequest(scheme, scheme+" without a token")
		}
		return "", "", malformed(scheme)
	}
	if inQuery(r, "access_token") != "" {
		return "", "", badRequest(scheme, "Token in the header and in the query")
	}
	return token, scheme, nil
}

// isScheme reports whether header begins with scheme, in any case; "Bearerish" is
// another one.
func isScheme(header, scheme string) bool {
	n := len(scheme)
	return len(header) >= n && strings.EqualFold(header[:n], scheme) && (len(header) == n || !isToken68Byte[header[n]])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// refusesMalformed reports whether v says, as [TokenVerifier] tells how, that it
// takes no token which is not a token68.
func refusesMalformed(v TokenVerifier) bool {
	if r, ok := v.(revocationVerifier); ok {
		return refusesMalformed(r.next)
	}
	r, ok := v.(interface{ RefusesMalformed() TokenVerifier })
	return ok && r.RefusesMalformed() == v // or it is what v embeds that says so
}

// isToken68 follows RFC 9110 §11.2: at least one character, then padding.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	for i := range len(body) {
		if !isToken68Byte[body[i]] {
			return false
		}
	}
	return body != ""
}

var isToken68Byte = func() (is [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/") {
		is[c] = true
	}
	return is
}()

// inQuery returns which of these parameters the URL's query has first, however it is
// spelled, or nothing. Malformed pairs are looked into as well. It is one pass over what
// may be as long as net/http takes headers.
func inQuery(r *http.Request, names ...string) string {
	if r.URL == nil {
		return ""
	}
	for raw := r.URL.RawQuery; raw != ""; {
		var pair string
		pair, raw = cut(raw, '&')
		key, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
		if slices.Contains(names, key) {
			return key
		}
	}
	return ""
}

func noCredentials() *Error {
	return &Error{StatusCode: http.StatusUnauthorized, ErrorDescription: detailNotAuthenticated, Scheme: schemeBearer, Cause: ErrNoCredentials}
}

func malformed(scheme string) *Error { return badRequest(scheme, "Malformed bearer token") }

func badRequest(scheme, description string) *Error {
	return &Error{StatusCode: http.StatusBadRequest, ErrorCode: codeInvalidRequest, ErrorDescription: description, Scheme: scheme}
}

func insufficientScope(scheme string) *Error {
	return &Error{StatusCode: http.StatusForbidden, ErrorCode: codeInsufficientScope,
		ErrorDescription: "The token lacks a scope that this resource demands", Scheme: scheme}
}
