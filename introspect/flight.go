package introspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passbearer/passbearer"
)

// verdict is the outcome of a question: claims, or an error.
type verdict struct {
	claims *passbearer.Claims
	err    error
}

// flight is one question, and all who wait for its answer.
type flight struct {
	done    chan struct{} // closed once verdict is there
	verdict verdict
	cancel  context.CancelFunc
	waiting int // guarded by Verifier.mu
}

// findOrJoin returns what is remembered, or else the flight that asks.
func (v *Verifier) findOrJoin(ctx context.Context, t tag, token string) (verdict, *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if known, ok := v.active.find(t, now); ok {
		return known, nil
	}
	if known, ok := v.refused.find(t, now); ok {
		return known, nil
	}
	f := v.flights[t]
	if f == nil {
		f = v.start(ctx, t, token)
	}
	f.waiting++
	return verdict{}, f
}

// start asks in a goroutine of its own: the first caller may go, and the others still
// want to know. What its ctx holds, such as a trace, comes along.
func (v *Verifier) start(ctx context.Context, t tag, token string) *flight {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.opts.Timeout)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	v.flights[t] = f
	go func() {
		defer cancel()
		began := time.Now()
		f.verdict.claims, f.verdict.err = v.guardedAsk(ctx, token)
		v.land(t, f, began)
	}()
	return f
}

// guardedAsk makes an error of a panic of Options.Transport, which would end the
// program here.
func (v *Verifier) guardedAsk(ctx context.Context, token string) (c *passbearer.Claims, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("introspect: the Transport panicked: %v", p)
		}
	}()
	select {
	case v.slots <- struct{}{}:
		defer func() { <-v.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("introspect: %d requests are under way: %w", maxAtOnce, ctx.Err())
	}
	return v.ask(ctx, token)
}

// land remembers the verdict from when the server was asked, as it may have changed
// its mind since.
func (v *Verifier) land(t tag, f *flight, began time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.flights[t] == f {
		delete(v.flights, t)
	}
	switch {
	case v.opts.CacheFor < 0:
	case f.verdict.err == nil:
		v.active.add(t, f.verdict, began.Add(v.opts.CacheFor))
	case errors.Is(f.verdict.err, passbearer.ErrInvalidToken):
		v.refused.add(t, f.verdict, began.Add(min(v.opts.CacheFor, refusedFor)))
	}
	close(f.done)
}

// leave gives up a flight that nobody waits for any more.
func (v *Verifier) leave(t tag, f *flight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		if v.flights[t] == f {
			delete(v.flights, t)
		}
	}
}
