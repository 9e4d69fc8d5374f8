package sqlitestore_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/sqlitestore"
)

const roleEnv = "SQLITESTORE_TEST_ROLE"

// roles are what the test binary does when a test executes it again: args are the
// path and the number of the process.
var roles = map[string]func(s *sqlitestore.Store, number int) error{
	"open":   func(s *sqlitestore.Store, n int) error { return s.AddUser(context.Background(), numbered(n)) },
	"write":  write,
	"revoke": revokeByLine,
}

// stdin is what a test says to a process, line by line.
var stdin = bufio.NewScanner(os.Stdin)

func TestMain(m *testing.M) {
	crashtest.Main(func(_ context.Context, source string) (*crashtest.Backend, error) {
		s, err := sqlitestore.Open(source, nil)
		if err != nil {
			return nil, err
		}
		return &crashtest.Backend{Users: s, Sessions: s, Revocations: s, Close: s.Close}, nil
	})
	if role := os.Getenv(roleEnv); role != "" {
		if err := play(roles[role], os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(role func(*sqlitestore.Store, int) error, path, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	if !stdin.Scan() { // the start
		return stdin.Err()
	}
	s, err := sqlitestore.Open(path, nil)
	if err != nil {
		return err
	}
	return errors.Join(role(s, n), s.Close())
}

// process is the test binary in a role.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer
}

func start(t *testing.T, role, path string, number int) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0], path, strconv.Itoa(number))}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+role)
	p.cmd.Stderr = &p.stderr
	var err error
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	return p
}

func (p *process) say(t *testing.T, line string) {
	t.Helper()
	_, err := fmt.Fprintln(p.stdin, line)
	require.NoError(t, err)
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	require.NoError(t, p.stdin.Close())
	require.NoError(t, p.cmd.Wait(), "%s", p.stderr.String())
}

func numbered(n int) passbearer.User {
	return passbearer.User{ID: fmt.Sprint("u", n), Name: fmt.Sprint("name", n)}
}

// TestManyOpenANewFile at once, in processes of their own: each finds or makes the
// whole schema.
func TestManyOpenANewFile(t *testing.T) {
	t.Parallel()
	const n = 10
	path := newPath(t)
	var all [n]*process
	for i := range all {
		all[i] = start(t, "open", path, i)
	}
	for _, p := range all {
		p.say(t, "go")
	}
	for _, p := range all {
		p.wait(t)
	}
	s := openFile(t, path, nil)
	for i := range n {
		_, err := s.UserByID(t.Context(), numbered(i).ID)
		require.NoError(t, err)
	}
}

const (
	writers    = 8
	rotations  = 25
	slowestLap = 5 * time.Second // half of DefaultBusyTimeout
)

