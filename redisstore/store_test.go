package redisstore_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/redisstore"
	"github.com/passbearer/passbearer/storetest"
)

// single is a client of the server that the tests share.
func single(t testing.TB) redis.UniversalClient {
	t.Helper()
	url := os.Getenv(urlEnv)
	if url == "" {
		need(t, binary(), "redis-server")
		s, err := sharedServer()
		require.NoError(t, err)
		url = s.url()
	}
	opts, err := redis.ParseURL(url)
	require.NoError(t, err)
	opts.ContextTimeoutEnabled = true
	return closing(t, redis.NewClient(opts))
}

// hourAhead is a client of a server whose clock is an hour ahead.
func hourAhead(t testing.TB) redis.UniversalClient {
	t.Helper()
	need(t, binary(), "redis-server")
	need(t, gcc(), "gcc")
	s, err := aheadServer()
	require.NoError(t, err)
	return closing(t, s.client(t))
}

// cluster is a client of three nodes.
func cluster(t testing.TB) redis.UniversalClient {
	t.Helper()
	need(t, binary(), "redis-server")
	nodes, err := sharedNodes()
	require.NoError(t, err)
	return closing(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].addr}, ContextTimeoutEnabled: true}))
}

func closing(t testing.TB, client redis.UniversalClient) redis.UniversalClient {
	t.Cleanup(func() { client.Close() })
	return client
}

// open returns an empty store, with a prefix of its own.
func open(client func(testing.TB) redis.UniversalClient) func(*testing.T) *redisstore.Store {
	return func(t *testing.T) *redisstore.Store { return newStore(t, client(t), nil) }
}

func newStore(t testing.TB, client redis.UniversalClient, opts *redisstore.Options) *redisstore.Store {
	t.Helper()
	if opts == nil {
		opts = new(redisstore.Options)
	}
	if opts.Prefix == "" {
		opts.Prefix = "test-" + rand.Text()
	}
	s, err := redisstore.New(t.Context(), client, opts)
	require.NoError(t, err)
	return s
}

func TestSessions(t *testing.T) {
	t.Parallel()
	storetest.TestSessionStore(t, open(single))
}

func TestSessionsInCluster(t *testing.T) {
	t.Parallel()
	storetest.TestSessionStore(t, open(cluster))
}

func TestSessionsOnAnotherClock(t *testing.T) {
	t.Parallel()
	storetest.TestSessionStore(t, open(hourAhead))
}

func TestRevocations(t *testing.T) {
	t.Parallel()
	storetest.TestRevocationStore(t, open(single))
}

func TestRevocationsInCluster(t *testing.T) {
	t.Parallel()
	storetest.TestRevocationStore(t, open(cluster))
}

func TestRevocationsOnAnotherClock(t *testing.T) {
	t.Parallel()
	storetest.TestRevocationStore(t, open(hourAhead))
}

// TestClockIsAhead: the tests above would prove nothing if it were not.
func TestClockIsAhead(t *testing.T) {
	t.Parallel()
	now, err := hourAhead(t).Time(t.Context()).Result()
	require.NoError(t, err)
	require.InDelta(t, time.Hour, time.Until(now), float64(time.Minute))
}

func TestOptionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		want string
		opts redisstore.Options
	}{
		{"Partitions", redisstore.Options{Partitions: 3}},
		{"Partitions", redisstore.Options{Partitions: -1}},
		{"Partitions", redisstore.Options{Partitions: 8192}},
		{"Prefix", redisstore.Options{Prefix: "a{b}"}},
		{"negative", redisstore.Options{RevocationLifetime: -1}},
		{"negative", redisstore.Options{WaitReplicas: -1}},
	} {
		_, err := redisstore.New(t.Context(), redis.NewClient(&redis.Options{}), &tt.opts)
		require.ErrorContains(t, err, tt.want)
	}
	for _, tt := range []struct {
		want   string
		client redis.UniversalClient
	}{
		{"*redis.Ring", redis.NewRing(&redis.RingOptions{})},
		{"ContextTimeoutEnabled", redis.NewClient(&redis.Options{})},
		{"ContextTimeoutEnabled", redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "x"})},
		{"ContextTimeoutEnabled", redis.NewClusterClient(&redis.ClusterOptions{})},
	} {
		_, err := redisstore.New(t.Context(), tt.client, nil)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestPartitionsAreFixed(t *testing.T) {
	t.Parallel()
	client, prefix := single(t), "test-"+rand.Text()
	for _, partitions := range []int{4, 4, 8} {
		_, err := redisstore.New(t.Context(), client, &redisstore.Options{Prefix: prefix, Partitions: partitions})
		if partitions == 4 {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, "the data has 4")
	}
}

func TestEvictionIsRefused(t *testing.T) {
	t.Parallel()
	client := ownServer(t, forgetful...).client(t)
	for _, policy := range []string{"allkeys-lru", "volatile-ttl", "noeviction"} {
		require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", policy).Err())
		_, err := redisstore.New(t.Context(), client, nil)
		if policy == "noeviction" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, policy)
		newStore(t, client, &redisstore.Options{InsecureAllowEviction: true})
	}
}

func TestServersAreRefused(t *testing.T) {
	t.Parallel()
	primary, replica := ownServer(t, forgetful...), ownServer(t, forgetful...)
	host, port, _ := strings.Cut(primary.addr, ":")
	require.NoError(t, replica.client(t).ReplicaOf(t.Context(), host, port).Err())
	_, err := redisstore.New(t.Context(), replica.client(t), nil)
	require.ErrorContains(t, err, "replica")

	cluster(t)
	nodes, err := sharedNodes()
	require.NoError(t, err)
	_, err = redisstore.New(t.Context(), nodes[0].client(t), nil)
	require.ErrorContains(t, err, "NewClusterClient")
}

