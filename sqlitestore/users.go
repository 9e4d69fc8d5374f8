package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/passbearer/passbearer"
)

const userColumns = "id, name, password_hash, scope, disabled, epoch"

var (
	errUserNotFound    = fmt.Errorf("sqlitestore: %w", passbearer.ErrUserNotFound)
	errClientNotFound  = fmt.Errorf("sqlitestore: %w", passbearer.ErrClientNotFound)
	errSessionNotFound = fmt.Errorf("sqlitestore: %w", passbearer.ErrSessionNotFound)
)

// AddUser adds u, whose name is canonical. An id or a name that is taken is
// passbearer.ErrUserExists.
func (s *Store) AddUser(ctx context.Context, u passbearer.User) error {
	const step = "add a user"
	if u.ID == "" || u.Name == "" {
		return fmt.Errorf("sqlitestore: %s: the id or the name is empty: passbearer.NewUser makes both", step)
	}
	return s.write(ctx, step, func(ctx context.Context, c *conn) error {
		n, err := c.exec(ctx, "INSERT INTO passbearer_users ("+userColumns+") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			u.ID, u.Name, u.PasswordHash, string(u.Scope), u.Disabled, u.Epoch)
		if err == nil && n == 0 {
			err = passbearer.ErrUserExists
		}
		return err
	})
}

// UserByName implements passbearer.UserStore.
func (s *Store) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	return s.user(ctx, "SELECT "+userColumns+" FROM passbearer_users WHERE name = ?", name)
}

// UserByID implements passbearer.UserStore.
func (s *Store) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	return s.user(ctx, "SELECT "+userColumns+" FROM passbearer_users WHERE id = ?", id)
}

func (s *Store) user(ctx context.Context, query, key string) (*passbearer.User, error) {
	u := new(passbearer.User)
	err := s.read(ctx, "read a user", func(ctx context.Context, c *conn) error {
		return c.one(ctx, into(&u.ID, &u.Name, &u.PasswordHash, &u.Scope, &u.Disabled, &u.Epoch), query, key)
	})
	if err != nil {
		return nil, orNotFound(err, errUserNotFound)
	}
	return u, nil
}

// UpdatePasswordHash implements passbearer.PasswordHashUpdater.
func (s *Store) UpdatePasswordHash(ctx context.Context, userID, old, new string) error {
	return s.write(ctx, "update a password hash", func(ctx context.Context, c *conn) error {
		n, err := c.exec(ctx, "UPDATE passbearer_users SET password_hash = ? WHERE id = ? AND password_hash = ?", new, userID, old)
		if err == nil && n == 0 {
			err = userExists(ctx, c, userID)
		}
		return err
	})
}

// SetPasswordHash implements passbearer.UserEditor.
func (s *Store) SetPasswordHash(ctx context.Context, userID, old, new string) (int64, error) {
	return s.raise(ctx, "change a password", userID, func(ctx context.Context, c *conn) error {
		n, err := c.exec(ctx, "UPDATE passbearer_users SET password_hash = ? WHERE id = ? AND password_hash = ?", new, userID, old)
		if err == nil && n == 0 {
			if err = userExists(ctx, c, userID); err == nil {
				err = passbearer.ErrPasswordChanged
			}
		}
		return err
	})
}

// SetDisabled implements passbearer.UserEditor.
func (s *Store) SetDisabled(ctx context.Context, userID string, disabled bool) (int64, error) {
	return s.raise(ctx, "disable a user", userID, func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "UPDATE passbearer_users SET disabled = ? WHERE id = ?", disabled, userID)
		return err
	})
}

// RaiseEpoch implements passbearer.EpochRaiser.
func (s *Store) RaiseEpoch(ctx context.Context, userID string) (int64, error) {
	return s.raise(ctx, "raise an epoch", userID, func(context.Context, *conn) error { return nil })
}

// raise changes a user, raises their epoch and revokes the access tokens issued
// before, in one transaction.
func (s *Store) raise(ctx context.Context, step, userID string, change func(context.Context, *conn) error) (epoch int64, err error) {
	err = s.write(ctx, step, func(ctx context.Context, c *conn) error {
		if err := change(ctx, c); err != nil {
			return err
		}
		err := c.one(ctx, into(&epoch), "UPDATE passbearer_users SET epoch = epoch + 1 WHERE id = ? RETURNING epoch", userID)
		if err != nil {
			return orNotFound(err, passbearer.ErrUserNotFound)
		}
		return s.revoke(ctx, c, passbearer.Revocation{UserID: userID, Epoch: epoch})
	})
	if err != nil {
		return 0, err
	}
	s.wake()
	return epoch, nil
}

func userExists(ctx context.Context, c *conn, id string) error {
	var one int
	err := c.one(ctx, into(&one), "SELECT 1 FROM passbearer_users WHERE id = ?", id)
	return orNotFound(err, passbearer.ErrUserNotFound)
}

// AddClient adds c, or replaces the client with its id.
func (s *Store) AddClient(ctx context.Context, client passbearer.Client) error {
	const step = "add a client"
	if client.ID == "" {
		return fmt.Errorf("sqlitestore: %s: the id is empty", step)
	}
	return s.write(ctx, step, func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "INSERT OR REPLACE INTO passbearer_clients (id, secret_hash, public, refresh_grace) VALUES (?, ?, ?, ?)",
			client.ID, client.SecretHash, client.Public, int64(client.RefreshGrace))
		return err
	})
}

// ClientByID implements passbearer.ClientStore.
func (s *Store) ClientByID(ctx context.Context, id string) (*passbearer.Client, error) {
	client := new(passbearer.Client)
	var grace int64
	err := s.read(ctx, "read a client", func(ctx context.Context, c *conn) error {
		return c.one(ctx, into(&client.ID, &client.SecretHash, &client.Public, &grace),
			"SELECT id, secret_hash, public, refresh_grace FROM passbearer_clients WHERE id = ?", id)
	})
	if err != nil {
		return nil, orNotFound(err, errClientNotFound)
	}
	client.RefreshGrace = time.Duration(grace)
	return client, nil
}

// orNotFound says what was not found where a query had no row.
func orNotFound(err, notFound error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound
	}
	return err
}
