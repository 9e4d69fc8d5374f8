package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/authserver"
	"github.com/passbearer/passbearer/password"
)

const (
	issuer      = "https://issuer.example"
	eventHeader = "Crashtest-Event" // how a refresh was decided
	causeHeader = "Crashtest-Cause" // of a 503

	// The clients, which differ in their grace.
	clientLong  = "long"
	clientShort = "short"
)

// server is the token endpoint, the revocation endpoint, and what a test must ask
// or have done besides.
type server struct {
	http.ServeMux
	backend     *Backend
	users       passbearer.UserStore
	sessions    *passbearer.Sessions
	tokens      *passbearer.TokenHandler
	revocations *passbearer.Revocations
	stop        context.CancelFunc // of the watching
	watching    sync.WaitGroup

	mu    sync.Mutex
	alarm io.Writer // for events that should not be
}

func openServer(ctx context.Context, open Open, cfg serverConfig) (*server, error) {
	if open == nil {
		return nil, errors.New("crashtest: TestMain has to call crashtest.Main first")
	}
	backend, err := open(ctx, cfg.Source)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	s, err := newServer(backend)
	if err != nil {
		return nil, err
	}
	for _, id := range cfg.Users {
		if err := s.addUser(ctx, id); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func newServer(b *Backend) (*server, error) {
	keys, err := passbearer.NewRefreshKeys(issuer, make([]byte, 32)) // every process has the same
	if err != nil {
		return nil, err
	}
	cheap, err := password.New(&password.Options{Params: password.Params{Memory: 8, Time: 1, Threads: 1}, Concurrency: 64, Queue: 1024})
	if err != nil {
		return nil, err
	}
	s := &server{backend: b, users: wrapUsers(b.Users), alarm: io.Discard}
	s.sessions = passbearer.NewSessions(s.users, b.Sessions, keys, &passbearer.SessionsOptions{Grace: longGrace, Observer: s})
	s.tokens = passbearer.NewTokenHandler(s.users, sidIssuer{}, &passbearer.TokenHandlerOptions{
		Sessions: s.sessions, Clients: clients{}, Observer: s, Passwords: cheap,
		InsecureSkipThrottling: true}) // users who are disabled try again and again, from one address
	s.Handle("POST /token", s.tokens)
	s.Handle("POST "+pathRevoke, authserver.NewRevocation(s.tokens, s.sessions, nil))
	s.handleControl()
	s.watch()
	return s, nil
}

// watch fills a set that the sessions do not ask.
func (s *server) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if s.backend.Revocations == nil {
		return
	}
	s.revocations = passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: s})
	s.watching.Go(func() { s.revocations.Watch(ctx, s.backend.Revocations) })
}

func (s *server) close() error {
	s.stop()
	s.watching.Wait()
	if s.backend.Close == nil {
		return nil
	}
	return s.backend.Close()
}

func (s *server) addUser(ctx context.Context, id string) error {
	err := s.backend.Users.AddUser(ctx, passbearer.User{ID: id, Name: id, PasswordHash: "none", Scope: "me"})
	if err != nil && !errors.Is(err, passbearer.ErrUserExists) {
		return fmt.Errorf("add a user: %w", err)
	}
	return nil
}

// notes are what happened in one request.
type notes struct {
	mu           sync.Mutex
	event, cause string
}

type notesKey struct{}

// ServeHTTP adds to each answer what the Observer was told.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := new(notes)
	s.ServeMux.ServeHTTP(&notingWriter{w, n}, r.WithContext(context.WithValue(r.Context(), notesKey{}, n)))
}

type notingWriter struct {
	http.ResponseWriter
	notes *notes
}

func (w *notingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *notingWriter) WriteHeader(status int) {
	w.notes.mu.Lock()
	defer w.notes.mu.Unlock()
	if w.notes.event != "" {
		w.Header().Set(eventHeader, w.notes.event)
		w.Header().Set(causeHeader, w.notes.cause)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Event implements passbearer.Observer.
func (s *server) Event(ctx context.Context, e passbearer.Event) {
	n, _ := ctx.Value(notesKey{}).(*notes)
	switch e.Kind {
	case passbearer.EventRefreshed, passbearer.EventRefreshRepeated:
	case passbearer.EventRefreshHealed, passbearer.EventRefreshLost, passbearer.EventRefreshTokenStolen, passbearer.EventPanic:
		s.raise(e)
	case passbearer.EventUnavailable, passbearer.EventRefreshRefused:
	default:
		return
	}
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.event = string(e.Kind); e.Err != nil {
		n.cause = oneLine(e.Err.Error())
	}
}

// raise tells the test, even where the request is never answered.
func (s *server) raise(e passbearer.Event) {
	line, err := json.Marshal(alarm{string(e.Kind), e.SessionID, fmt.Sprint(e.Err)})
	if err != nil {
		panic(err) // strings always encode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alarm.Write(append(line, '\n'))
}

// alarm is one line of the server's output.
type alarm struct{ Kind, SessionID, Cause string }

// sidIssuer issues access tokens that say which session and epoch they are of.
type sidIssuer struct{}

func (sidIssuer) IssueToken(_ context.Context, c passbearer.Claims) (string, error) {
	return fmt.Sprintf("%s.%d.%s", c.SessionID, c.Epoch, c.ID), nil
}

// clients are in no store: they are not what is tested here.
type clients struct{}

func (clients) ClientByID(_ context.Context, id string) (*passbearer.Client, error) {
	grace, ok := map[string]time.Duration{clientLong: longGrace, clientShort: shortGrace}[id]
	if !ok {
		return nil, passbearer.ErrClientNotFound
	}
	return &passbearer.Client{ID: id, Public: true, RefreshGrace: grace}, nil
}

// freeUsers take every password, at no cost.
type freeUsers struct{ passbearer.UserStore }

func (freeUsers) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

// wrapUsers keeps the optional interfaces, which the wrapping would hide.
func wrapUsers(users passbearer.UserStore) passbearer.UserStore {
	free := freeUsers{users}
	editor, edits := users.(passbearer.UserEditor)
	raiser, raises := users.(passbearer.EpochRaiser)
	switch {
	case edits && raises:
		return struct {
			freeUsers
			passbearer.UserEditor
			passbearer.EpochRaiser
		}{free, editor, raiser}
	case edits:
		return struct {
			freeUsers
			passbearer.UserEditor
		}{free, editor}
	case raises:
		return struct {
			freeUsers
			passbearer.EpochRaiser
		}{free, raiser}
	}
	return free
}