// TestFullMemory: whoever is signed in goes on and can sign out; nobody new comes.
func TestFullMemory(t *testing.T) {
	t.Parallel()
	client := ownServer(t, forgetful...).client(t)
	s := newStore(t, client, nil)
	require.NoError(t, s.CreateSession(t.Context(), row("a")))
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	require.ErrorContains(t, s.CreateSession(t.Context(), row("b")), "OOM")
	_, swapped, err := s.SwapGeneration(t.Context(), "a", 0, 1)
	require.NoError(t, err)
	require.True(t, swapped)
	require.NoError(t, s.EndSession(t.Context(), "a"))
	ended, err := s.SessionByID(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ended.Live())
}

func row(id string) passbearer.Session {
	return passbearer.Session{ID: id, UserID: "u1", ClientID: "web", IdleLifetime: time.Hour, Lifetime: 24 * time.Hour}
}

// TestKeysExpire: soon after the earlier of the two ends, the idle one renewed by
// a swap.
func TestKeysExpire(t *testing.T) {
	t.Parallel()
	client := single(t)
	s := newStore(t, client, &redisstore.Options{Prefix: "expiry-" + rand.Text(), Partitions: 1, RevocationLifetime: time.Minute})
	keys := func() (found []string) {
		found, err := client.Keys(t.Context(), "{expiry-*:s:a").Result()
		require.NoError(t, err)
		return found
	}
	require.NoError(t, s.CreateSession(t.Context(), row("a")))
	key := keys()[0]
	left := func() time.Duration {
		d, err := client.PTTL(t.Context(), key).Result()
		require.NoError(t, err)
		return d
	}
	require.InDelta(t, time.Hour+time.Hour/16, left(), float64(time.Minute))
	for generation := range int64(3) {
		if generation == 1 { // as if the session were near its end
			require.NoError(t, client.SetRange(t.Context(), key, 16, strings.Repeat("\x00", 8)).Err())
			require.NoError(t, client.Expire(t.Context(), key, time.Minute).Err())
		}
		_, _, err := s.SwapGeneration(t.Context(), "a", generation, generation+1)
		require.NoError(t, err)
		require.Greater(t, left(), time.Hour-time.Second)
		require.Less(t, left(), time.Hour+time.Hour/16+time.Second)
	}
	require.NoError(t, s.EndSession(t.Context(), "a"))
	require.LessOrEqual(t, left(), time.Minute)

	require.NoError(t, s.CreateSession(t.Context(), passbearer.Session{ID: "short", UserID: "u1", IdleLifetime: time.Hour, Lifetime: 20 * time.Millisecond}))
	eventually(t, "the session expires", func() bool {
		_, _, err := s.SwapGeneration(t.Context(), "short", 0, 1)
		_, readErr := s.SessionByID(t.Context(), "short")
		return err != nil && readErr != nil
	})
}

// TestExtremes are exact: numbers beyond 2^53, and bytes that are no UTF-8.
func TestExtremes(t *testing.T) {
	t.Parallel()
	s := newStore(t, single(t), nil)
	want := passbearer.Session{ID: "\xff\x00", UserID: "\xfe\x00 ", ClientID: "'\n", Scope: "a", Epoch: math.MinInt64, Generation: math.MaxInt64 - 2,
		AuthTime: time.Unix(-1, 999).UTC(), Extra: strings.Repeat("\xff", 5000), IdleLifetime: math.MaxInt64, Lifetime: math.MaxInt64}
	require.NoError(t, s.CreateSession(t.Context(), want))
	got, swapped, err := s.SwapGeneration(t.Context(), want.ID, math.MaxInt64-3, math.MaxInt64)
	require.NoError(t, err)
	require.False(t, swapped, "a double cannot tell the two apart")
	want.CreatedAt, want.LastUsedAt, want.AsOf = got.CreatedAt, got.LastUsedAt, got.AsOf
	require.Equal(t, want, *got)
	got, swapped, err = s.SwapGeneration(t.Context(), want.ID, math.MaxInt64-2, math.MaxInt64)
	require.NoError(t, err)
	require.True(t, swapped)
	require.Equal(t, int64(math.MaxInt64), got.Generation)
	require.Equal(t, got.AsOf, got.LastUsedAt)
}

func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Password: "hunter2", ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	_, err := redisstore.New(t.Context(), client, nil)
	require.Error(t, err)
	s := newStore(t, single(t), nil)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "store", s)
	for _, text := range []string{err.Error(), log.String(), fmt.Sprintf("%v %+v %#v %s %d", s, s, s, s, s)} {
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, "127.0.0.1:6")
		require.NotContains(t, text, "0x")
	}
	require.Equal(t, "redisstore.Store{…}", fmt.Sprint(s))
}

// TestReadsAreOfThePrimary: a replica refuses, though it could answer.
func TestReadsAreOfThePrimary(t *testing.T) {
	t.Parallel()
	primary, other := ownServer(t, forgetful...), ownServer(t, forgetful...)
	s := newStore(t, primary.client(t), nil)
	require.NoError(t, s.CreateSession(t.Context(), row("a")))
	host, port, _ := strings.Cut(other.addr, ":")
	require.NoError(t, primary.client(t).ReplicaOf(context.Background(), host, port).Err())
	_, err := s.SessionByID(t.Context(), "a")
	require.ErrorContains(t, err, "READONLY")
	_, err = s.SessionsByUser(t.Context(), "u1", 10)
	require.ErrorContains(t, err, "READONLY")
}
