package passbearer_test

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// mine is a server that canaries live in: the user johndoe and the client "web app",
// all of whose secrets are marked.
type mine struct {
	*canaries
	store   *echo
	tokens  *jwttoken.Tokens
	revoked *passbearer.Revocations
	keys    *passbearer.RefreshKeys
	engine  *passbearer.Sessions
	hasher  *password.Hasher
	limiter *throttle.Limiter
	handler *passbearer.TokenHandler
	revoke  http.Handler
	opts    passbearer.TokenHandlerOptions

	plain, wrong, secret, badSecret, device string
	access, refresh                         string // of the latest sign-in or refresh

	kinds map[passbearer.EventKind]bool
	codes map[string]bool // "400 invalid_grant" and so on
	lock  sync.Mutex
}

// Event also notes what there was.
func (m *mine) Event(ctx context.Context, e passbearer.Event) {
	m.lock.Lock()
	m.kinds[e.Kind] = true
	m.lock.Unlock()
	m.canaries.Event(ctx, e)
}

func newMine(t *testing.T) *mine {
	t.Helper()
	c := newCanaries(t)
	m := &mine{canaries: c, kinds: map[passbearer.EventKind]bool{}, codes: map[string]bool{}}
	m.plain, m.wrong, m.secret, m.badSecret = c.mark("password"), c.mark("wrong password"), c.mark("client secret"), c.mark("wrong client secret")
	m.device = "nothing-yet"
	pepper, refreshSecret := c.mark("pepper"), c.mark("refresh secret")
	costs := password.Params{Memory: 16, Time: 1, Threads: 1}
	var err error
	m.hasher, err = password.New(&password.Options{Params: costs, Concurrency: 4, Peppers: []password.Pepper{{ID: "p", Key: []byte(pepper)}}})
	require.NoError(t, err)
	m.store = &echo{Store: memstore.New(), c: c, faults: map[string]string{}}
	m.store.Now = func() time.Time { return time.Now().Add(m.store.offset) }
	for _, name := range []string{"johndoe", "alice", "off", "corrupt", "otherpepper", "besieged"} {
		m.addUser(name)
	}
	clientHash := c.add("client's hash", passbearer.ClientSecretHash(m.secret))
	require.NoError(t, m.store.AddClient(t.Context(), passbearer.Client{ID: "web app", SecretHash: clientHash}))
	require.NoError(t, m.store.AddClient(t.Context(), passbearer.Client{ID: "phone", Public: true}))

	m.tokens, err = jwttoken.New(jwttoken.EphemeralKeys(), site, site, nil)
	require.NoError(t, err)
	m.store.issuer = m.tokens
	observer := observerFunc(m.Event) // a function, which does not print
	m.revoked = passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: observer})
	m.keys = refreshKeys(t, site, []byte(refreshSecret))
	m.engine = passbearer.NewSessions(m.store, m.store, m.keys, &passbearer.SessionsOptions{Observer: observer, Revocations: m.revoked})
	wide := throttle.Limit{Burst: 1000, Every: time.Second}
	m.limiter, err = throttle.New(&throttle.Options{Store: m.store, Secrets: [][]byte{[]byte(refreshSecret)}, Account: throttle.Limit{Burst: 30, Every: time.Hour}, Address: wide, Network: wide,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	require.NoError(t, err)
	for _, info := range []string{"passbearer refresh token v1 " + site, "passbearer throttle cells v1", "passbearer device token v1"} {
		m.add("key of "+info, string(must(hkdf.Key(sha256.New, []byte(refreshSecret), nil, info, 32))))
		m.add("end of key of "+info, string(must(hkdf.Key(sha256.New, []byte(refreshSecret), nil, info, 36))[4:]))
	}
	m.opts = passbearer.TokenHandlerOptions{
		Sessions: m.engine, Clients: m.store, Passwords: m.hasher, Throttle: m.limiter, Observer: observer,
		Grants: map[string]passbearer.GrantFunc{"print": m.printGrant},
		Deny: func(w http.ResponseWriter, r *http.Request, err error) {
			m.print("denied", err)
			passbearer.DenyTokenRequest(w, r, err)
		},
	}
	m.handler = passbearer.NewTokenHandler(m.store, m.store, &m.opts)
	m.revoke = authserver.NewRevocation(m.handler, m.engine, nil)
	return m
}

// addUser adds one with the marked password, whose hash is marked too.
func (m *mine) addUser(name string) {
	hasher := m.hasher
	if name == "otherpepper" {
		hasher = must(password.New(&password.Options{Params: password.Params{Memory: 16, Time: 1, Threads: 1},
			Peppers: []password.Pepper{{ID: "q", Key: make([]byte, 32)}}}))
	}
	if name == "alice" { // to be rehashed
		hasher = fastPasswords
	}
	hash := must(hasher.Hash(context.Background(), m.plain))
	m.add("hash of "+name, hash[strings.LastIndex(hash, "$")+1:])
	if name == "corrupt" {
		hash += "!"
	}
	u := passbearer.User{ID: "id-of-" + name, Name: name, PasswordHash: hash, Scope: "me items:read", Disabled: name == "off"}
	require.NoError(m.t, m.store.AddUser(context.Background(), u))
}

// printGrant is a careless grant of the application.
func (m *mine) printGrant(ctx context.Context, req *passbearer.GrantRequest) (*passbearer.Grant, error) {
	m.print("request", req)
	m.print("request", *req)
	form := passbearer.PasswordForm{Username: m.plain, Password: m.plain, ClientSecret: m.secret}
	text := fmt.Sprintf("%v %+v %#v %v %#v", req, req, *req, form, &form)
	switch req.Param("scope") {
	case "panic":
		panic(req)
	case "error":
		return nil, errors.New(text)
	}
	return nil, &passbearer.Error{StatusCode: 403, ErrorCode: "access_denied", ErrorDescription: "No", Extra: map[string]any{"detail": "x"}, Cause: errors.New(text)}
}

// form posts as the marked client, from the marked device.
func (m *mine) form(pairs ...string) *http.Request {
	r := tokenRequest(pairs...)
	r.Header.Set("Authorization", basicOf("web app", m.secret))
	r.AddCookie(&http.Cookie{Name: throttle.DeviceCookie, Value: m.device})
	r.Header.Set("X-Secret", m.plain)
	return r
}

func (m *mine) signIn(pairs ...string) *http.Request {
	return m.form(append([]string{"username", "johndoe", "password", m.plain}, pairs...)...)
}

func (m *mine) renew(pairs ...string) *http.Request {
	return m.form(append([]string{"grant_type", "refresh_token", "refresh_token", m.refresh}, pairs...)...)
}

// send prints the answer, without the tokens in it that are meant for the client,
// and looks for these from then on.
func (m *mine) send(h http.Handler, r *http.Request) (status int) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error"`
	}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		require.NoError(m.t, json.Unmarshal(w.Body.Bytes(), &body))
	}
	without := []string{}
	if w.Code == 200 && body.Access != "" {
		m.access, m.refresh = body.Access, body.Refresh
		m.add(fmt.Sprint("access token ", len(m.marks)), body.Access[strings.LastIndex(body.Access, ".")+1:])
		m.add(fmt.Sprint("refresh token ", len(m.marks)), body.Refresh)
		raw := must(unbase64(body.Refresh))
		m.add(fmt.Sprint("refresh token's bytes ", len(m.marks)), string(raw))
		without = []string{body.Access, body.Refresh}
		for _, cookie := range w.Result().Cookies() {
			m.device = cookie.Value
			m.add(fmt.Sprint("device ", len(m.marks)), cookie.Value)
			without = append(without, cookie.Value)
		}
	}
	m.answer(w, without...)
	if _, rest, ok := strings.Cut(w.Header().Get("WWW-Authenticate"), `error="`); ok {
		body.Error, _, _ = strings.Cut(rest, `"`)
	}
	m.lock.Lock()
	m.codes[strings.TrimSpace(fmt.Sprint(w.Code, " ", body.Error))] = true
	m.lock.Unlock()
	return w.Code
}

