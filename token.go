package passbearer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/passbearer/passbearer/internal/deadline"
	"github.com/passbearer/passbearer/internal/jsontext"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

const (
	grantPassword     = "password"
	grantRefreshToken = "refresh_token"
	defaultClientID   = "first-party"
)

// DefaultStoreTimeout is the default of [TokenHandlerOptions.StoreTimeout].
const DefaultStoreTimeout = 2 * time.Second

// TokenHandler is the token endpoint (RFC 6749 §3.2): it answers POST requests
// with tokens, for the grant types password and refresh_token and those an
// application adds. It mounts under any path and is safe for concurrent use.
// Make it with [NewTokenHandler]; the zero TokenHandler refuses every request.
type TokenHandler struct {
	users     UserStore
	issuer    TokenIssuer
	opts      TokenHandlerOptions
	grants    map[string]GrantFunc
	refreshes bool // by refreshGrant
}

// Format hides what the TokenHandler holds from package fmt, which prints what is
// not exported without asking it.
func (TokenHandler) Format(s fmt.State, _ rune) { io.WriteString(s, "TokenHandler{…}") }

// LogValue hides what the TokenHandler holds from package slog.
func (TokenHandler) LogValue() slog.Value { return slog.StringValue("TokenHandler{…}") }

// TokenHandlerOptions are the settings of a [TokenHandler]. The zero value
// issues access tokens alone, to whoever knows a name and a password.
type TokenHandlerOptions struct {
	// Sessions adds refresh tokens. Nil means none.
	Sessions *Sessions

	// Clients turns client authentication on (RFC 6749 §2.3.1): by HTTP Basic
	// or in the body. Nil accepts and ignores client_id and client_secret.
	Clients ClientStore

	// ClientOptional takes a request without any client_id and secret for one of
	// ClientID, which then is a public client. It needs Clients.
	ClientOptional bool

	// ClientID is the client_id claim where no client is asked for. Empty means
	// "first-party".
	ClientID string

	// Grants adds grant types by name, or replaces password and refresh_token.
	Grants map[string]GrantFunc

	// Strict refuses a request without grant_type, which otherwise is a
	// password grant if username and password are there.
	Strict bool

	// AccessTokenLifetime is rounded down to seconds. Zero means
	// [DefaultAccessTokenLifetime].
	AccessTokenLifetime time.Duration

	// StoreTimeout bounds what stores, the issuer and the functions in these options,
	// save Grants, may take for each step of a request: the client; the user; counting an attempt;
	// the look of a [PasswordVerifier]; the scope; the new tokens. A refresh has one
	// time for all after the client. Then the answer is 503. Waiting for a hash does
	// not count. Undoing and ending have 5 seconds of their own. It works by the
	// context, which a store has to heed. Zero means [DefaultStoreTimeout].
	StoreTimeout time.Duration

	// Passwords checks passwords. Nil means [password.Default].
	Passwords *password.Hasher

	// Throttle bounds attempts at passwords. Nil means one of the handler's own,
	// in memory, with the defaults of package throttle, which say what that
	// means behind a proxy, or with several processes. Handlers of the same
	// users should share one.
	Throttle *throttle.Limiter

	// InsecureSkipThrottling takes any number of attempts: where something
	// before the handler bounds them, and in tests.
	InsecureSkipThrottling bool

	// AfterPassword is called when a password was right, before anything is
	// issued. It may change the Grant. An [*Error] is the answer in the place of
	// tokens, such as mfa_required; any other error is answered 503. Package mfa
	// has one.
	AfterPassword func(context.Context, *GrantRequest, *Grant) error

	// DPoP checks the proofs of possession in token requests (RFC 9449): what is
	// issued is bound to the proof's key, and so is the refresh token of a client
	// that is public. Nil ignores proofs.
	DPoP ProofVerifier

	// RequireDPoP refuses token requests without a proof.
	RequireDPoP bool

	// ScopePolicy decides what is granted. Nil means [GrantScope]. An [*Error]
	// is answered as it is, any other 503.
	ScopePolicy func(context.Context, ScopeRequest) (Scope, error)

	// Claims may change the claims of each access token before it is issued:
	// Extra above all, or Expiry by client. An [*Error] is answered as it is,
	// any other 503.
	Claims func(context.Context, *GrantRequest, *Grant, *Claims) error

	// CanonicalName maps a name as it was typed to the one that the UserStore
	// knows; a name it refuses is unknown. Nil means [CanonicalName].
	CanonicalName func(string) (string, error)

	// Observer is told what happens; nil means [LogObserver](nil).
	Observer Observer

	// Answer writes the tokens; nil means [AnswerTokenRequest]. One of your
	// own can set a cookie, for instance.
	Answer func(http.ResponseWriter, *http.Request, *TokenResponse)

	// Deny writes the refusal, an [*Error]; nil means [DenyTokenRequest].
	Deny func(http.ResponseWriter, *http.Request, error)

	// Now is the clock of the tokens' times; nil means [time.Now].
	Now func() time.Time
}

