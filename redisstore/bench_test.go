package redisstore_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/redisstore"
)

var sessionsFlag = flag.Int("sessions", 100_000, "how many `sessions` BenchmarkSessions compares with 1,000")

const (
	benchClients = 16
	benchRounds  = 25
	benchOps     = 1600 // a round: short, so that other load on the machine meets both sides
	benchFew     = 1000 // sessions, and keys of the bare script and command
)

// bareScript is the least that compares and swaps.
var bareScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`)

// perOp is the time of an operation when several clients call it, each with
// sessions of its own.
func perOp(b *testing.B, ops int, op func(client, i int) error) time.Duration {
	b.Helper()
	var clients sync.WaitGroup
	errs := make([]error, benchClients)
	start := time.Now()
	for c := range benchClients {
		clients.Go(func() {
			for i := 0; i < ops/benchClients && errs[c] == nil; i++ {
				errs[c] = op(c, i)
			}
		})
	}
	clients.Wait()
	took := time.Since(start) / time.Duration(ops)
	for _, err := range errs {
		require.NoError(b, err)
	}
	return took
}

func median[T cmp.Ordered](d []T) T {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// ratio is the median of a[i] to b[i].
func ratio(a, b []time.Duration) float64 {
	var ratios []float64
	for i := range a {
		ratios = append(ratios, float64(a[i])/float64(b[i]))
	}
	return median(ratios)
}

// rotations rotates sessions, from where they stand. Each client has as many of its
// own.
type rotations struct {
	store *redisstore.Store
	each  int               // sessions of a client
	at    [benchClients]int // calls so far
}

// newRotations creates n sessions, about as many for each client.
func newRotations(b *testing.B, store *redisstore.Store, n int) *rotations {
	r := &rotations{store: store, each: n / benchClients}
	var clients sync.WaitGroup
	for c := range benchClients {
		clients.Go(func() {
			for i := range r.each {
				s := row(benchID(c, i))
				s.UserID, s.UserAgent, s.Scope = fmt.Sprint("user-", c, "-", i/4), strings.Repeat("agent/1.0 ", 10), "items:read items:write"
				if err := store.CreateSession(context.Background(), s); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	return r
}

// benchID is as long as an id is.
func benchID(client, i int) string { return fmt.Sprintf("session-%02d-%011d", client, i) }

// next is the session whose turn it is, and where that stands. A stride that is
// coprime to any number of sessions visits all of them, and not neighbours.
func (r *rotations) next(client int) (i int, generation int64) {
	n := r.at[client]
	r.at[client]++
	return n * 7919 % r.each, int64(n / r.each)
}

func (r *rotations) rotate(client, _ int) error {
	i, generation := r.next(client)
	_, swapped, err := r.store.SwapGeneration(context.Background(), benchID(client, i), generation, generation+1)
	if err == nil && !swapped {
		err = fmt.Errorf("a rotation from %d was not made", generation)
	}
	return err
}

// modes are a server that acknowledges what is on the disk, and one that keeps
// all in memory.
var modes = []struct {
	name string
	args []string
}{{"durable", durable}, {"memory", forgetful}}

// BenchmarkRotation compares a rotation with the bare script and the bare command,
// on as many keys of one server in one run: rotations per second, and which share of
// theirs that is.
func BenchmarkRotation(b *testing.B) {
	for _, tt := range modes {
		b.Run(tt.name, func(b *testing.B) {
			ctx := context.Background()
			client := ownServer(b, tt.args...).client(b)
			r := newRotations(b, newStore(b, client, nil), benchFew)
			bare := rotations{each: r.each}
			key := func(c, i int) string { return "bare-" + benchID(c, i) }
			for c := range benchClients {
				for i := range bare.each {
					require.NoError(b, client.Set(ctx, key(c, i), "0", 0).Err())
				}
			}
			script := func(c, _ int) error {
				i, generation := bare.next(c)
				return bareScript.Run(ctx, client, []string{key(c, i)}, strconv.FormatInt(generation, 10), strconv.FormatInt(generation+1, 10)).Err()
			}
			command := func(c, i int) error { return client.HSet(ctx, "hash-"+key(c, i%bare.each), "g", i).Err() }
			for b.Loop() {
				report(b, r.rotate, script, command)
			}
		})
	}
}

func report(b *testing.B, ours, script, command func(client, i int) error) {
	var a, s, c []time.Duration
	for range benchRounds {
		a = append(a, perOp(b, benchOps, ours))
		s = append(s, perOp(b, benchOps, script))
		c = append(c, perOp(b, benchOps, command))
	}
	rate := func(d time.Duration) float64 { return float64(time.Second) / float64(d) }
	b.ReportMetric(rate(median(a)), "rotations/s")
	b.ReportMetric(rate(median(s)), "scripts/s")
	b.ReportMetric(rate(median(c)), "HSETs/s")
	b.ReportMetric(100*ratio(s, a), "%-of-scripts")
	b.ReportMetric(100*ratio(c, a), "%-of-HSETs")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSessions compares rotations among 1,000 sessions with those among many,
// and says how much memory one takes.
func BenchmarkSessions(b *testing.B) {
	for _, tt := range modes {
		b.Run(tt.name, func(b *testing.B) { benchmarkSessions(b, tt.args) })
	}
}

func benchmarkSessions(b *testing.B, args []string) {
	few := newRotations(b, newStore(b, ownServer(b, args...).client(b), nil), benchFew)
	server := ownServer(b, args...)
	before := usedMemory(b, server)
	many := newRotations(b, newStore(b, server.client(b), nil), *sessionsFlag)
	bytes := usedMemory(b, server) - before
	for b.Loop() {
		var f, m []time.Duration
		for range benchRounds {
			f = append(f, perOp(b, benchOps, few.rotate))
			m = append(m, perOp(b, benchOps, many.rotate))
		}
		b.ReportMetric(ratio(m, f), "times-the-cost-of-1000")
		b.ReportMetric(float64(bytes)/float64(*sessionsFlag), "B/session")
		b.ReportMetric(0, "ns/op")
	}
}

func usedMemory(b *testing.B, s *server) int64 {
	b.Helper()
	text, err := s.client(b).Info(context.Background(), "memory").Result()
	require.NoError(b, err)
	var n int64
	_, after, _ := strings.Cut(text, "used_memory:")
	_, err = fmt.Sscan(after, &n)
	require.NoError(b, err)
	return n
}
