// Package deadline has a context that costs little where nobody waits for its end.
package deadline

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// deadline is what [context.WithTimeout] returns, but that it sets a timer only when somebody waits: the stores
// that are memory never do, and a token request has several of these. Of two ends it knows the first only if
// somebody asked for Err in between, and [context.Cause] only if somebody waited.
type deadline struct {
	context.Context // the parent
	end             time.Time

	mu    sync.Mutex
	err   error           // once it is known, and nobody has waited
	timed context.Context // what is waited for; nil: nobody has
	stop  context.CancelFunc
}

// After returns a context that ends with ctx, after d or with the function, whichever comes first. An earlier end of
// ctx is its own. It is short enough to be inlined, so that the function takes no memory where it is only deferred.
func After(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	within := after(ctx, d)
	return within, within.cancel
}

func after(ctx context.Context, d time.Duration) *deadline {
	end := time.Now().Add(d)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(end) {
		end = earlier
	}
	return &deadline{Context: ctx, end: end}
}

func (d *deadline) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed != nil {
		d.stop()
	} else if d.err == nil {
		d.err = context.Canceled
	}
}

// String keeps package fmt, which mocks call with their arguments, from reading the fields by reflection.
func (d *deadline) String() string { return fmt.Sprintf("%T.WithDeadline(%v)", d.Context, d.end) }

func (d *deadline) Deadline() (time.Time, bool) { return d.end, true }

func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil {
		if at, ok := d.Context.Deadline(); ok && at.Equal(d.end) { // the parent's, with its timer and its cause
			d.timed, d.stop = context.WithCancel(d.Context)
		} else {
			d.timed, d.stop = context.WithDeadline(d.Context, d.end)
		}
		if d.err != nil {
			d.stop()
		}
	}
	return d.timed.Done()
}

func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed != nil && d.err == nil {
		return d.timed.Err()
	}
	return d.look()
}

// look finds out what a timer would have told. An end is for good.
func (d *deadline) look() error {
	if d.err == nil {
		d.err = d.Context.Err()
	}
	if d.err == nil && !time.Now().Before(d.end) {
		d.err = context.DeadlineExceeded
	}
	return d.err
}

// Value leads package context to what is waited for, so that a child needs no goroutine, and to its cause.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	from := d.timed
	d.mu.Unlock()
	if from == nil {
		from = d.Context
	}
	return from.Value(key)
}
