package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/redisstore"
)

// cuts counts how often the revocations became stale.
type cuts struct{ atomic.Int64 }

func (c *cuts) Event(_ context.Context, e passbearer.Event) {
	if e.Kind == passbearer.EventRevocationsStale {
		c.Add(1)
	}
}

// watched are revocations that follow s, and fresh.
func watched(t testing.TB, s *redisstore.Store) *passbearer.Revocations {
	t.Helper()
	return watchedBy(t, s, new(cuts))
}

func watchedBy(t testing.TB, s *redisstore.Store, o passbearer.Observer) *passbearer.Revocations {
	t.Helper()
	r := passbearer.NewRevocations(passbearer.RefuseWhenStale, &passbearer.RevocationsOptions{Observer: o})
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { r.Watch(ctx, s) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	eventually(t, "the revocations are fresh", func() bool { return !r.Stale() })
	return r
}

func knows(r *passbearer.Revocations, sid string) bool {
	return r.Revoked(&passbearer.Claims{SessionID: sid})
}

// watching runs WatchRevocations itself, until it ends.
func watching(t testing.TB, s *redisstore.Store, tell func(passbearer.RevocationNews)) (ended <-chan error) {
	t.Helper()
	first, errs := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		errs <- s.WatchRevocations(ctx, func(n passbearer.RevocationNews) {
			tell(n)
			once.Do(func() { close(first) })
		})
	}()
	select {
	case <-first:
	case err := <-errs:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("no first news")
	}
	return errs
}

func ends(t testing.TB, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatal("it goes on")
		return nil
	}
}

// TestSeenByOthers prints how long another process's revocation takes.
func TestSeenByOthers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		client func(testing.TB) redis.UniversalClient
	}{{"single", single}, {"cluster", cluster}} {
		t.Run(tt.name, func(t *testing.T) {
			prefix := "seen-" + rand.Text()
			here := newStore(t, tt.client(t), &redisstore.Options{Prefix: prefix})
			there := newStore(t, tt.client(t), &redisstore.Options{Prefix: prefix})
			seen := make(chan time.Time, 1)
			watching(t, there, func(n passbearer.RevocationNews) {
				if len(n.Revocations) > 0 {
					seen <- time.Now()
				}
			})
			var took []time.Duration
			for i := range 500 {
				start := time.Now()
				require.NoError(t, here.Revoke(t.Context(), passbearer.Revocation{TokenID: fmt.Sprint(i)}))
				took = append(took, (<-seen).Sub(start))
			}
			slices.Sort(took)
			t.Logf("a revocation is seen by another store after %v (median), %v (p99)", took[len(took)/2], took[len(took)*99/100])
			require.Less(t, took[len(took)*99/100], 100*time.Millisecond)
		})
	}
}

// TestCutFeedMissesNothing kills every connection again and again while
// sessions are ended and tokens revoked.
func TestCutFeedMissesNothing(t *testing.T) {
	t.Parallel()
	s := ownServer(t, forgetful...)
	store, admin := newStore(t, s.client(t), nil), s.client(t)
	cut := new(cuts)
	r := watchedBy(t, store, cut)
	var cutting sync.WaitGroup
	stop := make(chan struct{})
	cutting.Go(func() {
		defer close(stop)
		for i := range int64(5) {
			poll(func() error { return unless(!r.Stale()) })
			admin.ClientKillByFilter(context.Background(), "TYPE", "normal", "SKIPME", "yes")
			poll(func() error { return unless(cut.Load() > i) })
		}
	})
	var acknowledged []string
	for cutAll := false; !cutAll; {
		select {
		case <-stop:
			cutAll = true
		default:
		}
		sid := fmt.Sprint(len(acknowledged), rand.Text())
		if store.CreateSession(t.Context(), row(sid)) == nil && store.EndSession(t.Context(), sid) == nil {
			acknowledged = append(acknowledged, sid)
		}
	}
	cutting.Wait()
	eventually(t, "it is fresh again", func() bool { return !r.Stale() })
	for _, sid := range acknowledged {
		require.True(t, knows(r, sid), "%s was missed", sid)
	}
	require.GreaterOrEqual(t, cut.Load(), int64(5))
	require.NotEmpty(t, acknowledged)
	t.Logf("the feed was cut %d times, and none of %d revocations missed", cut.Load(), len(acknowledged))
}