func (m *mine) token(r *http.Request) int { return m.send(m.handler, r) }

// call prints what a method returns.
func (m *mine) call(err error) int {
	if err == nil {
		return 200
	}
	m.print("returned", err)
	e := passbearer.AsError(err)
	m.print("returned, as an answer", e)
	return e.StatusCode
}

// broken lets a method fail in the meantime.
func (m *mine) broken(method, how string, f func() int) func(*mine) int {
	return func(m *mine) int {
		m.store.faults = map[string]string{method: how}
		defer func() { m.store.faults = map[string]string{} }()
		return f()
	}
}

type overflowing struct{ text string }

func (e overflowing) Read(p []byte) (int, error) { return copy(p, e.text), nil }
func (e overflowing) Close() error               { return nil }

// failing gives a beginning and then an error or a panic.
type failing struct {
	text *strings.Reader
	err  error
}

func (f failing) Read(p []byte) (int, error) {
	if n, _ := f.text.Read(p); n > 0 {
		return n, nil
	}
	if f.err == nil {
		panic("the body broke")
	}
	return 0, f.err
}
func (failing) Close() error { return nil }

type step struct {
	name   string
	status int
	do     func(*mine) int
}

func (m *mine) steps() []step {
	signIn := func(pairs ...string) func(*mine) int {
		return func(m *mine) int { return m.token(m.signIn(pairs...)) }
	}
	form := func(pairs ...string) func(*mine) int { return func(m *mine) int { return m.token(m.form(pairs...)) } }
	raw := func(change func(*http.Request)) func(*mine) int {
		return func(m *mine) int {
			r := m.signIn()
			change(r)
			return m.token(r)
		}
	}
	body := func(kind, text string) func(*mine) int {
		return raw(func(r *http.Request) {
			r.Body, r.ContentLength = failing{strings.NewReader(text), io.EOF}, int64(len(text))
			r.Header.Set("Content-Type", kind)
		})
	}
	const urlencoded = "application/x-www-form-urlencoded"
	auth := func(values ...string) func(*mine) int {
		return raw(func(r *http.Request) { r.Header["Authorization"] = values })
	}
	steps := []step{
		{"signed in", 200, signIn()},
		{"signed in, from a known device", 200, signIn("scope", "me")},
		{"signed in and rehashed", 200, form("username", "alice", "password", m.plain)},

		// The password grant refuses.
		{"wrong password", 400, form("username", "johndoe", "password", m.wrong)},
		{"the same again", 400, form("username", "johndoe", "password", m.wrong)},
		{"password in the wrong field", 400, form("username", m.plain, "password", m.wrong)},
		{"no name at all", 400, form("username", m.plain+strings.Repeat("n", 1025), "password", m.wrong)},
		{"password of over 1,024 bytes", 400, form("username", "johndoe", "password", strings.Repeat(m.plain, 25))},
		{"disabled", 400, form("username", "off", "password", m.plain)},
		{"corrupt hash", 400, form("username", "corrupt", "password", m.plain)},
		{"unknown pepper", 503, form("username", "otherpepper", "password", m.plain)},
		{"scope that is a secret", 400, signIn("scope", m.wrong)},
		{"malformed scope", 400, signIn("scope", m.wrong+`"`)},
		{"scope with NUL", 400, signIn("scope", m.wrong+"\x00")},
		{"too many scopes", 400, signIn("scope", strings.Repeat(m.wrong+" ", 300))},
		{"resource", 400, signIn("resource", m.wrong)},
		{"grant type", 400, signIn("grant_type", m.wrong)},

		// The form.
		{"no password", 400, form("username", m.plain)},
		{"empty password", 400, form("username", m.plain, "password", "")},
		{"no name", 400, form("password", m.plain)},
		{"nothing", 400, form()},
		{"repeated", 400, body(urlencoded, "password="+m.plain+"&password="+m.wrong)},
		{"repeated unknown name", 400, body(urlencoded, m.plain+"=1&"+m.plain+"=2")},
		{"bad escape", 400, body(urlencoded, "username=u&password="+m.plain+"%zz")},
		{"bad escape in a name", 400, body(urlencoded, m.plain+"%zz=1")},
		{"bad escape under an unknown name", 400, body(urlencoded, m.plain+"=%zz")},
		{"long name", 400, body(urlencoded, strings.Repeat(m.plain, 10)+"=1")},
		{"not UTF-8", 400, body(urlencoded, "username=u&password="+m.plain+"%ff")},
		{"NUL", 400, body(urlencoded, "username=u&password="+m.plain+"%00")},
		{"semicolon", 400, body(urlencoded, "username=u;password="+m.plain)},
		{"many", 400, body(urlencoded, strings.Repeat(m.plain+"&", 40))},
		{"JSON", 400, body("application/json", `{"password":"`+m.plain+`"}`)},
		{"multipart", 400, body("multipart/form-data; boundary="+m.plain, m.plain)},
		{"another type", 400, body(m.plain+"/"+m.wrong, m.plain)},
		{"malformed type", 400, body(m.plain+"/;;=", m.plain)},
		{"charset", 400, body(urlencoded+"; charset="+m.plain, m.plain)},
		{"in the URL", 400, raw(func(r *http.Request) { r.URL.RawQuery = "password=" + m.plain })},
		{"body that fails", 400, raw(func(r *http.Request) { r.Body = failing{strings.NewReader("password=" + m.plain), errDown} })},
		{"body that stalls", 408, raw(func(r *http.Request) {
			r.Body = failing{strings.NewReader("password=" + m.plain), os.ErrDeadlineExceeded}
		})},
		{"body that panics", 500, raw(func(r *http.Request) { r.Body = failing{strings.NewReader("password=" + m.plain), nil} })},
		{"body without end", 413, raw(func(r *http.Request) { r.Body, r.ContentLength = overflowing{m.plain}, -1 })},
		{"form parsed before", 500, raw(func(r *http.Request) { r.ParseForm() })},
		{"GET", 405, raw(func(r *http.Request) { r.Method = "GET"; r.URL.RawQuery = "password=" + m.plain })},

		// The client.
		{"wrong secret", 401, auth(basicOf("web app", m.badSecret))},
		{"secret as the id", 401, auth(basicOf(m.secret, m.secret))},
		{"no colon", 401, auth(basic(m.secret))},
		{"not base64", 401, auth("Basic " + m.secret + "!")},
		{"bad escape", 401, auth(basic("web+app:" + m.secret + "%zz"))},
		{"Bearer", 401, func(m *mine) int { return auth("Bearer " + m.access)(m) }},
		{"another scheme", 401, auth(m.secret + " " + m.badSecret)},
		{"two headers", 400, auth(basicOf("web app", m.secret), basicOf("web app", m.badSecret))},
		{"header and body", 400, signIn("client_secret", m.secret)},
		{"another id in the body", 400, signIn("client_id", m.secret)},
		{"wrong secret in the body", 401, raw(func(r *http.Request) {
			*r = *tokenRequest("client_id", "web app", "client_secret", m.badSecret, "username", "johndoe", "password", m.plain)
		})},
		{"public with a secret", 401, raw(func(r *http.Request) { *r = *tokenRequest("client_id", "phone", "client_secret", m.secret) })},
		{"assertion", 401, signIn("client_assertion", m.secret)},

		// Refreshing.
		{"refreshed", 200, func(m *mine) int { return m.token(m.renew()) }},
		{"repeated in the grace window", 200, func(m *mine) int {
			old := m.refresh
			require.Equal(m.t, 200, m.token(m.renew()))
			m.refresh = old
			return m.token(m.renew())
		}},
		{"healed", 200, func(m *mine) int { m.lose(1); return m.token(m.renew()) }},
		{"beyond the scope", 400, func(m *mine) int { return m.token(m.renew("scope", m.wrong)) }},
		{"forged", 400, form("grant_type", "refresh_token", "refresh_token", m.wrong)},
		{"tampered with", 400, func(m *mine) int { return m.token(m.renew("x", "y", "refresh_token", m.refresh)) }}, // repeated
		{"mangled", 400, func(m *mine) int {
			return m.token(m.form("grant_type", "refresh_token", "refresh_token", m.refresh+"A"))
		}},
		{"none", 400, form("grant_type", "refresh_token")},
		{"an access token", 400, func(m *mine) int {
			return m.token(m.form("grant_type", "refresh_token", "refresh_token", m.access))
		}},
		{"another client's", 400, func(m *mine) int {
			return m.token(tokenRequest("grant_type", "refresh_token", "client_id", "phone", "refresh_token", m.refresh))
		}},
		{"lost", 400, func(m *mine) int {
			require.Equal(m.t, 200, m.token(m.signIn()))
			require.Equal(m.t, 200, m.token(m.renew()))
			require.Equal(m.t, 200, m.token(m.renew()))
			m.lose(2)
			return m.token(m.renew())
		}},
		{"ended", 400, func(m *mine) int { return m.token(m.renew()) }},
		{"stolen", 400, func(m *mine) int {
			require.Equal(m.t, 200, m.token(m.signIn()))
			old := m.refresh
			require.Equal(m.t, 200, m.token(m.renew()))
			m.refresh = old
			m.store.offset += time.Minute
			return m.token(m.renew())
		}},

		// The application prints what it gets.
		{"printed", 403, signIn("grant_type", "print")},
		{"printed in an error", 503, signIn("grant_type", "print", "scope", "error")},
		{"panicked with", 500, signIn("grant_type", "print", "scope", "panic")},

		// Revocation, and what is no endpoint.
		{"revoke nothing", 400, func(m *mine) int { return m.send(m.revoke, m.form()) }},
		{"revoke what is none", 200, func(m *mine) int { return m.send(m.revoke, m.form("token", m.wrong)) }},
		{"revoke an access token", 200, func(m *mine) int { return m.send(m.revoke, m.form("token", m.access)) }},
		{"revoke another's", 400, func(m *mine) int {
			require.Equal(m.t, 200, m.token(m.signIn()))
			return m.send(m.revoke, tokenRequest("client_id", "phone", "token", m.refresh))
		}},
		{"revoke as nobody", 401, func(m *mine) int {
			return m.send(m.revoke, tokenRequest("client_id", m.secret, "client_secret", m.badSecret, "token", m.refresh))
		}},
		{"wrong current password", 400, func(m *mine) int {
			return m.call(m.handler.ChangePassword(m.t.Context(), "id-of-johndoe", m.wrong, m.plain))
		}},
		{"unfit new password", 500, func(m *mine) int {
			return m.call(m.handler.ChangePassword(m.t.Context(), "id-of-johndoe", m.plain, strings.Repeat(m.plain, 25)))
		}},
		{"another's session", 500, func(m *mine) int {
			return m.call(m.engine.End(m.t.Context(), "id-of-alice", currentSID(m)))
		}},
	}
	for _, how := range []string{"error", "panic", "cancel"} {
		status := map[string]int{"error": 503, "panic": 500, "cancel": 503}[how]
		for _, method := range []string{"UserByName", "ClientByID", "ReserveAttempt", "CreateSession", "IssueToken"} {
			steps = append(steps, step{method + " at sign-in: " + how, status, m.broken(method, how, func() int { return m.token(m.cancelling(m.signIn())) })})
		}
		steps = append(steps, step{"signed in again", 200, signIn()})
		for _, method := range []string{"UserByID", "ClientByID", "SessionByID", "SwapGeneration", "IssueToken"} {
			steps = append(steps, step{method + " at refresh: " + how, status, m.broken(method, how, func() int { return m.token(m.cancelling(m.renew())) })})
		}
		for _, method := range []string{"ClientByID", "SessionByID", "EndSession"} {
			steps = append(steps, step{method + " at revocation: " + how, status, m.broken(method, how, func() int {
				return m.send(m.revoke, m.cancelling(m.form("token", m.refresh)))
			})})
		}
	}
	steps = append(steps,
		step{"no refund", 200, m.broken("RefundAttempt", "error", func() int { return m.token(m.signIn()) })},
		step{"no rehash", 200, m.broken("UpdatePasswordHash", "error", func() int {
			m.addUser("alice2")
			weak := must(fastPasswords.Hash(context.Background(), m.plain))
			require.NoError(m.t, m.store.AddUser(context.Background(), passbearer.User{ID: "weak", Name: "weak", PasswordHash: weak}))
			return m.token(m.form("username", "weak", "password", m.plain))
		})},
		step{"no change of password", 503, m.broken("SetPasswordHash", "error", func() int {
			return m.call(m.handler.ChangePassword(m.t.Context(), "id-of-johndoe", m.plain, m.wrong))
		})},
		step{"signed in once more", 200, signIn()},
		step{"no list", 503, m.broken("SessionsByUser", "error", func() int { return m.call(second(m.engine.List(m.t.Context(), "id-of-johndoe"))) })},
		step{"no end", 503, m.broken("EndSession", "error", func() int { return m.call(m.engine.End(m.t.Context(), "id-of-johndoe", currentSID(m))) })},
		step{"no epoch", 503, m.broken("RaiseEpoch", "error", func() int { return m.call(m.engine.EndAll(m.t.Context(), "id-of-johndoe")) })},
		step{"no disabling", 503, m.broken("SetDisabled", "error", func() int { return m.call(m.engine.Disable(m.t.Context(), "id-of-johndoe")) })},
		step{"signed out", 200, func(m *mine) int { return m.send(m.revoke, m.form("token", m.refresh)) }},
		step{"rows that stay", 503, m.broken("EndUserSessions", "error", func() int { return m.call(m.engine.EndAll(m.t.Context(), "id-of-johndoe")) })},
		step{"signed out everywhere", 200, func(m *mine) int { return m.call(m.engine.EndAll(m.t.Context(), "id-of-johndoe")) }},
		step{"changed", 200, func(m *mine) int {
			return m.call(m.handler.ChangePassword(m.t.Context(), "id-of-alice", m.plain, m.wrong))
		}},
		step{"disabled", 200, func(m *mine) int { return m.call(m.engine.Disable(m.t.Context(), "id-of-alice")) }},
		step{"too many attempts", 429, func(m *mine) int {
			for range 40 {
				if status := m.token(m.form("username", "besieged", "password", m.mark("guess"))); status != 400 {
					return status
				}
			}
			return 0
		}},
		step{"too many hashes", 503, func(m *mine) int {
			opts := m.opts
			opts.Passwords = m.full()
			return m.send(passbearer.NewTokenHandler(m.store, m.store, &opts), m.signIn())
		}},
	)
	return append(steps, m.guarded()...)
}

