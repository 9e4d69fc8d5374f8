package storetest

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
)

// TestReplayStore tests a passbearer.ReplayStore.
func TestReplayStore[S passbearer.ReplayStore](t *testing.T, open func(*testing.T) S) {
	run(t, "an id is used once", open, usedOnce)
	run(t, "ids are distinct to the byte", open, idsAreDistinct)
	run(t, "an id is used once, by 1,000 at once", open, usedOnceAtOnce)
	run(t, "many ids at once", open, manyAtOnce)
	run(t, "an id is remembered for its lifetime", open, rememberedForLifetime)
	run(t, "an id that expired is used once again, at once", open, usedOnceAgain)
	run(t, "long lifetimes", open, longLifetimes)
	run(t, "a cancelled use is an error", open, cancelledUse)
}

// useID reports whether it was the first use.
func useID(ctx context.Context, t testing.TB, s passbearer.ReplayStore, id string, lifetime time.Duration) bool {
	t.Helper()
	first, err := s.UseOnce(ctx, id, lifetime)
	must(t, err)
	return first
}

func mustUse(ctx context.Context, t testing.TB, s passbearer.ReplayStore, id string, want bool) {
	t.Helper()
	if first := useID(ctx, t, s, id, time.Hour); first != want {
		t.Fatalf("the use of %q was the first one: %v, want %v", id, first, want)
	}
}

func usedOnce[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	mustUse(ctx, t, s, "a", true)
	for range 3 {
		mustUse(ctx, t, s, "a", false)
	}
	mustUse(ctx, t, s, "b", true)
	mustUse(ctx, t, s, "a", false)
}

func idsAreDistinct[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	var printable strings.Builder
	for c := byte(' '); c <= '~'; c++ {
		printable.WriteByte(c)
	}
	long := strings.Repeat("x", 127)
	ids := []string{"a", "A", "a ", " a", "aa", "a%", "a_", "a*", "{a}", `a"`, "a'", `a\`, "1", "01", "1.0", "null", printable.String(),
		long, long + "y", long + "Y", "y" + long, long + "}"}
	for _, want := range []bool{true, false} {
		for _, id := range ids {
			mustUse(ctx, t, s, id, want)
		}
	}
}

// atOnce returns how many of 1,000 uses of id were the first.
func atOnce(ctx context.Context, t testing.TB, s passbearer.ReplayStore, id string) int64 {
	t.Helper()
	var firsts atomic.Int64
	each(func(int) {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if first, err := s.UseOnce(ctx, id, time.Hour); err != nil {
					t.Error(err)
				} else if first {
					firsts.Add(1)
				}
			})
		}
		wg.Wait()
	})
	return firsts.Load()
}

func usedOnceAtOnce[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	if n := atOnce(ctx, t, s, "a"); n != 1 {
		t.Fatalf("%d of 1,000 uses were the first", n)
	}
	mustUse(ctx, t, s, "a", false)
}

func manyAtOnce[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	var firsts atomic.Int64
	each(func(i int) {
		for n := range 10 {
			first, err := s.UseOnce(ctx, string(rune('a'+(i+n)%10)), time.Hour)
			if err != nil {
				t.Error(err)
			} else if first {
				firsts.Add(1)
			}
		}
	})
	if n := firsts.Load(); n != 10 {
		t.Fatalf("%d first uses of 10 ids", n)
	}
}

// usedAgain waits until id may be used again, and returns for how long it was not.
func usedAgain(ctx context.Context, t testing.TB, s passbearer.ReplayStore, id string, since time.Time) time.Duration {
	t.Helper()
	for deadline := since.Add(patience); !useID(ctx, t, s, id, time.Hour); {
		if time.Now().After(deadline) {
			t.Fatalf("%q is remembered for longer than its lifetime", id)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
	return time.Since(since)
}

// rememberedForLifetime: not shorter, and a use that is refused does not prolong
// it.
func rememberedForLifetime[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	const lifetime = 500 * time.Millisecond
	mustUse(ctx, t, s, "long", true)
	start := time.Now()
	if !useID(ctx, t, s, "short", lifetime) {
		t.Fatal("the first use was not the first")
	}
	if took := usedAgain(ctx, t, s, "short", start); took < lifetime-10*time.Millisecond {
		t.Fatalf("the id was remembered for %v, want %v", took, lifetime)
	}
	mustUse(ctx, t, s, "short", false)
	mustUse(ctx, t, s, "long", false)
}

func usedOnceAgain[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	if !useID(ctx, t, s, "a", 100*time.Millisecond) || !useID(ctx, t, s, "b", 100*time.Millisecond) {
		t.Fatal("the first use was not the first")
	}
	usedAgain(ctx, t, s, "b", time.Now()) // then a has expired too
	if n := atOnce(ctx, t, s, "a"); n != 1 {
		t.Fatalf("%d of 1,000 uses were the first, after the id had expired", n)
	}
}

func longLifetimes[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	for id, lifetime := range map[string]time.Duration{"year": 365*24*time.Hour + time.Nanosecond, "for ever": 1<<63 - 1} {
		for _, want := range []bool{true, false, false} {
			if first := useID(ctx, t, s, id, lifetime); first != want {
				t.Fatalf("the use of %q was the first one: %v, want %v", id, first, want)
			}
		}
	}
}

func cancelledUse[S passbearer.ReplayStore](ctx context.Context, t *testing.T, s S) {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, id := range []string{"a", "b"} {
		if first, err := s.UseOnce(cancelled, id, time.Hour); first || err == nil {
			t.Fatalf("with a cancelled context the use was the first one: %v, with the error %v", first, err)
		}
	}
	mustUse(ctx, t, s, "c", true)
}
