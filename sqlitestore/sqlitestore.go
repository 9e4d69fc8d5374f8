// Package sqlitestore keeps users, sessions, clients, revocations, ids that were
// used once and the counters of package throttle in one SQLite file: for a service
// on one machine, in one process or several.
//
// [Open] returns a Store on a file of its own, to be handed to
// passbearer.NewTokenHandler, passbearer.NewSessions,
// passbearer.Revocations.Watch and throttle.New; [New] takes a database that the application has
// open already. Close it at the end.
//
// What a method has acknowledged is on the disk: the file is in WAL mode with
// synchronous=FULL. Out of scope are several machines (SQLite's locks do not work
// over a network file system) and in-memory databases (package memstore). A backup
// is made with SQLite's own means (VACUUM INTO, or the backup command of the
// sqlite3 shell), not by copying the file, and is not put in its place while a
// process has it open. The file holds password hashes, and nothing that could be
// presented as a token.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver of Open

	"github.com/passbearer/passbearer"
)

// The defaults of [Options].
const (
	DefaultBusyTimeout  = 10 * time.Second
	DefaultReaders      = 4
	DefaultPollInterval = 250 * time.Millisecond
)

// Options are the settings of a [Store].
type Options struct {
	// Now is the clock of all times in the file. Nil means [time.Now]. It is
	// called concurrently.
	Now func() time.Time

	// BusyTimeout is how long a call waits while other processes write, before
	// it fails with SQLITE_BUSY. Zero means [DefaultBusyTimeout].
	BusyTimeout time.Duration

	// Readers is how many connections read at once; one more writes. Zero
	// means [DefaultReaders].
	Readers int

	// PollInterval is how often a watcher looks for revocations of other
	// processes; those of this Store it learns at once. At most a second, for
	// it carries the heartbeat. Zero means [DefaultPollInterval].
	PollInterval time.Duration

	// RevocationLifetime is how long a revocation is kept that does not say:
	// the longest lifetime of an access token and twice the leeway of its
	// verifiers. Zero means
	// [passbearer.DefaultRevocationLifetime].
	RevocationLifetime time.Duration

	// SkipIntegrityCheck opens a file without reading all of it, which takes
	// about a second for a million sessions. Damage is then an error
	// of the call that meets it.
	SkipIntegrityCheck bool

	// Log is told when removing what has expired fails, which is tried again.
	// Nil means [slog.Default].
	Log *slog.Logger
}

// Store keeps users, sessions, clients, revocations, attempts and used ids. It is
// safe for concurrent use. Make it with [Open] or [New]; the zero Store is of no use.
//
// A call waits for other writers no longer than [Options.BusyTimeout], and no
// longer than its context lives. A transaction that has begun is brought to its
// end. After an error nothing has changed, unless the disk failed in the commit.
type Store struct {
	db      *sql.DB
	owned   bool // Close closes db
	opts    Options
	writer  chan *conn // holds one: whoever takes it may write
	readers chan *conn

	life    context.Context // done when the store is closed
	stop    context.CancelFunc
	closing sync.Once
	sweeper sync.WaitGroup

	mu       sync.Mutex
	watchers map[chan struct{}]bool
}

var (
	_ passbearer.UserStore           = (*Store)(nil)
	_ passbearer.PasswordHashUpdater = (*Store)(nil)
	_ passbearer.EpochRaiser         = (*Store)(nil)
	_ passbearer.UserEditor          = (*Store)(nil)
	_ passbearer.RevocationStore     = (*Store)(nil)
	_ passbearer.ClientStore         = (*Store)(nil)
	_ passbearer.SessionStore        = (*Store)(nil)
	_ passbearer.UserSessionStore    = (*Store)(nil)
)

// errClosed is what every method returns after Close.
var errClosed = errors.New("the store is closed")

