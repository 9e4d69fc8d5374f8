package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/passbearer/passbearer/throttle"
)

var _ throttle.Store = (*Store)(nil)

// ReserveAttempt implements throttle.Store. It is a transaction that has the lock from
// its beginning, and writes nothing where the attempt is refused, unless the clock
// was set back.
func (s *Store) ReserveAttempt(ctx context.Context, takes []throttle.Take) (waits []time.Duration, err error) {
	err = s.write(ctx, "count an attempt", func(ctx context.Context, c *conn) error {
		whole, err := wholeTimes(ctx, c, takes)
		if err != nil {
			return err
		}
		var next []time.Time
		next, waits = throttle.Count(takes, whole, s.now())
		for i, take := range takes {
			if next[i].Equal(whole[i]) {
				continue
			}
			_, err := c.exec(ctx, "INSERT OR REPLACE INTO passbearer_throttle (cell, whole_at) VALUES (?, ?)", take.Cell, nanos(next[i]))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return waits, nil
}

func wholeTimes(ctx context.Context, c *conn, takes []throttle.Take) ([]time.Time, error) {
	times := make([]time.Time, len(takes))
	for i, take := range takes {
		var whole int64
		err := c.one(ctx, into(&whole), "SELECT whole_at FROM passbearer_throttle WHERE cell = ?", take.Cell)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		times[i] = fromNanos(whole)
	}
	return times, nil
}

// RefundAttempt implements throttle.Store.
func (s *Store) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	return s.write(ctx, "give an attempt back", func(ctx context.Context, c *conn) error {
		for _, take := range takes {
			_, err := c.exec(ctx, "UPDATE passbearer_throttle SET whole_at = whole_at - ? WHERE cell = ?", int64(take.Limit.Every), take.Cell)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
