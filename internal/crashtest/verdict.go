package crashtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/passbearer/passbearer"
)

// verdict counts, and collects what must not be. It is safe for concurrent use.
type verdict struct {
	failover                                                            bool
	rotations, retries, repeats, signIns, signOuts, unavailable, rounds atomic.Int64
	unheard, healed, lost, forked, revived, stray                       atomic.Int64
	seed                                                                uint64

	mu       sync.Mutex
	expected map[string]bool // sids whose refresh tokens are stolen on purpose
	failures []error
	cause    string // of the first 503
}

const maxFailures = 20

func newVerdict(cfg Config) *verdict {
	v := &verdict{failover: cfg.Failover, seed: *seedFlag, expected: map[string]bool{}}
	if v.seed == 0 {
		v.seed = rand.Uint64N(1 << 32)
	}
	return v
}

// random returns one of many streams of choices.
func (v *verdict) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(v.seed, stream)) }

// The kinds of failures.
func (v *verdict) isLost(format string, args ...any)   { v.count(&v.lost, true, format, args...) }
func (v *verdict) isForked(format string, args ...any) { v.count(&v.forked, false, format, args...) }
func (v *verdict) isStray(format string, args ...any)  { v.count(&v.stray, true, format, args...) }
func (v *verdict) isRevived(format string, args ...any) {
	v.count(&v.revived, true, format, args...)
}

// isRotatedTwice has an excuse of its own: the first rotation was lost.
func (v *verdict) isRotatedTwice(sid string) {
	if v.failover {
		v.healed.Add(1)
		return
	}
	v.isForked("forked: session %s: a refresh token was rotated twice", sid)
}

// count is no failure where a failover excuses it.
func (v *verdict) count(n *atomic.Int64, excusable bool, format string, args ...any) {
	n.Add(1)
	if !excusable || !v.failover {
		v.fail(format, args...)
	}
}

func (v *verdict) fail(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.failures) < maxFailures {
		v.failures = append(v.failures, fmt.Errorf(format, args...))
	}
}

// expect says that the session's refresh token is about to come back stolen.
func (v *verdict) expect(sid string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.expected[sid] = true
}

func (v *verdict) isExpected(sid string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.expected[sid]
}

// alarm takes what a server's Observer was told.
func (v *verdict) alarm(a alarm) {
	switch kind := passbearer.EventKind(a.Kind); {
	case kind == passbearer.EventRefreshHealed:
		v.count(&v.healed, true, "lost write: session %s was healed: an acknowledged rotation was lost", a.SessionID)
	case kind == passbearer.EventRefreshLost:
		v.isLost("lost write: session %s: %s", a.SessionID, a.Cause)
	case kind == passbearer.EventRefreshTokenStolen && !v.isExpected(a.SessionID):
		v.fail("false alarm: session %s: %s", a.SessionID, a.Cause)
	case kind == passbearer.EventPanic:
		v.fail("the server panicked: %s", a.Cause)
	}
}

func (v *verdict) failed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.failures) > 0
}

func (v *verdict) result(errs ...error) (Result, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return Result{
		Rounds: v.rounds.Load(), Rotations: v.rotations.Load(), Retries: v.retries.Load(), Repeats: v.repeats.Load(),
		SignIns: v.signIns.Load(), SignOuts: v.signOuts.Load(), Unavailable: v.unavailable.Load(), Unheard: v.unheard.Load(),
		Healed: v.healed.Load(), Lost: v.lost.Load(), Forked: v.forked.Load(), Revived: v.revived.Load(), Stray: v.stray.Load(),
		Seed: v.seed, Cause: v.cause,
	}, errors.Join(append(v.failures, errs...)...)
}

// saw takes note of every answer.
func (v *verdict) saw(a answer) {
	if a.again() {
		v.retries.Add(1)
	}
	if a.err == nil && a.status == http.StatusServiceUnavailable && v.unavailable.Add(1) == 1 {
		v.mu.Lock()
		v.cause = a.cause
		v.mu.Unlock()
	}
	if a.ok() && a.event == passbearer.EventRefreshRepeated {
		v.repeats.Add(1)
	}
}

// alarmWriter takes the lines that a server writes, in the same process.
type alarmWriter func(alarm)

func (w alarmWriter) Write(line []byte) (int, error) {
	var a alarm
	if err := json.Unmarshal(line, &a); err != nil {
		return 0, err
	}
	w(a)
	return len(line), nil
}
