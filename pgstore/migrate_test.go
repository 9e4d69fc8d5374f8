package pgstore_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/pgstore"
)

// openEnv makes the test binary a process that opens a store and exits.
const openEnv = "PGSTORE_TEST_OPEN"

func openAndExit(url string) {
	s, err := pgstore.Open(context.Background(), url, nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s.Close()
	os.Exit(0)
}

func newPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// TestManyOpenAtOnce: ten processes and ten goroutines with pools of their own,
// on an empty database. They are let go when all are about to create the schema.
func TestManyOpenAtOnce(t *testing.T) {
	t.Parallel()
	at := newDatabase(t, "")
	conn := connect(t, at)
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "CREATE SCHEMA passbearer")
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), openEnv+"="+at)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		group.Go(func() {
			s, err := pgstore.Open(t.Context(), at, nil)
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	until(t, "all wait", func() bool {
		return value[int](t, at, "SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 20
	})
	require.NoError(t, tx.Rollback(t.Context()))
	group.Wait()
	require.EqualValues(t, 3, value[int64](t, at, "SELECT count(*) FROM passbearer.migrations"))
	everything(t, openAt(t, at, &pgstore.Options{Schema: pgstore.DefaultSchema}))
}

func TestNewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	openAt(t, at, opts)
	execute(t, at, "INSERT INTO "+opts.Schema+".migrations VALUES (1000, now())")
	_, err := pgstore.Open(t.Context(), at, opts)
	require.ErrorContains(t, err, "version 1000")
}

// TestHalfAMigrationIsNone: what fails leaves nothing behind, and works once the
// reason is gone.
func TestHalfAMigrationIsNone(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	execute(t, at, "CREATE SCHEMA "+opts.Schema)
	execute(t, at, "CREATE TABLE "+opts.Schema+".revocations (in_the_way int)")
	_, err := pgstore.Open(t.Context(), at, opts)
	require.ErrorContains(t, err, "to version 1")
	require.EqualValues(t, 1, value[int64](t, at, "SELECT count(*) FROM pg_tables WHERE schemaname = $1", opts.Schema))
	execute(t, at, "DROP TABLE "+opts.Schema+".revocations")
	everything(t, openAt(t, at, opts))
}

// TestRoleWithoutRights uses tables that somebody else has made.
func TestRoleWithoutRights(t *testing.T) {
	t.Parallel()
	at, opts := serverURL(t), options(t)
	openAt(t, at, opts)
	role := "role_" + opts.Schema
	execute(t, at, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA %[2]s TO %[1]s;
		GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %[2]s TO %[1]s`, role, opts.Schema))
	t.Cleanup(func() { execute(t, at, fmt.Sprintf("DROP OWNED BY %[1]s; DROP ROLE %[1]s", role)) })
	everything(t, openAt(t, with(t, at, "user", role, "password", "x"), opts))
}

func TestSchemaNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Upper", "a b", `a"b`, "pg_own", "1a", strings.Repeat("a", 41), "ä", "a.b"} {
		_, err := pgstore.Open(t.Context(), "postgres:///x", &pgstore.Options{Schema: name})
		require.ErrorContains(t, err, "Options.Schema", name)
	}
	everything(t, openAt(t, newDatabase(t, ""), &pgstore.Options{Schema: "select"}))
}
