package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const maxRetries = 3

// The SQLSTATE codes that matter here.
const (
	codeUniqueViolation = "23505"
	codeReadOnly        = "25006"
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
)

func hasCode(err error, codes ...string) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code == code {
			return true
		}
	}
	return false
}

// do bounds f's time, repeats it where the server asks for that, and names the
// step that failed.
func (s *Store) do(ctx context.Context, step string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	err := f(ctx)
	for retries := 0; retries < maxRetries && hasCode(err, codeSerialization, codeDeadlock); retries++ {
		err = f(ctx)
	}
	if err == nil {
		return nil
	}
	if hasCode(err, codeReadOnly) && s.owned {
		s.pool.Reset() // the server has become a standby: find the primary anew
	}
	return fmt.Errorf("pgstore: %s: %w", step, withoutValues(err))
}

// withoutValues drops what the server tells beside its message: a row that it
// refused, the parameters of the statement.
func withoutValues(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		e.Detail, e.Where = "", ""
	}
	return err
}

// exec runs a statement and returns how many rows it affected.
func (s *Store) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := s.pool.Exec(ctx, s.text(sql), s.args(args)...)
	return tag.RowsAffected(), err
}

func (s *Store) queryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.pool.QueryRow(ctx, s.text(sql), s.args(args)...)
}

func (s *Store) query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.pool.Query(ctx, s.text(sql), s.args(args)...)
}

// args puts the execution mode first, where pgx looks for it.
func (s *Store) args(args []any) []any { return append([]any{s.mode}, args...) }

// text fills in the names that depend on the options.
func (s *Store) text(sql string) string {
	if text, ok := s.texts.Load(sql); ok {
		return text.(string)
	}
	text := s.replace.Replace(s.replace.Replace(sql)) // what is filled in has names too
	s.texts.Store(sql, text)
	return text
}

// storable reports whether a PostgreSQL text can be s. What cannot is nowhere to
// be found, which is no failure of the server.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
