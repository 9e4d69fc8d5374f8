package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const minVersion = 7

// checkClient also refuses a client that waits for a server which hangs as long as its own timeouts say, and not
// until a call's deadline: what asks the Store has to answer 503 by then.
func (s *Store) checkClient() error {
	var heedsDeadlines bool
	switch client := s.client.(type) {
	case *redis.Client:
		heedsDeadlines = client.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		heedsDeadlines = client.Options().ContextTimeoutEnabled
	default:
		return fmt.Errorf("the client is a %T, not a *redis.Client or a *redis.ClusterClient", s.client)
	}
	if !heedsDeadlines {
		return errors.New("ContextTimeoutEnabled is not set in the client's options: a server that hangs would hold calls beyond their deadlines")
	}
	return nil
}

func (s *Store) checkServers(ctx context.Context) error {
	check := func(ctx context.Context, node *redis.Client) error {
		info, err := serverInfo(ctx, node)
		if err != nil {
			return err
		}
		_, cluster := s.client.(*redis.ClusterClient)
		return s.checkServer(info, cluster)
	}
	if client, ok := s.client.(*redis.ClusterClient); ok {
		return client.ForEachMaster(ctx, check)
	}
	return check(ctx, s.client.(*redis.Client))
}

func (s *Store) checkServer(info map[string]string, cluster bool) error {
	major, _, _ := strings.Cut(info["redis_version"], ".") // Valkey says with which Redis it is compatible
	version, err := strconv.Atoi(major)
	policy := info["maxmemory_policy"]
	switch {
	case err != nil || version < minVersion:
		return fmt.Errorf("the server is Redis %q, and %d or later is needed", info["redis_version"], minVersion)
	case !cluster && info["cluster_enabled"] == "1":
		return errors.New("the server is part of a cluster: make the client with redis.NewClusterClient")
	case info["role"] != "master":
		return errors.New("the server is a replica, and sessions are written")
	case policy != "noeviction" && !s.opts.InsecureAllowEviction:
		return fmt.Errorf("maxmemory-policy is %q, which drops sessions and revocations when the memory is full: set noeviction, or Options.InsecureAllowEviction", policy)
	}
	return nil
}

// serverInfo asks by INFO, which hosted servers allow where they refuse CONFIG.
func serverInfo(ctx context.Context, node *redis.Client) (map[string]string, error) {
	text, err := node.Info(ctx, "server", "memory", "replication", "cluster").Result()
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[key] = value
		}
	}
	return info, nil
}

// checkPartitions notices a process that would look for the sessions elsewhere.
func (s *Store) checkPartitions(ctx context.Context) error {
	key, want := "{"+s.opts.Prefix+"}:partitions", strconv.Itoa(s.opts.Partitions)
	have, err := s.client.SetArgs(ctx, key, want, redis.SetArgs{Mode: "NX", Get: true}).Result()
	switch {
	case errors.Is(err, redis.Nil): // there was none
		return nil
	case err == nil && have != want:
		return fmt.Errorf("the data has %s, and Options.Partitions is %s", have, want)
	}
	return err
}
