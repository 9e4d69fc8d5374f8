package pgstore_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/pgstore"
)

// openSource opens what source returned, in the process of a crashtest's server.
func openSource(ctx context.Context, source string) (*crashtest.Backend, error) {
	schema, at, _ := strings.Cut(source, " ")
	s, err := pgstore.Open(ctx, at, &pgstore.Options{Schema: schema})
	if err != nil {
		return nil, err
	}
	return &crashtest.Backend{Users: s, Sessions: s, Revocations: s, Close: func() error { s.Close(); return nil }}, nil
}

func source(t *testing.T, at string) string {
	t.Helper()
	return options(t).Schema + " " + at
}

// TestFleet has three processes on one database.
func TestFleet(t *testing.T) {
	crashtest.Fleet(t, crashtest.Config{Source: source(t, serverURL(t))})
}

// TestRaces takes -crashtest.races=1000 for as many of each kind.
func TestRaces(t *testing.T) {
	crashtest.Races(t, crashtest.Config{Source: source(t, serverURL(t))})
}

// ownServer is for one test, which may kill it.
func ownServer(t *testing.T) *server {
	t.Helper()
	need(t, binary("postgres"), "PostgreSQL")
	s, err := newServer()
	require.NoError(t, err)
	return s
}

// TestCrash kills the process, the database or both, at random moments.
func TestCrash(t *testing.T) {
	s := ownServer(t)
	crashtest.Run(t, crashtest.Config{
		Source:          source(t, s.url("postgres")),
		KillDatabase:    s.crash,
		RestartDatabase: func() { require.NoError(t, s.restart()) },
	})
}

// crash kills every process of the server at once. Stopped, the first of them
// makes no more, and the rest cannot tell that it is gone.
func (s *server) crash() {
	pid := s.process.Pid
	s.process.Signal(syscall.SIGSTOP)
	for _, child := range children(pid) {
		syscall.Kill(child, syscall.SIGKILL)
	}
	s.kill(syscall.SIGKILL)
}

func children(pid int) (pids []int) {
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, field := range strings.Fields(string(list)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// restart tries again while the kernel still clears up after the crash.
func (s *server) restart() error {
	var err error
	for late := time.Now().Add(15 * time.Second); time.Now().Before(late); {
		if err = s.start(); err == nil {
			return nil
		}
		<-s.exited
	}
	return err
}
