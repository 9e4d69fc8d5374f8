package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Every access to a row is a script, the reading too: it takes the server's time in
// the same step, and a script without the flag no-writes is refused by a replica.
// All but the creation of sessions run when the memory is full: signing out has
// to work then.

// readLua: KEYS row. It leaves row, and now in microseconds.
const readLua = `
local row = redis.call('GET', KEYS[1])
if not row then return false end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stamp = struct.pack('>I8', now)
`

// touchLua writes what is there once more, for the replicas alone. WAIT waits for
// what its own connection wrote, and so for what others wrote before that. Whoever finds
// a row and has nothing to write would wait for nothing, and acknowledge what the
// replicas do not have. (Redis 7.0 waits for all; Valkey does what WAIT promises.)
const touchLua = `
redis.set_repl(redis.REPL_REPLICA)
redis.call('SETRANGE', KEYS[1], '0', string.sub(row, 1, 8))
`

// swapScript: KEYS row; ARGV from, to. The key's expiry is moved once in a while
// and not each time: a script of one write is cheaper, and on its way to the disk
// and to replicas half as long.
var swapScript = redis.NewScript(`#!lua flags=allow-oom
` + readLua + `
local generation, used, kept, over, idle, ended = struct.unpack('>c8I8I8I8I8I8', row)
if generation ~= ARGV[1] or ended ~= 0 or now >= over or now >= used + idle then
` + touchLua + `
  return '0' .. stamp .. row
end
local due, head = now + idle, ARGV[2] .. stamp
if due > over then due = over end
if due > kept then
  local ms = math.ceil(math.min(over, due + idle / 16) / 1000)
  head = head .. struct.pack('>I8', ms * 1000)
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', ms))
end
redis.call('SETRANGE', KEYS[1], '0', head)
return '1' .. stamp .. row
`)

// readScript: KEYS row.
var readScript = redis.NewScript(`#!lua flags=allow-oom
` + readLua + `
return '0' .. stamp .. row
`)

// settledScript is readScript for whoever waits for the replicas.
var settledScript = redis.NewScript(`#!lua flags=allow-oom
` + readLua + touchLua + `
return '0' .. stamp .. row
`)

// createScript: KEYS row; ARGV what never changes, generation, lifetime, idle
// lifetime. It returns 0 where the id exists.
var createScript = redis.NewScript(`#!lua
local row = redis.call('GET', KEYS[1])
if row then
  if string.sub(row, 49) ~= ARGV[1] then return 0 end
` + touchLua + `
  return 1
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local over, idle = now + ARGV[3], tonumber(ARGV[4])
local ms = math.ceil(math.min(over, now + idle + idle / 16) / 1000)
row = struct.pack('>c8I8I8I8I8I8', ARGV[2], now, ms * 1000, over, idle, 0) .. ARGV[1]
redis.call('SET', KEYS[1], row, 'PXAT', string.format('%.0f', ms))
return 1
`)

// revokeLua trims by the longest lifetime that was ever asked for, so that
// processes with different options do not trim each other's entries.
const revokeLua = `
local function revoke(stream, meta, kind, value, epoch, lifetime)
  local longest = tonumber(redis.call('HGET', meta, 'longest') or '0')
  if tonumber(lifetime) > longest then
    longest = tonumber(lifetime)
    redis.call('HSET', meta, 'longest', lifetime)
  end
  local time = redis.call('TIME')
  local ms = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('XADD', stream, 'MINID', '~', string.format('%.0f', math.max(0, ms - longest)), '*',
    'k', kind, 'v', value, 'e', epoch, 'l', lifetime, 'w', string.format('%.0f', ms))
end
`

// revokeScript: KEYS stream, meta; ARGV kind, value, epoch, lifetime.
var revokeScript = redis.NewScript(`#!lua flags=allow-oom
` + revokeLua + `
revoke(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return 1
`)

// endScript: KEYS row, stream, meta; ARGV session id, lifetime of the revocation.
// The row stays, marked, for as long as the revocation: a sign-out that is
// repeated because its answer was lost finds it and waits for the replicas.
var endScript = redis.NewScript(`#!lua flags=allow-oom
` + revokeLua + readLua + `
if struct.unpack('>I8', row, 41) ~= 0 then
` + touchLua + `
  return 0
end
redis.call('SETRANGE', KEYS[1], '40', stamp)
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
revoke(KEYS[2], KEYS[3], 's', ARGV[1], '0', ARGV[2])
return 1
`)

