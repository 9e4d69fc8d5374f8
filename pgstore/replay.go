package pgstore

import (
	"context"
	"time"

	"github.com/passbearer/passbearer"
)

var _ passbearer.ReplayStore = (*Store)(nil)

// maxUsedLifetime keeps times within what PostgreSQL has a timestamp for.
const maxUsedLifetime = 100 * 365 * 24 * time.Hour

// UseOnce implements passbearer.ReplayStore. An id whose row has expired may be
// used again before the row is purged. Where a commit's answer is lost, the id
// counts as used.
func (s *Store) UseOnce(ctx context.Context, id string, lifetime time.Duration) (first bool, err error) {
	micros := min(lifetime, maxUsedLifetime).Microseconds() + 1 // rounded up
	err = s.do(ctx, "use an id", func(ctx context.Context) error {
		n, err := s.exec(ctx, `INSERT INTO {schema}.used_ids AS u (id, expires_at)
			VALUES ($1::text, clock_timestamp() + $2::bigint * interval '1 microsecond')
			ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at WHERE u.expires_at <= clock_timestamp()`, id, micros)
		first = n == 1
		return err
	})
	return first && err == nil, err
}
