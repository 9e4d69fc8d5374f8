package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/passbearer/passbearer"
)

const sessionColumns = "id, user_id, client_id, scope, epoch, generation, auth_time, acr, amr, jkt, extra, user_agent, " +
	"idle_lifetime, lifetime, created_at, last_used_at, ended_at"

// sessionLive has the time twice. Lifetimes that leave 64 bits become floating
// point in SQLite, and are not over.
const sessionLive = "ended_at = 0 AND created_at + lifetime > ? AND last_used_at + idle_lifetime > ?"

const (
	insertSession = "INSERT INTO passbearer_sessions (" + sessionColumns + ") " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
	selectSession = "SELECT " + sessionColumns + " FROM passbearer_sessions WHERE id = ?"
	swapSession   = "UPDATE passbearer_sessions SET generation = ?, last_used_at = ? WHERE id = ? AND generation = ? AND " +
		sessionLive + " RETURNING " + sessionColumns
)

var errSessionExists = errors.New("its id exists")

// CreateSession implements passbearer.SessionStore.
func (s *Store) CreateSession(ctx context.Context, row passbearer.Session) error {
	return s.write(ctx, "create a session", func(ctx context.Context, c *conn) error {
		now := nanos(s.now())
		n, err := c.exec(ctx, insertSession,
			row.ID, row.UserID, row.ClientID, string(row.Scope), row.Epoch, row.Generation, nanos(row.AuthTime), row.ACR, row.AMR, row.JKT,
			row.Extra, row.UserAgent, int64(row.IdleLifetime), int64(row.Lifetime), now, now)
		if err == nil && n == 0 {
			err = errSessionExists
		}
		return err
	})
}

// SessionByID implements passbearer.SessionStore.
func (s *Store) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	row := new(passbearer.Session)
	err := s.read(ctx, "read a session", func(ctx context.Context, c *conn) error {
		return c.one(ctx, scanSession(row), selectSession, id)
	})
	if err != nil {
		return nil, orNotFound(err, errSessionNotFound)
	}
	row.AsOf = s.now() // after the read, so no time in the row is later
	return row, nil
}

// SwapGeneration implements passbearer.SessionStore. What it did not move it reads
// in the same transaction, so that the caller judges the row that was in the way
// and not one that has moved on.
func (s *Store) SwapGeneration(ctx context.Context, id string, from, to int64) (row *passbearer.Session, swapped bool, err error) {
	row = new(passbearer.Session)
	err = s.write(ctx, "rotate a session", func(ctx context.Context, c *conn) error {
		row.AsOf = s.now() // within the lock, so times have the order of the swaps
		now := nanos(row.AsOf)
		err := c.one(ctx, scanSession(row), swapSession, to, now, id, from, now, now)
		if swapped = err == nil; !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return orNotFound(c.one(ctx, scanSession(row), selectSession, id), passbearer.ErrSessionNotFound)
	})
	if err != nil {
		return nil, false, err
	}
	return row, swapped, nil
}

// EndSession implements passbearer.SessionStore.
func (s *Store) EndSession(ctx context.Context, id string) error {
	return s.end(ctx, "end a session", "id = ? AND ended_at = 0", id)
}

// EndUserSessions implements passbearer.UserSessionStore.
func (s *Store) EndUserSessions(ctx context.Context, userID string) error {
	return s.end(ctx, "end a user's sessions", "user_id = ? AND ended_at = 0", userID)
}

// end ends what is not ended of the rows, and revokes their access tokens in
// the same transaction.
func (s *Store) end(ctx context.Context, step, where, arg string) error {
	var ended int64
	err := s.write(ctx, step, func(ctx context.Context, c *conn) error {
		now := s.now()
		_, err := c.exec(ctx, "INSERT INTO passbearer_revocations ("+revocationColumns+") "+
			"SELECT id, '', '', 0, ? FROM passbearer_sessions WHERE "+where, nanos(now.Add(s.opts.RevocationLifetime)), arg)
		if err == nil {
			ended, err = c.exec(ctx, "UPDATE passbearer_sessions SET ended_at = ? WHERE "+where, nanos(now), arg)
		}
		return err
	})
	if err == nil && ended > 0 {
		s.wake()
	}
	return err
}

// SessionsByUser implements passbearer.UserSessionStore.
func (s *Store) SessionsByUser(ctx context.Context, userID string, limit int) (live []passbearer.Session, err error) {
	err = s.read(ctx, "list sessions", func(ctx context.Context, c *conn) error {
		live = nil // an attempt may have been in vain
		now := nanos(s.now())
		return c.all(ctx, func(r row) error {
			var row passbearer.Session
			err := scanSession(&row)(r)
			live = append(live, row)
			return err
		}, "SELECT "+sessionColumns+" FROM passbearer_sessions WHERE user_id = ? AND "+sessionLive+
			" ORDER BY created_at DESC, n DESC LIMIT ?", userID, now, now, max(limit, 0))
	})
	asOf := s.now()
	for i := range live {
		live[i].AsOf = asOf
	}
	return live, err
}

// scanSession leaves AsOf alone.
func scanSession(s *passbearer.Session) func(row) error {
	return func(r row) error {
		var auth, created, used, ended, idle, lifetime int64
		err := r.Scan(&s.ID, &s.UserID, &s.ClientID, &s.Scope, &s.Epoch, &s.Generation, &auth, &s.ACR, &s.AMR, &s.JKT, &s.Extra, &s.UserAgent,
			&idle, &lifetime, &created, &used, &ended)
		s.AuthTime, s.CreatedAt, s.LastUsedAt, s.EndedAt = fromNanos(auth), fromNanos(created), fromNanos(used), fromNanos(ended)
		s.IdleLifetime, s.Lifetime = time.Duration(idle), time.Duration(lifetime)
		return err
	}
}
