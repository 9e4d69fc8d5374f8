package password

import (
	"context"
	"fmt"
	"sync/atomic"
)

// gate admits a bounded number of callers at once and lets a bounded number
// wait, in the order in which they came.
type gate struct {
	slots   chan struct{} // one element for each slot taken
	queue   int64
	waiting atomic.Int64
	refused atomic.Uint64
}

// newGate takes a queue below zero as no queue.
func newGate(slots, queue int) *gate {
	return &gate{slots: make(chan struct{}, slots), queue: int64(max(0, queue))}
}

// ready fails where enter would, for want of room.
func (g *gate) ready() error {
	if len(g.slots) < cap(g.slots) || g.waiting.Load() < g.queue {
		return nil
	}
	g.refused.Add(1)
	return ErrBusy
}

// enter takes a slot, which the caller gives back with leave. It fails at once
// when ctx is done or the queue is full, and later when ctx ends the wait.
func (g *gate) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
		return g.wait(ctx)
	}
}

func (g *gate) wait(ctx context.Context) error {
	if !g.join() {
		return ErrBusy
	}
	defer g.waiting.Add(-1)
	select {
	case <-ctx.Done():
		return gaveUp(ctx)
	case g.slots <- struct{}{}:
	}
	if ctx.Err() != nil { // select chooses at random when both are ready
		g.leave()
		return gaveUp(ctx)
	}
	return nil
}

func (g *gate) leave() { <-g.slots }

// join takes a place in the queue. Thousands may want one at once, who would hold each
// other up, and with them their memory, at a mutex.
func (g *gate) join() bool {
	for {
		n := g.waiting.Load()
		if n >= g.queue {
			g.refused.Add(1)
			return false
		}
		if g.waiting.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// gaveUp wraps ctx's error and its cause, so that errors.Is finds either.
func gaveUp(ctx context.Context) error {
	return fmt.Errorf("password: no hash begun: %w (cause: %w)", ctx.Err(), context.Cause(ctx))
}
