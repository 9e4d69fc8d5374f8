package dpop

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

// maxReplays is 2,900 proofs a second with the default window.
const maxReplays = 1 << 18

var errFull = errors.New("too many proofs are remembered: share a ReplayStore, or shorten MaxAge")

// replays is the ReplayStore of one Verifier. All its lifetimes are the same, so
// ids expire in the order in which they came.
type replays struct {
	limit int
	now   func() time.Time

	mu    sync.Mutex
	known map[id]struct{}
	queue []expiry // a ring, as long as the greatest number there was
	first int      // of the queue
}

type id [16]byte // a hash, for its size

type expiry struct {
	id id
	at int64 // nanoseconds since 1970
}

var _ passbearer.ReplayStore = (*replays)(nil)

func newReplays(limit int, now func() time.Time) *replays {
	return &replays{limit: limit, now: now, known: make(map[id]struct{})}
}

func (s *replays) UseOnce(_ context.Context, text string, lifetime time.Duration) (bool, error) {
	sum := sha256.Sum256([]byte(text))
	k := id(sum[:16])
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.expire(now.UnixNano())
	if _, ok := s.known[k]; ok {
		return false, nil
	}
	if len(s.known) >= s.limit { // nothing is forgotten for it: that would let a proof pass again
		return false, errFull
	}
	s.push(expiry{k, now.Add(lifetime).UnixNano()})
	s.known[k] = struct{}{}
	return true, nil
}

func (s *replays) expire(now int64) {
	for len(s.known) > 0 && s.queue[s.first].at <= now {
		delete(s.known, s.queue[s.first].id)
		s.first = (s.first + 1) % len(s.queue)
	}
}

func (s *replays) push(e expiry) {
	n := len(s.known)
	if n == len(s.queue) {
		longer := make([]expiry, min(max(2*n, 64), s.limit))
		for i := range n {
			longer[i] = s.queue[(s.first+i)%n]
		}
		s.queue, s.first = longer, 0
	}
	s.queue[(s.first+n)%len(s.queue)] = e
}
