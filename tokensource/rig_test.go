package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/bearertest"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/tokensource"
)

const lifetime = passbearer.DefaultAccessTokenLifetime

// passwords are made outside of the bubbles, which share it.
var passwords = func() *password.Hasher {
	h, err := password.New(&password.Options{Params: password.Params{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		panic(err)
	}
	return h
}()

// rig is passbearer's own token endpoint, a resource beside it at /items/, and the wire
// to both.
type rig struct {
	*wire
	t        testing.TB
	issuer   *bearertest.Issuer
	users    *memstore.Store
	sessions *passbearer.Sessions
	events   *events
	config   *oauth2.Config
}

type rigOptions struct {
	lifetime time.Duration // of access tokens
	grace    time.Duration // of refresh tokens
	ahead    time.Duration // of the server's clock
}

func newRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	hash, err := passwords.Hash(t.Context(), "secret")
	require.NoError(t, err)
	r := &rig{t: t, issuer: bearertest.NewIssuer(), events: new(events)}
	r.issuer.Clock.Advance(o.ahead)
	r.users = memstore.New(passbearer.User{ID: "u1", Name: "johndoe", PasswordHash: hash, Scope: "items:read"})
	r.users.Now = r.issuer.Clock.Now
	keys, err := passbearer.NewRefreshKeys(bearertest.IssuerURL, make([]byte, 32))
	require.NoError(t, err)
	r.sessions = passbearer.NewSessions(r.users, r.users, keys, &passbearer.SessionsOptions{Grace: o.grace, Observer: r.events})
	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(r.users, r.issuer, &passbearer.TokenHandlerOptions{
		Sessions: r.sessions, Passwords: passwords, InsecureSkipThrottling: true, AccessTokenLifetime: o.lifetime,
		Observer: r.events, Now: r.issuer.Clock.Now,
	}))
	mux.Handle("GET /items/", passbearer.NewGuard(r.issuer, nil).HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
		io.WriteString(w, c.Subject)
	}))
	r.wire = &wire{handler: mux}
	r.config = &oauth2.Config{ClientID: "cli", Endpoint: oauth2.Endpoint{TokenURL: "https://api.example/token", AuthStyle: oauth2.AuthStyleInParams}}
	return r
}

// bubble runs f on a clock that moves when all wait.
func bubble(t *testing.T, o rigOptions, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newRig(t, o)) })
}

func (r *rig) client() *http.Client { return &http.Client{Transport: r.wire} }

func (r *rig) signIn() *oauth2.Token {
	r.t.Helper()
	ctx := context.WithValue(r.t.Context(), oauth2.HTTPClient, r.client())
	token, err := r.config.PasswordCredentialsToken(ctx, "johndoe", "secret")
	require.NoError(r.t, err)
	return token
}

func (r *rig) open(s tokensource.Store) *tokensource.Source {
	return tokensource.New(r.config, s, &tokensource.Options{HTTPClient: r.client()})
}

// signedIn returns a source of a new session, and its store.
func (r *rig) signedIn() (*tokensource.Source, *store) {
	s := &store{token: r.signIn()}
	return r.open(s), s
}

// works reports an error unless the resource takes the source's token. It may be called
// by any goroutine.
func (r *rig) works(s *tokensource.Source) *oauth2.Token {
	r.t.Helper()
	token, err := s.Token()
	if err != nil {
		r.t.Error(err)
		return new(oauth2.Token)
	}
	if _, err = r.issuer.VerifyToken(r.t.Context(), token.AccessToken); err != nil {
		r.t.Error(err)
	}
	return token
}

// events are those of the server.
type events struct {
	mu  sync.Mutex
	all []passbearer.EventKind
}

func (e *events) Event(_ context.Context, event passbearer.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event.Kind)
}

func (e *events) count(kind passbearer.EventKind) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.all {
		if k == kind {
			n++
		}
	}
	return n
}

// wire carries requests to the server, and refreshes as a test wants. It takes no time
// of itself.
type wire struct {
	handler http.Handler

	mu        sync.Mutex
	refreshes []time.Time
	faults    []fault // of the next refreshes, each of one
	always    fault   // of those after
}

// fault is what becomes of a request; next sends it to the server.
type fault func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// to sends r to the server, and returns its answer.
type to struct{ http.Handler }

func (h to) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if f := w.fault(r); f != nil {
		return f(r, to{w.handler})
	}
	return to{w.handler}.RoundTrip(r)
}

func (w *wire) fault(r *http.Request) fault {
	if r.URL.Path != "/token" {
		return nil
	}
	text, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(text)))
	if !strings.Contains(string(text), "grant_type=refresh_token") {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refreshes = append(w.refreshes, time.Now())
	if len(w.faults) == 0 {
		return w.always
	}
	f := w.faults[0]
	w.faults = w.faults[1:]
	return f
}

func (w *wire) set(always fault, faults ...fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.always, w.faults = always, faults
}

// count is how many refreshes were sent.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.refreshes)
}

var errCut = errors.New("connection reset by peer")

// unreached never gets to the server.
func unreached(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errCut }

// lost is answered, and the answer is lost.
func lost(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	next.RoundTrip(r)
	return nil, errCut
}

// half is answered, and half of the answer is lost.
func half(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	res, err := next.RoundTrip(r)
	text, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(text[:len(text)/2])), broken{}))
	return res, err
}

// garbled is answered, and what arrives is no JSON.
func garbled(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	res, err := next.RoundTrip(r)
	res.Body = io.NopCloser(strings.NewReader(`{"access_token":`))
	return res, err
}

// silent is answered, and nothing arrives.
func silent(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	next.RoundTrip(r)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// status is an answer of something before the server. The pairs are header fields.
func status(code int, body string, pairs ...string) fault {
	return func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
		res := w.Result()
		res.Status = fmt.Sprint(code, " ", http.StatusText(code))
		res.Request = r
		return res, nil
	}
}

// after takes its time before it goes on.
func after(d time.Duration, f fault) fault {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		select {
		case <-time.After(d):
			return f(r, next)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func through(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	return next.RoundTrip(r)
}

// store is a Store that a test can break.
type store struct {
	mu     sync.Mutex
	token  *oauth2.Token
	saves  int
	loads  int
	onLoad func() error
	onSave func() error
}

var errStore = errors.New("the disk is full")

func fails() error { return errStore }

func (s *store) Load(context.Context) (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	if s.onLoad != nil {
		if err := s.onLoad(); err != nil {
			return nil, err
		}
	}
	if s.token == nil {
		return nil, nil
	}
	own := *s.token
	return &own, nil
}

func (s *store) Save(_ context.Context, token *oauth2.Token) error {
	s.mu.Lock()
	f := s.onSave
	s.saves++
	s.mu.Unlock()
	if f != nil {
		if err := f(); err != nil {
			return err
		}
	}
	s.put(token)
	return nil
}

func (s *store) put(token *oauth2.Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

func (s *store) get() oauth2.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.token
}

func (s *store) breakSave(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onSave = f
}

func (s *store) breakLoad(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onLoad = f
}

func (s *store) saved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

func (s *store) loaded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}
