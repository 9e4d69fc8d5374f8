package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/redisstore"
)

// pair is a primary with an asynchronous replica. Clients reach the primary by one
// relay, and the replica by another.
type pair struct {
	t                testing.TB
	primary, replica *server
	front, link      *relay
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t, primary: ownServer(t, forgetful...), replica: ownServer(t, forgetful...)}
	p.front, p.link = newRelay(t, p.primary.addr), newRelay(t, p.primary.addr)
	p.follow()
	return p
}

// follow makes the replica one, and waits until it has everything.
func (p *pair) follow() {
	client := p.replica.client(p.t)
	host, port, _ := net.SplitHostPort(p.link.addr())
	require.NoError(p.t, client.ReplicaOf(context.Background(), host, port).Err())
	eventually(p.t, "the replica has caught up", func() bool {
		return replication(client)["master_link_status"] == "up" && replication(p.primary.client(p.t))["connected_slaves"] == "1"
	})
}

func replication(client *redis.Client) map[string]string {
	text, _ := client.Info(context.Background(), "replication").Result()
	info := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[key] = value
	}
	return info
}

// lose kills the primary when the replica is some bytes behind. If nobody writes,
// it is not.
func (p *pair) lose(bytes int) {
	client := p.primary.client(p.t)
	offset := func() int {
		n, _ := strconv.Atoi(replication(client)["master_repl_offset"])
		return n
	}
	p.link.gate.Lock()
	start, deadline := offset(), time.Now().Add(200*time.Millisecond)
	for bytes > 0 && offset()-start < bytes && time.Now().Before(deadline) {
	}
	p.primary.kill()
	p.link.to("")
	p.link.gate.Unlock()
}

// promote makes the replica the primary, and the dead primary a replica.
func (p *pair) promote() {
	require.NoError(p.t, p.replica.client(p.t).ReplicaOf(context.Background(), "NO", "ONE").Err())
	p.primary, p.replica = p.replica, p.primary
	require.NoError(p.t, p.replica.start())
	p.front.to(p.primary.addr)
	p.link.to(p.primary.addr)
	p.follow()
}

// bytesPerRound is what the clients of a test write in about one rotation each.
const bytesPerRound = 16 * 120

// TestFailover loses acknowledged writes of clients that rotate as fast as they
// can.
func TestFailover(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	result := crashtest.Run(t, crashtest.Config{
		Source:          source("redis://" + p.front.addr()),
		KillDatabase:    func() { p.lose(rand.IntN(bytesPerRound)) },
		RestartDatabase: p.promote,
		Failover:        true,
	})
	require.NotZero(t, result.Healed, "no rotation was lost, so nothing was tested")
	require.Zero(t, result.Forked)
}

// TestFailoverWithWaitReplicas loses nothing that was acknowledged.
func TestFailoverWithWaitReplicas(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	crashtest.Run(t, crashtest.Config{
		Source:          source("wait:" + p.front.addr()),
		KillDatabase:    func() { p.lose(rand.IntN(bytesPerRound)) },
		RestartDatabase: p.promote,
		Rounds:          5,
	})
}

func TestWaitReplicas(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	ctx := t.Context()
	opts := redisstore.Options{WaitReplicas: 1}
	s := newStore(t, p.primary.client(t), &opts)
	require.NoError(t, s.CreateSession(ctx, row("a")))
	_, swapped, err := s.SwapGeneration(ctx, "a", 0, 1)
	require.NoError(t, err)
	require.True(t, swapped)
	p.link.gate.Lock()
	_, _, err = s.SwapGeneration(ctx, "a", 1, 2)
	require.ErrorContains(t, err, "0 of 1 replicas")
	// What is there now, others must not take for acknowledged, whose connections
	// wrote nothing.
	other := func() *redisstore.Store { return newStore(t, p.primary.client(t), &opts) }
	_, err = other().SessionByID(ctx, "a")
	require.ErrorContains(t, err, "0 of 1 replicas")
	_, _, err = other().SwapGeneration(ctx, "a", 1, 2)
	require.ErrorContains(t, err, "0 of 1 replicas")
	for range 2 {
		require.ErrorContains(t, other().EndSession(ctx, "a"), "0 of 1 replicas")
	}
	p.link.gate.Unlock()
	require.NoError(t, poll(func() error { return s.EndSession(ctx, "a") }))
	p.primary.kill()
	p.promote()
	ended, err := newStore(t, p.primary.client(t), &opts).SessionByID(ctx, "a")
	require.NoError(t, err)
	require.False(t, ended.Live())
	require.Equal(t, int64(2), ended.Generation)
}

// elsewhere sends what creates a session once more on another connection, as after a
// lost answer. From then on the link is stalled.
type elsewhere struct {
	redis.Hook
	pair  *pair
	other *redis.Client
	once  sync.Once
}

func (h *elsewhere) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !strings.Contains(fmt.Sprint(cmds[0].Args()), ":s:") {
			return next(ctx, cmds)
		}
		h.once.Do(h.pair.link.gate.Lock)
		next(ctx, cmds)
		_, err := h.other.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, cmd := range cmds {
				p.Process(ctx, cmd)
			}
			return nil
		})
		return err
	}
}

// TestLostAnswerWithWaitReplicas: a session that was there is no session that the
// replica has.
func TestLostAnswerWithWaitReplicas(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	client := p.primary.client(t)
	opts := redisstore.Options{WaitReplicas: 1}
	require.NoError(t, newStore(t, client, &opts).CreateSession(t.Context(), row("a"))) // it loads the scripts
	client.AddHook(&elsewhere{Hook: twice{}, pair: p, other: p.primary.client(t)})
	defer p.link.gate.Unlock()
	require.ErrorContains(t, newStore(t, client, &opts).CreateSession(t.Context(), row("b")), "0 of 1 replicas")
}

func TestWaitReplicasInCluster(t *testing.T) {
	t.Parallel()
	s := newStore(t, cluster(t), &redisstore.Options{WaitReplicas: 1})
	require.ErrorContains(t, s.CreateSession(t.Context(), row("a")), "0 of 1 replicas")
}