// TestResetsAreNoticed: each of these would leave a watcher with revocations that it
// never hears of.
func TestResetsAreNoticed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		reset func(ctx context.Context, t *testing.T, s *server, client *redis.Client)
		want  string
	}{
		{"emptied", func(ctx context.Context, t *testing.T, _ *server, client *redis.Client) {
			require.NoError(t, client.FlushAll(ctx).Err())
		}, "reset"},
		{"emptied and marked by another", func(ctx context.Context, t *testing.T, s *server, client *redis.Client) {
			require.NoError(t, client.FlushAll(ctx).Err())
			watched(t, newStore(t, s.client(t), &redisstore.Options{Prefix: "reset"}))
		}, "reset"},
		{"emptied and written to", func(ctx context.Context, t *testing.T, s *server, client *redis.Client) {
			other := newStore(t, s.client(t), &redisstore.Options{Prefix: "reset"})
			require.NoError(t, client.FlushAll(ctx).Err())
			for i := range 100 {
				require.NoError(t, other.Revoke(ctx, passbearer.Revocation{SessionID: fmt.Sprint("later-", i)}))
			}
		}, "reset"},
		{"ids go back", func(ctx context.Context, t *testing.T, _ *server, client *redis.Client) {
			require.NoError(t, client.Del(ctx, "{reset:0}:r").Err())
			require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: "{reset:0}:r", ID: "1-1", Values: []string{"k", "v"}}).Err())
		}, "reset"},
		{"cut", func(ctx context.Context, t *testing.T, _ *server, client *redis.Client) {
			require.NoError(t, client.ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes").Err())
		}, ""},
		{"restarted", func(_ context.Context, t *testing.T, s *server, _ *redis.Client) {
			s.kill()
			require.NoError(t, s.start())
		}, ""},
		{"demoted", func(ctx context.Context, t *testing.T, _ *server, client *redis.Client) {
			require.NoError(t, client.ReplicaOf(ctx, "127.0.0.1", "1").Err())
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := ownServer(t, forgetful...)
			store := newStore(t, s.client(t), &redisstore.Options{Prefix: "reset"})
			for i := range 100 {
				require.NoError(t, store.Revoke(t.Context(), passbearer.Revocation{SessionID: fmt.Sprint(i)}))
			}
			ended := watching(t, store, func(passbearer.RevocationNews) {})
			tt.reset(t.Context(), t, s, s.client(t))
			require.ErrorContains(t, ends(t, ended), tt.want)
		})
	}
}

// TestEmptiedServerIsFollowed on from there.
func TestEmptiedServerIsFollowed(t *testing.T) {
	t.Parallel()
	s := ownServer(t, forgetful...)
	store := newStore(t, s.client(t), nil)
	r := watched(t, store)
	require.NoError(t, store.Revoke(t.Context(), passbearer.Revocation{SessionID: "before"}))
	eventually(t, "the first is known", func() bool { return knows(r, "before") })
	require.NoError(t, s.client(t).FlushAll(t.Context()).Err())
	eventually(t, "it is stale", r.Stale)
	require.NoError(t, store.Revoke(t.Context(), passbearer.Revocation{SessionID: "after"}))
	eventually(t, "it is fresh", func() bool { return !r.Stale() })
	require.True(t, knows(r, "before") && knows(r, "after"))
}

// TestSilentNode: two nodes of three do not make a heartbeat.
func TestSilentNode(t *testing.T) {
	t.Parallel()
	need(t, binary(), "redis-server")
	nodes, err := newCluster()
	require.NoError(t, err)
	client := closing(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr}, ContextTimeoutEnabled: true}))
	var mu sync.Mutex
	var last time.Time
	ended := watching(t, newStore(t, client, nil), func(passbearer.RevocationNews) {
		mu.Lock()
		defer mu.Unlock()
		last = time.Now()
	})
	nodes[2].signal(t, syscall.SIGSTOP)
	stopped := time.Now()
	defer nodes[2].signal(t, syscall.SIGCONT)
	require.Error(t, ends(t, ended))
	require.Less(t, time.Since(stopped), 9*time.Second)
	mu.Lock()
	defer mu.Unlock()
	require.Less(t, last.Sub(stopped), 2*time.Second, "a heartbeat without one of the nodes")
}

// TestLifetimes: what is over is not told and not kept, and a process with a shorter
// lifetime does not take away what another one's has to stay.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	client := single(t)
	prefix := "lifetimes-" + rand.Text()
	long := newStore(t, client, &redisstore.Options{Prefix: prefix, Partitions: 1, RevocationLifetime: time.Hour})
	short := newStore(t, client, &redisstore.Options{Prefix: prefix, Partitions: 1, RevocationLifetime: time.Millisecond})
	told := func() (ids []string) {
		watching(t, long, func(n passbearer.RevocationNews) {
			for _, e := range n.Revocations {
				ids = append(ids, e.SessionID)
			}
		})
		return ids
	}
	require.NoError(t, long.Revoke(t.Context(), passbearer.Revocation{SessionID: "long"}))
	for range 1000 {
		require.NoError(t, short.Revoke(t.Context(), passbearer.Revocation{SessionID: "short"}))
	}
	eventually(t, "the short ones are over", func() bool { return slices.Equal(told(), []string{"long"}) })
}

// TestStreamIsTrimmed, roughly.
func TestStreamIsTrimmed(t *testing.T) {
	t.Parallel()
	client := single(t)
	prefix := "trim-" + rand.Text()
	s := newStore(t, client, &redisstore.Options{Prefix: prefix, Partitions: 1, RevocationLifetime: time.Millisecond})
	for i := range 3000 {
		require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{SessionID: fmt.Sprint(i)}))
	}
	n, err := client.XLen(t.Context(), "{"+prefix+":0}:r").Result()
	require.NoError(t, err)
	require.Less(t, n, int64(1000))
}

func TestRevokeIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t, single(t), nil)
	require.Error(t, s.Revoke(t.Context(), passbearer.Revocation{}))
	require.Error(t, s.Revoke(t.Context(), passbearer.Revocation{SessionID: "a", Lifetime: -1}))
}

// TestScriptsAreLoadedAgain, also under a watcher.
func TestScriptsAreLoadedAgain(t *testing.T) {
	t.Parallel()
	client := ownServer(t, forgetful...).client(t)
	s := newStore(t, client, nil)
	r := watched(t, s)
	for i := range int64(20) {
		sid := fmt.Sprint(i)
		require.NoError(t, client.ScriptFlush(t.Context()).Err())
		require.NoError(t, s.CreateSession(t.Context(), row(sid)))
		require.NoError(t, s.EndSession(t.Context(), sid))
		eventually(t, "it is known", func() bool { return knows(r, sid) })
	}
}
