package memstore

import (
	"cmp"
	"context"
	"time"

	"github.com/passbearer/passbearer"
)

// heartbeat is how often a watcher hears from the store at least.
const heartbeat = time.Second

// revocation is one that is live until its expiry, on the store's clock.
type revocation struct {
	passbearer.Revocation
	expiry time.Time
}

// Revoke implements passbearer.RevocationStore.
func (s *Store) Revoke(_ context.Context, e passbearer.Revocation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoke(e)
	return nil
}

// revoke appends, forgets the oldest where they have expired, and wakes whoever
// watches.
func (s *Store) revoke(e passbearer.Revocation) {
	e.Lifetime = cmp.Or(e.Lifetime, s.RevocationLifetime, passbearer.DefaultRevocationLifetime)
	now := s.now()
	for len(s.revocations) > 0 && !now.Before(s.revocations[0].expiry) {
		s.revocations = s.revocations[1:]
		s.forgotten++
	}
	s.revocations = append(s.revocations, revocation{e, now.Add(e.Lifetime)})
	for wake := range s.watchers {
		select {
		case wake <- struct{}{}:
		default: // it is awake
		}
	}
}

// WatchRevocations implements passbearer.RevocationStore.
func (s *Store) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	wake := make(chan struct{}, 1)
	s.watch(wake, true)
	defer s.watch(wake, false)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for from, complete := 0, true; ; complete = false {
		var live []passbearer.Revocation
		live, from = s.since(from)
		tell(passbearer.RevocationNews{Revocations: live, Complete: complete})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-beat.C:
		}
	}
}

func (s *Store) watch(wake chan struct{}, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		put(&s.watchers, wake, true)
		return
	}
	delete(s.watchers, wake)
}

// since returns what is live of the revocations from the given number on, and the
// number of the next one.
func (s *Store) since(from int) ([]passbearer.Revocation, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var live []passbearer.Revocation
	now := s.now()
	for _, e := range s.revocations[max(0, from-s.forgotten):] {
		if e.Lifetime = e.expiry.Sub(now); e.Lifetime > 0 {
			live = append(live, e.Revocation)
		}
	}
	return live, s.forgotten + len(s.revocations)
}
