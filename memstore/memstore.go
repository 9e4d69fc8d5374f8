// Package memstore keeps users, sessions, clients and ids that were used once in
// memory: for first steps, tests and services of one process that may forget.
//
// [New] returns a Store with the users given, to be handed to
// passbearer.NewTokenHandler and passbearer.NewSessions. Nothing outlives the
// process.
package memstore

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

// Store keeps users, sessions, clients and used ids. The zero Store is empty and ready
// for use; it is safe for concurrent use and must not be copied.
type Store struct {
	// Now is the store's clock, to be set before the first use. Nil means
	// [time.Now].
	Now func() time.Time

	// RevocationLifetime is how long a revocation is kept, to be set before
	// the first use: the longest lifetime of an access token and twice the
	// leeway of its verifiers. Zero means [passbearer.DefaultRevocationLifetime].
	RevocationLifetime time.Duration

	mu       sync.RWMutex
	users    map[string]passbearer.User // by id
	names    map[string]string          // id by name
	clients  map[string]passbearer.Client
	sessions map[string]passbearer.Session
	byUser   map[string]map[string]bool // session ids
	sweepAt  int                        // sweep when so many sessions are there

	revocations []revocation // in the order in which they came
	forgotten   int          // how many went before them
	watchers    map[chan struct{}]bool

	used used
}

var (
	_ passbearer.UserStore           = (*Store)(nil)
	_ passbearer.PasswordHashUpdater = (*Store)(nil)
	_ passbearer.EpochRaiser         = (*Store)(nil)
	_ passbearer.UserEditor          = (*Store)(nil)
	_ passbearer.RevocationStore     = (*Store)(nil)
	_ passbearer.ClientStore         = (*Store)(nil)
	_ passbearer.SessionStore        = (*Store)(nil)
	_ passbearer.UserSessionStore    = (*Store)(nil)
)

// New returns a Store of users, as passbearer.NewUser makes them. It panics
// where AddUser would fail.
func New(users ...passbearer.User) *Store {
	s := new(Store)
	for _, u := range users {
		if err := s.AddUser(context.Background(), u); err != nil {
			panic(err)
		}
	}
	return s
}

// Format hides the Store from package fmt, which prints what is not exported
// without asking it.
func (*Store) Format(s fmt.State, _ rune) { io.WriteString(s, "memstore.Store{…}") }

// LogValue hides the Store from package slog.
func (*Store) LogValue() slog.Value { return slog.StringValue("memstore.Store{…}") }

// AddUser adds u, whose name is canonical. An id or a name that is taken is
// passbearer.ErrUserExists.
func (s *Store) AddUser(_ context.Context, u passbearer.User) error {
	if u.ID == "" || u.Name == "" {
		return fmt.Errorf("memstore: add a user: the id or the name is empty: passbearer.NewUser makes both")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, idTaken := s.users[u.ID]
	_, nameTaken := s.names[u.Name]
	if idTaken || nameTaken {
		return fmt.Errorf("memstore: add a user: %w", passbearer.ErrUserExists)
	}
	put(&s.users, u.ID, u)
	put(&s.names, u.Name, u.ID)
	return nil
}

// UserByName implements passbearer.UserStore.
func (s *Store) UserByName(_ context.Context, name string) (*passbearer.User, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.user(s.names[name])
}

// UserByID implements passbearer.UserStore.
func (s *Store) UserByID(_ context.Context, id string) (*passbearer.User, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.user(id)
}

func (s *Store) user(id string) (*passbearer.User, error) {
	u, ok := s.users[id]
	if !ok {
		return nil, fmt.Errorf("memstore: %w", passbearer.ErrUserNotFound)
	}
	return &u, nil
}

// UpdatePasswordHash implements passbearer.PasswordHashUpdater.
func (s *Store) UpdatePasswordHash(_ context.Context, userID, old, new string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.user(userID)
	if err == nil && u.PasswordHash == old {
		u.PasswordHash = new
		s.users[userID] = *u
	}
	return err
}

// SetPasswordHash implements passbearer.UserEditor.
func (s *Store) SetPasswordHash(_ context.Context, userID, old, new string) (int64, error) {
	return s.raise(userID, func(u *passbearer.User) error {
		if u.PasswordHash != old {
			return fmt.Errorf("memstore: %w", passbearer.ErrPasswordChanged)
		}
		u.PasswordHash = new
		return nil
	})
}

// SetDisabled implements passbearer.UserEditor.
func (s *Store) SetDisabled(_ context.Context, userID string, disabled bool) (int64, error) {
	return s.raise(userID, func(u *passbearer.User) error { u.Disabled = disabled; return nil })
}

// RaiseEpoch implements passbearer.EpochRaiser.
func (s *Store) RaiseEpoch(_ context.Context, userID string) (int64, error) {
	return s.raise(userID, func(*passbearer.User) error { return nil })
}

// raise changes a user, and revokes the access tokens issued before.
func (s *Store) raise(id string, change func(*passbearer.User) error) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.user(id)
	if err == nil {
		err = change(u)
	}
	if err != nil {
		return 0, err
	}
	u.Epoch++
	s.users[id] = *u
	s.revoke(passbearer.Revocation{UserID: id, Epoch: u.Epoch})
	return u.Epoch, nil
}

