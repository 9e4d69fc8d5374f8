package storetest_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passbearer/passbearer/storetest"
)

// replayFaults are named by what the suite of replay stores must notice.
var replayFaults = []string{
	"replays take all", "replays know all", "replays are not atomic", "replays are not atomic after expiry", "replays fold case", "replays trim", "replays cut ids",
	"replays forget early", "replays forget the others", "replays stand still", "replays prolong", "replays overflow", "replays ignore the context",
}

// brokenReplays is a passbearer.ReplayStore with one fault.
type brokenReplays struct {
	fault string
	start time.Time
	mu    sync.Mutex
	known map[string]time.Time // until when
}

func (b *brokenReplays) is(fault string) bool { return b.fault == "replays "+fault }

func (b *brokenReplays) UseOnce(ctx context.Context, id string, lifetime time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil && !b.is("ignore the context") {
		return false, err
	}
	switch {
	case b.is("fold case"):
		id = strings.ToLower(id)
	case b.is("trim"):
		id = strings.TrimSpace(id)
	case b.is("cut ids"):
		id = id[:min(len(id), 127)]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.is("stand still") {
		now = b.start
	}
	expiry, found := b.known[id]
	known := found && now.Before(expiry)
	if b.is("are not atomic") || b.is("are not atomic after expiry") && found {
		b.mu.Unlock()
		for range 100 {
			runtime.Gosched() // to the others
		}
		b.mu.Lock()
	}
	if b.is("forget the others") && found && !known {
		clear(b.known)
	}
	if !known || b.is("prolong") {
		b.known[id] = b.expiry(now, lifetime)
	}
	return (!known || b.is("take all")) && !b.is("know all"), nil
}

func (b *brokenReplays) expiry(now time.Time, lifetime time.Duration) time.Time {
	switch {
	case b.is("forget early"):
		lifetime /= 2
	case b.is("overflow"):
		return time.Unix(0, now.UnixNano()+int64(lifetime))
	}
	return now.Add(lifetime)
}

// TestReplaySuite: a store without a fault passes.
func TestReplaySuite(t *testing.T) { testReplays(t, "") }

func testReplays(t *testing.T, fault string) {
	storetest.TestReplayStore(t, func(*testing.T) *brokenReplays {
		return &brokenReplays{fault: fault, start: time.Now(), known: map[string]time.Time{}}
	})
}
