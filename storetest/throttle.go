package storetest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer/throttle"
)

// TestThrottleStore tests a throttle.Store.
func TestThrottleStore[S throttle.Store](t *testing.T, open func(*testing.T) S) {
	run(t, "so many and no more", open, burstIsTheLimit)
	run(t, "so many at once and no more", open, burstIsTheLimitAtOnce)
	run(t, "all allowances or none", open, allOrNone)
	run(t, "all or none, at once and in any order", open, allOrNoneAtOnce)
	run(t, "a refund is one attempt", open, refundIsOne)
	run(t, "nothing is refunded to who has not taken", open, refundIsBounded)
	run(t, "refunds at once", open, refundsAtOnce)
	run(t, "time gives room", open, timeGivesRoom)
	run(t, "nobody waits longer than the limit says", open, waitIsBounded)
	run(t, "large numbers", open, largeNumbers)
}

// hourly has no more room as long as a test lasts.
var hourly = throttle.Limit{Burst: 20, Every: time.Hour}

func take(cell int64) throttle.Take { return throttle.Take{Cell: cell, Limit: hourly} }

// reserve reports whether the attempt was taken, and the waits where it was not.
func reserve(ctx context.Context, t testing.TB, s throttle.Store, takes ...throttle.Take) (bool, []time.Duration) {
	t.Helper()
	waits, err := s.ReserveAttempt(ctx, takes)
	must(t, err)
	if waits == nil {
		return true, nil
	}
	if len(waits) != len(takes) || slices.Max(waits) <= 0 || slices.Min(waits) < 0 {
		t.Fatalf("waits of %v for %d takes", waits, len(takes))
	}
	return false, waits
}

// refused returns the waits of an attempt that must not be taken.
func refused(ctx context.Context, t testing.TB, s throttle.Store, takes ...throttle.Take) []time.Duration {
	t.Helper()
	ok, waits := reserve(ctx, t, s, takes...)
	if ok {
		t.Fatal("an attempt was taken though there was no room")
	}
	return waits
}

// room is how many attempts are taken one after the other.
func room(ctx context.Context, t testing.TB, s throttle.Store, takes ...throttle.Take) (n int) {
	t.Helper()
	for ok, _ := reserve(ctx, t, s, takes...); ok; ok, _ = reserve(ctx, t, s, takes...) {
		if n++; n > 10*parallel {
			t.Fatal("there is no limit")
		}
	}
	return n
}

func mustRoom(ctx context.Context, t testing.TB, s throttle.Store, want int, takes ...throttle.Take) {
	t.Helper()
	if n := room(ctx, t, s, takes...); n != want {
		t.Fatalf("%d attempts were taken, want %d", n, want)
	}
}

// mustWait is about an allowance that has just been used up.
func mustWait(t testing.TB, wait, want time.Duration) {
	t.Helper()
	if wait > want || wait < want-patience {
		t.Fatalf("a wait of %v, want %v or a little less", wait, want)
	}
}

func burstIsTheLimit[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	mustRoom(ctx, t, s, hourly.Burst, take(1))
	waits := refused(ctx, t, s, take(1))
	mustWait(t, waits[0], time.Hour)
	mustRoom(ctx, t, s, hourly.Burst, take(2)) // another's
	mustRoom(ctx, t, s, 0, take(1))
	narrow := throttle.Take{Cell: 3, Limit: throttle.Limit{Burst: 1, Every: 10 * time.Minute}}
	mustRoom(ctx, t, s, 1, narrow)
	waits = refused(ctx, t, s, narrow)
	mustWait(t, waits[0], 10*time.Minute)
}

func burstIsTheLimitAtOnce[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	var taken atomic.Int64
	each(func(int) {
		if waits, err := s.ReserveAttempt(ctx, []throttle.Take{take(1)}); err != nil {
			t.Error(err)
		} else if waits == nil {
			taken.Add(1)
		}
	})
	if taken.Load() != int64(hourly.Burst) {
		t.Fatalf("%d attempts were taken at once, want %d", taken.Load(), hourly.Burst)
	}
}

func allOrNone[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	mustRoom(ctx, t, s, hourly.Burst, take(2))
	for range 3 {
		waits := refused(ctx, t, s, take(1), take(2), take(3))
		if waits[0] != 0 || waits[2] != 0 {
			t.Fatalf("waits of %v, where the second allowance alone is used up", waits)
		}
		mustWait(t, waits[1], time.Hour)
	}
	mustRoom(ctx, t, s, hourly.Burst, take(1), take(3))
	waits := refused(ctx, t, s, take(3), take(2), take(1), take(4))
	if waits[0] == 0 || waits[1] == 0 || waits[2] == 0 || waits[3] != 0 {
		t.Fatalf("waits of %v, where all but the last are used up", waits)
	}
	mustRoom(ctx, t, s, hourly.Burst, take(4))
}

