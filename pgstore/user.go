package pgstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/passbearer/passbearer"
)

var (
	_ passbearer.UserStore           = (*Store)(nil)
	_ passbearer.PasswordHashUpdater = (*Store)(nil)
	_ passbearer.EpochRaiser         = (*Store)(nil)
	_ passbearer.UserEditor          = (*Store)(nil)
)

// AddUser adds u, whose name is canonical. An id or a name that is taken is
// passbearer.ErrUserExists.
func (s *Store) AddUser(ctx context.Context, u passbearer.User) error {
	if u.ID == "" || u.Name == "" {
		return errors.New("pgstore: add a user: the id or the name is empty: passbearer.NewUser makes both")
	}
	return s.do(ctx, "add a user", func(ctx context.Context) error {
		_, err := s.exec(ctx, `INSERT INTO {schema}.users (id, name, password_hash, scope, disabled, epoch) VALUES ($1, $2, $3, $4, $5, $6)`,
			u.ID, u.Name, u.PasswordHash, string(u.Scope), u.Disabled, u.Epoch)
		if hasCode(err, codeUniqueViolation) {
			return passbearer.ErrUserExists
		}
		return err
	})
}

// UserByName implements passbearer.UserStore.
func (s *Store) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	return s.user(ctx, `SELECT id, name, password_hash, scope, disabled, epoch FROM {schema}.users WHERE name = $1`, name)
}

// UserByID implements passbearer.UserStore.
func (s *Store) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	return s.user(ctx, `SELECT id, name, password_hash, scope, disabled, epoch FROM {schema}.users WHERE id = $1`, id)
}

func (s *Store) user(ctx context.Context, sql, key string) (*passbearer.User, error) {
	u := new(passbearer.User)
	err := s.do(ctx, "find a user", func(ctx context.Context) error {
		if !storable(key) {
			return passbearer.ErrUserNotFound
		}
		err := s.queryRow(ctx, sql, key).Scan(&u.ID, &u.Name, &u.PasswordHash, (*string)(&u.Scope), &u.Disabled, &u.Epoch)
		return orNotFound(err, passbearer.ErrUserNotFound)
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

func orNotFound(err, notFound error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return notFound
	}
	return err
}

// UpdatePasswordHash implements passbearer.PasswordHashUpdater.
func (s *Store) UpdatePasswordHash(ctx context.Context, userID, old, new string) error {
	updated := int64(0)
	err := s.do(ctx, "update a password hash", func(ctx context.Context) (err error) {
		if !storable(userID) {
			return passbearer.ErrUserNotFound
		}
		updated, err = s.exec(ctx, `UPDATE {schema}.users SET password_hash = $3 WHERE id = $1 AND password_hash = $2`, userID, old, new)
		return err
	})
	if err == nil && updated == 0 {
		_, err = s.UserByID(ctx, userID) // another hash is no error
	}
	return err
}

// SetPasswordHash implements passbearer.UserEditor.
func (s *Store) SetPasswordHash(ctx context.Context, userID, old, new string) (int64, error) {
	epoch, err := s.raise(ctx, "set a password hash", userID, raiseEpoch+", password_hash = $3", "password_hash = $4", new, old)
	if !errors.Is(err, passbearer.ErrUserNotFound) {
		return epoch, err
	}
	if _, err := s.UserByID(ctx, userID); err != nil {
		return 0, err
	}
	return 0, s.do(ctx, "set a password hash", func(context.Context) error { return passbearer.ErrPasswordChanged })
}

// SetDisabled implements passbearer.UserEditor.
func (s *Store) SetDisabled(ctx context.Context, userID string, disabled bool) (int64, error) {
	return s.raise(ctx, "disable a user", userID, raiseEpoch+", disabled = $3", "true", disabled)
}

// RaiseEpoch implements passbearer.EpochRaiser.
func (s *Store) RaiseEpoch(ctx context.Context, userID string) (int64, error) {
	return s.raise(ctx, "raise an epoch", userID, raiseEpoch, "true")
}

const raiseEpoch = "epoch = epoch + 1"

// raise changes a user if a condition holds, and revokes the access tokens issued
// before. Where it does not hold the user is not found.
func (s *Store) raise(ctx context.Context, step, userID, change, condition string, args ...any) (epoch int64, err error) {
	err = s.do(ctx, step, func(ctx context.Context) error {
		if !storable(userID) {
			return passbearer.ErrUserNotFound
		}
		err := s.queryRow(ctx, `WITH raised AS (
				UPDATE {schema}.users SET `+change+` WHERE id = $1 AND `+condition+` RETURNING id, epoch
			), entries AS (
				SELECT 3 AS kind, id AS key, epoch, $2::bigint AS lifetime FROM raised
			), {revoke}
			SELECT (SELECT epoch FROM raised), pg_notify('{channel}', {payload}) FROM revoked`,
			append([]any{userID, s.opts.RevocationLifetime.Microseconds()}, args...)...).Scan(&epoch, nil)
		return orNotFound(err, passbearer.ErrUserNotFound)
	})
	return epoch, err
}
