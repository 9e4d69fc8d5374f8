package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/redisstore"
	"github.com/passbearer/passbearer/storetest"
)

func TestReplays(t *testing.T) {
	t.Parallel()
	storetest.TestReplayStore(t, open(single))
}

func TestReplaysInCluster(t *testing.T) {
	t.Parallel()
	storetest.TestReplayStore(t, open(cluster))
}

func TestReplaysOnAnotherClock(t *testing.T) {
	t.Parallel()
	storetest.TestReplayStore(t, open(hourAhead))
}

func useOnce(t testing.TB, s *redisstore.Store, id string, lifetime time.Duration) bool {
	t.Helper()
	first, err := s.UseOnce(t.Context(), id, lifetime)
	require.NoError(t, err)
	return first
}

func TestReplaysAreShared(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(testing.TB) redis.UniversalClient{"single": single, "cluster": cluster} {
		opts := redisstore.Options{Prefix: "replays-" + name + fmt.Sprint(time.Now().UnixNano())}
		one, two := newStore(t, client(t), &opts), newStore(t, client(t), &opts)
		for n := range 50 { // of all partitions
			require.True(t, useOnce(t, one, fmt.Sprint(n), time.Hour))
			require.False(t, useOnce(t, two, fmt.Sprint(n), time.Hour))
		}
	}
}

// TestReplaysExpire: the key does, and so takes no memory.
func TestReplaysExpire(t *testing.T) {
	t.Parallel()
	client := single(t)
	s := newStore(t, client, &redisstore.Options{Prefix: "replays-expire", Partitions: 1})
	const key = "{replays-expire:0}:o:a"
	require.NoError(t, client.Del(t.Context(), key).Err())
	require.True(t, useOnce(t, s, "a", time.Hour))
	left, err := client.PTTL(t.Context(), key).Result()
	require.NoError(t, err)
	require.InDelta(t, time.Hour, left, float64(time.Minute))
	require.NoError(t, client.PExpire(t.Context(), key, time.Minute).Err())
	require.False(t, useOnce(t, s, "a", time.Hour))
	left, err = client.PTTL(t.Context(), key).Result()
	require.NoError(t, err)
	require.LessOrEqual(t, left, time.Minute, "a use that is refused prolongs nothing")
}

// TestReplayAfterLostAnswer: the client repeats a command whose answer is lost, which
// is no second use.
func TestReplayAfterLostAnswer(t *testing.T) {
	t.Parallel()
	client := single(t)
	client.AddHook(twice{})
	s := newStore(t, client, nil)
	require.True(t, useOnce(t, s, "a", time.Hour))
	require.False(t, useOnce(t, s, "a", time.Hour))
}

func TestReplayFails(t *testing.T) {
	t.Parallel()
	client := single(t)
	s := newStore(t, client, nil)
	require.NoError(t, client.(*redis.Client).Close())
	first, err := s.UseOnce(t.Context(), "a", time.Hour)
	require.ErrorContains(t, err, "redisstore: use an id: ")
	require.False(t, first)

	full := ownServer(t, forgetful...).client(t)
	s = newStore(t, full, nil)
	require.NoError(t, full.ConfigSet(t.Context(), "maxmemory", "1").Err())
	first, err = s.UseOnce(t.Context(), "a", time.Hour)
	require.ErrorContains(t, err, "OOM")
	require.False(t, first, "what cannot be remembered is not accepted")
}

// TestReplayWithWaitReplicas: what was the first use is known after a failover.
func TestReplayWithWaitReplicas(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	opts := redisstore.Options{WaitReplicas: 1}
	s := newStore(t, p.primary.client(t), &opts)
	require.True(t, useOnce(t, s, "a", time.Hour))
	p.link.gate.Lock()
	first, err := s.UseOnce(t.Context(), "b", time.Hour)
	require.ErrorContains(t, err, "0 of 1 replicas")
	require.False(t, first)
	p.link.gate.Unlock()
	p.primary.kill()
	p.promote()
	require.False(t, useOnce(t, newStore(t, p.primary.client(t), &opts), "a", time.Hour))
}

func BenchmarkUseOnce(b *testing.B) {
	s := newStore(b, single(b), nil)
	for n := 0; b.Loop(); n++ {
		require.True(b, useOnce(b, s, fmt.Sprint(n), time.Minute))
	}
}
