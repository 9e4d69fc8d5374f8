package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are in order: the first one leads to version 1.
var migrations = readMigrations()

func readMigrations() []string {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	var texts []string
	for _, name := range names {
		text, readErr := migrationFiles.ReadFile(name)
		err = errors.Join(err, readErr)
		texts = append(texts, string(text))
	}
	if err != nil {
		panic(err) // they are embedded
	}
	return texts
}

// migrate brings the tables up to date. One process at a time does; those that
// come later find nothing to do, and need no right to create anything.
func (s *Store) migrate(ctx context.Context) error {
	version, err := s.version(ctx, s.pool)
	if err == nil && version < len(migrations) {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.migrateLocked(ctx, tx) })
	}
	if err != nil {
		return fmt.Errorf("pgstore: bring the schema %s up to date: %w", s.opts.Schema, err)
	}
	return nil
}

// migrateLocked holds the lock until its transaction ends, which a pooler keeps
// on one connection.
func (s *Store) migrateLocked(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", s.mode, "passbearer/pgstore "+s.opts.Schema)
	if err != nil {
		return fmt.Errorf("wait for the other processes: %w", err)
	}
	version, err := s.version(ctx, tx)
	if err != nil {
		return err
	}
	if version == 0 {
		if err := s.createSchema(ctx, tx); err != nil {
			return err
		}
	}
	for i := version; i < len(migrations); i++ {
		script := migrations[i] + fmt.Sprintf("\nINSERT INTO {schema}.migrations VALUES (%d, clock_timestamp());", i+1)
		if _, err := tx.Exec(ctx, s.text(script), pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("to version %d: %w", i+1, err)
		}
	}
	return nil
}

// createSchema leaves a schema alone that exists: the right to create another is
// not needed then.
func (s *Store) createSchema(ctx context.Context, tx pgx.Tx) error {
	var missing bool
	err := tx.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", s.mode, s.opts.Schema).Scan(&missing)
	if err == nil && missing {
		_, err = tx.Exec(ctx, s.text("CREATE SCHEMA {schema}"), s.mode)
	}
	if err == nil {
		_, err = tx.Exec(ctx, s.text("CREATE TABLE IF NOT EXISTS {schema}.migrations (version integer PRIMARY KEY, applied_at timestamptz NOT NULL)"), s.mode)
	}
	return err
}

// version is 0 where there are no tables yet. One that is not known is an error:
// what this code writes could be wrong there. The catalog is read as a table, for
// to_regclass may answer from a cache that is older than the lock.
func (s *Store) version(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (version int, err error) {
	var exists bool
	err = db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'migrations')", s.mode, s.opts.Schema).Scan(&exists)
	if err != nil || !exists {
		return 0, err
	}
	err = db.QueryRow(ctx, s.text("SELECT coalesce(max(version), 0) FROM {schema}.migrations"), s.mode).Scan(&version)
	if err == nil && version > len(migrations) {
		err = fmt.Errorf("the tables are of version %d and this program knows %d: update it", version, len(migrations))
	}
	return version, err
}