// write lets 8 goroutines rotate a session that is theirs, and raise the epoch of
// one user who is everybody's.
func write(s *sqlitestore.Store, number int) error {
	ctx := context.Background()
	errs := make(chan error, writers)
	for w := range writers {
		go func() {
			id := fmt.Sprintf("%d-%d", number, w)
			err := s.CreateSession(ctx, liveSession(id))
			for g := int64(0); g < rotations && err == nil; g++ {
				start := time.Now()
				_, swapped, swapErr := s.SwapGeneration(ctx, id, g, g+1)
				_, raiseErr := s.RaiseEpoch(ctx, "u1")
				err = errors.Join(swapErr, raiseErr)
				if err == nil && !swapped {
					err = fmt.Errorf("session %s is not at %d", id, g)
				}
				if took := time.Since(start); err == nil && took > slowestLap {
					err = fmt.Errorf("two writes took %v", took)
				}
			}
			errs <- err
		}()
	}
	var err error
	for range writers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// TestTwoProcessesWrite: nobody sees SQLITE_BUSY, no write is lost, and neither
// process starves.
func TestTwoProcessesWrite(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openFile(t, path, nil)
	require.NoError(t, s.AddUser(t.Context(), johndoe))
	first, second := start(t, "write", path, 1), start(t, "write", path, 2)
	began := time.Now()
	first.say(t, "go")
	second.say(t, "go")
	first.wait(t)
	second.wait(t)
	t.Logf("%d writes in %v", 2*writers*(1+2*rotations), time.Since(began))
	user, err := s.UserByID(t.Context(), "u1")
	require.NoError(t, err)
	require.EqualValues(t, johndoe.Epoch+2*writers*rotations, user.Epoch)
	for p := 1; p <= 2; p++ {
		for w := range writers {
			row, err := s.SessionByID(t.Context(), fmt.Sprintf("%d-%d", p, w))
			require.NoError(t, err)
			require.EqualValues(t, rotations, row.Generation)
		}
	}
	clean(t, path)
}

// clean checks every page and index of the file.
func clean(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer db.Close()
	var verdict string
	require.NoError(t, db.QueryRow("PRAGMA integrity_check").Scan(&verdict))
	require.Equal(t, "ok", verdict)
}

// revokeByLine ends or revokes what each line of the standard input names.
func revokeByLine(s *sqlitestore.Store, _ int) error {
	ctx := context.Background()
	for stdin.Scan() {
		id := stdin.Text()
		if err := errors.Join(s.Revoke(ctx, passbearer.Revocation{TokenID: id}), s.EndSession(ctx, id)); err != nil {
			return err
		}
	}
	return stdin.Err()
}

// TestRevocationsOfOtherProcesses are heard soon, all of them, beside those of this
// one.
func TestRevocationsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	const each = 50
	path := newPath(t)
	s := openFile(t, path, nil)
	for p := range 2 {
		for i := range each {
			require.NoError(t, s.CreateSession(t.Context(), liveSession(fmt.Sprintf("%d-%d", p, i))))
		}
	}
	news := make(chan passbearer.RevocationNews, 10_000)
	go s.WatchRevocations(t.Context(), func(n passbearer.RevocationNews) { news <- n })
	require.True(t, (<-news).Complete)
	others := []*process{start(t, "revoke", path, 0), start(t, "revoke", path, 1)}
	for _, p := range others {
		p.say(t, "go")
	}
	for i := range each {
		for p, other := range others {
			other.say(t, fmt.Sprintf("%d-%d", p, i))
		}
		require.NoError(t, s.Revoke(t.Context(), passbearer.Revocation{TokenID: fmt.Sprint(i)}))
	}
	for _, p := range others {
		p.wait(t)
	}
	heard := map[string]int{}
	late := time.After(20 * time.Second)
	for len(heard) < 5*each {
		select {
		case n := <-news:
			require.False(t, n.Complete)
			for _, e := range n.Revocations {
				heard["sid "+e.SessionID+" jti "+e.TokenID]++
			}
		case <-late:
			t.Fatalf("%d of %d were heard", len(heard), 5*each)
		}
	}
	for e, n := range heard {
		require.Equal(t, 1, n, e)
	}
}

// TestAnotherStoreIsHeardByPolling: two Stores are strangers, as two processes are.
func TestAnotherStoreIsHeardByPolling(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, other := openFile(t, path, nil), openFile(t, path, nil)
	heard := make(chan string, 100)
	go s.WatchRevocations(t.Context(), func(n passbearer.RevocationNews) {
		for _, e := range n.Revocations {
			heard <- e.TokenID
		}
		if n.Complete {
			heard <- "complete"
		}
	})
	require.Equal(t, "complete", <-heard)
	var slowest time.Duration
	for i := range 8 {
		require.NoError(t, other.Revoke(t.Context(), passbearer.Revocation{TokenID: fmt.Sprint(i)}))
		acknowledged := time.Now()
		require.Equal(t, fmt.Sprint(i), <-heard)
		slowest = max(slowest, time.Since(acknowledged))
	}
	t.Logf("heard after %v at the latest", slowest)
	require.Less(t, slowest, sqlitestore.DefaultPollInterval+2*time.Second)
}

func TestNewerFileIsRefused(t *testing.T) {
	path := newPath(t)
	openFile(t, path, nil).Close()
	_, err := raw(t, path).Exec("UPDATE passbearer_version SET version = version + 1")
	require.NoError(t, err)
	_, err = sqlitestore.Open(path, nil)
	require.ErrorContains(t, err, "version 4 of the schema, and this program knows 3")
}
