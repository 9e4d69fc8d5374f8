package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// scopes are all there are. Who signs up has none of them.
var scopes = map[string]string{scopeAdmin: "Disable users and enable them again"}

const clientID = "app" // the page, the only client there is

type app struct {
	origin   string
	store    *store
	sessions *passbearer.Sessions
	tokens   *passbearer.TokenHandler
	policy   password.Policy
	signUps  *throttle.Limiter
}

// newApp returns the application on top of its store, which it follows until ctx is done.
func newApp(ctx context.Context, s *store, secret []byte, o options) (http.Handler, error) {
	issuer, err := newIssuer(secret, o)
	if err != nil {
		return nil, err
	}
	refreshKeys, err := passbearer.NewRefreshKeys(o.origin, secret)
	if err != nil {
		return nil, err
	}
	proxies := trusted(o.proxy)
	signIns, err := throttle.New(&throttle.Options{Store: s, Secrets: [][]byte{secret}, TrustedProxies: proxies})
	if err != nil {
		return nil, err
	}
	// In memory: each process lets some through, which the hashing bounds all the same. The network's is
	// for IPv6, where one host has as many addresses as it likes.
	signUps, err := throttle.New(&throttle.Options{
		Address:        throttle.Limit{Burst: 10, Every: 5 * time.Minute},
		Network:        throttle.Limit{Burst: 30, Every: 2 * time.Minute},
		TrustedProxies: proxies,
	})
	if err != nil {
		return nil, err
	}
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, nil) // "disabled" has to mean it
	go revocations.Watch(ctx, s)
	if err := waitUntilFresh(ctx, revocations); err != nil {
		return nil, err
	}
	mode := modes[o.mode]
	a := &app{
		origin:   o.origin,
		store:    s,
		sessions: passbearer.NewSessions(s, s, refreshKeys, &passbearer.SessionsOptions{Revocations: revocations}),
		policy:   password.Policy{Words: []string{"example", "passbearer"}}, // the name of the service
		signUps:  signUps,
	}
	a.tokens = passbearer.NewTokenHandler(s, issuer, &passbearer.TokenHandlerOptions{
		Sessions:            a.sessions,
		ClientID:            clientID,
		Throttle:            signIns,
		AccessTokenLifetime: o.lifetime,
		Answer:              mode.answer,
		Deny:                denyTokenRequest,
		Now:                 o.now,
	})
	guard := passbearer.NewGuard(revocations.Verifier(issuer), &passbearer.GuardOptions{Scopes: scopes, Extract: mode.extract})
	return secure(a.routes(guard, mode), o.origin)
}

// newIssuer derives its key from the secret, from which those of refresh tokens and of the
// throttle are derived too, each by another label.
func newIssuer(secret []byte, o options) (*jwttoken.Tokens, error) {
	derived, err := hkdf.Key(sha256.New, secret, nil, "example app: access tokens", 32)
	if err != nil {
		return nil, err
	}
	key, err := jwttoken.NewKey(jwttoken.HS256, derived, "")
	if err != nil {
		return nil, err
	}
	keys, err := jwttoken.NewKeys(key)
	if err != nil {
		return nil, err
	}
	return jwttoken.New(keys, o.origin, o.origin, &jwttoken.Options{Now: o.now})
}

func trusted(proxy netip.Prefix) []netip.Prefix {
	if !proxy.IsValid() {
		return nil
	}
	return []netip.Prefix{proxy}
}

// waitUntilFresh keeps the first requests from being answered 503.
func waitUntilFresh(ctx context.Context, r *passbearer.Revocations) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for r.Stale() {
		select {
		case <-ctx.Done():
			return errors.New("the store tells of no revocations: is its database there?")
		case <-look.C:
		}
	}
	return nil
}

func (a *app) routes(guard *passbearer.Guard, mode mode) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /token", a.ownOrigin(a.tokens))
	mux.Handle("POST "+refreshPath, a.ownOrigin(http.HandlerFunc(a.refresh)))
	mux.Handle("POST "+signOutPath, a.ownOrigin(http.HandlerFunc(a.signOut)))
	mux.HandleFunc("POST /api/users", a.signUp)

	withUser := func(f func(http.ResponseWriter, *http.Request, *passbearer.User)) http.Handler {
		return guard.HandlerFunc(passbearer.WithUser(passbearer.CurrentUser(a.store), f))
	}
	mux.Handle("GET /api/me", withUser(me))
	mux.Handle("POST /api/me/password", withUser(a.changePassword))
	mux.Handle("GET /api/me/sessions", guard.HandlerFunc(a.listSessions))
	mux.Handle("DELETE /api/me/sessions", guard.HandlerFunc(a.endSessions))
	mux.Handle("DELETE /api/me/sessions/{id}", guard.HandlerFunc(a.endSession))

	admin := guard.Require(scopeAdmin)
	mux.Handle("POST /api/users/{name}/disable", admin.HandlerFunc(a.disable))
	mux.Handle("POST /api/users/{name}/enable", admin.HandlerFunc(a.enable))

	mux.Handle("GET /", http.FileServerFS(static))
	mux.HandleFunc("GET /credentials.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, static, mode.script)
	})
	return mux
}

//go:embed static
var embedded embed.FS

var static, _ = fs.Sub(embedded, "static") // fails for a malformed name alone

func me(w http.ResponseWriter, _ *http.Request, user *passbearer.User) {
	respond(w, http.StatusOK, map[string]any{"username": user.Name, "scope": user.Scope})
}

// secure is around everything. A request that changes something and comes from another site's page
// is refused: cookies would be sent with it.
func secure(h http.Handler, origin string) (http.Handler, error) {
	sameOrigin := http.NewCrossOriginProtection()
	if err := sameOrigin.AddTrustedOrigin(origin); err != nil { // whatever Host a proxy in front sends
		return nil, err
	}
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusForbidden, refusal{Detail: "This came from another site's page"})
	}))
	h = sameOrigin.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("Strict-Transport-Security", "max-age=63072000") // ignored without TLS (RFC 6797 §8.1)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/token") {
			header.Set("Cache-Control", "no-store")
		} else {
			header.Set("Cache-Control", "no-cache") // a new version is there at the next visit
		}
		h.ServeHTTP(w, r)
	}), nil
}

// With it, text that finds its way into the page is not run: no inline script or style, no other
// host, and no string that becomes markup (trusted-types).
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// refusal is the body of every answer that is none: a sentence for people, as the library's have
// it, and where it is about one field of a form, which.
type refusal struct {
	Detail  string            `json:"detail"`
	Field   string            `json:"field,omitempty"`
	Reasons []password.Reason `json:"reasons,omitempty"` // for programs, and translations
}

// fail answers err as the library does, and logs what a client is not told.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if passbearer.AsError(err).StatusCode >= http.StatusInternalServerError {
		slog.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "error", err)
	}
	passbearer.Deny(w, r, err)
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

const maxBody = 16 << 10 // a password may have 1,024 bytes, each of which may be escaped

// read decodes a JSON body into v, or answers and reports false. A form that another site's page
// sends cannot have this content type.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		respond(w, http.StatusUnsupportedMediaType, refusal{Detail: "Send JSON"})
		return false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(v); err != nil {
		respond(w, http.StatusBadRequest, refusal{Detail: "The body is not the JSON that is asked for, or over 16 KiB"})
		return false
	}
	return true
}
