package pgstore

import (
	"context"
	"time"

	"github.com/passbearer/passbearer/throttle"
)

var _ throttle.Store = (*Store)(nil)

// ReserveAttempt implements throttle.Store.
func (s *Store) ReserveAttempt(ctx context.Context, takes []throttle.Take) (waits []time.Duration, err error) {
	cells, everies, bursts := columns(takes)
	err = s.do(ctx, "count an attempt", func(ctx context.Context) error {
		var micros []int64
		err := s.queryRow(ctx, `SELECT {schema}.reserve_attempt($1::bigint[], $2::bigint[], $3::bigint[])`, cells, everies, bursts).Scan(&micros)
		waits = nil
		for _, n := range micros {
			waits = append(waits, time.Duration(n)*time.Microsecond)
		}
		return err
	})
	return waits, err
}

// RefundAttempt implements throttle.Store. The rows are locked in their order.
func (s *Store) RefundAttempt(ctx context.Context, takes []throttle.Take) error {
	cells, everies, _ := columns(takes)
	return s.do(ctx, "give an attempt back", func(ctx context.Context) error {
		_, err := s.exec(ctx, `WITH these AS MATERIALIZED (
				SELECT t.cell, a.every FROM unnest($1::bigint[], $2::bigint[]) AS a(cell, every) JOIN {schema}.throttle AS t USING (cell)
				ORDER BY t.cell FOR UPDATE OF t
			) UPDATE {schema}.throttle AS t SET whole_at = t.whole_at - these.every FROM these WHERE t.cell = these.cell`, cells, everies)
		return err
	})
}

// columns has times in microseconds.
func columns(takes []throttle.Take) (cells, everies, bursts []int64) {
	for _, take := range takes {
		cells = append(cells, take.Cell)
		everies = append(everies, take.Limit.Every.Microseconds())
		bursts = append(bursts, int64(take.Limit.Burst))
	}
	return cells, everies, bursts
}
