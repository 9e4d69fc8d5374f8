package memstore

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	// maxUsed bounds the ids that are remembered, in about 60 MB.
	maxUsed = 1_000_000

	maxUsedLifetime = 100 * 365 * 24 * time.Hour // keeps the sum with now exact
)

var errUsedFull = errors.New("1,000,000 ids are remembered, and none has expired: shorten their lifetimes, or keep them in a database")

var _ passbearer.ReplayStore = (*Store)(nil)

// used are ids that were used. Only their hashes are kept, for their size.
type used struct {
	known map[usedID]struct{}
	queue usedQueue // of the same ids
}

type usedID [16]byte

type usedEntry struct {
	id     usedID
	expiry int64 // nanoseconds since 1970
}

// UseOnce implements passbearer.ReplayStore. It remembers 1,000,000 ids; beyond
// that it fails until some expire, for to forget one would let it be used again.
func (s *Store) UseOnce(ctx context.Context, id string, lifetime time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("memstore: use an id: %w", err)
	}
	sum := sha256.Sum256([]byte(id))
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now().UnixNano()
	s.used.expire(now)
	first, err := s.used.use(usedEntry{usedID(sum[:16]), now + int64(min(lifetime, maxUsedLifetime))})
	if err != nil {
		return false, fmt.Errorf("memstore: use an id: %w", err)
	}
	return first, nil
}

func (u *used) use(e usedEntry) (first bool, err error) {
	if _, ok := u.known[e.id]; ok {
		return false, nil
	}
	if len(u.known) >= maxUsed {
		return false, errUsedFull
	}
	put(&u.known, e.id, struct{}{})
	heap.Push(&u.queue, e)
	return true, nil
}

// expire forgets what is over: each id is looked at once in its life.
func (u *used) expire(now int64) {
	for len(u.queue) > 0 && u.queue[0].expiry <= now {
		e := heap.Pop(&u.queue).(usedEntry)
		delete(u.known, e.id)
	}
}

// usedQueue is a heap with the next to expire at its top.
type usedQueue []usedEntry

func (q usedQueue) Len() int           { return len(q) }
func (q usedQueue) Less(i, j int) bool { return q[i].expiry < q[j].expiry }
func (q usedQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *usedQueue) Push(e any)        { *q = append(*q, e.(usedEntry)) }

func (q *usedQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}
