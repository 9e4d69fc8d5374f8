package storetest_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/passbearer/passbearer/storetest"
	"github.com/passbearer/passbearer/throttle"
)

// throttleFaults are named by what the suite of throttle stores must notice.
var throttleFaults = []string{
	"throttle has no limit", "throttle takes one less", "throttle is not atomic", "throttle takes some", "throttle tells one wait", "throttle mixes the waits",
	"throttle refunds all", "throttle refunds nothing", "throttle refunds the first", "throttle keeps credit", "throttle stands still",
	"throttle forgets at once", "throttle mixes cells", "throttle waits for ever",
}

// brokenThrottle is a throttle.Store with one fault.
type brokenThrottle struct {
	throttle.Memory
	fault string
	mu    sync.Mutex
	taken map[int64]int
	extra map[int64]int
}

func (b *brokenThrottle) is(fault string) bool { return b.fault == "throttle "+fault }

func (b *brokenThrottle) ReserveAttempt(ctx context.Context, takes []throttle.Take) ([]time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	takes = slices.Clone(takes)
	for i := range takes {
		switch take := &takes[i]; {
		case b.is("has no limit"):
			take.Limit.Burst *= 1000
		case b.is("takes one less"):
			take.Limit.Burst--
		case b.is("forgets at once"):
			take.Limit.Every = time.Nanosecond
		case b.is("keeps credit"):
			take.Limit.Burst += b.extra[take.Cell]
		case b.is("mixes cells"):
			take.Cell = int64(i)
		}
	}
	if b.is("takes some") {
		for _, take := range takes {
			if waits, _ := b.Memory.ReserveAttempt(ctx, []throttle.Take{take}); waits != nil {
				return slices.Repeat(waits, len(takes)), nil
			}
		}
		return nil, nil
	}
	if b.is("is not atomic") {
		waits, err := b.Memory.ReserveAttempt(ctx, takes)
		if waits == nil {
			b.Memory.RefundAttempt(ctx, takes)
			b.mu.Unlock()
			for range 100 {
				runtime.Gosched() // to the others
			}
			b.mu.Lock()
			b.Memory.ReserveAttempt(ctx, takes)
		}
		return waits, err
	}
	waits, err := b.Memory.ReserveAttempt(ctx, takes)
	if waits == nil {
		for _, take := range takes {
			b.taken[take.Cell]++
		}
		return nil, err
	}
	switch {
	case b.is("tells one wait"):
		waits = []time.Duration{slices.Max(waits)}
	case b.is("mixes the waits"):
		slices.Sort(waits)
	case b.is("waits for ever"):
		for i := range waits {
			waits[i] *= 10
		}
	}
	return waits, err
}

func (b *brokenThrottle) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, take := range takes {
		n := 1
		switch {
		case b.is("refunds nothing"):
			n = 0
		case b.is("refunds all"):
			n = b.taken[take.Cell]
		}
		for range n {
			b.Memory.RefundAttempt(ctx, []throttle.Take{take})
		}
		if b.taken[take.Cell] -= n; b.taken[take.Cell] < 0 {
			b.extra[take.Cell]++
		}
		if b.is("refunds the first") {
			break
		}
	}
	return nil
}

// newBrokenThrottle has a fault, or none.
func newBrokenThrottle(fault string) *brokenThrottle {
	b := &brokenThrottle{fault: fault, taken: map[int64]int{}, extra: map[int64]int{}}
	if b.is("stands still") {
		start := time.Now()
		b.Now = func() time.Time { return start }
	}
	return b
}

func testBrokenThrottle(t *testing.T, fault string) {
	storetest.SetPatience(2 * time.Second)
	storetest.TestThrottleStore(t, func(*testing.T) *brokenThrottle { return newBrokenThrottle(fault) })
}
