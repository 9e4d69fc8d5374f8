package redisstore_test

import (
	"context"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/redisstore"
)

func Example() {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
	store, err := redisstore.New(ctx, client, nil)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := passbearer.NewRefreshKeys("https://issuer.example", make([]byte, 32)) // a random secret, from where secrets are
	if err != nil {
		log.Fatal(err)
	}
	users := memstore.New() // or package pgstore's
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, nil)
	go revocations.Watch(ctx, users, store) // in one call: a change of a password is told by the store of the users
	sessions := passbearer.NewSessions(users, store, keys, &passbearer.SessionsOptions{Revocations: revocations})
	_ = sessions // for passbearer.TokenHandlerOptions
}

func ExampleNew_cluster() {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"redis-1:6379", "redis-2:6379", "redis-3:6379"}, ContextTimeoutEnabled: true})
	store, err := redisstore.New(context.Background(), client, &redisstore.Options{
		Partitions:   64, // so that nodes that join later have some to take
		WaitReplicas: 1,  // so that a failover forgets no sign-out
	})
	if err != nil {
		log.Fatal(err)
	}
	_ = store
}
