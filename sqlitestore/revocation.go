package sqlitestore

import (
	"context"
	"time"

	"github.com/passbearer/passbearer"
)

// heartbeat is how often a watcher hears from the store at least.
const heartbeat = time.Second

const revocationColumns = "session_id, token_id, user_id, epoch, expires_at"

// Revoke implements passbearer.RevocationStore.
func (s *Store) Revoke(ctx context.Context, e passbearer.Revocation) error {
	err := s.write(ctx, "revoke", func(ctx context.Context, c *conn) error { return s.revoke(ctx, c, e) })
	if err == nil {
		s.wake()
	}
	return err
}

// revoke is part of a transaction.
func (s *Store) revoke(ctx context.Context, c *conn, e passbearer.Revocation) error {
	expiry := s.now().Add(orDefault(e.Lifetime, s.opts.RevocationLifetime))
	_, err := c.exec(ctx, "INSERT INTO passbearer_revocations ("+revocationColumns+") VALUES (?, ?, ?, ?, ?)",
		e.SessionID, e.TokenID, e.UserID, e.Epoch, nanos(expiry))
	return err
}

// WatchRevocations implements passbearer.RevocationStore. Revocations of this
// Store are told at once, those of other processes after [Options.PollInterval] at
// the latest. It ends when the Store is closed.
//
// Its query for what is above the last number misses nothing. A number is
// given inside a transaction that has SQLite's one write lock until it has
// committed: numbers become visible in their order, and none comes later below
// one that was seen. (Where several transactions write at once, as in PostgreSQL,
// this does not hold.)
func (s *Store) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	wake := make(chan struct{}, 1)
	s.watch(wake, true)
	defer s.watch(wake, false)
	poll := time.NewTicker(s.opts.PollInterval)
	defer poll.Stop()
	var last int64
	var told time.Time
	for complete := true; ; complete = false {
		live, err := s.revocationsAfter(ctx, &last)
		if err != nil {
			return err
		}
		if complete || len(live) > 0 || time.Since(told) >= heartbeat {
			tell(passbearer.RevocationNews{Revocations: live, Complete: complete})
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return wrap("watch revocations", ctx.Err())
		case <-s.life.Done():
			return wrap("watch revocations", errClosed)
		case <-wake:
		case <-poll.C:
		}
	}
}

// revocationsAfter returns what is live of the revocations above the number last,
// and moves it.
func (s *Store) revocationsAfter(ctx context.Context, last *int64) (live []passbearer.Revocation, err error) {
	var all []passbearer.Revocation
	err = s.read(ctx, "read revocations", func(ctx context.Context, c *conn) error {
		all = nil // an attempt may have been in vain
		next := *last
		err := c.all(ctx, func(r row) error {
			var e passbearer.Revocation
			err := r.Scan(&next, &e.SessionID, &e.TokenID, &e.UserID, &e.Epoch, &e.Lifetime)
			all = append(all, e)
			return err
		}, "SELECT n, "+revocationColumns+" FROM passbearer_revocations WHERE n > ? ORDER BY n", next)
		if err == nil {
			*last = next
		}
		return err
	})
	now := nanos(s.now()) // after the read, so none lives longer than it was given
	for _, e := range all {
		if e.Lifetime -= time.Duration(now); e.Lifetime > 0 { // it was an expiry till here
			live = append(live, e)
		}
	}
	return live, err
}

func (s *Store) watch(wake chan struct{}, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.watchers[wake] = true
		return
	}
	delete(s.watchers, wake)
}

// wake tells the watchers that there is something new.
func (s *Store) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for wake := range s.watchers {
		select {
		case wake <- struct{}{}:
		default: // it is awake
		}
	}
}
