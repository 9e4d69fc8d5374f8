package sqlitestore

import (
	"context"
	"time"

	"github.com/passbearer/passbearer"
)

var _ passbearer.ReplayStore = (*Store)(nil)

// UseOnce implements passbearer.ReplayStore. The first use is a write that is on
// the disk when it returns; another use writes nothing.
func (s *Store) UseOnce(ctx context.Context, id string, lifetime time.Duration) (first bool, err error) {
	err = s.write(ctx, "use an id", func(ctx context.Context, c *conn) error {
		now := s.now()
		n, err := c.exec(ctx, "INSERT INTO passbearer_used_ids (id, expires_at) VALUES (?, ?) "+
			"ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at WHERE expires_at <= ?",
			id, nanos(now.Add(lifetime)), nanos(now))
		first = n == 1
		return err
	})
	return first && err == nil, err
}
