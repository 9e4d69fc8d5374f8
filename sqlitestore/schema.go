package sqlitestore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// migrations are applied in the order of their names, each once. One that has been
// released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// minSQLite is the first version with STRICT tables; RETURNING is older.
const minSQLite = 3037

// prepare brings an empty or an older file up to date, and refuses one that it
// cannot serve.
func (s *Store) prepare(ctx context.Context) error {
	c, err := s.take(ctx, s.writer)
	if err != nil {
		return err
	}
	defer func() { s.writer <- c }()
	steps := []func(context.Context) error{c.ready, c.checkLibrary, c.walMode}
	if !s.opts.SkipIntegrityCheck {
		steps = append(steps, c.checkIntegrity)
	}
	for _, step := range steps {
		if err := s.retry(ctx, step); err != nil {
			return err
		}
	}
	return s.transact(ctx, c, migrate)
}

func (c *conn) checkLibrary(ctx context.Context) error {
	var version, file string
	if err := c.one(ctx, into(&version), "SELECT sqlite_version()"); err != nil {
		return fmt.Errorf("ask for SQLite's version: %w", err)
	}
	parts := strings.SplitN(version, ".", 3)
	major, _ := strconv.Atoi(parts[0])
	minor := 0
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	if major*1000+minor < minSQLite {
		return fmt.Errorf("SQLite is version %s, and 3.37 or later is needed", version)
	}
	if err := c.one(ctx, into(&file), "SELECT coalesce(file, '') FROM pragma_database_list WHERE name = 'main'"); err != nil {
		return fmt.Errorf("ask for the database's file: %w", err)
	}
	if file == "" {
		return fmt.Errorf("the database is not in a file, so each connection would have another: package memstore keeps all in memory")
	}
	return nil
}

// walMode asks first, because a change needs the file for itself alone.
func (c *conn) walMode(ctx context.Context) error {
	var mode string
	if err := c.sql.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return fmt.Errorf("read journal_mode: %w", err)
	}
	if mode == "wal" {
		return nil
	}
	return c.pragma(ctx, "journal_mode", "WAL", "wal")
}

func (c *conn) checkIntegrity(ctx context.Context) error {
	var verdict string
	if err := c.sql.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("the file is damaged: %s", verdict)
	}
	return nil
}

// migrate runs in a transaction that has the lock, so processes that open a new
// file at once do it one after the other, and all but the first find it done.
func migrate(ctx context.Context, c *conn) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := schemaVersion(ctx, c)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if version > len(names) {
		return fmt.Errorf("the file has version %d of the schema, and this program knows %d: it needs a newer version of passbearer", version, len(names))
	}
	for _, name := range names[version:] {
		script, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := c.sql.ExecContext(ctx, string(script)); err != nil {
			return fmt.Errorf("apply %s: %w", name, err)
		}
	}
	if version < len(names) {
		_, err = c.sql.ExecContext(ctx, "UPDATE passbearer_version SET version = ?", len(names))
	}
	return err
}

func schemaVersion(ctx context.Context, c *conn) (version int, err error) {
	_, err = c.sql.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS passbearer_version (version INTEGER NOT NULL) STRICT")
	if err == nil {
		_, err = c.sql.ExecContext(ctx, "INSERT INTO passbearer_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM passbearer_version)")
	}
	if err == nil {
		err = c.sql.QueryRowContext(ctx, "SELECT version FROM passbearer_version").Scan(&version)
	}
	return version, err
}
