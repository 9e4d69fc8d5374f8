// Package pgstore keeps users, sessions, clients, revocations, ids that were used
// once and the counters of package throttle in PostgreSQL (13 or later), for a
// fleet of processes.
//
// [Open] connects, creates or updates the tables in a schema of their own, and
// returns a [Store] to be handed to passbearer.NewTokenHandler,
// passbearer.NewSessions and throttle.New. passbearer.Revocations.Watch follows it, so that each
// process learns at once what the others end.
//
// All of it works through a pooler such as PgBouncer in transaction mode, except
// the feed of revocations: it needs [Options.ListenURL] then, a URL that goes
// around the pooler. Where a pooler is noticed, statements are not prepared;
// default_query_exec_mode in the URL says otherwise.
//
// Out of scope: replicas for reading, which would show sessions that have ended;
// backups and failover, which are the server's; and searching for users.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/passbearer/passbearer"
)

// The defaults of [Options].
const (
	DefaultSchema        = "passbearer"
	DefaultTimeout       = 5 * time.Second
	DefaultPurgeInterval = time.Minute
)

// Store keeps users, sessions, clients, revocations, attempts and used ids. It is
// safe for concurrent use. Make it with [Open] or [New].
//
// Its errors never hold a password, a hash or a URL. What fails because of the
// server is never passbearer.ErrUserNotFound or another of the errors that say
// that something does not exist. A failed serialization or a deadlock is tried
// again three times at most.
type Store struct {
	pool    *pgxpool.Pool
	owned   bool
	opts    Options
	mode    pgx.QueryExecMode
	replace *strings.Replacer
	texts   sync.Map // statements as the server gets them, by the text in the code

	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup
}

// Options are the settings of a [Store].
type Options struct {
	// Schema has the tables, and is created if it does not exist: at most 40
	// small letters, digits and underscores. Empty means [DefaultSchema].
	Schema string

	// ListenURL is for the connection on which revocations are heard. It must
	// lead to the server itself, not to a pooler. Empty means that of the pool.
	ListenURL string

	// RevocationLifetime is how long revocations are kept: the longest lifetime
	// of an access token and twice the leeway of its verifiers. Zero means
	// passbearer.DefaultRevocationLifetime.
	RevocationLifetime time.Duration

	// PurgeInterval is how often rows that no longer matter are deleted, which
	// every process does. Zero means [DefaultPurgeInterval]; negative means
	// never.
	PurgeInterval time.Duration

	// Timeout bounds each call, the wait for a connection included. Zero means
	// [DefaultTimeout].
	Timeout time.Duration

	// InsecureAsyncCommit takes a server that acknowledges what it may lose,
	// because fsync or synchronous_commit is off: a sign-out may not last.
	InsecureAsyncCommit bool
}

// Format hides the URL from package fmt.
func (Options) Format(s fmt.State, _ rune) { io.WriteString(s, "pgstore.Options{…}") }

// LogValue hides the URL from package slog.
func (Options) LogValue() slog.Value { return slog.StringValue("pgstore.Options{…}") }

// Open connects to the server at url, a URL or a string of keywords and values
// as libpq has them, and brings its tables up to date; nil options mean the
// defaults. It fails if there is no server, if the server is a standby or keeps
// text in another encoding than UTF-8, and if the tables are of a later version
// of this package. Several processes may open an empty database at once: one makes
// the tables, and the others wait for as long as ctx lets them. A role that may not
// create anything is enough where the tables are there.
//
// Where a later version has other tables, its first process changes them, in one
// transaction. Older processes that run go on; but one that starts from then on
// fails here, also where the later version is to be taken back.
//
// With several hosts in the URL, connections are made to the one that is not a
// standby. The parameters of pgx are understood too: pool_max_conns is the size
// of the pool, by default 4 or the number of CPUs, whichever is greater, and a
// process takes one connection more while it watches revocations;
// connect_timeout is 5 seconds where it is not set.
func Open(ctx context.Context, url string, opts *Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The cause quotes the URL, and hides the password in most spellings only.
		return nil, errors.New("pgstore: the URL, which is not shown, cannot be parsed: postgres://user:password@host/database is the form")
	}
	prepare(config.ConnConfig, url)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("pgstore: make the pool: %w", err)
	}
	s, err := New(ctx, pool, opts)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.owned = true
	return s, nil
}

// prepare makes a missing server noticed early, and standbys passed over.
func prepare(config *pgx.ConnConfig, url string) {
	if !strings.Contains(url, "connect_timeout") {
		config.ConnectTimeout = DefaultTimeout
	}
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
}