// Open opens the file at path, and makes it if it is not there, with mode 0600.
// Nil options mean the defaults. A file that other users of the machine may read
// or write is an error, as is a damaged one and one of a newer version of this
// package; an older one is brought up to date. Several processes may do so at
// once.
func Open(path string, opts *Options) (*Store, error) {
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("sqlitestore: open: %w", err)
	}
	dsn, err := dataSource(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: open: %w", err)
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: open: %w", err)
	}
	s, err := New(db, opts)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.owned = true
	return s, nil
}

// New returns a Store on a database that is open already, of any driver for
// SQLite 3.37 or later that returns the library's own error messages. Nil options
// mean the defaults. The Store keeps [Options.Readers] + 1 connections of db for
// itself until it is closed, in WAL mode with synchronous=FULL; its tables begin
// with "passbearer_". The mode of the file is the caller's care: 0600 is right.
// In one process all databases on one file must have the same driver, for
// two SQLite libraries break each other's locks.
func New(db *sql.DB, opts *Options) (*Store, error) {
	s := &Store{db: db, watchers: map[chan struct{}]bool{}}
	s.life, s.stop = context.WithCancel(context.Background())
	if opts != nil {
		s.opts = *opts
	}
	if err := s.opts.complete(); err != nil {
		return nil, err
	}
	if limit := db.Stats().MaxOpenConnections; limit > 0 && limit <= s.opts.Readers {
		return nil, fmt.Errorf("sqlitestore: the *sql.DB may open %d connections, and %d are needed", limit, s.opts.Readers+1)
	}
	s.writer, s.readers = make(chan *conn, 1), make(chan *conn, s.opts.Readers)
	s.writer <- &conn{db: db}
	for range s.opts.Readers {
		s.readers <- &conn{db: db}
	}
	if err := s.prepare(s.life); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlitestore: open: %w", err), s.Close())
	}
	s.sweeper.Go(s.sweep)
	return s, nil
}

// complete fills in the defaults.
func (o *Options) complete() error {
	if o.BusyTimeout < 0 || o.Readers < 0 || o.PollInterval < 0 || o.RevocationLifetime < 0 {
		return errors.New("sqlitestore: a field of Options is negative: leave it zero for the default")
	}
	if o.PollInterval > heartbeat {
		return fmt.Errorf("sqlitestore: Options.PollInterval is %v: at most %v, which is the heartbeat", o.PollInterval, heartbeat)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.BusyTimeout = orDefault(o.BusyTimeout, DefaultBusyTimeout)
	o.Readers = orDefault(o.Readers, DefaultReaders)
	o.PollInterval = orDefault(o.PollInterval, DefaultPollInterval)
	o.RevocationLifetime = orDefault(o.RevocationLifetime, passbearer.DefaultRevocationLifetime)
	return nil
}

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

// Close waits for the calls under way, and closes the file; watchers and later
// calls fail. A database that was given to [New] stays open. Closing again does
// nothing.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.stop()
		s.sweeper.Wait()
		err = (<-s.writer).close()
		for range s.opts.Readers {
			err = errors.Join(err, (<-s.readers).close())
		}
		if s.owned {
			err = errors.Join(err, s.db.Close())
		}
		if err != nil {
			err = fmt.Errorf("sqlitestore: close: %w", err)
		}
	})
	return err
}

// Format hides the Store from package fmt, which prints what is not exported
// without asking it.
func (*Store) Format(s fmt.State, _ rune) { io.WriteString(s, "sqlitestore.Store{…}") }

// LogValue hides the Store from package slog.
func (*Store) LogValue() slog.Value { return slog.StringValue("sqlitestore.Store{…}") }

// now is UTC without a monotonic reading, as a time looks that was in the file.
func (s *Store) now() time.Time { return fromNanos(nanos(s.opts.Now())) }

// nanos is how a time is kept; the zero time is 0, and all after the year 2262 are one.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.After(lastTime):
		return math.MaxInt64
	}
	return t.UnixNano()
}

var lastTime = fromNanos(math.MaxInt64)

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