// guarded are a Guard's refusals.
func (m *mine) guarded() (steps []step) {
	load := passbearer.CurrentUser(m.store)
	guard := func(v passbearer.TokenVerifier) http.Handler {
		g := passbearer.NewGuard(v, &passbearer.GuardOptions{Observer: m, Deny: func(w http.ResponseWriter, r *http.Request, err error) {
			m.print("denied", err)
			passbearer.Deny(w, r, err)
		}})
		return g.Require("me").HandlerFunc(passbearer.WithUser(load, func(w http.ResponseWriter, r *http.Request, u *passbearer.User) {
			m.print("user", u)
			claims, _ := passbearer.FromContext(r.Context())
			m.print("claims", claims)
		}))
	}
	get := func(v passbearer.TokenVerifier, query string, values func(m *mine) []string) func(*mine) int {
		return func(m *mine) int {
			r := httptest.NewRequest("GET", "/items/"+query, nil)
			r.Header["Authorization"] = values(m)
			return m.send(guard(v), r)
		}
	}
	bearer := func(change func(token string) string) func(m *mine) []string {
		return func(m *mine) []string { return []string{"Bearer " + change(m.access)} }
	}
	same := func(s string) string { return s }
	issued := func(c passbearer.Claims) func(*mine) []string {
		return func(m *mine) []string {
			token := must(m.tokens.IssueToken(m.t.Context(), c))
			m.add(fmt.Sprint("access token ", len(m.marks)), token[strings.LastIndex(token, ".")+1:])
			return []string{"Bearer " + token}
		}
	}
	stale := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: m})
	gone := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	gone.Add(passbearer.Revocation{UserID: "id-of-johndoe", Epoch: 1 << 30})
	all := m.revoked.Verifier(m.tokens)
	other := must(jwttoken.New(jwttoken.EphemeralKeys(), site, site, nil))
	ask := func(f func(string) (*passbearer.Claims, error)) passbearer.TokenVerifier { return verifierFunc(f) }
	return []step{
		{"signed in for the Guard", 200, func(m *mine) int { return m.token(m.signIn()) }},
		{"admitted", 200, get(all, "", bearer(same))},
		{"no credentials", 401, get(all, "?access_token="+m.wrong, func(*mine) []string { return nil })},
		{"another scheme", 401, get(all, "", func(*mine) []string { return []string{basicOf("web app", m.secret)} })},
		{"two headers", 400, get(all, "", func(m *mine) []string { return []string{"Bearer " + m.access, "Bearer " + m.wrong} })},
		{"in the query too", 400, get(all, "?access_token="+m.wrong, bearer(same))},
		{"not a token68", 400, get(all, "", bearer(func(s string) string { return s + "," + m.wrong }))},
		{"no JWT", 401, get(all, "", bearer(func(string) string { return m.wrong }))},
		{"a refresh token", 401, get(all, "", bearer(func(string) string { return m.refresh }))},
		{"tampered with", 401, get(all, "", bearer(func(s string) string { return s[:len(s)-6] + "AAAAAA" }))},
		{"cut", 401, get(all, "", bearer(func(s string) string { return s[:len(s)-5] }))},
		{"header that is none", 401, get(all, "", bearer(func(s string) string { return m.wrong + s }))},
		{"too long", 401, get(all, "", bearer(func(string) string { return strings.Repeat(m.wrong, 1000) }))},
		{"of other keys", 401, get(other, "", bearer(same))},
		{"revoked", 401, get(gone.Verifier(m.tokens), "", bearer(same))},
		{"scope", 403, get(all, "", issued(passbearer.Claims{Subject: "id-of-johndoe", ClientID: "x", Scope: "other"}))},
		{"bound", 401, get(all, "", issued(passbearer.Claims{Subject: "id-of-johndoe", ClientID: "x", Scope: "me", Confirmation: passbearer.Confirmation{Method: "jkt", Thumbprint: strings.Repeat("A", 43)}}))},
		{"unknown user", 401, get(all, "", issued(passbearer.Claims{Subject: "nobody", ClientID: "x", Scope: "me"}))},
		{"disabled user", 401, get(all, "", issued(passbearer.Claims{Subject: "id-of-off", ClientID: "x", Scope: "me"}))},
		{"stale", 503, get(stale.Verifier(m.tokens), "", bearer(same))},
		{"verifier that fails", 503, get(ask(func(string) (*passbearer.Claims, error) { return nil, errDown }), "", bearer(same))},
		{"verifier that says nothing", 503, get(ask(func(string) (*passbearer.Claims, error) { return nil, nil }), "", bearer(same))},
		{"verifier that panics", 500, get(ask(func(string) (*passbearer.Claims, error) { panic("broken") }), "", bearer(same))},
		{"user's store fails", 503, m.broken("UserByID", "error", func() int { return get(all, "", bearer(same))(m) })},
		{"user's store panics", 500, m.broken("UserByID", "panic", func() int { return get(all, "", bearer(same))(m) })},
		{"revocations come and go", 200, func(m *mine) int {
			ctx, cancel := context.WithCancel(m.t.Context())
			watched := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: observerFunc(func(ctx context.Context, e passbearer.Event) {
				m.Event(ctx, e)
				if e.Kind == passbearer.EventRevocationsStale {
					cancel()
				}
			})})
			watched.Watch(ctx, cutOff{m.store})
			return 200
		}},
	}
}