// allOrNoneAtOnce: three pairs of allowances, each of which is in two of them.
func allOrNoneAtOnce[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	pairs := [][]throttle.Take{{take(1), take(2)}, {take(2), take(3)}, {take(3), take(1)}}
	var taken [4]atomic.Int64
	each(func(i int) {
		pair := slices.Clone(pairs[i%3])
		if i%2 == 0 {
			slices.Reverse(pair)
		}
		if waits, err := s.ReserveAttempt(ctx, pair); err != nil {
			t.Error(err)
		} else if waits == nil {
			taken[pair[0].Cell].Add(1)
			taken[pair[1].Cell].Add(1)
		}
	})
	full := 0
	for cell := int64(1); cell <= 3; cell++ {
		n := int(taken[cell].Load())
		if n == hourly.Burst {
			full++
		}
		mustRoom(ctx, t, s, hourly.Burst-n, take(cell))
	}
	if full < 2 {
		t.Fatal("attempts were refused though there was room")
	}
}

func refundIsOne[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	mustRoom(ctx, t, s, hourly.Burst, take(1), take(2))
	must(t, s.RefundAttempt(ctx, []throttle.Take{take(1)}))
	mustRoom(ctx, t, s, 0, take(2))
	mustRoom(ctx, t, s, 1, take(1))
	for range 3 {
		must(t, s.RefundAttempt(ctx, []throttle.Take{take(2), take(1)}))
	}
	mustRoom(ctx, t, s, 3, take(1), take(2))
}

func refundIsBounded[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	for range 3 {
		must(t, s.RefundAttempt(ctx, []throttle.Take{take(1), take(2)}))
	}
	mustRoom(ctx, t, s, hourly.Burst, take(1))
	ok, _ := reserve(ctx, t, s, take(2))
	if !ok {
		t.Fatal("an attempt was refused though there was room")
	}
	for range 3 {
		must(t, s.RefundAttempt(ctx, []throttle.Take{take(2)}))
	}
	mustRoom(ctx, t, s, hourly.Burst, take(2))
}

func refundsAtOnce[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	mustRoom(ctx, t, s, hourly.Burst, take(1), take(2))
	each(func(i int) {
		takes := []throttle.Take{take(1), take(2)}
		if i%2 == 0 {
			slices.Reverse(takes)
		}
		if i%10 == 0 { // ten of them
			if err := s.RefundAttempt(ctx, takes); err != nil {
				t.Error(err)
			}
		}
	})
	mustRoom(ctx, t, s, 10, take(1), take(2))
}

func timeGivesRoom[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	short := throttle.Take{Cell: 1, Limit: throttle.Limit{Burst: 2, Every: 500 * time.Millisecond}}
	start := time.Now()
	taken := 0
	for deadline := start.Add(patience); taken < 4; {
		ok, waits := reserve(ctx, t, s, short, take(2))
		if ok {
			taken++
			continue
		}
		if waits[0] > short.Limit.Every || time.Now().After(deadline) {
			t.Fatalf("a wait of %v after %d attempts in %v", waits[0], taken, time.Since(start))
		}
		select {
		case <-time.After(min(waits[0], time.Second)):
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
	if took := time.Since(start); took < 2*short.Limit.Every-10*time.Millisecond {
		t.Fatalf("4 attempts, of which 2 had to wait for %v each, took %v", short.Limit.Every, took)
	}
	mustRoom(ctx, t, s, hourly.Burst-4, take(2))
}

// waitIsBounded: a counter may be ahead by more than its limit says because the
// limit was lowered or the clock set back. It is mended where it shows.
func waitIsBounded[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	mustRoom(ctx, t, s, hourly.Burst, take(1))
	low := throttle.Take{Cell: 1, Limit: throttle.Limit{Burst: 5, Every: 10 * time.Minute}}
	waits := refused(ctx, t, s, take(2), low)
	mustWait(t, waits[1], low.Limit.Every)
	low.Limit.Burst = 8
	mustRoom(ctx, t, s, 3, low)
	mustRoom(ctx, t, s, hourly.Burst, take(2))
}

func largeNumbers[S throttle.Store](ctx context.Context, t *testing.T, s S) {
	for _, large := range []throttle.Take{
		{Cell: 0, Limit: throttle.Limit{Burst: 2, Every: 5 * 365 * 24 * time.Hour}},
		{Cell: 1<<34 - 1, Limit: throttle.Limit{Burst: 3, Every: time.Hour + 7*time.Microsecond}},
	} {
		mustRoom(ctx, t, s, large.Limit.Burst, large)
		waits := refused(ctx, t, s, large)
		mustWait(t, waits[0], large.Limit.Every)
		must(t, s.RefundAttempt(ctx, []throttle.Take{large}))
		mustRoom(ctx, t, s, 1, large)
	}
}
