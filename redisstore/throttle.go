package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer/throttle"
)

var _ throttle.Store = (*Store)(nil)

// A counter of attempts is a string: the time at which its allowance is whole again,
// in microseconds, which is when it expires. All are in one partition, for one
// attempt has several. A sign-in costs a hash of its password, so that one server
// has no trouble to keep up.

// reserveScript: KEYS counters; ARGV the time of one attempt and that of the whole
// allowance for each. It returns how long each has to wait, or nothing. A counter
// that is further ahead than its allowance is set to that: a clock was set back.
var reserveScript = redis.NewScript(`#!lua
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local next, waits, refused = {}, {}, false
for i, key in ipairs(KEYS) do
  local every, limit = tonumber(ARGV[2 * i - 1]), now + ARGV[2 * i]
  local whole = tonumber(redis.call('GET', key) or 0)
  next[i] = math.max(now, math.min(whole, limit)) + every
  waits[i] = math.max(0, next[i] - limit)
  if waits[i] > 0 then
    refused = true
    next[i] = whole > limit and limit or nil
  end
end
for i, key in ipairs(KEYS) do
  if next[i] and (waits[i] > 0 or not refused) then
    redis.call('SET', key, string.format('%.0f', next[i]), 'PXAT', string.format('%.0f', math.ceil(next[i] / 1000)))
  end
end
return refused and waits or {}
`)

// refundScript: KEYS counters; ARGV the time of one attempt for each.
var refundScript = redis.NewScript(`#!lua flags=allow-oom
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then redis.call('DECRBY', key, ARGV[i]) end
end
return 1
`)

func (s *Store) throttleKeys(takes []throttle.Take) (keys []string) {
	for _, take := range takes {
		keys = append(keys, s.tags[0]+":t:"+strconv.FormatInt(take.Cell, 10))
	}
	return keys
}

// ReserveAttempt implements throttle.Store.
func (s *Store) ReserveAttempt(ctx context.Context, takes []throttle.Take) (waits []time.Duration, err error) {
	var args []any
	for _, take := range takes {
		every := take.Limit.Every.Microseconds()
		args = append(args, every, every*int64(take.Limit.Burst))
	}
	result, err := s.write(ctx, reserveScript, s.throttleKeys(takes), args...)
	if err != nil {
		return nil, fmt.Errorf("redisstore: count an attempt: %w", err)
	}
	reply, _ := result.([]any)
	for _, n := range reply {
		micros, _ := n.(int64)
		waits = append(waits, time.Duration(micros)*time.Microsecond)
	}
	return waits, nil
}

// RefundAttempt implements throttle.Store. The key's expiry is not moved: what is
// over earlier is a whole allowance all the same.
func (s *Store) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	var args []any
	for _, take := range takes {
		args = append(args, take.Limit.Every.Microseconds())
	}
	if _, err := s.write(ctx, refundScript, s.throttleKeys(takes), args...); err != nil {
		return fmt.Errorf("redisstore: give an attempt back: %w", err)
	}
	return nil
}