// cutOff tells of its revocations once.
type cutOff struct{ *echo }

func (s cutOff) WatchRevocations(_ context.Context, tell func(passbearer.RevocationNews)) error {
	tell(passbearer.RevocationNews{Complete: true})
	return fmt.Errorf("cut off: %w", errDown)
}

type verifierFunc func(string) (*passbearer.Claims, error)

func (f verifierFunc) VerifyToken(_ context.Context, token string) (*passbearer.Claims, error) {
	return f(token)
}

type observerFunc func(context.Context, passbearer.Event)

func (f observerFunc) Event(ctx context.Context, e passbearer.Event) { f(ctx, e) }

func unbase64(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

// cancelling lets the store cancel the request.
func (m *mine) cancelling(r *http.Request) *http.Request {
	ctx, cancel := context.WithCancel(r.Context())
	m.store.cancel = cancel
	return r.WithContext(ctx)
}

// full is a Hasher that has no room.
func (m *mine) full() *password.Hasher {
	h := must(password.New(&password.Options{Params: password.Params{Memory: 64 * 1024, Time: 8, Threads: 1}, Concurrency: 1, Queue: -1}))
	go h.Hash(context.Background(), "x")
	for h.Stats().Hashes == 0 {
		runtime.Gosched()
	}
	return h
}

func currentSID(m *mine) string {
	claims, err := m.tokens.VerifyToken(m.t.Context(), m.access)
	require.NoError(m.t, err)
	return claims.SessionID
}

// lose rolls the session of the latest refresh token back.
func (m *mine) lose(n int64) {
	sid := currentSID(m)
	row := must(m.store.Store.SessionByID(m.t.Context(), sid))
	_, swapped, err := m.store.Store.SwapGeneration(m.t.Context(), sid, row.Generation, row.Generation-n)
	require.NoError(m.t, err)
	require.True(m.t, swapped)
}

// TestNothingLeaks: all that can go wrong goes wrong with marked secrets, and none of them is
// found in what is logged, told, returned, answered, counted or handed to a store.
func TestNothingLeaks(t *testing.T) {
	m := newMine(t)
	for _, s := range m.steps() {
		require.Equal(t, s.status, s.do(m), s.name)
		require.Empty(t, m.found(), s.name)
	}
	m.values()
	require.Empty(t, m.found())
	for _, kind := range eventKinds(t) {
		if kind == passbearer.EventKeysStale || kind == passbearer.EventKeysRefreshed {
			continue // remotejwks tells them, of no request
		}
		require.True(t, m.kinds[kind], "no event of kind %s: a new one needs a step here", kind)
	}
	for _, code := range []string{
		"400 invalid_request", "400 invalid_grant", "400 invalid_scope", "400 invalid_target", "400 unsupported_grant_type", "400 unauthorized_client",
		"401 invalid_client", "405 invalid_request", "408 invalid_request", "413 invalid_request", "429 temporarily_unavailable",
		"500 server_error", "503 temporarily_unavailable", "401", "401 invalid_token", "403 insufficient_scope", "200",
	} {
		require.True(t, m.codes[code], "%s was not answered: %v", code, sortedKeys(m.codes))
	}
}

// values prints what an application holds, and what holds these unexported, so that fmt
// does not ask them how they print.
func (m *mine) values() {
	m.printNoLog("stats", m.hasher.Stats())
	printHeld(m, "hasher", m.hasher)
	printHeld(m, "limiter", m.limiter)
	printHeld(m, "limiter, copied", *m.limiter)
	printHeld(m, "keys", m.keys)
	printHeld(m, "keys, copied", *m.keys)
	printHeld(m, "sessions", m.engine)
	printHeld(m, "sessions, copied", *m.engine)
	printHeld(m, "handler", m.handler)
	printHeld(m, "handler, copied", *m.handler)
	printHeld(m, "options", m.opts)
	printHeld(m, "revocation", m.revoke)
	printHeld(m, "revocations", m.revoked)
	printHeld(m, "tokens", m.tokens)
	m.printNoLog("store", m.store.Store)
	printHeld(m, "sessions of a store in memory", passbearer.NewSessions(m.store.Store, m.store.Store, m.keys, nil))
	printHeld(m, "handler of a store in memory", passbearer.NewTokenHandler(m.store.Store, m.tokens, nil))
	guard := passbearer.NewGuard(m.revoked.Verifier(m.tokens), nil)
	printHeld(m, "guard", guard)
	printHeld(m, "guard, copied", *guard)
}

func printHeld[T any](m *mine, where string, v T) {
	m.printNoLog(where, v)
	m.printNoLog(where+", held", struct{ v T }{v})
	m.printNoLog(where+", held by reference", &struct{ v *T }{&v})
}

// printNoLog is print without slog, whose JSON handler cannot write functions.
func (m *mine) printNoLog(where string, v any) {
	for _, verb := range append(verbs, "%t", "%p", "%o", "%e", "%c", "%U") {
		fmt.Fprintf(m.sink(where+" "+verb), verb+"\n", v)
	}
}

// eventKinds reads them where they are declared.
func eventKinds(t *testing.T) (kinds []passbearer.EventKind) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 && strings.HasPrefix(spec.Names[0].Name, "Event") {
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				kinds = append(kinds, passbearer.EventKind(must(strconv.Unquote(lit.Value))))
			}
		}
		return true
	})
	require.Greater(t, len(kinds), 15)
	return kinds
}

