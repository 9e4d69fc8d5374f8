package badinputs

import (
	"context"
	"sync"

	"github.com/passbearer/passbearer"
)

// spy stands before the stores: it notes their calls, and breaks them on demand.
type spy struct {
	mu     sync.Mutex
	calls  []string
	before map[string]func() error          // by method: an error is the answer, and the store is not called
	after  map[string]func() error          // the store was called, and an error is the answer all the same
	row    func(*passbearer.Session)        // changes each row on its way out
	user   func(*passbearer.User)           // changes each user on their way out
	raw    func() (*passbearer.User, error) // answers for the users' store
	rows   map[string]passbearer.Session    // all that were created
}

// heal takes all faults away.
func (s *spy) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after, s.row, s.user, s.raw = map[string]func() error{}, map[string]func() error{}, nil, nil, nil
}

// fail breaks a method.
func (s *spy) fail(method string, f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before[method] = f
}

// failAfter breaks it when the work is done.
func (s *spy) failAfter(method string, f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after[method] = f
}

// change is made to each row on its way out.
func (s *spy) change(f func(*passbearer.Session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.row = f
}

// changeUser is made to each user.
func (s *spy) changeUser(f func(*passbearer.User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = f
}

// answerUsers answers in the place of the store of users.
func (s *spy) answerUsers(f func() (*passbearer.User, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw = f
}

// take returns the calls since it was last called.
func (s *spy) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *spy) call(method string) error {
	s.mu.Lock()
	s.calls = append(s.calls, method)
	f := s.before[method]
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f()
}

func (s *spy) done(method string, err error) error {
	s.mu.Lock()
	f := s.after[method]
	s.mu.Unlock()
	if f == nil || err != nil {
		return err
	}
	return f()
}

type spiedUsers struct {
	Users
	*spy
}

func (s spiedUsers) find(ctx context.Context, method string, find func() (*passbearer.User, error)) (*passbearer.User, error) {
	if err := s.call(method); err != nil {
		return nil, err
	}
	s.mu.Lock()
	raw, change := s.raw, s.spy.user
	s.mu.Unlock()
	if raw != nil {
		return raw()
	}
	u, err := find()
	if err == nil && change != nil {
		change(u)
	}
	return u, s.done(method, err)
}

func (s spiedUsers) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	return s.find(ctx, "UserByName", func() (*passbearer.User, error) { return s.Users.UserByName(ctx, name) })
}

func (s spiedUsers) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	return s.find(ctx, "UserByID", func() (*passbearer.User, error) { return s.Users.UserByID(ctx, id) })
}

func (s spiedUsers) UpdatePasswordHash(ctx context.Context, id, old, new string) error {
	if err := s.call("UpdatePasswordHash"); err != nil {
		return err
	}
	return s.done("UpdatePasswordHash", s.Users.UpdatePasswordHash(ctx, id, old, new))
}

type spiedSessions struct {
	Sessions
	*spy
}

func (s spiedSessions) CreateSession(ctx context.Context, row passbearer.Session) error {
	if err := s.call("CreateSession"); err != nil {
		return err
	}
	s.mu.Lock()
	s.rows[row.ID] = row
	s.mu.Unlock()
	return s.done("CreateSession", s.Sessions.CreateSession(ctx, row))
}

func (s spiedSessions) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	if err := s.call("SessionByID"); err != nil {
		return nil, err
	}
	row, err := s.Sessions.SessionByID(ctx, id)
	return s.out(row), s.done("SessionByID", err)
}

func (s spiedSessions) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	if err := s.call("SwapGeneration"); err != nil {
		return nil, false, err
	}
	row, swapped, err := s.Sessions.SwapGeneration(ctx, id, from, to)
	return s.out(row), swapped, s.done("SwapGeneration", err)
}

func (s spiedSessions) EndSession(ctx context.Context, id string) error {
	if err := s.call("EndSession"); err != nil {
		return err
	}
	return s.done("EndSession", s.Sessions.EndSession(ctx, id))
}

func (s spiedSessions) out(row *passbearer.Session) *passbearer.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row != nil && s.row != nil {
		s.row(row)
	}
	return row
}

type spiedClients struct {
	Clients
	*spy
}

func (s spiedClients) ClientByID(ctx context.Context, id string) (*passbearer.Client, error) {
	if err := s.call("ClientByID"); err != nil {
		return nil, err
	}
	c, err := s.Clients.ClientByID(ctx, id)
	return c, s.done("ClientByID", err)
}

// created returns the rows that were made for a user.
func (s *spy) created(userID string) (rows []passbearer.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if row.UserID == userID {
			rows = append(rows, row)
		}
	}
	return rows
}
