package storetest

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
)

// TestRevocationStore tests a passbearer.RevocationStore, and that what the store
// ends and raises as another of passbearer's interfaces is told to its watchers.
func TestRevocationStore[S passbearer.RevocationStore](t *testing.T, open func(*testing.T) S) {
	run(t, "what is live is told at once", open, liveOnesAreTold)
	run(t, "what comes is told", open, newOnesAreTold)
	run(t, "nothing is missed between the two", open, noneAreMissed)
	run(t, "a watcher ends with its context", open, watcherEnds)
	run(t, "heartbeats", open, watcherHears)
	if _, ok := any(open(t)).(passbearer.SessionStore); ok {
		run(t, "ended sessions are told", open, endedSessionsAreTold)
	}
	if _, ok := any(open(t)).(passbearer.EpochRaiser); ok {
		run(t, "raised epochs are told", open, raisedEpochsAreTold)
	}
	if _, ok := any(open(t)).(passbearer.UserEditor); ok {
		run(t, "changed users are told", open, changedUsersAreTold)
	}
}

// patience bounds how long a watcher is waited for.
var patience = 20 * time.Second

// watcher collects what a store tells.
type watcher struct {
	t      *testing.T
	stop   context.CancelFunc
	ended  chan error
	mu     sync.Mutex
	told   map[string]int64 // the kind and id, and the epoch
	news   int
	first  passbearer.RevocationNews
	change chan struct{}
}

// watch returns once the store has told all that is live.
func watch(ctx context.Context, t *testing.T, s passbearer.RevocationStore) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{t: t, stop: cancel, ended: make(chan error, 1), told: map[string]int64{}, change: make(chan struct{}, 1)}
	go func() { w.ended <- s.WatchRevocations(ctx, w.tell) }()
	t.Cleanup(cancel)
	w.until("the first news", func() bool { return w.news > 0 })
	if !w.first.Complete {
		t.Error("the first news is not complete")
	}
	return w
}

func (w *watcher) tell(news passbearer.RevocationNews) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news++; w.news == 1 {
		w.first = news
	}
	for _, e := range news.Revocations {
		if e.Lifetime <= 0 || e.SessionID == short && e.Lifetime > time.Hour || e.TokenID == long && e.Lifetime < 24*365*time.Hour {
			w.t.Errorf("told %s for %v", key(e), e.Lifetime)
		}
		w.told[key(e)] = max(w.told[key(e)], e.Epoch)
	}
	select {
	case w.change <- struct{}{}:
	default:
	}
}

func key(e passbearer.Revocation) string {
	return fmt.Sprintf("sid %q jti %q sub %q", e.SessionID, e.TokenID, e.UserID)
}

// until waits for what tell brings about.
func (w *watcher) until(what string, done func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		ok := done()
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-w.change:
		case err := <-w.ended:
			w.t.Fatalf("waiting for %s: the watcher ended: %v", what, err)
		case <-deadline:
			w.t.Fatalf("waiting for %s in vain", what)
		}
	}
}

// hears waits until e was told.
func (w *watcher) hears(e passbearer.Revocation) {
	w.t.Helper()
	w.until(key(e), func() bool { epoch, ok := w.told[key(e)]; return ok && epoch >= e.Epoch })
}

// short is revoked for an hour, and long for ever.
const (
	short = "';--"
	long  = "🔑"
)

var kinds = []passbearer.Revocation{{SessionID: "a"}, {TokenID: "a"}, {UserID: "a", Epoch: 7},
	{SessionID: short, Lifetime: time.Hour}, {TokenID: long, Lifetime: math.MaxInt64}}

func liveOnesAreTold[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	for _, e := range kinds {
		must(t, s.Revoke(ctx, e))
	}
	must(t, s.Revoke(ctx, passbearer.Revocation{UserID: "a", Epoch: 9}))
	must(t, s.Revoke(ctx, passbearer.Revocation{UserID: "a", Epoch: 8}))
	w := watch(ctx, t, s)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news == 1 && (len(w.told) != len(kinds) || w.told[key(passbearer.Revocation{UserID: "a"})] != 9) {
		t.Errorf("the first news has %v", w.told)
	}
}

func newOnesAreTold[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	first, second := watch(ctx, t, s), watch(ctx, t, s)
	for _, e := range kinds {
		must(t, s.Revoke(ctx, e))
		must(t, s.Revoke(ctx, e)) // again is no error
		first.hears(e)
		second.hears(e)
	}
}

func noneAreMissed[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	var watchers [4]*watcher
	each(func(i int) {
		if i < len(watchers) {
			watchers[i] = watch(ctx, t, s)
			return
		}
		if err := s.Revoke(ctx, passbearer.Revocation{SessionID: fmt.Sprint(i)}); err != nil {
			t.Error(err)
		}
	})
	for _, w := range watchers {
		for i := len(watchers); i < parallel; i++ {
			w.hears(passbearer.Revocation{SessionID: fmt.Sprint(i)})
		}
	}
}

func watcherEnds[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	w := watch(ctx, t, s)
	w.stop()
	select {
	case err := <-w.ended:
		mustBe(t, err, context.Canceled)
	case <-time.After(patience):
		t.Error("the watcher goes on")
	}
}

// watcherHears something within 3 seconds, though nothing is revoked.
func watcherHears[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	w := watch(ctx, t, s)
	start := time.Now()
	w.until("two heartbeats", func() bool { return w.news >= 3 })
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("two heartbeats took %v", took)
	}
}

func endedSessionsAreTold[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	sessions := any(s).(passbearer.SessionStore)
	for _, id := range []string{"one", "two", "three"} {
		must(t, sessions.CreateSession(ctx, session(id, "u1")))
	}
	w := watch(ctx, t, s)
	must(t, sessions.EndSession(ctx, "one"))
	w.hears(passbearer.Revocation{SessionID: "one"})
	if all, ok := any(s).(passbearer.UserSessionStore); ok {
		must(t, all.EndUserSessions(ctx, "u1"))
		w.hears(passbearer.Revocation{SessionID: "two"})
		w.hears(passbearer.Revocation{SessionID: "three"})
	}
	must(t, sessions.EndSession(ctx, "unknown"))
}

func raisedEpochsAreTold[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	w := watchWithUser(ctx, t, s)
	epoch, err := any(s).(passbearer.EpochRaiser).RaiseEpoch(ctx, "u1")
	must(t, err)
	w.hears(passbearer.Revocation{UserID: "u1", Epoch: epoch})
}

func changedUsersAreTold[S passbearer.RevocationStore](ctx context.Context, t *testing.T, s S) {
	w := watchWithUser(ctx, t, s)
	editor := any(s).(passbearer.UserEditor)
	epoch, err := editor.SetPasswordHash(ctx, "u1", users[0].PasswordHash, "second")
	must(t, err)
	w.hears(passbearer.Revocation{UserID: "u1", Epoch: epoch})
	epoch, err = editor.SetDisabled(ctx, "u1", true)
	must(t, err)
	w.hears(passbearer.Revocation{UserID: "u1", Epoch: epoch})
}

func watchWithUser(ctx context.Context, t *testing.T, s passbearer.RevocationStore) *watcher {
	t.Helper()
	adder, ok := s.(UserStore)
	if !ok {
		t.Fatal("a store of users to be tested needs AddUser")
	}
	must(t, adder.AddUser(ctx, users[0]))
	return watch(ctx, t, s)
}
