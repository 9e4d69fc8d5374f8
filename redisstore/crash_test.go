package redisstore_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/redisstore"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{}) // it would tell of every connection that is cut on purpose
	crashtest.Main(openBackend)
	code := m.Run()
	stopAll()
	os.Exit(code)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// openBackend opens what source names: the address of a server, of a cluster, or
// of one that has a replica to wait for.
func openBackend(ctx context.Context, source string) (*crashtest.Backend, error) {
	place, prefix, _ := strings.Cut(source, " ")
	kind, addr, _ := strings.Cut(place, ":")
	opts := &redisstore.Options{Prefix: prefix}
	var client redis.UniversalClient
	switch kind {
	case "cluster":
		client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ContextTimeoutEnabled: true})
	case "wait":
		opts.WaitReplicas = 1
		fallthrough
	default:
		client = redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(addr, "//"), ContextTimeoutEnabled: true})
	}
	s, err := redisstore.New(ctx, client, opts)
	if err != nil {
		client.Close()
		return nil, err
	}
	return &crashtest.Backend{Users: memstore.New(), ForgetfulUsers: true, Sessions: s, Revocations: s, Close: client.Close}, nil
}

func source(url string) string { return url + " crash-" + rand.Text() }

func TestCrash(t *testing.T) {
	t.Parallel()
	s := ownServer(t, durable...)
	crashtest.Run(t, crashtest.Config{
		Source:          source(s.url()),
		KillDatabase:    s.kill,
		RestartDatabase: func() { require.NoError(t, s.start()) },
	})
}

func TestCrashInCluster(t *testing.T) {
	t.Parallel()
	cluster(t)
	nodes, err := sharedNodes()
	require.NoError(t, err)
	crashtest.Run(t, crashtest.Config{Source: source("cluster:" + nodes[0].addr), Rounds: 5})
}

func TestFleet(t *testing.T) {
	t.Parallel()
	s := ownServer(t, forgetful...)
	crashtest.Fleet(t, crashtest.Config{Source: source(s.url())})
}

func TestRaces(t *testing.T) {
	t.Parallel()
	s := ownServer(t, forgetful...)
	crashtest.Races(t, crashtest.Config{Source: source(s.url()), Races: 1000})
}
