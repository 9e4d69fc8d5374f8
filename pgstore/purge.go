package pgstore

import (
	"context"
	"math/rand/v2"
	"time"
)

// purgeBatch is how many rows one statement deletes at most.
const purgeBatch = 500

// Rows that somebody else holds are passed over, for the next time. The list is
// made once: a subquery could be planned to run again for each row.
var purges = []string{
	`WITH dead AS MATERIALIZED (
		SELECT id FROM {schema}.sessions WHERE dead_after < statement_timestamp() ORDER BY dead_after LIMIT $1 FOR UPDATE SKIP LOCKED
	) DELETE FROM {schema}.sessions AS s USING dead WHERE s.id = dead.id`,
	`WITH dead AS MATERIALIZED (
		SELECT kind, key FROM {schema}.revocations WHERE expires_at < statement_timestamp() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
	) DELETE FROM {schema}.revocations AS r USING dead WHERE r.kind = dead.kind AND r.key = dead.key`,
	`WITH dead AS MATERIALIZED (
		SELECT cell FROM {schema}.throttle WHERE whole_at < (extract(epoch FROM statement_timestamp()) * 1000000)::bigint ORDER BY whole_at LIMIT $1 FOR UPDATE SKIP LOCKED
	) DELETE FROM {schema}.throttle AS t USING dead WHERE t.cell = dead.cell`,
	`WITH dead AS MATERIALIZED (
		SELECT id FROM {schema}.used_ids WHERE expires_at < statement_timestamp() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
	) DELETE FROM {schema}.used_ids AS u USING dead WHERE u.id = dead.id`,
}

// purgeForever runs until the Store is closed.
func (s *Store) purgeForever() {
	for s.wait(s.opts.PurgeInterval/2 + rand.N(s.opts.PurgeInterval)) { // a fleet does not purge all at once
		for _, sql := range purges {
			s.purge(sql)
		}
	}
}

// purge deletes batch by batch and rests for as long as each one took. What fails
// is left for the next time.
func (s *Store) purge(sql string) {
	for {
		start := time.Now()
		deleted := int64(0)
		err := s.do(s.closing, "purge", func(ctx context.Context) (err error) {
			deleted, err = s.exec(ctx, sql, int64(purgeBatch))
			return err
		})
		if err != nil || deleted < purgeBatch || !s.wait(time.Since(start)) {
			return
		}
	}
}

// wait reports false if the Store is closed meanwhile.
func (s *Store) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.closing.Done():
		return false
	case <-timer.C:
		return true
	}
}
