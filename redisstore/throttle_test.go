package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/redisstore"
	"github.com/passbearer/passbearer/storetest"
	"github.com/passbearer/passbearer/throttle"
)

func TestThrottle(t *testing.T) {
	t.Parallel()
	storetest.TestThrottleStore(t, open(single))
}

func TestThrottleInCluster(t *testing.T) {
	t.Parallel()
	storetest.TestThrottleStore(t, open(cluster))
}

func TestThrottleOnAnotherClock(t *testing.T) {
	t.Parallel()
	storetest.TestThrottleStore(t, open(hourAhead))
}

// TestThrottleExpires: what is idle takes no memory, and a clock that was set back
// locks nobody out for longer than their limit says.
func TestThrottleExpires(t *testing.T) {
	t.Parallel()
	client := single(t)
	s := newStore(t, client, &redisstore.Options{Prefix: "throttle-" + t.Name()})
	takes := []throttle.Take{{Cell: 7, Limit: throttle.Limit{Burst: 2, Every: time.Hour}}}
	reserve := func() []time.Duration {
		waits, err := s.ReserveAttempt(t.Context(), takes)
		require.NoError(t, err)
		return waits
	}
	const key = "{throttle-TestThrottleExpires:0}:t:7"
	require.NoError(t, client.Del(t.Context(), key).Err())
	require.Nil(t, reserve())
	expiry := func() time.Duration {
		left, err := client.PTTL(t.Context(), key).Result()
		require.NoError(t, err)
		return left
	}
	require.InDelta(t, time.Hour, expiry(), float64(time.Minute))
	require.NoError(t, s.RefundAttempt(t.Context(), takes))
	require.Positive(t, expiry(), "a refund leaves the expiry")
	require.Nil(t, reserve())
	require.Nil(t, reserve())
	require.Len(t, reserve(), 1)

	text, err := client.Get(t.Context(), key).Int64()
	require.NoError(t, err)
	require.NoError(t, client.Set(t.Context(), key, text+24*time.Hour.Microseconds(), 0).Err())
	waits := reserve()
	require.InDelta(t, time.Hour, waits[0], float64(time.Minute))
	require.InDelta(t, 2*time.Hour, expiry(), float64(time.Minute), "it is mended")
	require.NoError(t, client.Del(t.Context(), key).Err())
	require.NoError(t, s.RefundAttempt(t.Context(), takes))
	n, err := client.Exists(t.Context(), key).Result()
	require.NoError(t, err)
	require.Zero(t, n, "a refund makes no counter")
}

func TestThrottleServerIsGone(t *testing.T) {
	t.Parallel()
	client := single(t)
	s := newStore(t, client, nil)
	require.NoError(t, client.(*redis.Client).Close())
	takes := []throttle.Take{{Cell: 1, Limit: throttle.Limit{Burst: 2, Every: time.Hour}}}
	_, err := s.ReserveAttempt(t.Context(), takes)
	require.ErrorContains(t, err, "redisstore: count an attempt: ")
	require.ErrorContains(t, s.RefundAttempt(t.Context(), takes), "redisstore: give an attempt back: ")
}

// BenchmarkAttempt is what one that succeeds costs: it is taken and given back.
func BenchmarkAttempt(b *testing.B) {
	s, takes := newStore(b, single(b), nil), []throttle.Take{{Cell: 1, Limit: throttle.Limit{Burst: 2, Every: time.Hour}}}
	for b.Loop() {
		waits, err := s.ReserveAttempt(b.Context(), takes)
		require.NoError(b, err)
		require.Nil(b, waits)
		require.NoError(b, s.RefundAttempt(b.Context(), takes))
	}
}
