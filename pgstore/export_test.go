package pgstore

import "github.com/jackc/pgx/v5"

// Mode is how statements are executed.
func Mode(s *Store) pgx.QueryExecMode { return s.mode }
