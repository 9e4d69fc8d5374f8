package deadline_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/deadline"
)

// TestDeadline compares with package context's, in whatever order things happen.
func TestDeadline(t *testing.T) {
	steps := []string{"parent", "cancel", "past", "wait", "child", "after"}
	var all func(done []string)
	all = func(done []string) {
		synctest.Test(t, func(t *testing.T) {
			require.Equal(t, happen(t, context.WithDeadline, done), happen(t, until, done), done)
		})
		for _, step := range steps {
			if len(done) < 4 {
				all(append(done[:len(done):len(done)], step))
			}
		}
	}
	all(nil)
}

func until(ctx context.Context, end time.Time) (context.Context, context.CancelFunc) {
	return deadline.After(ctx, time.Until(end))
}

// happen returns all that can be seen of a context while the steps are done.
func happen(t *testing.T, with func(context.Context, time.Time) (context.Context, context.CancelFunc), steps []string) (seen []any) {
	end := time.Now().Add(time.Second)
	parent, stop := context.WithCancelCause(context.WithValue(t.Context(), ctxKey{}, "v"))
	defer stop(nil)
	ctx, cancel := with(parent, end)
	defer cancel()
	var child context.Context
	var called atomic.Int32
	for _, step := range steps {
		switch step {
		case "parent":
			stop(errors.New("the cause"))
		case "cancel":
			cancel()
		case "past":
			time.Sleep(time.Second)
		case "wait":
			seen = append(seen, isClosed(ctx.Done()))
		case "child":
			var stopChild context.CancelFunc
			child, stopChild = context.WithTimeout(ctx, time.Minute)
			defer stopChild()
		case "after":
			context.AfterFunc(ctx, func() { called.Add(1) })
		}
		synctest.Wait()
		at, ok := ctx.Deadline()
		seen = append(seen, step, ctx.Err(), ctx.Value(ctxKey{}), called.Load(), ok, at.Equal(end))
		if child != nil {
			seen = append(seen, child.Err(), child.Value(ctxKey{}))
		}
	}
	seen = append(seen, isClosed(ctx.Done()))
	if ends(steps) < 2 || steps[0] == "wait" { // of two causes either may be told while nobody waits
		seen = append(seen, fmt.Sprint(context.Cause(ctx)))
	}
	return seen
}

func ends(steps []string) (n int) {
	for _, step := range steps {
		if step == "parent" || step == "cancel" || step == "past" {
			n++
		}
	}
	return n
}

// TestDeadlineUnwatched has nobody look before the end: then it has ended, by whichever end.
func TestDeadlineUnwatched(t *testing.T) {
	for _, steps := range [][]string{{}, {"parent"}, {"cancel"}, {"past"}, {"past", "cancel"}, {"parent", "past"}, {"past", "parent", "cancel"}} {
		synctest.Test(t, func(t *testing.T) {
			parent, stop := context.WithCancel(t.Context())
			defer stop()
			ctx, cancel := deadline.After(parent, time.Second)
			defer cancel()
			for _, step := range steps {
				switch step {
				case "parent":
					stop()
				case "cancel":
					cancel()
				case "past":
					time.Sleep(time.Second)
				}
			}
			require.Equal(t, len(steps) > 0, ctx.Err() != nil, steps)
			require.Equal(t, len(steps) > 0, isClosed(ctx.Done()), steps)
		})
	}
}

func TestDeadlineOfTheParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ofParent = 2 * time.Second
		errBusy := errors.New("the cause")
		for after, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Minute: ofParent} {
			parent, stop := context.WithTimeoutCause(t.Context(), ofParent, errBusy)
			defer stop()
			ctx, cancel := deadline.After(parent, after)
			defer cancel()
			end, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, want, time.Until(end))
			start := time.Now()
			<-ctx.Done()
			require.Equal(t, want, time.Since(start))
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
			require.Equal(t, want == ofParent, errors.Is(context.Cause(ctx), errBusy))
		}
	})
}

// TestDeadlineAtOnce is for the race detector.
func TestDeadlineAtOnce(t *testing.T) {
	for range 200 {
		parent, stop := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "v"))
		ctx, cancel := deadline.After(parent, time.Millisecond)
		var all sync.WaitGroup
		for _, f := range []func(){
			cancel, stop, func() { ctx.Err() }, func() { <-ctx.Done() }, func() { ctx.Value(ctxKey{}) }, func() { _ = fmt.Sprint(ctx) },
			func() { context.AfterFunc(ctx, func() {}) }, func() { _, c := context.WithCancel(ctx); c() },
		} {
			all.Go(f)
		}
		all.Wait()
		require.Error(t, ctx.Err())
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

type ctxKey struct{}
