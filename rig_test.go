package passbearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// refusedRefresh is the one body of all refusals.
const refusedRefresh = `{"detail":"The refresh token is not valid","error":"invalid_grant","error_description":"The refresh token is not valid"}` + "\n"

var (
	errDown    = errors.New("secret cause: db-7 is down")
	errNothing = errors.New("neither a value nor an error")
)

// spy is a store that remembers its calls, and that a test can break.
type spy struct {
	*memstore.Store
	offset time.Duration // of its clock

	mu    sync.Mutex
	calls []string
	on    map[string]func(context.Context) error // before a call; an error is the answer, errNothing means nil and nil
	after map[string]error                       // done, but this is the answer
	row   map[string]func(*passbearer.Session)   // changes rows on their way out
	user  func(*passbearer.User)
}

func (s *spy) call(ctx context.Context, name string, args ...any) error {
	s.mu.Lock()
	s.calls = append(s.calls, strings.TrimSpace(name+" "+fmt.Sprint(args...)))
	f := s.on[name]
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(ctx)
}

// answer is the fault where there is one, else what the store said.
func (s *spy) answer(name string, row *passbearer.Session, err error) (*passbearer.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, change := range []func(*passbearer.Session){s.row[name], s.row["*"]} {
		if change != nil && row != nil {
			change(row)
		}
	}
	if after := s.after[name]; after != nil {
		return nil, after
	}
	return row, err
}

func unlessNothing(err error) error {
	if err == errNothing {
		return nil
	}
	return err
}

func (s *spy) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	if err := s.call(ctx, "UserByID"); err != nil {
		return nil, unlessNothing(err)
	}
	user, err := s.Store.UserByID(ctx, id)
	if s.user != nil && err == nil {
		s.user(user)
	}
	return user, err
}

func (s *spy) CreateSession(ctx context.Context, row passbearer.Session) error {
	if err := s.call(ctx, "CreateSession"); err != nil {
		return err
	}
	return s.Store.CreateSession(ctx, row)
}

func (s *spy) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	if err := s.call(ctx, "SessionByID"); err != nil {
		return nil, unlessNothing(err)
	}
	row, err := s.Store.SessionByID(ctx, id)
	return s.answer("SessionByID", row, err)
}

// SwapGeneration says swapped with each error: who believes it is wrong.
func (s *spy) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	if err := s.call(ctx, "SwapGeneration", from, to); err != nil {
		return nil, true, unlessNothing(err)
	}
	row, swapped, err := s.Store.SwapGeneration(ctx, id, from, to)
	row, err = s.answer("SwapGeneration", row, err)
	return row, swapped || err != nil, err
}

func (s *spy) EndSession(ctx context.Context, id string) error {
	if err := s.call(ctx, "EndSession"); err != nil {
		return err
	}
	return s.Store.EndSession(ctx, id)
}

// lockedEvents are events of concurrent requests.
type lockedEvents struct {
	mu sync.Mutex
	events
}

func (e *lockedEvents) Event(ctx context.Context, ev passbearer.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events.Event(ctx, ev)
}

// take returns the events since it was last called.
func (e *lockedEvents) take() []passbearer.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.all
	e.all = nil
	return all
}

// rig is a token endpoint with sessions. The users u1 (johndoe) and u2 have the
// password "secret"; the clients app and web are public.
type rig struct {
	t       testing.TB
	store   *spy
	issuer  *fakeIssuer
	seen    *lockedEvents
	revoked *passbearer.Revocations
	keys    *passbearer.RefreshKeys
	engine  *passbearer.Sessions
	handler http.Handler
	denied  atomic.Pointer[error] // the latest
	hash    string                // of u1's password
	tokens  []string              // the refresh tokens of the session, by generation
	sid     string
}

type rigOptions struct {
	offset      time.Duration // of the store's clock
	clientGrace time.Duration
	sessions    passbearer.SessionsOptions
	handler     passbearer.TokenHandlerOptions
}

func newRig(t testing.TB, o rigOptions) *rig {
	t.Helper()
	r := &rig{t: t, issuer: new(fakeIssuer), seen: new(lockedEvents), revoked: passbearer.NewRevocations(passbearer.ServeWhenStale, nil)}
	johndoe := fastUser(t, "u1", "johndoe", "me items:read items:write")
	r.hash = johndoe.PasswordHash
	r.store = &spy{
		Store: memstore.New(johndoe, fastUser(t, "u2", "alice", "me")),
		on:    map[string]func(context.Context) error{}, after: map[string]error{}, row: map[string]func(*passbearer.Session){},
	}
	r.store.offset = o.offset
	r.store.Now = func() time.Time { return time.Now().Add(r.store.offset) }
	for _, id := range []string{"app", "web"} {
		require.NoError(t, r.store.AddClient(t.Context(), passbearer.Client{ID: id, Public: true, RefreshGrace: o.clientGrace}))
	}
	r.keys = refreshKeys(t, goldenIssuer, secretA)
	o.sessions.Observer = r.seen
	o.sessions.Revocations = r.revoked
	r.engine = passbearer.NewSessions(r.store, r.store, r.keys, &o.sessions)
	o.handler.Sessions, o.handler.Clients, o.handler.Passwords, o.handler.Observer = r.engine, r.store, fastPasswords, r.seen
	o.handler.Deny = func(w http.ResponseWriter, req *http.Request, err error) {
		r.denied.Store(&err)
		passbearer.DenyTokenRequest(w, req, err)
	}
	r.handler = passbearer.NewTokenHandler(r.store, r.issuer, &o.handler)
	return r
}

