package faults

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// ClientID is the one client's, which is public.
const ClientID = "app"

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
)

// ErrDown is what a scripted store says.
var ErrDown = errors.New("the database is down")

// Clock is the process's, moved on demand. See [ServerClock] for a database's.
type Clock struct {
	ahead  atomic.Int64
	server func(ahead time.Duration)
}

// Now is a clock as options want it.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Set puts the clock ahead of the process's.
func (c *Clock) Set(ahead time.Duration) {
	c.ahead.Store(int64(ahead))
	if c.server != nil {
		c.server(ahead)
	}
}

// App is an application on stores, with the endpoints /token, /revoke, /items, which
// needs a token, and /me, which also looks its user up.
type App struct {
	http.Handler
	Script  *Script
	Clock   *Clock
	Hasher  *password.Hasher
	Engine  *passbearer.Sessions
	Revoked *passbearer.Revocations
	stores  Stores // not scripted
}

// Options are the settings of an [App].
type Options struct {
	StoreTimeout time.Duration     // of the TokenHandler
	Passwords    *password.Hasher  // nil means one whose hashes cost microseconds
	Throttle     *throttle.Options // nil means the defaults
	Lifetime     time.Duration     // of access tokens, and of revocations; zero means the defaults
	CacheSize    int               // of verified tokens
}

// cheap are the costs of hashes, and cheaper those of hashes to be renewed.
var (
	cheap   = password.Params{Memory: 64, Time: 1, Threads: 1}
	cheaper = password.Params{Memory: 32, Time: 1, Threads: 1}
)

func hasher(p password.Params) *password.Hasher {
	return must(password.New(&password.Options{Params: p}))
}

// New makes an App.
func New(t testing.TB, stores Stores, o Options) *App {
	t.Helper()
	a := &App{Script: new(Script), Clock: new(Clock), Hasher: o.Passwords, stores: stores}
	if a.Hasher == nil {
		a.Hasher = hasher(cheap)
	}
	if a.stores.Counters == nil {
		a.stores.Counters = &throttle.Memory{Now: a.Clock.Now}
	}
	if err := stores.Clients.AddClient(t.Context(), passbearer.Client{ID: ClientID, Public: true}); err != nil {
		t.Fatal(err)
	}
	scripted := Wrap(a.stores, a.Script)
	quiet := passbearer.LogObserver(slog.New(slog.DiscardHandler))
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), issuer, audience, o.verification(a.Clock)))
	a.Revoked = passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: quiet, Lifetime: o.Lifetime})
	secret := []byte(rand.Text() + rand.Text())
	a.Engine = passbearer.NewSessions(scripted.Users, scripted.Sessions, must(passbearer.NewRefreshKeys(issuer, secret)),
		&passbearer.SessionsOptions{Revocations: a.Revoked, Observer: quiet})
	limits := throttle.Options{}
	if o.Throttle != nil {
		limits = *o.Throttle
	}
	limits.Store, limits.Secrets, limits.Now = scripted.Counters, [][]byte{secret}, a.Clock.Now
	endpoint := passbearer.NewTokenHandler(scripted.Users, tokens, &passbearer.TokenHandlerOptions{
		Sessions: a.Engine, Clients: scripted.Clients, Passwords: a.Hasher, Throttle: must(throttle.New(&limits)),
		Observer: quiet, Now: a.Clock.Now, StoreTimeout: o.StoreTimeout, AccessTokenLifetime: o.Lifetime,
	})
	guard := passbearer.NewGuard(a.Revoked.Verifier(tokens), &passbearer.GuardOptions{Observer: quiet})
	mux := http.NewServeMux()
	mux.Handle("/token", endpoint)
	mux.Handle("/revoke", authserver.NewRevocation(endpoint, a.Engine, nil))
	mux.Handle("/items", guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) { io.WriteString(w, "[]") }))
	mux.Handle("/me", guard.HandlerFunc(passbearer.WithUser(passbearer.CurrentUser(scripted.Users),
		func(w http.ResponseWriter, _ *http.Request, u *passbearer.User) { io.WriteString(w, `"`+u.ID+`"`) })))
	a.Handler = mux
	return a
}

// verification has no leeway where lifetimes are short, for it adds to them.
func (o *Options) verification(c *Clock) *jwttoken.Options {
	options := &jwttoken.Options{Now: c.Now, CacheSize: o.CacheSize, MaxLifetime: o.Lifetime}
	if o.Lifetime > 0 {
		options.Leeway = -1
	}
	return options
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// User is one of the store's.
type User struct{ ID, Name, Password string }

// AddUser makes one whose hash is at the policy's costs, or else is to be renewed.
func (a *App) AddUser(t testing.TB, policy bool) User {
	t.Helper()
	u := User{rand.Text(), "user-" + strings.ToLower(rand.Text()), "correct-" + rand.Text()}
	by := a.Hasher
	if !policy {
		by = hasher(cheaper)
	}
	a.addHashed(t, u, must(by.Hash(t.Context(), u.Password)))
	return u
}

func (a *App) addHashed(t testing.TB, u User, hash string) {
	t.Helper()
	err := a.stores.Users.AddUser(t.Context(), passbearer.User{ID: u.ID, Name: u.Name, PasswordHash: hash, Scope: "me"})
	if err != nil {
		t.Fatal(err)
	}
}

// Answer is one of the App's.
type Answer struct {
	Status  int
	Header  http.Header
	Raw     string
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

// Request is made of a path and a form, or a bearer token where there is no form.
func Request(ctx context.Context, path, bearer string, form ...string) *http.Request {
	values := url.Values{"client_id": {ClientID}}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	method := http.MethodPost
	if len(form) == 0 {
		method, values = http.MethodGet, nil
	}
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(values.Encode()))
	if len(form) > 0 {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return r
}

// Do answers a request without a network.
func (a *App) Do(r *http.Request) Answer {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return read(w.Code, w.Header(), w.Body.String())
}

func read(status int, header http.Header, body string) Answer {
	answer := Answer{Status: status, Header: header, Raw: body}
	json.Unmarshal([]byte(body), &answer) // what is not JSON has none of the fields
	return answer
}

// SignIn asks with a name and a password.
func (a *App) SignIn(ctx context.Context, name, password string) Answer {
	return a.Do(Request(ctx, "/token", "", "username", name, "password", password))
}

// Refresh presents a refresh token.
func (a *App) Refresh(ctx context.Context, token string) Answer {
	return a.Do(Request(ctx, "/token", "", "grant_type", "refresh_token", "refresh_token", token))
}

// Revoke presents one to end its session.
func (a *App) Revoke(ctx context.Context, token string) Answer {
	return a.Do(Request(ctx, "/revoke", "", "token", token))
}

// Get asks for a protected resource.
func (a *App) Get(ctx context.Context, path, bearer string) Answer {
	return a.Do(Request(ctx, path, bearer))
}