// Grant is what a grant type decided: who gets which token.
type Grant struct {
	User  *User // required, with an ID; as the store has it: its Epoch goes into the tokens
	Scope Scope // granted

	AuthTime time.Time // when the user proved who they are; zero means now
	ACR      string    // in what way, a value that clients know; or empty
	AMR      string    // separated by spaces (RFC 8176)
	JKT      string    // thumbprint of the key that the tokens are bound to (RFC 9449); empty means [GrantRequest.JKT]
	Extra    string    // a JSON object of further claims, or empty

	refresh *refresh     // the session to go on with; nil begins one
	device  *http.Cookie // to be set with the answer, or nil
}

// GrantFunc answers one grant type. An [*Error] is answered as it is, any other
// error 503.
type GrantFunc func(context.Context, *GrantRequest) (*Grant, error)

// GrantRequest is a token request, its form parsed and its client authenticated.
type GrantRequest struct {
	Client  *Client       // authenticated unless it is Public
	Request *http.Request // its body has been read
	JKT     string        // thumbprint of the key that a token request proved to have (RFC 9449), or empty
	params  params
}

// Param returns a parameter of the body, or the empty string.
func (g *GrantRequest) Param(name string) string { return g.params.get(name) }

// Format hides the request from package fmt.
func (GrantRequest) Format(s fmt.State, _ rune) { io.WriteString(s, "GrantRequest{…}") }

// LogValue hides the request from package slog.
func (GrantRequest) LogValue() slog.Value { return slog.StringValue("GrantRequest{…}") }

// ScopeRequest is what a scope policy decides on.
type ScopeRequest struct {
	Asked    Scope    // valid, each token once; empty if none was asked for
	User     *User    // as the store has it now
	ClientID string   // authenticated, or the configured one
	Session  *Session // the session to refresh; nil at sign-in
}

// GrantScope is the default scope policy. At sign-in it grants what was asked
// and the user has, and without asking all that the user has. On refresh it
// grants that within the session's scope; asking for more is invalid_scope, as
// is asking for nothing that is left.
func GrantScope(_ context.Context, q ScopeRequest) (Scope, error) {
	wanted := q.Asked
	if q.Session != nil {
		if !q.Asked.Subset(q.Session.Scope) {
			return "", formError(codeInvalidScope, "The scope is beyond what was granted at sign-in")
		}
		if wanted == "" {
			wanted = q.Session.Scope
		}
	} else if wanted == "" {
		wanted = q.User.Scope
	}
	granted := wanted.Intersect(q.User.Scope)
	if granted == "" && q.Asked != "" {
		return "", formError(codeInvalidScope, "None of the scopes can be granted")
	}
	return granted, nil
}

// NewTokenHandler returns a token endpoint for users, with access tokens by
// issuer; nil options mean the defaults. It panics if users or issuer is nil, or
// if a lifetime in the options is one that no token can have.
func NewTokenHandler(users UserStore, issuer TokenIssuer, opts *TokenHandlerOptions) *TokenHandler {
	if users == nil || issuer == nil {
		panic("passbearer: NewTokenHandler needs a UserStore and a TokenIssuer: memstore.New and jwttoken.New make them")
	}
	h := &TokenHandler{users: users, issuer: issuer}
	if opts != nil {
		h.opts = *opts
	}
	h.opts.fill()
	if limited, ok := issuer.(interface{ MaxLifetime() time.Duration }); ok && h.opts.AccessTokenLifetime > limited.MaxLifetime() {
		panic("passbearer: TokenHandlerOptions.AccessTokenLifetime is over what the issuer's tokens may live: raise jwttoken.Options.MaxLifetime (and how long revocations are remembered) or lower it")
	}
	h.grants = map[string]GrantFunc{grantPassword: h.passwordGrant}
	if h.opts.Sessions != nil {
		h.grants[grantRefreshToken] = h.refreshGrant
	}
	for name, f := range h.opts.Grants {
		if name == "" || f == nil {
			panic("passbearer: TokenHandlerOptions.Grants has an empty name or a nil function")
		}
		h.grants[name] = f
	}
	h.refreshes = h.opts.Sessions != nil && h.opts.Grants[grantRefreshToken] == nil
	return h
}