// New is [Open] with a pool of the caller's, who closes it after the Store. The
// pool's settings stay as they are, so its URL needs what Open adds:
// target_session_attrs=primary, without which a later connection may lead to a
// standby, and connect_timeout, for which pgxpool takes 2 minutes. Reset the pool
// after a failover, as a Store of Open does when its server has become a standby:
// connections that are open go on to lead there, by default for up to an hour.
func New(ctx context.Context, pool *pgxpool.Pool, opts *Options) (*Store, error) {
	s := &Store{pool: pool}
	if opts != nil {
		s.opts = *opts
	}
	if err := s.opts.fill(); err != nil {
		return nil, err
	}
	s.replace = strings.NewReplacer("{schema}", pgx.Identifier{s.opts.Schema}.Sanitize(), "{channel}", s.channel(),
		"{session}", sessionColumns, "{live}", isLive, "{dead}", deadAfter, "{revoke}", revoke, "{payload}", payload)
	if err := s.inspect(ctx); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		return nil, err
	}
	s.closing, s.close = context.WithCancel(context.Background())
	if s.opts.PurgeInterval > 0 {
		s.background.Go(s.purgeForever)
	}
	return s, nil
}

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,39}$`)

func (o *Options) fill() error {
	if o.Schema == "" {
		o.Schema = DefaultSchema
	}
	if !schemaName.MatchString(o.Schema) || strings.HasPrefix(o.Schema, "pg_") {
		return errors.New("pgstore: Options.Schema is not a name of at most 40 small letters, digits and underscores, or begins with pg_")
	}
	if o.RevocationLifetime < 0 || o.Timeout < 0 {
		return errors.New("pgstore: a duration in Options is negative: leave it zero for the default")
	}
	for _, d := range []struct {
		field *time.Duration
		usual time.Duration
	}{
		{&o.RevocationLifetime, passbearer.DefaultRevocationLifetime},
		{&o.PurgeInterval, DefaultPurgeInterval},
		{&o.Timeout, DefaultTimeout},
	} {
		if *d.field == 0 {
			*d.field = d.usual
		}
	}
	return nil
}

// channel is that of NOTIFY, one for each schema.
func (s *Store) channel() string { return s.opts.Schema + "_revocations" }

// Close ends what runs in the background, and waits for it; watchers of
// revocations end with an error. It closes the pool if [Open] made it, and may be
// called twice.
func (s *Store) Close() {
	s.close()
	s.background.Wait()
	if s.owned {
		s.pool.Close()
	}
}

// Format hides the Store from package fmt, which prints what is not exported
// without asking it.
func (*Store) Format(s fmt.State, _ rune) { io.WriteString(s, "pgstore.Store{…}") }

// LogValue hides the Store from package slog.
func (*Store) LogValue() slog.Value { return slog.StringValue("pgstore.Store{…}") }

// inspect asks what the server is like, and whether a pooler is before it.
func (s *Store) inspect(ctx context.Context) error {
	return s.do(ctx, "look at the server", func(ctx context.Context) error {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		pooled, err := isPooled(ctx, conn.Conn())
		if err != nil {
			return err
		}
		config := s.pool.Config()
		s.mode = config.ConnConfig.DefaultQueryExecMode
		if pooled && s.mode == pgx.QueryExecModeCacheStatement && !strings.Contains(config.ConnString(), "default_query_exec_mode") {
			s.mode = pgx.QueryExecModeExec // a prepared statement stays with a connection, and the pooler changes those
		}
		return s.opts.checkServer(ctx, conn.Conn())
	})
}

// isPooled compares the process that the connection was told of with the one
// that answers: poolers make the first up.
func isPooled(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid uint32
	err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid)
	return pid != conn.PgConn().PID(), err
}

func (o *Options) checkServer(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var encoding, sync, fsync string
	var standby bool
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
		pg_is_in_recovery(), current_setting('synchronous_commit'), current_setting('fsync')`, pgx.QueryExecModeExec).
		Scan(&version, &encoding, &standby, &sync, &fsync)
	switch {
	case err != nil:
		return err
	case version < 130000:
		return errors.New("the server is older than PostgreSQL 13")
	case encoding != "UTF8":
		return fmt.Errorf("the database has the encoding %s: create it with ENCODING 'UTF8' TEMPLATE template0", encoding)
	case standby:
		return errors.New("the server is a standby: name the primary in the URL")
	case !o.InsecureAsyncCommit && (sync == "off" || fsync == "off"):
		return errors.New("the server's synchronous_commit or fsync is off, so that it may forget a sign-out it has acknowledged: turn both on, the first one for the role alone if need be")
	}
	return nil
}
