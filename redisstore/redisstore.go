// Package redisstore keeps sessions, revocations, ids that were used once and the
// counters of package throttle in Redis 7 or later, or Valkey, on a single server, behind Sentinel or in a cluster. It is tested with Redis 7.0
// and Valkey 8.0.1: a single server, one with a replica, and a cluster of three.
// Sentinel is not tested.
//
// Make a client with package redis, hand it to [New], and the Store to
// passbearer.NewSessions. Users and clients stay elsewhere, in package pgstore for
// instance: a passbearer.Revocations has to watch both stores, in one call of Watch.
//
// What a Store acknowledges is as durable as the server makes it. For
// sign-outs that outlive a power cut, and rotations that need no healing after
// it, the server needs
//
//	appendonly yes
//	appendfsync always
//	maxmemory-policy noeviction
//
// With "appendfsync everysec" the last second may be lost: refresh tokens one
// rotation ahead of their session heal, wider gaps end it, and a sign-out of
// that second is forgotten. The same holds for a failover to an asynchronous
// replica; [Options.WaitReplicas] waits for replicas before it acknowledges, and
// min-replicas-to-write on the server keeps a primary that was cut off from
// acknowledging to those who still reach it. The clocks of a cluster's servers,
// and of those that may be promoted, have to agree within seconds.
//
// Sessions expire by themselves. A session takes about 500 bytes of the server's
// memory, the list of its user included; a revocation takes about 60 bytes for as
// long as [Options.RevocationLifetime], and a used id about 150 bytes for as long as
// it is remembered.
//
// Out of scope: users, clients, and changing the number of partitions of data
// that exists.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer"
)

// The defaults of [Options].
const (
	DefaultPrefix     = "passbearer"
	DefaultPartitions = 16
)

const maxPartitions = 4096

// Store keeps sessions, revocations, attempts and used ids. It is safe for concurrent use, and any
// number of processes may have one on the same data. Make it with [New].
type Store struct {
	client   redis.UniversalClient
	opts     Options
	lifetime string   // RevocationLifetime in milliseconds
	tags     []string // by partition: the beginning of its keys
}

var (
	_ passbearer.SessionStore     = (*Store)(nil)
	_ passbearer.UserSessionStore = (*Store)(nil)
	_ passbearer.RevocationStore  = (*Store)(nil)
)

// Options are the settings of a [Store]. All processes on the same data need the
// same Prefix and Partitions.
type Options struct {
	// Prefix begins every key. It may not have braces. Empty means
	// [DefaultPrefix].
	Prefix string

	// Partitions is the number of parts that the data is split into, for a
	// cluster to spread: a power of two, at most 4,096. It is fixed for the
	// life of the data; New refuses another one. Each costs a watcher of
	// revocations in a cluster one connection. Zero means
	// [DefaultPartitions].
	Partitions int

	// RevocationLifetime is how long a revocation is kept: the longest
	// lifetime of an access token and twice the leeway of its verifiers. Zero means
	// [passbearer.DefaultRevocationLifetime].
	RevocationLifetime time.Duration

	// WaitReplicas is how many replicas have to have a write in memory before
	// it is acknowledged. Where fewer do within a second the call fails,
	// though the write stands and a repeated call goes on from there. Zero
	// means none.
	WaitReplicas int

	// InsecureAllowEviction lets New take a server that drops keys when its
	// memory is full. It drops sessions, which signs users out, and
	// revocations, which revives access tokens.
	InsecureAllowEviction bool
}

// New returns a Store on client, which is a *redis.Client (NewFailoverClient's
// too) or a *redis.ClusterClient and stays the caller's to close; nil options
// mean the defaults. The client's options need ContextTimeoutEnabled, without which
// a call outlasts its deadline while the server hangs. New asks every primary that it
// finds, and fails if one cannot be reached, is older than Redis 7, is a replica, or
// evicts keys. Servers that join later are not asked.
func New(ctx context.Context, client redis.UniversalClient, opts *Options) (*Store, error) {
	s := &Store{client: client}
	if opts != nil {
		s.opts = *opts
	}
	if err := s.opts.fill(); err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	s.lifetime = milliseconds(s.opts.RevocationLifetime)
	for i := range s.opts.Partitions {
		s.tags = append(s.tags, fmt.Sprintf("{%s:%x}", s.opts.Prefix, i))
	}
	if err := s.checkClient(); err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	if err := s.checkServers(ctx); err != nil {
		return nil, fmt.Errorf("redisstore: check the server: %w", err)
	}
	if err := s.checkPartitions(ctx); err != nil {
		return nil, fmt.Errorf("redisstore: check the partitions: %w", err)
	}
	return s, nil
}

func (o *Options) fill() error {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Partitions == 0 {
		o.Partitions = DefaultPartitions
	}
	if o.RevocationLifetime == 0 {
		o.RevocationLifetime = passbearer.DefaultRevocationLifetime
	}
	switch {
	case strings.ContainsAny(o.Prefix, "{}"):
		return errors.New("Options.Prefix has a brace, which would change how a cluster spreads the keys")
	case o.Partitions < 0 || o.Partitions > maxPartitions || o.Partitions&(o.Partitions-1) != 0:
		return fmt.Errorf("Options.Partitions is no power of two up to %d", maxPartitions)
	case o.RevocationLifetime < 0 || o.WaitReplicas < 0:
		return errors.New("a negative number in Options: leave it zero for the default")
	}
	return nil
}

// Format hides the Store, whose client knows a password, from package fmt.
func (*Store) Format(s fmt.State, _ rune) { io.WriteString(s, "redisstore.Store{…}") }

// LogValue hides the Store from package slog.
func (*Store) LogValue() slog.Value { return slog.StringValue("redisstore.Store{…}") }
