package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/internal/faults"
	"github.com/passbearer/passbearer/pgstore"
)

// urlEnv points the tests at an existing server; a user who may create databases
// is needed.
const urlEnv = "PASSBEARER_POSTGRES_URL"

// server is a private PostgreSQL on a unix socket in a directory of its own.
type server struct {
	dir     string
	process *os.Process
	exited  chan struct{}
}

// main is the server that most tests share.
var (
	mainServer = sync.OnceValues(func() (*server, error) { return newServer() })
	toStop     struct {
		sync.Mutex
		stops []func()
	}
)

func TestMain(m *testing.M) {
	crashtest.Main(openSource)
	if url := os.Getenv(openEnv); url != "" {
		openAndExit(url)
	}
	code := m.Run()
	for _, stop := range slices.Backward(toStop.stops) {
		stop()
	}
	os.Exit(code)
}

// atEnd runs stop after all tests.
func atEnd(stop func()) {
	toStop.Lock()
	defer toStop.Unlock()
	toStop.stops = append(toStop.stops, stop)
}

// binary finds one of PostgreSQL's, the newest. Debian keeps them out of PATH.
func binary(name string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return found[0]
	}
	path, _ := exec.LookPath(name)
	return path
}

// need skips the test where a package is missing.
func need(t testing.TB, path, packageName string) {
	t.Helper()
	if path == "" {
		t.Skipf("%s is missing: apt-get install -y postgresql pgbouncer gcc", packageName)
	}
}

// unprivileged are the ids of the user postgres, for PostgreSQL refuses root.
func unprivileged() (uid, gid int, err error) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid(), nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, err
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(err1, err2)
}

// command runs as that user.
func command(env []string, name string, args ...string) (*exec.Cmd, error) {
	uid, gid, err := unprivileged()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT} // die with the tests, however they end
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return cmd, nil
}

// ownDir is a directory of that user's, with a short path: a socket's has 107
// bytes at most.
func ownDir() (string, error) {
	dir, err := os.MkdirTemp("", "passbearer-pgstore-")
	if err != nil {
		return "", err
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return "", err
	}
	atEnd(func() { os.RemoveAll(dir) })
	return dir, os.Chown(dir, uid, gid)
}

func run(env []string, name string, args ...string) error {
	cmd, err := command(env, name, args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, out)
	}
	return nil
}

func newServer(env ...string) (*server, error) {
	dir, err := ownDir()
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	if err := run(nil, binary("initdb"), "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return nil, err
	}
	atEnd(s.stop)
	return s, s.start(env...)
}

// clockServer returns a server whose clock moves, and has been seen to.
func clockServer(t *testing.T) (*server, *faults.Clock) {
	t.Helper()
	need(t, binary("postgres"), "PostgreSQL")
	gcc, _ := exec.LookPath("gcc")
	need(t, gcc, "gcc")
	dir, err := ownDir()
	require.NoError(t, err)
	clock, env, err := faults.ServerClock(dir)
	require.NoError(t, err)
	s, err := newServer(env...)
	require.NoError(t, err)
	clock.Set(time.Hour)
	ahead := time.Until(value[time.Time](t, s.url("postgres"), "SELECT clock_timestamp()"))
	require.InDelta(t, time.Hour, ahead, float64(time.Minute), "the clock is not ahead, so that this tests nothing")
	return s, clock
}

// start returns when the server answers.
func (s *server) start(env ...string) error {
	cmd, err := command(env, binary("postgres"), "-D", s.dir+"/data", "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=300", "-c", "log_min_messages=fatal", "-c", "wal_retrieve_retry_interval=100ms")
	if err != nil {
		return err
	}
	s.exited = make(chan struct{})
	if err := launch(cmd, s.dir+"/log", s.exited); err != nil {
		return err
	}
	s.process = cmd.Process
	return s.ready()
}

// launch starts cmd on a thread that lives as long as it does, because that is
// what Pdeathsig looks at.
func launch(cmd *exec.Cmd, log string, exited chan struct{}) error {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = out, out
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer out.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
		close(exited)
	}()
	return <-started
}

// ready polls until the server answers.
func (s *server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.exited:
			return fmt.Errorf("the server ended: %w", err)
		case <-ctx.Done():
			return err
		}
	}
}

// stop shuts the server down.
func (s *server) stop() { s.kill(syscall.SIGINT) }

func (s *server) kill(sig syscall.Signal) {
	if s.process == nil {
		return
	}
	s.process.Signal(sig)
	<-s.exited
}

func (s *server) url(database string) string {
	return "postgres:///" + database + "?user=postgres&port=5432&host=" + url.QueryEscape(s.dir)
}

// with adds or replaces parameters of a URL.
func with(t testing.TB, at string, pairs ...string) string {
	t.Helper()
	u, err := url.Parse(at)
	require.NoError(t, err)
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // libpq and pgx take a plus for a plus
	return u.String()
}

// serverURL returns how to reach the shared server, or skips the test.
func serverURL(t testing.TB) string {
	t.Helper()
	if url := os.Getenv(urlEnv); url != "" {
		return with(t, url, "pool_max_conns", "8")
	}
	need(t, binary("postgres"), "PostgreSQL")
	s, err := mainServer()
	require.NoError(t, err)
	return with(t, s.url("postgres"), "pool_max_conns", "8")
}

// options have a schema that nobody else has. On a server that stays it is dropped.
func options(t testing.TB) *pgstore.Options {
	t.Helper()
	schema := fmt.Sprintf("test_%x", rand.Uint64())
	if at := os.Getenv(urlEnv); at != "" {
		t.Cleanup(func() { execute(t, at, `DROP SCHEMA IF EXISTS "`+schema+`" CASCADE`) })
	}
	return &pgstore.Options{Schema: schema}
}

// openAt returns a store that is closed after the test.
func openAt(t testing.TB, url string, opts *pgstore.Options) *pgstore.Store {
	t.Helper()
	if opts == nil {
		opts = options(t)
	}
	s, err := pgstore.Open(t.Context(), url, opts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func open(t *testing.T) *pgstore.Store { return openAt(t, serverURL(t), nil) }

// execute runs SQL beside the store, also while the test is being cleaned up.
func execute(t testing.TB, url, sql string, args ...any) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn := connect(t, url)
	defer conn.Close(ctx)
	_, err := conn.Exec(ctx, sql, args...)
	require.NoError(t, err)
}

// value reads one.
func value[T any](t testing.TB, url, sql string, args ...any) (v T) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&v))
	return v
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(context.WithoutCancel(t.Context()), config.ConnConfig)
	require.NoError(t, err)
	return conn
}

// newDatabase makes an empty one, and returns its URL.
func newDatabase(t testing.TB, how string) string {
	t.Helper()
	at := serverURL(t)
	name := fmt.Sprintf("test_%x", rand.Uint64())
	execute(t, at, `CREATE DATABASE `+name+` `+how)
	t.Cleanup(func() { execute(t, at, `DROP DATABASE `+name+` WITH (FORCE)`) })
	u, err := url.Parse(at)
	require.NoError(t, err)
	u.Path = "/" + name
	return u.String()
}

// until polls a condition.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); !done(); <-time.After(5 * time.Millisecond) {
		require.True(t, time.Now().Before(late), "waited in vain: %s", what)
	}
}