// bubble runs f with a clock that stands still, once for each clock that a store
// may have.
func bubble(t *testing.T, o rigOptions, f func(t *testing.T, r *rig)) {
	for _, offset := range []time.Duration{0, time.Hour, -time.Hour} {
		t.Run("clock "+offset.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := o
				o.offset = offset
				r := newRig(t, o)
				r.signIn()
				f(t, r)
			})
		})
	}
}

// reply is an answer of the token endpoint.
type reply struct {
	status int
	raw    string
	body   struct {
		Access  string           `json:"access_token"`
		Refresh string           `json:"refresh_token"`
		Scope   passbearer.Scope `json:"scope"`
		Error   string           `json:"error"`
	}
	header http.Header
}

func (r *rig) do(req *http.Request) (a reply) {
	r.t.Helper()
	w := serve(r.handler, req)
	a.status, a.raw, a.header = w.Code, w.Body.String(), w.Header()
	require.NoError(r.t, json.Unmarshal(w.Body.Bytes(), &a.body), "%d %s", w.Code, w.Body)
	return a
}

// signIn begins the session of r.
func (r *rig) signIn(pairs ...string) reply {
	r.t.Helper()
	a := r.do(tokenRequest(append([]string{"client_id", "app", "username", "johndoe", "password", "secret"}, pairs...)...))
	require.Equal(r.t, 200, a.status, a.raw)
	require.NotEmpty(r.t, a.body.Refresh)
	r.tokens, r.sid = []string{a.body.Refresh}, r.issuer.last().SessionID
	r.seen.take()
	return a
}

// refresh presents a token.
func (r *rig) refresh(token string, pairs ...string) reply {
	r.t.Helper()
	if !slices.Contains(pairs, "client_id") {
		pairs = append(pairs, "client_id", "app")
	}
	return r.do(tokenRequest(append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...))
}

// kept is the row as the store has it, whatever the spy makes of it.
func (r *rig) kept() passbearer.Session {
	r.t.Helper()
	row, err := r.store.Store.SessionByID(context.Background(), r.sid)
	require.NoError(r.t, err)
	row.AsOf = time.Time{}
	return *row
}

// lose rolls the row back over n rotations, as a failover to a replica that
// lagged does.
func (r *rig) lose(n int64) {
	r.t.Helper()
	g := r.kept().Generation
	_, swapped, err := r.store.Store.SwapGeneration(context.Background(), r.sid, g, g-n)
	require.NoError(r.t, err)
	require.True(r.t, swapped)
}

// incidents are what a script can let happen.
var incidents = map[string]func(*rig){
	"end":        func(r *rig) { r.must(r.store.Store.EndSession(r.t.Context(), r.sid)) },
	"forget":     func(r *rig) { r.fail("SessionByID", passbearer.ErrSessionNotFound) },
	"revoke":     func(r *rig) { r.revoked.Add(passbearer.Revocation{SessionID: r.sid}) },
	"unrevoke":   func(r *rig) { r.revoked.Forget(r.sid) },
	"disable":    func(r *rig) { r.must(second(r.store.SetDisabled(r.t.Context(), "u1", true))) },
	"enable":     func(r *rig) { r.must(second(r.store.SetDisabled(r.t.Context(), "u1", false))) },
	"flag":       func(r *rig) { r.store.user = func(u *passbearer.User) { u.Disabled = true } },
	"unflag":     func(r *rig) { r.store.user = nil },
	"delete":     func(r *rig) { r.fail("UserByID", fmt.Errorf("gone: %w", passbearer.ErrUserNotFound)) },
	"password":   func(r *rig) { r.must(second(r.store.SetPasswordHash(r.t.Context(), "u1", r.hash, "new"))) },
	"rehash":     func(r *rig) { r.must(r.store.UpdatePasswordHash(r.t.Context(), "u1", r.hash, "new")) },
	"epoch":      func(r *rig) { r.must(second(r.store.RaiseEpoch(r.t.Context(), "u1"))) },
	"epoch-":     func(r *rig) { r.store.user = func(u *passbearer.User) { u.Epoch-- } },
	"swapuser":   func(r *rig) { r.store.row["*"] = func(s *passbearer.Session) { s.UserID = "u2" } },
	"swapnobody": func(r *rig) { r.store.row["*"] = func(s *passbearer.Session) { s.UserID = "nobody" } },
	"swapclient": func(r *rig) { r.store.row["*"] = func(s *passbearer.Session) { s.ClientID = "web" } },
	"clock-1h":   func(r *rig) { r.store.offset -= time.Hour },
	"lose1":      func(r *rig) { r.lose(1) },
	"lose2":      func(r *rig) { r.lose(2) },
	"lose3":      func(r *rig) { r.lose(3) },
}

