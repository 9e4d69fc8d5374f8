package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
	"github.com/passbearer/passbearer/sqlitestore"
	"github.com/passbearer/passbearer/throttle"
)

// engine is what the application needs of a database; both stores have all of it.
type engine interface {
	passbearer.UserStore
	passbearer.UserEditor
	passbearer.EpochRaiser
	passbearer.SessionStore
	passbearer.UserSessionStore
	passbearer.RevocationStore
	throttle.Store
	AddUser(context.Context, passbearer.User) error
}

type store struct {
	engine
	close func() error
}

func openStore(ctx context.Context, o options) (*store, error) {
	if o.postgres != "" {
		s, err := pgstore.Open(ctx, o.postgres, nil)
		if err != nil {
			return nil, err
		}
		return &store{s, func() error { s.Close(); return nil }}, nil
	}
	s, err := sqlitestore.Open(o.db, nil)
	if err != nil {
		return nil, err
	}
	return &store{s, s.Close}, nil
}

const secretSize = 32

// loadSecret reads the secret from which all keys are derived, and makes it if it is missing.
// Whoever has it can sign in as anybody: in production it belongs into a vault, apart from the
// database and its backups.
func loadSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecret(path)
	}
	if err == nil && len(secret) != secretSize {
		return nil, fmt.Errorf("-key: %s is not a secret of %d bytes", path, secretSize)
	}
	return secret, err
}

// newSecret fails if another process has made the file meanwhile, and may not have filled it yet.
func newSecret(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, secretSize)
	rand.Read(secret)
	_, err = file.Write(secret)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		os.Remove(path)
		return nil, err
	}
	return secret, nil
}