func (o *TokenHandlerOptions) fill() {
	if o.ClientID == "" {
		o.ClientID = defaultClientID
	}
	if o.AccessTokenLifetime == 0 {
		o.AccessTokenLifetime = DefaultAccessTokenLifetime
	}
	if o.AccessTokenLifetime < time.Second {
		panic("passbearer: TokenHandlerOptions.AccessTokenLifetime is below a second")
	}
	if o.StoreTimeout < 0 {
		panic("passbearer: TokenHandlerOptions.StoreTimeout is negative: leave it zero for the default")
	}
	o.StoreTimeout = orDefault(o.StoreTimeout, DefaultStoreTimeout)
	if o.Passwords == nil {
		o.Passwords = password.Default()
	}
	if o.ClientOptional && o.Clients == nil {
		panic("passbearer: TokenHandlerOptions.ClientOptional without Clients: without Clients no request has to have a client")
	}
	if o.RequireDPoP && o.DPoP == nil {
		panic("passbearer: TokenHandlerOptions.RequireDPoP without DPoP: dpop.New makes the verifier of proofs")
	}
	if o.Throttle != nil && o.InsecureSkipThrottling {
		panic("passbearer: TokenHandlerOptions has both Throttle and InsecureSkipThrottling: leave one of them zero")
	}
	if o.Throttle == nil && !o.InsecureSkipThrottling {
		o.Throttle = newThrottle(o.Sessions)
	}
	if o.ScopePolicy == nil {
		o.ScopePolicy = GrantScope
	}
	if o.CanonicalName == nil {
		o.CanonicalName = CanonicalName
	}
	if o.Answer == nil {
		o.Answer = AnswerTokenRequest
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Supported is what a token endpoint answers to, for documents about it
// (RFC 8414 §2).
type Supported struct {
	GrantTypes []string // sorted
	Clients    bool     // clients are authenticated

	ClientOptional  bool     // requests without a client are taken too
	ProofAlgorithms []string // of proofs of possession; nil where they are ignored
}

// Supported tells what the endpoint answers to.
func (h *TokenHandler) Supported() Supported {
	return Supported{GrantTypes: slices.Sorted(maps.Keys(h.grants)), Clients: h.opts.Clients != nil,
		ClientOptional: h.opts.ClientOptional, ProofAlgorithms: proofAlgorithms(h.opts.DPoP)}
}

// ServeHTTP answers a token request.
func (h *TokenHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var res *TokenResponse
	if h.serve(w, r, func(req *GrantRequest) (err error) {
		res, err = h.token(r.Context(), req)
		return err
	}) {
		if res.device != nil {
			http.SetCookie(w, res.device)
		}
		h.opts.Answer(w, r, res)
	}
}

// ServeEndpoint answers another endpoint of the same authorization server, such
// as revocation (RFC 7009): a POST request whose form and client are treated as
// the token endpoint treats them. What f returns is sent as JSON with status
// 200; its errors are answered as a [GrantFunc]'s.
func (h *TokenHandler) ServeEndpoint(w http.ResponseWriter, r *http.Request, f func(context.Context, *GrantRequest) (any, error)) {
	var body []byte
	if h.serve(w, r, func(req *GrantRequest) error {
		ctx, cancel := deadline.After(r.Context(), h.opts.StoreTimeout)
		defer cancel()
		answer, err := f(ctx, req)
		if err == nil {
			body, err = json.Marshal(answer)
		}
		return err
	}) {
		writeJSON(w, http.StatusOK, body)
	}
}

// serve reads the request and calls f. It reports false if it has answered,
// because one of the two failed.
func (h *TokenHandler) serve(w http.ResponseWriter, r *http.Request, f func(*GrantRequest) error) bool {
	err := guardPanic(func() error {
		req, err := h.read(w, r)
		if err != nil {
			return err
		}
		return f(req)
	})
	if err != nil {
		h.deny(w, r, err)
	}
	return err == nil
}

func (h *TokenHandler) read(w http.ResponseWriter, r *http.Request) (*GrantRequest, error) {
	if r.Method != http.MethodPost {
		return nil, &Error{StatusCode: http.StatusMethodNotAllowed, ErrorCode: codeInvalidRequest, ErrorDescription: "Use POST"}
	}
	wait, limited := limitBodyTime(w, r)
	p, e := readParams(r, wait)
	if e != nil { // the deadline stays: net/http reads some of what is left, and then clears it
		if e.StatusCode == http.StatusRequestTimeout || e.StatusCode == http.StatusRequestEntityTooLarge {
			w.Header().Set("Connection", "close") // or net/http reads before it answers; Deny may be the application's
		}
		return nil, e
	}
	if limited {
		http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	client, err := h.boundClient(r, p)
	if err != nil {
		return nil, err
	}
	return &GrantRequest{Client: client, Request: r, params: p}, nil
}

func (h *TokenHandler) boundClient(r *http.Request, p params) (*Client, error) {
	if h.opts.Clients == nil {
		return h.client(r, p)
	}
	ctx, cancel := deadline.After(r.Context(), h.opts.StoreTimeout)
	defer cancel()
	return h.client(r.WithContext(ctx), p)
}

// limitBodyTime sets the connection's read deadline where that is possible, so
// that a slow client's connection ends with its answer, and reports whether it did. It
// returns how long readForm may wait: 0 for a connection of net/http, whose deadline holds,
// and with any other longer than the deadline, which must be what ends the read.
// Where net/http has to end it, it clears the deadline and reads on without one.
func limitBodyTime(w http.ResponseWriter, r *http.Request) (wait time.Duration, limited bool) {
	if hasReadTimeout(r) {
		return 0, false // the server's own limit is the one its operator chose
	}
	if http.NewResponseController(w).SetReadDeadline(time.Now().Add(formTimeout)) != nil {
		return formTimeout, false
	}
	if serverOf(r) == nil {
		wait = formTimeout + time.Second
	}
	return wait, true
}

func (h *TokenHandler) token(ctx context.Context, req *GrantRequest) (*TokenResponse, error) {
	grantType, e := req.params.grantType(h.opts.Strict)
	if e != nil {
		return nil, e
	}
	f := h.grants[grantType]
	if f == nil {
		return nil, unsupportedGrant()
	}
	var err error
	if req.JKT, err = h.proof(ctx, req.Request); err != nil {
		return nil, err
	}
	if grantType == grantRefreshToken && h.refreshes {
		var cancel context.CancelFunc
		ctx, cancel = deadline.After(ctx, h.opts.StoreTimeout) // one time for the session, the user and the new tokens
		defer cancel()
	}
	grant, err := f(ctx, req)
	if err != nil {
		return nil, err
	}
	if grant == nil || grant.User == nil || grant.User.ID == "" {
		return nil, errors.New("the grant has no user")
	}
	if grant.JKT == "" {
		grant.JKT = req.JKT
	}
	if grant.AuthTime.IsZero() {
		grant.AuthTime = h.opts.Now()
	}
	return h.issue(ctx, req, grant)
}

// TokenResponse is the answer to a successful token request (RFC 6749 §5.1).
type TokenResponse struct {
	AccessToken  string `json:"access_token"`            // for the Authorization header
	TokenType    string `json:"token_type"`              // "bearer", or "DPoP" where the token is bound to a key
	ExpiresIn    int64  `json:"expires_in"`              // seconds
	RefreshToken string `json:"refresh_token,omitempty"` // empty without Sessions
	Scope        Scope  `json:"scope"`                   // granted, which may be less than was asked for

	device *http.Cookie // to be set before Answer, or nil
}

// Format hides the tokens from package fmt.
func (TokenResponse) Format(s fmt.State, _ rune) { io.WriteString(s, "TokenResponse{…}") }

// LogValue hides the tokens from package slog.
func (TokenResponse) LogValue() slog.Value { return slog.StringValue("TokenResponse{…}") }

// AnswerTokenRequest sends res as JSON. It is the default of
// [TokenHandlerOptions.Answer].
func AnswerTokenRequest(w http.ResponseWriter, _ *http.Request, res *TokenResponse) {
	writeJSONHeader(w, http.StatusOK)
	b := answers.Get().(*[]byte)
	*b = res.appendJSON((*b)[:0])
	w.Write(*b)
	clear(*b) // no token stays in the pool
	if cap(*b) <= maxPooledAnswer {
		answers.Put(b)
	}
}

const maxPooledAnswer = 16 << 10 // bytes

var answers = sync.Pool{New: func() any { return new([]byte) }}

// appendJSON appends what encoding/json makes of res, and a line break.
func (res *TokenResponse) appendJSON(b []byte) []byte {
	b = jsontext.AppendString(append(b, `{"access_token":`...), res.AccessToken)
	b = jsontext.AppendString(append(b, `,"token_type":`...), res.TokenType)
	b = strconv.AppendInt(append(b, `,"expires_in":`...), res.ExpiresIn, 10)
	if res.RefreshToken != "" {
		b = jsontext.AppendString(append(b, `,"refresh_token":`...), res.RefreshToken)
	}
	b = jsontext.AppendString(append(b, `,"scope":`...), string(res.Scope))
	return append(b, "}\n"...)
}

// issue makes the access token first and touches the session last: whatever
// fails before leaves no trace, and a client's refresh token stays good.
func (h *TokenHandler) issue(ctx context.Context, req *GrantRequest, g *Grant) (*TokenResponse, error) {
	ctx, cancel := deadline.After(ctx, h.opts.StoreTimeout)
	defer cancel()
	signIn := g.refresh == nil
	if signIn && h.opts.Sessions != nil {
		g.refresh = h.opts.Sessions.begin(g, req)
	}
	c, err := h.claims(ctx, req, g)
	if err != nil {
		return nil, err
	}
	res := &TokenResponse{TokenType: "bearer", ExpiresIn: int64(c.Expiry - c.IssuedAt), Scope: c.Scope, device: g.device}
	if c.Confirmation.Method == methodJKT {
		res.TokenType = schemeDPoP // RFC 9449 §5
	}
	if res.AccessToken, err = h.issuer.IssueToken(ctx, c); err != nil {
		return nil, fmt.Errorf("issue the access token: %w", err)
	}
	if g.refresh != nil {
		g.refresh.tokenID = c.ID
		if res.RefreshToken, err = g.refresh.commit(ctx); err != nil {
			return nil, err
		}
	}
	if signIn {
		h.observe(ctx, Event{Kind: EventSignedIn, UserID: c.Subject, ClientID: c.ClientID, SessionID: c.SessionID, TokenID: c.ID})
	}
	return res, nil
}

func (h *TokenHandler) claims(ctx context.Context, req *GrantRequest, g *Grant) (Claims, error) {
	now := h.opts.Now()
	c := Claims{
		ID:       rand.Text(),
		Subject:  g.User.ID,
		ClientID: req.Client.ID,
		Scope:    g.Scope,
		IssuedAt: NumericDate(now.Unix()),
		Expiry:   NumericDate(now.Add(h.opts.AccessTokenLifetime.Truncate(time.Second)).Unix()),
		AuthTime: NumericDate(g.AuthTime.Unix()),
		ACR:      g.ACR,
		AMR:      g.AMR,
		Epoch:    g.User.Epoch + 1,
		Extra:    g.Extra,
	}
	if g.JKT != "" {
		c.Confirmation = Confirmation{Method: methodJKT, Thumbprint: g.JKT}
	}
	if g.refresh != nil {
		c.SessionID = g.refresh.row.ID
	}
	if h.opts.Claims != nil {
		own := c // which is allocated, unlike c
		if err := h.opts.Claims(ctx, req, g, &own); err != nil {
			return c, err
		}
		c = own
	}
	if c.Expiry <= c.IssuedAt || !c.Scope.Valid() {
		return c, errors.New("the token's lifetime or scope is not valid")
	}
	return c, nil
}

func (h *TokenHandler) scope(ctx context.Context, q ScopeRequest) (Scope, error) {
	granted, err := h.opts.ScopePolicy(ctx, q)
	if err != nil {
		return "", err
	}
	if !granted.Valid() {
		return "", errors.New("the scope policy returned a malformed scope")
	}
	return granted, nil
}

func (h *TokenHandler) refreshGrant(ctx context.Context, req *GrantRequest) (*Grant, error) {
	token := req.Param("refresh_token")
	if token == "" {
		return nil, missing("refresh_token")
	}
	asked, e := req.params.scope()
	if e != nil {
		return nil, e
	}
	attempt, err := h.opts.Sessions.open(ctx, token, req)
	if err != nil {
		return nil, err
	}
	row := attempt.row
	granted, err := h.scope(ctx, ScopeRequest{Asked: asked, User: attempt.user, ClientID: row.ClientID, Session: row})
	if err != nil {
		return nil, err
	}
	return &Grant{User: attempt.user, Scope: granted, AuthTime: row.AuthTime,
		ACR: row.ACR, AMR: row.AMR, JKT: row.JKT, Extra: row.Extra, refresh: attempt}, nil
}

func (h *TokenHandler) deny(w http.ResponseWriter, r *http.Request, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = unavailable(err)
	}
	if kind, failed := failure(r.Context(), e); failed {
		h.observe(r.Context(), Event{Kind: kind, Err: e.Cause})
	}
	if h.opts.Deny != nil {
		h.opts.Deny(w, r, e)
		return
	}
	DenyTokenRequest(w, r, e)
}

func (h *TokenHandler) observe(ctx context.Context, e Event) { observe(ctx, h.opts.Observer, e) }
