package sqlitestore

import (
	"context"
	"database/sql/driver"
	"time"
)

// The bounds of the sweeper.
const (
	SweepBatch = sweepBatch
	KeepDead   = keepDead
)

// Pragma reads a pragma on every connection of s.
func Pragma(ctx context.Context, s *Store, name string) (values []string, err error) {
	ask := func(ctx context.Context, c *conn) error {
		if err := c.ready(ctx); err != nil {
			return err
		}
		var value string
		err := c.sql.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
		values = append(values, value)
		return err
	}
	err = s.write(ctx, "ask", ask)
	for range s.opts.Readers { // they come in turn
		if err == nil {
			err = s.read(ctx, "ask", ask)
		}
	}
	return values, err
}

// Break closes every connection under the store's feet, as a driver does that
// finds one unusable.
func Break(s *Store) {
	for _, from := range []chan *conn{s.writer, s.readers} {
		for range cap(from) {
			c := <-from
			if c.sql != nil {
				c.sql.Raw(func(any) error { return driver.ErrBadConn })
			}
			from <- c
		}
	}
}

// SweepOnce is one step of the sweeper.
func SweepOnce(ctx context.Context, s *Store, last int64) (int64, time.Duration, error) {
	return s.sweepOnce(ctx, last)
}

// Step runs a transaction of one statement, and fails if f does.
func Step(ctx context.Context, s *Store, f func() error) error {
	return s.write(ctx, "test", func(ctx context.Context, c *conn) error {
		if _, err := c.exec(ctx, "DELETE FROM passbearer_users"); err != nil {
			return err
		}
		return f()
	})
}