// indexScript: KEYS list of a user; ARGV session id, lifetime in ms, how many are
// not worth cleaning, age in ms. It returns a few others to be looked at, of those that
// are older than that.
var indexScript = redis.NewScript(`#!lua
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if redis.call('ZCARD', KEYS[1]) <= tonumber(ARGV[3]) then return {} end
local some, old = redis.call('ZRANDMEMBER', KEYS[1], 2, 'WITHSCORES'), {}
for i = 1, #some, 2 do
  if tonumber(some[i + 1]) < now - tonumber(ARGV[4]) then table.insert(old, some[i]) end
end
return old
`)

// listScript: KEYS list of a user; ARGV age in ms. It returns the session ids that
// are younger than that, and the older ones.
var listScript = redis.NewScript(`#!lua flags=allow-oom
local time = redis.call('TIME')
local old = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1]))
return {redis.call('ZRANGE', KEYS[1], old, '+inf', 'BYSCORE'), redis.call('ZRANGE', KEYS[1], '-inf', '(' .. old, 'BYSCORE')}
`)

// positionScript: KEYS stream and meta of each partition; ARGV marker to set where
// there is none, or empty. It returns the marker and the last id of each, and
// the server's time in ms.
var positionScript = redis.NewScript(`#!lua flags=allow-oom
local result = {}
for i = 1, #KEYS, 2 do
  if ARGV[1] ~= '' then redis.call('HSETNX', KEYS[i + 1], 'marker', ARGV[1]) end
  local last = '0-0'
  if redis.call('EXISTS', KEYS[i]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for j = 1, #info, 2 do
      if info[j] == 'last-generated-id' then last = info[j + 1] end
    end
  end
  table.insert(result, redis.call('HGET', KEYS[i + 1], 'marker') or '')
  table.insert(result, last)
end
local time = redis.call('TIME')
table.insert(result, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
return result
`)

// waitTimeout bounds how long replicas are waited for.
const waitTimeout = time.Second

// write runs a script whose effects are to be acknowledged. All keys are of one
// partition.
func (s *Store) write(ctx context.Context, script *redis.Script, keys []string, args ...any) (any, error) {
	if s.opts.WaitReplicas == 0 {
		return script.Run(ctx, s.client, keys, args...).Result()
	}
	node, err := s.node(ctx, keys[0])
	if err != nil {
		return nil, err
	}
	reply, err := s.writeAndWait(ctx, node, func(p redis.Pipeliner) *redis.Cmd { return script.EvalSha(ctx, p, keys, args...) })
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = s.writeAndWait(ctx, node, func(p redis.Pipeliner) *redis.Cmd { return script.Eval(ctx, p, keys, args...) })
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok && err != nil && !errors.Is(err, redis.Nil) {
		cluster.ReloadState(ctx) // it may be another node's now
	}
	return reply, err
}

// writeAndWait sends both commands on one connection: WAIT waits for the last write of
// that one. See touchLua for scripts that find what others wrote.
func (s *Store) writeAndWait(ctx context.Context, node *redis.Client, run func(redis.Pipeliner) *redis.Cmd) (any, error) {
	pipe := node.Pipeline()
	reply := run(pipe)
	wait := pipe.Do(ctx, "WAIT", s.opts.WaitReplicas, waitTimeout.Milliseconds())
	pipe.Exec(ctx) //nolint:errcheck // each command has its own error
	n, err := wait.Int64()
	switch {
	case reply.Err() != nil:
		return nil, reply.Err()
	case err != nil:
		return nil, fmt.Errorf("wait for replicas: %w", err)
	case n < int64(s.opts.WaitReplicas):
		return nil, fmt.Errorf("%d of %d replicas have the write", n, s.opts.WaitReplicas)
	}
	return reply.Val(), nil
}

// node returns the client of the primary that has key.
func (s *Store) node(ctx context.Context, key string) (*redis.Client, error) {
	switch client := s.client.(type) {
	case *redis.Client:
		return client, nil
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, key)
	}
	return nil, errors.ErrUnsupported // New has refused it
}
