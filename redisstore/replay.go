package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer"
)

var _ passbearer.ReplayStore = (*Store)(nil)

// An id that was used is a key that expires. Its value is a nonce of the call, by
// which the client's own repetition of it, after a lost answer, is told from
// another use.

// useScript: KEYS id; ARGV nonce, lifetime in ms. The repetition writes once more,
// for WAIT waits for the writes of its own connection.
var useScript = redis.NewScript(`#!lua
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)

func (s *Store) usedKey(id string) string { return s.tags[s.partition(id)] + ":o:" + id }

// UseOnce implements passbearer.ReplayStore. Without [Options.WaitReplicas] an id
// may be used once more after a failover, if its write had not reached the replica.
func (s *Store) UseOnce(ctx context.Context, id string, lifetime time.Duration) (first bool, err error) {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	reply, err := s.write(ctx, useScript, []string{s.usedKey(id)}, nonce, milliseconds(max(lifetime, time.Millisecond)))
	if err != nil {
		return false, fmt.Errorf("redisstore: use an id: %w", err)
	}
	n, _ := reply.(int64)
	return n == 1, nil
}
