package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/passbearer/passbearer"
)

var (
	_ passbearer.SessionStore     = (*Store)(nil)
	_ passbearer.UserSessionStore = (*Store)(nil)
)

// The clock is clock_timestamp(), which goes on while a statement waits for a
// row; now() would be the time at which its transaction began.
const (
	sessionColumns = `id, user_id, client_id, scope, epoch, generation, auth_time, acr, amr, jkt, extra, user_agent,
		idle_lifetime, lifetime, created_at, last_used_at, ended_at, clock_timestamp()`

	isLive = `ended_at IS NULL AND clock_timestamp() < least(` + idleEnd + `, ` + absoluteEnd + `)`

	idleEnd     = `last_used_at + idle_lifetime / 1000 * interval '1 microsecond'`
	absoluteEnd = `created_at + lifetime / 1000 * interval '1 microsecond'`

	// deadAfter is for a row that is used now.
	deadAfter = `date_trunc('day', least(clock_timestamp() + idle_lifetime / 1000 * interval '1 microsecond', ` + absoluteEnd + `), 'UTC') + interval '1 day'`
)

// CreateSession implements passbearer.SessionStore.
func (s *Store) CreateSession(ctx context.Context, row passbearer.Session) error {
	return s.do(ctx, "create a session", func(ctx context.Context) error {
		_, err := s.exec(ctx, `INSERT INTO {schema}.sessions (id, user_id, client_id, scope, epoch, generation, auth_time, acr, amr, jkt, extra, user_agent,
				idle_lifetime, lifetime, created_at, last_used_at, dead_after)
			SELECT $1::text, $2::text, $3::text, $4::text, $5::bigint, $6::bigint, $7::timestamptz, $8::text, $9::text, $10::text, $11::text, $12::text,
				idle_lifetime, lifetime, created_at, created_at, {dead}
			FROM (SELECT clock_timestamp() AS created_at, $13::bigint AS idle_lifetime, $14::bigint AS lifetime) AS times`,
			row.ID, row.UserID, row.ClientID, string(row.Scope), row.Epoch, row.Generation, orNull(row.AuthTime), row.ACR, row.AMR, row.JKT, row.Extra, row.UserAgent,
			int64(row.IdleLifetime), int64(row.Lifetime))
		if hasCode(err, codeUniqueViolation) {
			return errors.New("its id exists")
		}
		return err
	})
}

// orNull has microseconds, as the server does.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// SessionByID implements passbearer.SessionStore.
func (s *Store) SessionByID(ctx context.Context, id string) (row *passbearer.Session, err error) {
	err = s.do(ctx, "find a session", func(ctx context.Context) error {
		row, err = s.session(ctx, `SELECT {session} FROM {schema}.sessions WHERE id = $1`, id)
		return err
	})
	return row, err
}

func (s *Store) session(ctx context.Context, sql, id string, args ...any) (*passbearer.Session, error) {
	if !storable(id) {
		return nil, passbearer.ErrSessionNotFound
	}
	row, err := scanSession(s.queryRow(ctx, sql, append([]any{id}, args...)...))
	return row, orNotFound(err, passbearer.ErrSessionNotFound)
}

func scanSession(from pgx.Row) (*passbearer.Session, error) {
	r := new(passbearer.Session)
	var auth, ended *time.Time
	err := from.Scan(&r.ID, &r.UserID, &r.ClientID, (*string)(&r.Scope), &r.Epoch, &r.Generation, &auth, &r.ACR, &r.AMR, &r.JKT, &r.Extra, &r.UserAgent,
		(*int64)(&r.IdleLifetime), (*int64)(&r.Lifetime), &r.CreatedAt, &r.LastUsedAt, &ended, &r.AsOf)
	if err != nil {
		return nil, err
	}
	if auth != nil {
		r.AuthTime = auth.UTC()
	}
	if ended != nil {
		r.EndedAt = ended.UTC()
	}
	r.CreatedAt, r.LastUsedAt, r.AsOf = r.CreatedAt.UTC(), r.LastUsedAt.UTC(), r.AsOf.UTC()
	return r, nil
}

// SwapGeneration implements passbearer.SessionStore. A swap is one statement;
// only a row that it did not move is read by a second one.
func (s *Store) SwapGeneration(ctx context.Context, id string, from, to int64) (row *passbearer.Session, swapped bool, err error) {
	err = s.do(ctx, "swap a session's generation", func(ctx context.Context) error {
		row, err = s.session(ctx, `UPDATE {schema}.sessions
			SET generation = $3, last_used_at = clock_timestamp(), dead_after = {dead}
			WHERE id = $1 AND generation = $2 AND {live}
			RETURNING {session}`, id, from, to)
		if swapped = err == nil; swapped || !errors.Is(err, passbearer.ErrSessionNotFound) {
			return err
		}
		row, err = s.session(ctx, `SELECT {session} FROM {schema}.sessions WHERE id = $1`, id)
		return err
	})
	return row, swapped && err == nil, err
}

// setEnded leaves the row for a day, for whoever asks the database why.
const setEnded = `SET ended_at = clock_timestamp(), dead_after = clock_timestamp() + interval '1 day'`

// EndSession implements passbearer.SessionStore.
func (s *Store) EndSession(ctx context.Context, id string) error {
	if !storable(id) {
		return nil
	}
	return s.end(ctx, "end a session", `SELECT id FROM {schema}.sessions WHERE id = $1 AND ended_at IS NULL FOR UPDATE`, id)
}

// EndUserSessions implements passbearer.UserSessionStore.
func (s *Store) EndUserSessions(ctx context.Context, userID string) error {
	if !storable(userID) {
		return nil
	}
	// In order, so that two of these do not wait for each other's rows.
	return s.end(ctx, "end a user's sessions", `SELECT id FROM {schema}.sessions WHERE user_id = $1 AND ended_at IS NULL ORDER BY id FOR UPDATE`, userID)
}

// end ends the sessions that a query finds, and revokes their access tokens.
func (s *Store) end(ctx context.Context, step, which, key string) error {
	return s.do(ctx, step, func(ctx context.Context) error {
		_, err := s.exec(ctx, `WITH these AS MATERIALIZED (`+which+`), ended AS (
				UPDATE {schema}.sessions AS row `+setEnded+` FROM these WHERE row.id = these.id RETURNING row.id
			), entries AS (
				SELECT 1 AS kind, id AS key, 0::bigint AS epoch, $2::bigint AS lifetime FROM ended ORDER BY id
			), {revoke}
			SELECT pg_notify('{channel}', {payload}) FROM revoked`, key, s.opts.RevocationLifetime.Microseconds())
		return err
	})
}

// SessionsByUser implements passbearer.UserSessionStore.
func (s *Store) SessionsByUser(ctx context.Context, userID string, limit int) (list []passbearer.Session, err error) {
	if !storable(userID) {
		return nil, nil
	}
	err = s.do(ctx, "list a user's sessions", func(ctx context.Context) error {
		rows, err := s.query(ctx, `SELECT {session} FROM {schema}.sessions WHERE user_id = $1 AND {live} ORDER BY created_at DESC, id LIMIT $2`, userID, int64(limit))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (passbearer.Session, error) {
			row, err := scanSession(r)
			if err != nil {
				return passbearer.Session{}, err
			}
			return *row, nil
		})
		return err
	})
	return list, err
}
