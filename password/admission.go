package password

import (
	"context"
	"fmt"
	"sync"
)

// gate admits a bounded number of callers at once and lets a bounded number
// wait, in the order in which they came.
type gate struct {
	slots chan struct{} // one element for each slot taken
	queue int

	mu      sync.Mutex
	waiting int
	refused uint64
}

// newGate takes a queue below zero as no queue.
func newGate(slots, queue int) *gate {
	return &gate{slots: make(chan struct{}, slots), queue: max(0, queue)}
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
	defer g.quit()
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

func (g *gate) join() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting >= g.queue {
		g.refused++
		return false
	}
	g.waiting++
	return true
}

func (g *gate) quit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
}

func (g *gate) stats() (refused uint64, running, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused, len(g.slots), g.waiting
}

// gaveUp wraps ctx's error and its cause, so that errors.Is finds either.
func gaveUp(ctx context.Context) error {
	return fmt.Errorf("password: no hash begun: %w (cause: %w)", ctx.Err(), context.Cause(ctx))
}
