package pgstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
)

// events counts what an Observer is told.
type events struct {
	mu     sync.Mutex
	counts map[passbearer.EventKind]int
}

func (e *events) Event(_ context.Context, event passbearer.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = map[passbearer.EventKind]int{}
	}
	e.counts[event.Kind]++
}

func (e *events) of(kind passbearer.EventKind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[kind]
}

// follow keeps a set up to date until the test ends.
func follow(t *testing.T, s *pgstore.Store, seen *events) *passbearer.Revocations {
	t.Helper()
	set := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: seen})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); set.Watch(ctx, s) }()
	t.Cleanup(func() { cancel(); <-ended })
	until(t, "the set is fresh", func() bool { return !set.Stale() })
	return set
}

func revoked(set *passbearer.Revocations, jti string) bool {
	return set.Revoked(&passbearer.Claims{ID: jti})
}

// TestCutFeed cuts the listener off again and again while revocations are made,
// and none is missed.
func TestCutFeed(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	name := "cut_" + opts.Schema
	reader := openAt(t, with(t, at, "application_name", name), opts)
	writer := openAt(t, at, opts)
	seen := new(events)
	set := follow(t, reader, seen)
	const cuts, each = 3, 50
	for cut := range cuts {
		for i := range each {
			require.NoError(t, writer.Revoke(t.Context(), passbearer.Revocation{TokenID: fmt.Sprint(cut, "-", i)}))
			if i == each/2 {
				killed := value[int](t, at, `SELECT count(pg_terminate_backend(pid))::int FROM pg_stat_activity WHERE application_name = $1 AND query LIKE '%FROM "'||$2||'".revocations%'`, name, opts.Schema)
				require.Equal(t, 1, killed, "the listener")
			}
		}
		until(t, "the cut was noticed", func() bool { return seen.of(passbearer.EventRevocationsStale) == cut+1 })
		until(t, "it is fresh again", func() bool { return !set.Stale() })
		for i := range each {
			jti := fmt.Sprint(cut, "-", i)
			until(t, jti, func() bool { return revoked(set, jti) })
		}
	}
}

// TestSeenByAnotherProcess prints how long a revocation takes to another Store.
func TestSeenByAnotherProcess(t *testing.T) {
	at, opts := serverURL(t), options(t)
	writer, reader := openAt(t, at, opts), openAt(t, at, opts)
	heard := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go reader.WatchRevocations(ctx, func(news passbearer.RevocationNews) {
		if news.Complete {
			heard <- ""
		}
		for _, e := range news.Revocations {
			heard <- e.SessionID
		}
	})
	require.Empty(t, <-heard)
	var times []time.Duration
	for i := range 500 {
		id := fmt.Sprint(i)
		require.NoError(t, writer.CreateSession(ctx, passbearer.Session{ID: id, UserID: "u1", IdleLifetime: time.Hour, Lifetime: time.Hour}))
		start := time.Now()
		require.NoError(t, writer.EndSession(ctx, id))
		require.Equal(t, id, <-heard)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	t.Logf("a revocation is seen by another process after: median %v, p99 %v, worst %v", times[250], times[494], times[499])
	require.Less(t, times[494], 100*time.Millisecond, "p99")
}

// TestLongNames do not fit into a notification.
func TestLongNames(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	reader, writer := openAt(t, at, opts), openAt(t, at, opts)
	set := follow(t, reader, new(events))
	long := strings.Repeat("ab", 5000) // compressed, an index takes it
	require.NoError(t, writer.Revoke(t.Context(), passbearer.Revocation{TokenID: long}))
	until(t, "the long one", func() bool { return revoked(set, long) })
}

// TestForeignNotifications: anybody in the database may notify.
func TestForeignNotifications(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	s, seen := openAt(t, at, opts), new(events)
	set := follow(t, s, seen)
	for _, payload := range []string{"", "{", "null", "[]", `{"kind":9,"key":"x"}`, `{"beat":"somebody else"}`, `{"reload":true}`} {
		execute(t, at, "SELECT pg_notify($1, $2)", opts.Schema+"_revocations", payload)
	}
	require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: "real"}))
	until(t, "the real one", func() bool { return revoked(set, "real") })
	require.Zero(t, seen.of(passbearer.EventRevocationsStale))
}

// TestHeartbeatsTravel from a store's own pool: where that leads elsewhere, the feed
// is silent, whoever else is heard. Here it is another database.
func TestHeartbeatsTravel(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	lost := *opts
	lost.ListenURL = at
	var good, bad atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go openAt(t, at, opts).WatchRevocations(ctx, func(passbearer.RevocationNews) { good.Add(1) })
	go openAt(t, newDatabase(t, ""), &lost).WatchRevocations(ctx, func(passbearer.RevocationNews) { bad.Add(1) })
	until(t, "heartbeats", func() bool { return good.Load() >= 4 })
	require.EqualValues(t, 1, bad.Load(), "only what it read at first")
}

func TestCloseEndsWatchers(t *testing.T) {
	t.Parallel()
	s := open(t)
	begun, ended := make(chan struct{}, 100), make(chan error)
	go func() {
		ended <- s.WatchRevocations(t.Context(), func(passbearer.RevocationNews) { begun <- struct{}{} })
	}()
	<-begun
	s.Close()
	require.ErrorContains(t, <-ended, "closed")
}

// TestRevocationsExpire: a lifetime of its own, and the store's.
func TestRevocationsExpire(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	opts.RevocationLifetime = time.Hour
	s := openAt(t, at, opts)
	for id, lifetime := range map[string]time.Duration{"usual": 0, "short": 50 * time.Millisecond, "long": 3 * time.Hour} {
		require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: id, Lifetime: lifetime}))
	}
	until(t, "the short one is over", func() bool {
		return value[bool](t, at, "SELECT clock_timestamp() > expires_at FROM "+opts.Schema+".revocations WHERE key = 'short'")
	})
	ctx, cancel := context.WithCancel(t.Context())
	got := map[string]time.Duration{}
	err := s.WatchRevocations(ctx, func(news passbearer.RevocationNews) {
		for _, e := range news.Revocations {
			got[e.TokenID] = e.Lifetime.Round(time.Hour)
		}
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, map[string]time.Duration{"usual": time.Hour, "long": 3 * time.Hour}, got)
}
