package pgstore

import (
	"context"
	"errors"

	"github.com/passbearer/passbearer"
)

var _ passbearer.ClientStore = (*Store)(nil)

// AddClient adds c, or replaces the client with its id.
func (s *Store) AddClient(ctx context.Context, c passbearer.Client) error {
	if c.ID == "" {
		return errors.New("pgstore: add a client: the id is empty")
	}
	return s.do(ctx, "add a client", func(ctx context.Context) error {
		_, err := s.exec(ctx, `INSERT INTO {schema}.clients (id, secret_hash, public, refresh_grace) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, public = excluded.public, refresh_grace = excluded.refresh_grace`,
			c.ID, c.SecretHash, c.Public, int64(c.RefreshGrace))
		return err
	})
}

// ClientByID implements passbearer.ClientStore.
func (s *Store) ClientByID(ctx context.Context, id string) (*passbearer.Client, error) {
	c := new(passbearer.Client)
	err := s.do(ctx, "find a client", func(ctx context.Context) error {
		if !storable(id) {
			return passbearer.ErrClientNotFound
		}
		err := s.queryRow(ctx, `SELECT id, secret_hash, public, refresh_grace FROM {schema}.clients WHERE id = $1`, id).
			Scan(&c.ID, &c.SecretHash, &c.Public, (*int64)(&c.RefreshGrace))
		return orNotFound(err, passbearer.ErrClientNotFound)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}
