package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// conn is one connection that the store keeps for itself, with its pragmas set
// and its statements prepared. One goroutine uses it at a time.
type conn struct {
	db       *sql.DB
	reserved *sql.Conn // for ready to take, or nil
	sql      *sql.Conn // nil until it is needed, and after it broke
	stmts    map[string]*sql.Stmt
}

// pragmas of a connection, and the values that they must read afterwards. The
// short wait inside SQLite knows no context: waiting is done in retry.
var pragmas = []struct {
	name string
	set  string
	want string
}{
	{"busy_timeout", "5", "5"},
	{"synchronous", "FULL", "2"}, // a commit is on the disk when it returns
	{"foreign_keys", "ON", "1"},  // for tables of the application's that refer to these
	{"cache_size", "-16384", "-16384"},
}

// reserve takes a connection of the pool if need be, for which the application may let
// it wait: the pool may be bounded, and all of it in use.
func (c *conn) reserve(ctx context.Context, patience time.Duration) (err error) {
	if c.sql != nil || c.reserved != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if c.reserved, err = c.db.Conn(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// ready connects if need be.
func (c *conn) ready(ctx context.Context) error {
	if c.sql != nil {
		return nil
	}
	var err error
	if c.sql, c.reserved = c.reserved, nil; c.sql == nil {
		c.sql, err = c.db.Conn(ctx)
	}
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	c.stmts = map[string]*sql.Stmt{}
	for _, p := range pragmas {
		if err := c.pragma(ctx, p.name, p.set, p.want); err != nil {
			c.drop()
			return err
		}
	}
	return nil
}

// pragma sets what SQLite may ignore without an error, and looks.
func (c *conn) pragma(ctx context.Context, name, set, want string) error {
	if _, err := c.sql.ExecContext(ctx, "PRAGMA "+name+" = "+set); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	var got string
	if err := c.sql.QueryRowContext(ctx, "PRAGMA "+name).Scan(&got); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !strings.EqualFold(got, want) {
		return fmt.Errorf("%s is %q, and must be %q", name, got, want)
	}
	return nil
}

func (c *conn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	if stmt := c.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.sql.PrepareContext(ctx, query)
	if err == nil {
		c.stmts[query] = stmt
	}
	return stmt, err
}

// exec returns how many rows the statement changed.
func (c *conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, err := c.stmt(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one reads one row with scan; no row is sql.ErrNoRows.
func (c *conn) one(ctx context.Context, scan func(row) error, query string, args ...any) error {
	stmt, err := c.stmt(ctx, query)
	if err != nil {
		return err
	}
	return scan(stmt.QueryRowContext(ctx, args...))
}

// all calls scan for each row.
func (c *conn) all(ctx context.Context, scan func(row) error, query string, args ...any) error {
	stmt, err := c.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row is a *sql.Row or a *sql.Rows.
type row interface{ Scan(dest ...any) error }

// into scans a row into dest.
func into(dest ...any) func(row) error { return func(r row) error { return r.Scan(dest...) } }

// rollback ends a transaction, or else the connection, for nothing may be left
// open that holds the lock.
func (c *conn) rollback(ctx context.Context) {
	_, err := c.exec(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") { // a full disk has ended it
		c.drop()
	}
}

// keep drops a connection that failed, and returns err.
func (c *conn) keep(err error) error {
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !busy(err) {
		c.drop()
	}
	return err
}

// drop closes the connection for good; the next use makes another.
func (c *conn) drop() {
	if c.sql == nil {
		return
	}
	c.closeStatements()
	c.sql.Raw(func(any) error { return driver.ErrBadConn }) //nolint:errcheck // the pool does not get it back
	c.sql = nil
}

// close gives the connection back to the pool.
func (c *conn) close() error {
	if c.sql == nil {
		return nil
	}
	c.closeStatements()
	err := c.sql.Close()
	if c.sql = nil; errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

// closeStatements leaves them alone where the pool has closed the connection
// already: modernc.org/sqlite panics then.
func (c *conn) closeStatements() {
	if c.sql.Raw(func(any) error { return nil }) == nil {
		for _, stmt := range c.stmts {
			stmt.Close()
		}
	}
	c.stmts = nil
}

// take waits for a connection. It is given back to the channel.
func (s *Store) take(ctx context.Context, from chan *conn) (*conn, error) {
	select {
	case <-s.life.Done():
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	default:
	}
	select {
	case c := <-from:
		if err := c.reserve(ctx, s.opts.BusyTimeout); err != nil {
			from <- c
			return nil, err
		}
		return c, nil
	case <-s.life.Done():
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read runs f, which reads and has one statement: that is a snapshot. The context
// of f is not cancelled, for its statements are short, and drivers differ in what
// an interrupted one leaves behind.
func (s *Store) read(ctx context.Context, step string, f func(context.Context, *conn) error) error {
	c, err := s.take(ctx, s.readers)
	if err == nil {
		defer func() { s.readers <- c }()
		err = s.retry(ctx, func(ctx context.Context) error {
			return c.keep(f(ctx, c))
		})
	}
	return wrap(step, err)
}

// write runs f in a transaction that has the lock from its beginning, so
// that nothing in it can fail because another process writes.
func (s *Store) write(ctx context.Context, step string, f func(context.Context, *conn) error) error {
	c, err := s.take(ctx, s.writer)
	if err == nil {
		defer func() { s.writer <- c }()
		err = s.transact(ctx, c, f)
	}
	return wrap(step, err)
}

func (s *Store) transact(ctx context.Context, c *conn, f func(context.Context, *conn) error) error {
	err := s.retry(ctx, func(ctx context.Context) error {
		_, err := c.exec(ctx, "BEGIN IMMEDIATE")
		return c.keep(err)
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	committed := false
	defer func() { // also when f panics
		if !committed {
			c.rollback(ctx)
		}
	}()
	if err := f(ctx, c); err != nil {
		return err
	}
	_, err = c.exec(ctx, "COMMIT")
	committed = err == nil
	return err
}

// maxPause is between two attempts to get the lock. SQLite has no queue for it: a
// process that asks seldom is overtaken by one that has it most of the time.
const maxPause = 2 * time.Millisecond

// retry repeats f while other processes are in the way.
func (s *Store) retry(ctx context.Context, f func(context.Context) error) error {
	background := context.WithoutCancel(ctx)
	var deadline time.Time
	for {
		err := f(background)
		if !busy(err) {
			return err
		}
		now := time.Now()
		if deadline.IsZero() {
			deadline = now.Add(s.opts.BusyTimeout)
		}
		if now.After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.life.Done():
			return errClosed
		case <-time.After(rand.N(maxPause)):
		}
	}
}

// busy knows the error by SQLite's own words, for each driver has a type of its
// own.
func busy(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "database is locked") || strings.Contains(err.Error(), "locking protocol"))
}

func wrap(step string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlitestore: %s: %w", step, err)
}
