package badinputs

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/password"
)

// cheap are the costs of hashes. The bounds of stored ones are the defaults.
var cheap = password.Params{Memory: 64, Time: 1, Threads: 1}

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
	leeway   = 30 // seconds, jwttoken's default
)

// The clients of the endpoints under /clients/. A confidential one has its id in
// its secret.
const (
	clientA      = "app a"
	clientB      = "app:b"
	clientPhone  = "phone"
	secretSuffix = "'s & secret: 0123456789abcdef"
)

// server is an application on the stores, listening on the loopback interface. Its
// endpoints are
//
//	/token            lenient, no clients, no throttle
//	/strict/token     with Strict
//	/nograce/token    refresh tokens may not be repeated
//	/clients/token    clients are authenticated
//	/throttled/…      with a throttle of a row's own, see stage.throttle
//	/revoke, /clients/revoke
//	/items            needs a token; any method
//	/optional         takes one
//	/admin            needs the scope "admin"
//	/me               looks the user up
//	/extracted        takes the token from the query's parameter t, whatever is in it
//	/key/ES256 …      a resource server with one public key, for each algorithm
type server struct {
	*keyring
	spy      *spy
	book     *book
	clock    *clock
	users    spiedUsers
	store    spiedSessions
	hasher   *password.Hasher
	tokens   *jwttoken.Tokens
	revoked  *passbearer.Revocations
	engine   *passbearer.Sessions
	sessions *passbearer.TokenHandler // of /token
	guard    *passbearer.Guard
	mux      *http.ServeMux
	plain    string // addresses: for what a row needs, and for what it is about
	judged   string
	altered  bool         // judged is another server than plain
	effects  atomic.Int64 // answers that an alteration has changed
	stores   Stores
	trap     *trap
}

// alter stands between the judged requests and the server, to test the tests.
type alter func(s *server, w http.ResponseWriter, r *http.Request)

func newServer(t testing.TB, stores Stores, alter alter) *server {
	t.Helper()
	s := newApplication(t, stores)
	s.plain = s.listen(t, s.mux)
	s.judged = s.plain
	if s.altered = alter != nil; s.altered {
		s.judged = s.listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { alter(s, w, r) }))
	}
	s.trap = newTrap(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.revoked.Watch(ctx, s.feeds()...)
	}()
	t.Cleanup(func() { cancel(); <-watching })
	return s
}

// feeds are the stores that tell of revocations; one may be both.
func (s *server) feeds() []passbearer.RevocationStore {
	users, sessions := passbearer.RevocationStore(s.stores.Users), passbearer.RevocationStore(s.stores.Sessions)
	if users == sessions {
		return []passbearer.RevocationStore{users}
	}
	return []passbearer.RevocationStore{users, sessions}
}

// newApplication has a memory of its own, as a process does.
func newApplication(t testing.TB, stores Stores) *server {
	t.Helper()
	s := &server{keyring: keyringOnce(), book: new(book), clock: newClock(), mux: http.NewServeMux(), stores: stores}
	s.spy = &spy{rows: map[string]passbearer.Session{}}
	s.spy.heal()
	s.users, s.store = spiedUsers{stores.Users, s.spy}, spiedSessions{stores.Sessions, s.spy}
	s.hasher = must(password.New(&password.Options{Params: cheap, Concurrency: 4, Queue: 20_000}))
	s.tokens = must(jwttoken.New(s.ownKeys(), issuer, audience, &jwttoken.Options{Now: s.clock.now}))
	s.revoked = newRevocations()
	s.mountTokens(t)
	s.mountResources()
	return s
}

// newRevocations are silent: what they say does not come with a request.
func newRevocations() *passbearer.Revocations {
	silent := passbearer.LogObserver(slog.New(slog.DiscardHandler))
	return passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: silent})
}

func (s *server) ownKeys() *jwttoken.Keys {
	return must(jwttoken.NewKeys(
		must(jwttoken.NewKey(jwttoken.ES256, s.current, kidCurrent)),
		must(jwttoken.NewKey(jwttoken.ES256, s.previous, kidPrevious))))
}

func (s *server) sessionsOf(grace time.Duration, revoked *passbearer.Revocations) *passbearer.Sessions {
	keys := must(passbearer.NewRefreshKeys(issuer, s.secret))
	return passbearer.NewSessions(s.users, s.store, keys,
		&passbearer.SessionsOptions{Grace: grace, Revocations: revoked, Observer: s.book})
}

func (s *server) mountTokens(t testing.TB) {
	clients := spiedClients{s.stores.Clients, s.spy}
	for _, c := range []passbearer.Client{
		{ID: clientA, SecretHash: passbearer.ClientSecretHash(clientA + secretSuffix)},
		{ID: clientB, SecretHash: passbearer.ClientSecretHash(clientB + secretSuffix)},
		{ID: clientPhone, Public: true},
	} {
		if err := s.stores.Clients.AddClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	s.engine = s.sessionsOf(0, s.revoked)
	s.sessions = s.mount("/token", passbearer.TokenHandlerOptions{})
	s.mount("/strict/token", passbearer.TokenHandlerOptions{Strict: true})
	s.mount("/nograce/token", passbearer.TokenHandlerOptions{Sessions: s.sessionsOf(-1, s.revoked)})
	withClients := s.mount("/clients/token", passbearer.TokenHandlerOptions{Clients: clients})
	s.mux.Handle("/revoke", authserver.NewRevocation(s.sessions, s.engine, nil))
	s.mux.Handle("/clients/revoke", authserver.NewRevocation(withClients, s.engine, nil))
	s.mux.Handle("/clients/introspect", authserver.NewIntrospection(withClients, s.revoked.Verifier(s.tokens), &authserver.IntrospectionOptions{Sessions: s.engine}))
}

// mount adds a token endpoint.
func (s *server) mount(path string, o passbearer.TokenHandlerOptions) *passbearer.TokenHandler {
	o.Observer, o.Now = s.book, s.clock.now
	if o.Passwords == nil {
		o.Passwords = s.hasher
	}
	if o.Sessions == nil {
		o.Sessions = s.engine
	}
	o.InsecureSkipThrottling = o.Throttle == nil
	h := passbearer.NewTokenHandler(s.users, s.tokens, &o)
	s.mux.Handle(path, h)
	return h
}

// listen serves h over TCP until the end of the test.
func (s *server) listen(t testing.TB, h http.Handler) string {
	t.Helper()
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = countedBody{r.Body, &s.book.read}
		h.ServeHTTP(w, r)
	}))
	web.Config.ErrorLog = log.New(&s.book.text, "", 0)
	web.Start()
	t.Cleanup(web.Close)
	return web.Listener.Addr().String()
}