func second[T any](_ T, err error) error { return err }

func (r *rig) must(err error) { r.t.Helper(); require.NoError(r.t, err) }

func (r *rig) fail(call string, err error) {
	r.store.on[call] = func(context.Context) error { return err }
}

var reasons = map[string]error{
	"unknown": passbearer.ErrSessionNotFound, "unbound": passbearer.ErrUnbound, "client": passbearer.ErrOtherClient,
	"ended": passbearer.ErrSessionEnded, "expired": passbearer.ErrExpired, "revoked": passbearer.ErrRevoked,
	"user": passbearer.ErrUserDisabled, "epoch": passbearer.ErrEpoch,
}

// run plays a script, whose words are
//
//	0>1        the token of generation 0 is presented, and rotated to that of 1
//	0=1        the same successor again
//	1^2        healed
//	0!         refused as stolen, and the session ended
//	2?         refused since the store lost too much, and the session ended
//	0x:reason  refused, and the row left alone
//	+10s       time passes
//
// and the incidents. Each presentation is one event and no more I/O than it
// must be.
func (r *rig) run(script string) {
	r.t.Helper()
	for _, word := range strings.Fields(script) {
		if f := incidents[word]; f != nil {
			f(r)
		} else if rest, ok := strings.CutPrefix(word, "+"); ok {
			d, err := time.ParseDuration(rest)
			require.NoError(r.t, err)
			time.Sleep(d) // the bubble's time
		} else {
			r.present(word)
		}
	}
}

func (r *rig) present(word string) {
	r.t.Helper()
	i := strings.IndexAny(word, ">=^!?x")
	require.Positive(r.t, i, word)
	from, err := strconv.Atoi(word[:i])
	require.NoError(r.t, err, word)
	sign, rest := word[i], word[i+1:]

	before := r.kept()
	r.store.calls = nil
	r.seen.take()
	a := r.refresh(r.tokens[from])
	after, now := r.kept(), r.store.Now()

	want := before
	calls := []string{"SessionByID", "UserByID"}
	event := passbearer.Event{UserID: "u1", ClientID: "app", SessionID: r.sid}
	switch sign {
	case '>', '^', '=':
		to, err := strconv.Atoi(rest)
		require.NoError(r.t, err, word)
		r.given(word, a, to)
		event.Kind = map[byte]passbearer.EventKind{'>': passbearer.EventRefreshed, '^': passbearer.EventRefreshHealed, '=': passbearer.EventRefreshRepeated}[sign]
		if sign != '=' {
			calls = append(calls, fmt.Sprintf("SwapGeneration %d %d", before.Generation, to))
			want.Generation, want.LastUsedAt = int64(to), now
		}
	case '!', '?':
		calls = append(calls, "EndSession")
		want.EndedAt = now
		event.Kind, event.Err = passbearer.EventRefreshTokenStolen, passbearer.ErrStolen
		if sign == '?' {
			event.Kind, event.Err = passbearer.EventRefreshLost, passbearer.ErrLost
		}
	case 'x':
		event.Kind, event.Err = passbearer.EventRefreshRefused, reasons[strings.TrimPrefix(rest, ":")]
		require.NotNil(r.t, event.Err, word)
	}
	if event.Err == passbearer.ErrSessionNotFound {
		calls, event.UserID = calls[:1], ""
	}
	if event.Err == passbearer.ErrUnbound { // told with the user that the row now has
		row, err := r.store.SessionByID(context.Background(), r.sid)
		require.NoError(r.t, err)
		event.UserID = row.UserID
		r.store.calls = r.store.calls[:len(r.store.calls)-1]
	}
	if event.Err != nil {
		require.Equal(r.t, 400, a.status, word)
		require.Equal(r.t, refusedRefresh, a.raw, word)
		require.Equal(r.t, "no-store", a.header.Get("Cache-Control"))
		require.Empty(r.t, a.header.Get("Www-Authenticate"))
		require.ErrorIs(r.t, *r.denied.Load(), event.Err, "for the application alone")
	}
	require.Equal(r.t, calls, r.store.calls, word)
	require.Equal(r.t, want, after, word)
	event.Time = time.Now()
	if a.status == 200 {
		event.TokenID = r.issuer.last().ID
	}
	require.Equal(r.t, []passbearer.Event{event}, r.seen.take(), word)
}

// given is about an answer with the token of generation to.
func (r *rig) given(word string, a reply, to int) {
	r.t.Helper()
	require.Equal(r.t, 200, a.status, "%s: %s", word, a.raw)
	require.Equal(r.t, r.sid, r.issuer.last().SessionID)
	require.Equal(r.t, fmt.Sprintf("at-%d", len(r.issuer.issued)), a.body.Access)
	if to < len(r.tokens) {
		require.Equal(r.t, r.tokens[to], a.body.Refresh, "%s: one generation, one token", word)
		return
	}
	require.Equal(r.t, len(r.tokens), to, word)
	require.NotContains(r.t, r.tokens, a.body.Refresh, word)
	r.tokens = append(r.tokens, a.body.Refresh)
}
