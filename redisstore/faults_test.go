package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/faults"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/redisstore"
)

// faultStores has users and clients in memory.
func faultStores(t *testing.T) faults.Stores {
	others, s := memstore.New(), newStore(t, single(t), nil)
	return faults.Stores{Users: others, Sessions: s, Clients: others, Counters: s}
}

// TestFaultsEverywhere counts, with -v, how many there were.
func TestFaultsEverywhere(t *testing.T) { t.Parallel(); faults.Everywhere(t, faultStores) }

// TestSoak takes -faults.soak=30m for as long a load.
func TestSoak(t *testing.T) {
	faults.Soak(t, func(t *testing.T) faults.Stores {
		others, s := memstore.New(), newStore(t, single(t), &redisstore.Options{RevocationLifetime: faults.SoakLifetime})
		others.RevocationLifetime = faults.SoakLifetime
		return faults.Stores{Users: others, Sessions: s, Clients: others, Counters: s}
	})
}

// TestClockJumps has a server whose clock jumps.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	need(t, binary(), "redis-server")
	need(t, gcc(), "gcc")
	jumping, clock, err := clockServer()
	require.NoError(t, err)
	clock.Set(time.Hour)
	ahead, err := jumping.client(t).Time(t.Context()).Result()
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), ahead, time.Minute, "or nothing is tested")
	clock.Set(0)
	faults.ClockJumps(t, clock, func(t *testing.T) faults.Stores {
		others, s := &memstore.Store{Now: clock.Now}, newStore(t, closing(t, jumping.client(t)), nil)
		return faults.Stores{Users: others, Sessions: s, Clients: others, Counters: s}
	})
}

// TestServerIsCutOff amid a request.
func TestServerIsCutOff(t *testing.T) {
	t.Parallel()
	need(t, binary(), "redis-server")
	s, err := sharedServer()
	require.NoError(t, err)
	link := newRelay(t, s.addr)
	faults.Everywhere(t, func(t *testing.T) faults.Stores {
		client := closing(t, redis.NewClient(&redis.Options{Addr: link.addr(), ContextTimeoutEnabled: true, MinRetryBackoff: -1, MaxRetryBackoff: -1}))
		others, s := memstore.New(), newStore(t, client, nil)
		return faults.Stores{Users: others, Sessions: s, Clients: others, Counters: s}
	}, faults.Incident{Name: "the server is cut off", Happen: func() { link.to("") }, Heal: func() { link.to(s.addr) }})
}
