package passbearer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/throttle"
)

// echo is a store, and an issuer, that shows all that it is given: always on a sink of
// its own, and at a fault in its error or its panic. So no secret may be given to it
// but a hash to keep, which it is told not to quote.
type echo struct {
	*memstore.Store
	attempts throttle.Memory
	issuer   passbearer.TokenIssuer
	c        *canaries
	offset   time.Duration // of its clock

	mu     sync.Mutex
	faults map[string]string // "error", "panic" or "cancel", by method
	cancel context.CancelFunc
}

func (s *echo) call(method string, args ...any) error {
	s.c.sink("stack at " + method).Write(debug.Stack())
	s.c.print("arguments of "+method, args)
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%s failed for %+v %#v", method, args, args)
	switch s.faults[method] {
	case "error":
		return errors.New(text)
	case "panic":
		panic(text)
	case "cancel":
		s.cancel()
		return context.Canceled
	}
	return nil
}

func (s *echo) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	if err := s.call("UserByName"); err != nil { // a name may be a password in the wrong field
		return nil, err
	}
	return s.Store.UserByName(ctx, name)
}

func (s *echo) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	if err := s.call("UserByID", id); err != nil {
		return nil, err
	}
	return s.Store.UserByID(ctx, id)
}

func (s *echo) UpdatePasswordHash(ctx context.Context, userID, old, new string) error {
	if err := s.call("UpdatePasswordHash", userID); err != nil {
		return err
	}
	return s.Store.UpdatePasswordHash(ctx, userID, old, new)
}

func (s *echo) SetPasswordHash(ctx context.Context, userID, old, new string) (int64, error) {
	if err := s.call("SetPasswordHash", userID); err != nil {
		return 0, err
	}
	return s.Store.SetPasswordHash(ctx, userID, old, new)
}

func (s *echo) SetDisabled(ctx context.Context, userID string, disabled bool) (int64, error) {
	if err := s.call("SetDisabled", userID, disabled); err != nil {
		return 0, err
	}
	return s.Store.SetDisabled(ctx, userID, disabled)
}

func (s *echo) RaiseEpoch(ctx context.Context, userID string) (int64, error) {
	if err := s.call("RaiseEpoch", userID); err != nil {
		return 0, err
	}
	return s.Store.RaiseEpoch(ctx, userID)
}

func (s *echo) ClientByID(ctx context.Context, id string) (*passbearer.Client, error) {
	if err := s.call("ClientByID"); err != nil { // as UserByName
		return nil, err
	}
	return s.Store.ClientByID(ctx, id)
}

func (s *echo) CreateSession(ctx context.Context, row passbearer.Session) error {
	if err := s.call("CreateSession", row); err != nil {
		return err
	}
	return s.Store.CreateSession(ctx, row)
}

func (s *echo) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	if err := s.call("SessionByID", id); err != nil {
		return nil, err
	}
	return s.Store.SessionByID(ctx, id)
}

func (s *echo) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	if err := s.call("SwapGeneration", id, from, to); err != nil {
		return nil, false, err
	}
	return s.Store.SwapGeneration(ctx, id, from, to)
}

func (s *echo) EndSession(ctx context.Context, id string) error {
	if err := s.call("EndSession", id); err != nil {
		return err
	}
	return s.Store.EndSession(ctx, id)
}

func (s *echo) EndUserSessions(ctx context.Context, userID string) error {
	if err := s.call("EndUserSessions", userID); err != nil {
		return err
	}
	return s.Store.EndUserSessions(ctx, userID)
}

func (s *echo) SessionsByUser(ctx context.Context, userID string, limit int) ([]passbearer.Session, error) {
	if err := s.call("SessionsByUser", userID); err != nil {
		return nil, err
	}
	return s.Store.SessionsByUser(ctx, userID, limit)
}

func (s *echo) ReserveAttempt(ctx context.Context, takes []throttle.Take) ([]time.Duration, error) {
	if err := s.call("ReserveAttempt", takes); err != nil {
		return nil, err
	}
	return s.attempts.ReserveAttempt(ctx, takes)
}

func (s *echo) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	if err := s.call("RefundAttempt", takes); err != nil {
		return err
	}
	return s.attempts.RefundAttempt(ctx, takes)
}

func (s *echo) IssueToken(ctx context.Context, c passbearer.Claims) (string, error) {
	if err := s.call("IssueToken", c); err != nil {
		return "", err
	}
	return s.issuer.IssueToken(ctx, c)
}
