package sqlitestore

import (
	"context"
	"errors"
	"time"
)

const (
	// sweepBatch bounds how many rows one transaction removes, and so how long a
	// sign-in may wait for it: milliseconds.
	sweepBatch = 256

	// sweepPause is after a batch in which nothing was dead, sweepRest when all
	// rows have been seen: a million take about an hour, and a small file is left
	// in peace.
	sweepPause = time.Second
	sweepRest  = time.Minute

	// keepDead is how long a dead session stays for the application to look at,
	// and a clock that was an hour ahead removes nobody's session.
	keepDead = 24 * time.Hour
)

// sessionDead has a time three times.
const sessionDead = "(ended_at > 0 AND ended_at <= ? OR created_at + lifetime <= ? OR last_used_at + idle_lifetime <= ?)"

// sweep removes what is dead until the store is closed. It walks the sessions
// in the order of their numbers instead of keeping an index of when they
// expire, which each rotation would have to change.
func (s *Store) sweep() {
	pause, last := sweepPause, int64(0)
	for {
		select {
		case <-s.life.Done():
			return
		case <-time.After(pause):
		}
		var err error
		if last, pause, err = s.sweepOnce(s.life, last); err != nil && s.life.Err() == nil {
			s.opts.Log.Warn("removing expired sessions failed, and is tried again", "error", err)
			pause = sweepRest
		}
	}
}

// sweepOnce goes on above the number last, and returns how far it came and how
// long to pause.
func (s *Store) sweepOnce(ctx context.Context, last int64) (next int64, pause time.Duration, err error) {
	var dead int64
	limit := nanos(s.now().Add(-keepDead))
	err = s.read(ctx, "look for dead sessions", func(ctx context.Context, c *conn) error {
		return c.one(ctx, into(&next, &dead), "SELECT coalesce(max(n), 0), coalesce(sum(dead), 0) FROM "+
			"(SELECT n, "+sessionDead+" AS dead FROM passbearer_sessions WHERE n > ? ORDER BY n LIMIT ?)", limit, limit, limit, last, sweepBatch)
	})
	switch {
	case err != nil:
		return last, sweepPause, err
	case next == 0:
		return 0, sweepRest, errors.Join(s.sweepRevocations(ctx), s.sweepThrottle(ctx), s.sweepUsedIDs(ctx))
	case dead == 0:
		return next, sweepPause, nil
	}
	return next, 0, s.write(ctx, "remove dead sessions", func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "DELETE FROM passbearer_sessions WHERE n > ? AND n <= ? AND "+sessionDead, last, next, limit, limit, limit)
		return err
	})
}

func (s *Store) sweepRevocations(ctx context.Context) error {
	return s.sweepBatches(ctx, "remove expired revocations", "DELETE FROM passbearer_revocations WHERE n IN "+
		"(SELECT n FROM passbearer_revocations WHERE expires_at <= ? LIMIT ?)")
}

func (s *Store) sweepThrottle(ctx context.Context) error {
	return s.sweepBatches(ctx, "remove idle counters", "DELETE FROM passbearer_throttle WHERE cell IN "+
		"(SELECT cell FROM passbearer_throttle WHERE whole_at <= ? LIMIT ?)")
}

func (s *Store) sweepUsedIDs(ctx context.Context) error {
	return s.sweepBatches(ctx, "remove expired ids", "DELETE FROM passbearer_used_ids WHERE id IN "+
		"(SELECT id FROM passbearer_used_ids WHERE expires_at <= ? LIMIT ?)")
}

// sweepBatches repeats a statement that removes a batch of what is over by now.
func (s *Store) sweepBatches(ctx context.Context, step, query string) error {
	for removed := int64(sweepBatch); removed == sweepBatch; {
		err := s.write(ctx, step, func(ctx context.Context, c *conn) (err error) {
			removed, err = c.exec(ctx, query, nanos(s.now()), sweepBatch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
