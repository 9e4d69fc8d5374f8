package pgstore

import (
	"context"
	"errors"
	"time"

	"github.com/passbearer/passbearer"
)

var _ passbearer.RevocationStore = (*Store)(nil)

// The kinds of revocations in the table.
const (
	kindSession = 1 + iota
	kindToken
	kindUser
)

// revoke keeps what is in "entries"; payload tells one of "revoked". PostgreSQL
// delivers a notification after the transaction's commit or not at all. One over
// its limit of 8,000 bytes is told without its name: listeners read all again.
const (
	revoke = `revoked AS (
		INSERT INTO {schema}.revocations AS r (kind, key, epoch, expires_at)
		SELECT kind, key, epoch, clock_timestamp() + lifetime * interval '1 microsecond' FROM entries
		ON CONFLICT (kind, key) DO UPDATE SET epoch = greatest(r.epoch, excluded.epoch), expires_at = greatest(r.expires_at, excluded.expires_at)
		RETURNING kind, key, epoch, ` + remaining + ` AS lifetime)`

	payload = `CASE WHEN octet_length(row_to_json(revoked)::text) < 8000 THEN row_to_json(revoked)::text ELSE '{"reload":true}' END`

	// remaining is in microseconds, and at least one.
	remaining = `greatest(1, (1000000 * extract(epoch FROM expires_at - clock_timestamp()))::bigint)`
)

// Revoke implements passbearer.RevocationStore.
func (s *Store) Revoke(ctx context.Context, e passbearer.Revocation) error {
	kind, key := kindAndKey(e)
	if key == "" || e.Lifetime < 0 {
		return errors.New("pgstore: revoke: the revocation has no SessionID, TokenID or UserID, or a negative Lifetime")
	}
	if e.Lifetime == 0 {
		e.Lifetime = s.opts.RevocationLifetime
	}
	return s.do(ctx, "revoke", func(ctx context.Context) error {
		_, err := s.exec(ctx, `WITH entries AS (
				SELECT $1::integer AS kind, $2::text AS key, $3::bigint AS epoch, $4::bigint AS lifetime
			), {revoke}
			SELECT pg_notify('{channel}', {payload}) FROM revoked`, kind, key, e.Epoch, e.Lifetime.Microseconds())
		return err
	})
}

func kindAndKey(e passbearer.Revocation) (kind int32, key string) {
	switch {
	case e.SessionID != "":
		return kindSession, e.SessionID
	case e.TokenID != "":
		return kindToken, e.TokenID
	}
	return kindUser, e.UserID
}

// note is what a notification carries.
type note struct {
	Kind     int32  `json:"kind"`
	Key      string `json:"key"`
	Epoch    int64  `json:"epoch"`
	Lifetime int64  `json:"lifetime"` // microseconds
	Reload   bool   `json:"reload"`
	Beat     string `json:"beat"` // who sends a heartbeat
}

func (n note) revocation() passbearer.Revocation {
	e := passbearer.Revocation{Lifetime: time.Duration(n.Lifetime) * time.Microsecond}
	switch n.Kind {
	case kindSession:
		e.SessionID = n.Key
	case kindToken:
		e.TokenID = n.Key
	case kindUser:
		e.UserID, e.Epoch = n.Key, n.Epoch
	}
	return e
}
