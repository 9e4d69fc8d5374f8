package throttle

import (
	"context"
	"sync"
	"time"
)

// Take is one of the allowances that an attempt counts for.
type Take struct {
	Cell  int64 // the number of its counter: below 2^34
	Limit Limit // its allowance
}

// Store keeps the counters, in memory or for several processes. Its methods are
// called concurrently, and keep and change none of the takes they are given. Times are
// read from one clock, the store's. A counter that is not there, or whose time is over,
// is a whole allowance: it may be removed. See [Count] for the arithmetic.
type Store interface {
	// ReserveAttempt takes one attempt from every allowance or, if one of them has no
	// room, from none, in one atomic step: of any number of calls at once no
	// more succeed than one after the other. It returns nil if they are taken,
	// or else how long each has to wait for room, in the order of takes. No cell
	// is there twice.
	ReserveAttempt(ctx context.Context, takes []Take) (waits []time.Duration, err error)

	// RefundAttempt gives one attempt back to every allowance: Every less until it is
	// whole. A counter that is not there is no error.
	RefundAttempt(ctx context.Context, takes []Take) error
}

// Count is the arithmetic of ReserveAttempt, for a [Store] that is written in Go. A
// counter is the time at which its allowance is whole again, or the zero time: each
// attempt moves it on by Every, and it may be ahead of now by Burst times Every.
// Count returns what the counters are to be set to, and the waits, which are nil if the
// attempt is taken.
//
// One that is ahead by more than that, because a clock was set back or a limit
// lowered, is an allowance that is used up and no more. It is to be set to that
// also where the attempt is not taken.
func Count(takes []Take, whole []time.Time, now time.Time) (next []time.Time, waits []time.Duration) {
	next = make([]time.Time, len(takes))
	for i, take := range takes {
		var wait time.Duration
		if next[i], wait = take.Limit.take(whole[i], now); wait == 0 {
			continue
		}
		if waits == nil {
			waits = make([]time.Duration, len(takes))
		}
		waits[i] = wait
	}
	for i, wait := range waits {
		if wait == 0 {
			next[i] = whole[i]
		}
	}
	return next, waits
}

// Memory is a [Store] in the memory of one process. The zero Memory is empty and
// ready for use; it must not be copied.
//
// It has 2^18 counters of each kind, in 2^14 sets of 16; a cell belongs to one set.
// Where all 16 are in use, a cell that is not among them takes the place of the one
// that is whole again first, and goes on from its time. So does the one that lost
// its place when it comes back: a counter may be ahead then, and never behind.
type Memory struct {
	// Now is the clock, to be set before the first use. Nil means [time.Now]
	// with its monotonic reading, which setting the clock does not change.
	Now func() time.Time

	mu    sync.Mutex
	start time.Time
	kinds [kindCount]*[setCount / pageSets]*page
}

const (
	setCount = 1 << 14
	pageSets = 16 // 4 KiB, made when one of them is first used
)

type (
	page [pageSets]set
	set  [16]counter
)

// counter is the time at which a cell's allowance is whole again, in nanoseconds
// from Memory.start.
type counter struct{ cell, whole int64 }

var _ Store = (*Memory)(nil)

// ReserveAttempt implements [Store].
func (m *Memory) ReserveAttempt(_ context.Context, takes []Take) ([]time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, whole := m.now(), make([]time.Time, 0, maxTakes)
	for _, take := range takes {
		c, _ := m.set(take.Cell).find(take.Cell)
		whole = append(whole, m.start.Add(time.Duration(c.whole)))
	}
	next, waits := Count(takes, whole, now)
	for i, take := range takes {
		c, own := m.set(take.Cell).find(take.Cell)
		to := int64(next[i].Sub(m.start))
		switch {
		case own:
			c.whole = to
		case waits == nil:
			*c = counter{take.Cell, max(c.whole, to)}
		}
	}
	return waits, nil
}

// RefundAttempt implements [Store].
func (m *Memory) RefundAttempt(_ context.Context, takes []Take) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, take := range takes {
		if c, own := m.set(take.Cell).find(take.Cell); own {
			c.whole -= int64(take.Limit.Every)
		}
	}
	return nil
}

func (m *Memory) now() time.Time {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	if m.start.IsZero() {
		m.start = now().Add(-maxWhole) // a counter never used is idle, whatever becomes of the clock
	}
	return now()
}

// set returns the set that a cell belongs to. Cells of different kinds are never in
// the same one, for their times mean different things.
func (m *Memory) set(cell int64) *set {
	kind, n := cell>>kindShift, cell%setCount
	if m.kinds[kind] == nil {
		m.kinds[kind] = new([setCount / pageSets]*page)
	}
	p := &m.kinds[kind][n/pageSets]
	if *p == nil {
		*p = new(page)
	}
	return &(*p)[n%pageSets]
}

// find returns the cell's own counter, or the one whose place it takes.
func (s *set) find(cell int64) (c *counter, own bool) {
	c = &s[0]
	for i := range s {
		if s[i].cell == cell {
			return &s[i], true
		}
		if s[i].whole < c.whole {
			c = &s[i]
		}
	}
	return c, false
}