// AddClient adds c, or replaces the client with its id.
func (s *Store) AddClient(_ context.Context, c passbearer.Client) error {
	if c.ID == "" {
		return fmt.Errorf("memstore: add a client: the id is empty")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	put(&s.clients, c.ID, c)
	return nil
}

// ClientByID implements passbearer.ClientStore.
func (s *Store) ClientByID(_ context.Context, id string) (*passbearer.Client, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.clients[id]
	if !ok {
		return nil, fmt.Errorf("memstore: %w", passbearer.ErrClientNotFound)
	}
	return &c, nil
}

// CreateSession implements passbearer.SessionStore.
func (s *Store) CreateSession(_ context.Context, row passbearer.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.sessions[row.ID]; exists {
		return fmt.Errorf("memstore: create a session: its id exists")
	}
	s.sweep()
	row.CreatedAt = s.now()
	row.LastUsedAt, row.EndedAt, row.AsOf = row.CreatedAt, time.Time{}, time.Time{}
	put(&s.sessions, row.ID, row)
	if s.byUser[row.UserID] == nil {
		put(&s.byUser, row.UserID, map[string]bool{})
	}
	s.byUser[row.UserID][row.ID] = true
	return nil
}

// SessionByID implements passbearer.SessionStore.
func (s *Store) SessionByID(_ context.Context, id string) (*passbearer.Session, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.session(id)
}

// SwapGeneration implements passbearer.SessionStore.
func (s *Store) SwapGeneration(_ context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, err := s.session(id)
	if err != nil || !row.Live() || row.Generation != from {
		return row, false, err
	}
	row.Generation, row.LastUsedAt = to, row.AsOf
	s.sessions[id] = *row
	return row, true, nil
}

// EndSession implements passbearer.SessionStore.
func (s *Store) EndSession(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(id)
	return nil
}

// SessionsByUser implements passbearer.UserSessionStore.
func (s *Store) SessionsByUser(_ context.Context, userID string, limit int) ([]passbearer.Session, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var live []passbearer.Session
	for id := range s.byUser[userID] {
		if row, err := s.session(id); err == nil && row.Live() {
			live = append(live, *row)
		}
	}
	slices.SortFunc(live, func(a, b passbearer.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return live[:min(limit, len(live))], nil
}

// EndUserSessions implements passbearer.UserSessionStore.
func (s *Store) EndUserSessions(_ context.Context, userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.byUser[userID] {
		s.end(id)
	}
	return nil
}

func (s *Store) session(id string) (*passbearer.Session, error) {
	row, ok := s.sessions[id]
	if !ok {
		return nil, fmt.Errorf("memstore: %w", passbearer.ErrSessionNotFound)
	}
	row.AsOf = s.now()
	return &row, nil
}

func (s *Store) end(id string) {
	if row, ok := s.sessions[id]; ok && row.EndedAt.IsZero() {
		row.EndedAt = s.now()
		s.sessions[id] = row
		s.revoke(passbearer.Revocation{SessionID: id})
	}
}

// sweep forgets dead sessions once their number may have doubled, so that its
// cost is constant for each session created.
func (s *Store) sweep() {
	if len(s.sessions) < max(s.sweepAt, 64) {
		return
	}
	for id := range s.sessions {
		if row, _ := s.session(id); !row.Live() {
			delete(s.sessions, id)
			delete(s.byUser[row.UserID], id)
			if len(s.byUser[row.UserID]) == 0 {
				delete(s.byUser, row.UserID)
			}
		}
	}
	s.sweepAt = 2 * len(s.sessions)
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// put makes the map when it is first needed, so that the zero Store works.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = value
}
