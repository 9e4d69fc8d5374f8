package faults

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/throttle"
)

// Stores are what a server is made on. They are closed by the test.
type Stores struct {
	Users    Users
	Sessions Sessions
	Clients  Clients
	Counters throttle.Store
}

// Users is what is needed of a store of users.
type Users interface {
	passbearer.UserStore
	passbearer.PasswordHashUpdater
	passbearer.RevocationStore
	AddUser(ctx context.Context, u passbearer.User) error
}

// Sessions is what is needed of a store of sessions.
type Sessions interface {
	passbearer.SessionStore
	passbearer.UserSessionStore
	passbearer.RevocationStore
}

// Clients is what is needed of a store of clients.
type Clients interface {
	passbearer.ClientStore
	AddClient(ctx context.Context, c passbearer.Client) error
}

// Point is a moment of a request: a store is about to be called, or has done its
// work and is about to say so.
type Point struct {
	Method string
	After  bool
}

func (p Point) String() string {
	if p.After {
		return "after " + p.Method
	}
	return "before " + p.Method
}

// Script says what happens at each point. The zero Script lets everything pass.
type Script struct {
	mu     sync.Mutex
	on     func(context.Context, Point) error
	points []Point
	taken  int
}

// On calls f at each point from now on; nil lets everything pass again. An error is
// the call's: before, the store is not called; after, its answer is lost.
func (s *Script) On(f func(context.Context, Point) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = f
}

// Take returns the points that were passed since it was last called.
func (s *Script) Take() []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	points := s.points
	s.points = nil
	return points
}

// Reserved is how many attempts are counted and not given back.
func (s *Script) Reserved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func (s *Script) reserve(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken += n
}

func (s *Script) pass(ctx context.Context, p Point) error {
	s.mu.Lock()
	if !slices.Contains(s.points, p) {
		s.points = append(s.points, p)
	}
	on := s.on
	s.mu.Unlock()
	if on == nil {
		return nil
	}
	return on(ctx, p)
}

// call is a call of a store that heeds its context, as one of a database does.
func call[T any](ctx context.Context, s *Script, method string, f func() (T, error)) (none T, err error) {
	if err := s.pass(ctx, Point{Method: method}); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	v, err := f()
	if lost := s.pass(ctx, Point{method, true}); lost != nil {
		return none, lost
	}
	return v, err
}

func do(ctx context.Context, s *Script, method string, f func() error) error {
	_, err := call(ctx, s, method, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// Wrap puts s before the stores. What tests call to set the stage is not scripted.
func Wrap(stores Stores, s *Script) Stores {
	return Stores{users{stores.Users, s}, sessions{stores.Sessions, s}, clients{stores.Clients, s}, counters{stores.Counters, s}}
}

type users struct {
	Users
	s *Script
}

func (u users) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	return call(ctx, u.s, "UserByName", func() (*passbearer.User, error) { return u.Users.UserByName(ctx, name) })
}

func (u users) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	return call(ctx, u.s, "UserByID", func() (*passbearer.User, error) { return u.Users.UserByID(ctx, id) })
}

func (u users) UpdatePasswordHash(ctx context.Context, id, old, new string) error {
	return do(ctx, u.s, "UpdatePasswordHash", func() error { return u.Users.UpdatePasswordHash(ctx, id, old, new) })
}

type sessions struct {
	Sessions
	s *Script
}

func (r sessions) CreateSession(ctx context.Context, row passbearer.Session) error {
	return do(ctx, r.s, "CreateSession", func() error { return r.Sessions.CreateSession(ctx, row) })
}

func (r sessions) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	return call(ctx, r.s, "SessionByID", func() (*passbearer.Session, error) { return r.Sessions.SessionByID(ctx, id) })
}

func (r sessions) SwapGeneration(ctx context.Context, id string, from, to int64) (row *passbearer.Session, swapped bool, err error) {
	row, err = call(ctx, r.s, "SwapGeneration", func() (*passbearer.Session, error) {
		row, did, err := r.Sessions.SwapGeneration(ctx, id, from, to)
		swapped = did
		return row, err
	})
	return row, swapped, err
}

func (r sessions) EndSession(ctx context.Context, id string) error {
	return do(ctx, r.s, "EndSession", func() error { return r.Sessions.EndSession(ctx, id) })
}

type clients struct {
	Clients
	s *Script
}

func (c clients) ClientByID(ctx context.Context, id string) (*passbearer.Client, error) {
	return call(ctx, c.s, "ClientByID", func() (*passbearer.Client, error) { return c.Clients.ClientByID(ctx, id) })
}

type counters struct {
	throttle.Store
	s *Script
}

func (c counters) ReserveAttempt(ctx context.Context, takes []throttle.Take) ([]time.Duration, error) {
	return call(ctx, c.s, "ReserveAttempt", func() ([]time.Duration, error) {
		waits, err := c.Store.ReserveAttempt(ctx, takes)
		if waits == nil && err == nil {
			c.s.reserve(1)
		}
		return waits, err
	})
}

func (c counters) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	return do(ctx, c.s, "RefundAttempt", func() error {
		err := c.Store.RefundAttempt(ctx, takes)
		if err == nil {
			c.s.reserve(-1)
		}
		return err
	})
}