// TestPlantedLeaksAreFound: each is a mistake in one place.
func TestPlantedLeaksAreFound(t *testing.T) {
	for name, plant := range map[string]func(m *mine){
		"an observer's own line": func(m *mine) { m.Event(t.Context(), passbearer.Event{Kind: "x", ClientID: m.secret}) },
		"a store's error": func(m *mine) {
			m.opts.Clients = clientStore(func(string) (*passbearer.Client, error) { return nil, errors.New("bad secret " + m.secret) })
			m.send(passbearer.NewTokenHandler(m.store, m.store, &m.opts), m.signIn())
		},
		"a panic's value": func(m *mine) {
			m.opts.Clients = clientStore(func(string) (*passbearer.Client, error) { panic(map[string]string{"secret": m.secret}) })
			m.send(passbearer.NewTokenHandler(m.store, m.store, &m.opts), m.signIn())
		},
		"an answer": func(m *mine) {
			m.opts.Deny = func(w http.ResponseWriter, r *http.Request, err error) {
				w.Header().Set("X-Debug", r.Header.Get("Authorization"))
				passbearer.DenyTokenRequest(w, r, err)
			}
			m.send(passbearer.NewTokenHandler(m.store, m.store, &m.opts), m.signIn("scope", "x"))
		},
		"an issuer's error": func(m *mine) {
			h := passbearer.NewTokenHandler(m.store, &fakeIssuer{err: fmt.Errorf("for the request %+v", m.signIn())}, &m.opts)
			m.send(h, m.signIn())
		},
		"a session's row": func(m *mine) {
			r := m.signIn()
			r.Header.Set("User-Agent", m.plain) // which is handed to the store
			m.token(r)
		},
		"a token in an answer that is none": func(m *mine) {
			m.token(m.signIn())
			m.send(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, url.QueryEscape(m.refresh)) }), m.signIn())
		},
	} {
		m := newMine(t)
		plant(m)
		require.NotEmpty(t, m.found(), name)
	}
}
