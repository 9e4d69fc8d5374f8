package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/faults"
)

// urlEnv points the tests at an existing server, where they leave keys behind
// that expire. What needs a server to kill or to configure starts one still.
const urlEnv = "PASSBEARER_REDIS_URL"

const install = "apt-get install -y redis-server redis-tools gcc"

// patience bounds how long a condition is waited for. After thousands of crashes, and
// beside other tests, Redis loads its data for half a minute.
const patience = 2 * time.Minute

// server is a private one, on a free loopback port, in a directory of its own.
type server struct {
	dir     string
	addr    string
	args    []string
	env     []string
	process *os.Process
	exited  chan struct{}
}

func (s *server) url() string { return "redis://" + s.addr }

// toStop are the servers that tests share.
var toStop struct {
	sync.Mutex
	servers []*server
	dirs    []string // besides theirs
}

func stopAll() {
	toStop.Lock()
	defer toStop.Unlock()
	for _, s := range toStop.servers {
		s.kill()
		os.RemoveAll(s.dir)
	}
	for _, dir := range toStop.dirs {
		os.RemoveAll(dir)
	}
}

// forgetful servers keep nothing on disk: most tests need no more.
var forgetful = []string{"--save", "", "--appendonly", "no"}

// durable ones acknowledge what is on the disk.
var durable = []string{"--save", "", "--appendonly", "yes", "--appendfsync", "always"}

// The servers that tests share.
var (
	sharedServer = sync.OnceValues(func() (*server, error) { return newServer(nil, forgetful...) })
	aheadServer  = sync.OnceValues(func() (*server, error) {
		s, clock, err := clockServer()
		if err == nil {
			clock.Set(time.Hour)
		}
		return s, err
	})
	sharedNodes = sync.OnceValues(newCluster)
)

// clockServer returns a server whose clock moves. It needs gcc.
func clockServer() (*server, *faults.Clock, error) {
	dir, err := os.MkdirTemp("", "passbearer-redisstore-")
	if err != nil {
		return nil, nil, err
	}
	toStop.Lock()
	toStop.dirs = append(toStop.dirs, dir)
	toStop.Unlock()
	clock, env, err := faults.ServerClock(dir)
	if err != nil {
		return nil, nil, err
	}
	s, err := newServer(env, forgetful...)
	return s, clock, err
}

func gcc() string {
	path, _ := exec.LookPath("gcc")
	return path
}

// binary is Redis's or Valkey's server, or the one that is named in the
// environment.
func binary() string {
	if path := os.Getenv("PASSBEARER_REDIS_SERVER"); path != "" {
		return path
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// need skips the test where a package is missing.
func need(t testing.TB, path, what string) {
	t.Helper()
	if path == "" {
		t.Skipf("%s is missing: %s", what, install)
	}
}

// newServer starts a server that stopAll stops.
func newServer(env []string, args ...string) (*server, error) {
	dir, err := os.MkdirTemp("", "passbearer-redisstore-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, env: env}
	toStop.Lock()
	toStop.servers = append(toStop.servers, s)
	toStop.Unlock()
	for range 3 { // somebody else may take the port meanwhile
		port, portErr := freePort()
		if portErr != nil {
			return nil, portErr
		}
		s.addr = "127.0.0.1:" + port
		s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--logfile", filepath.Join(dir, "log"),
			"--repl-diskless-sync-delay", "0"}, args...)
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// ownServer is for one test.
func ownServer(t testing.TB, args ...string) *server {
	t.Helper()
	need(t, binary(), "redis-server")
	s, err := newServer(nil, args...)
	require.NoError(t, err)
	t.Cleanup(s.kill)
	return s
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// start returns when the server answers.
func (s *server) start() error {
	cmd := exec.Command(binary(), s.args...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // with the tests, however they end
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	s.process, s.exited = cmd.Process, exited
	if err := s.answers(); err != nil {
		s.kill()
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("start redis-server: %w: %s", err, log)
	}
	return nil
}

// answers waits until this very server does.
func (s *server) answers() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	return poll(func() error {
		info, err := client.Info(ctx, "server", "persistence").Result() // it answers this while it loads, too
		select {
		case <-s.exited:
			return giveUp{errors.New("it exited")}
		default:
		}
		if err == nil && !strings.Contains(info, fmt.Sprintf("process_id:%d\r", s.process.Pid)) {
			err = giveUp{errors.New("another server has the port")}
		}
		if err == nil && !strings.Contains(info, "\nloading:0\r") {
			err = errors.New("it loads its data still")
		}
		return err
	})
}

// kill ends the server at once, and returns when it is gone.
func (s *server) kill() {
	if s.process != nil {
		s.process.Kill()
		<-s.exited
	}
}

func (s *server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, s.process.Signal(sig))
}

// client of a server, closed with the test.
func (s *server) client(t testing.TB) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client
}

// giveUp is an error that poll does not wait out.
type giveUp struct{ error }

// poll asks until there is no error.
func poll(ask func() error) error {
	deadline := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := ask()
		if err == nil || errors.As(err, new(giveUp)) || time.Now().After(deadline) {
			return err
		}
		<-time.After(wait)
	}
}

// eventually is poll in a test.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	require.NoError(t, poll(func() error { return unless(done()) }), what)
}

func unless(done bool) error {
	if done {
		return nil
	}
	return errors.New("waited in vain")
}

// newCluster joins three servers.
func newCluster() ([]*server, error) {
	ctx := context.Background()
	var nodes []*server
	var clients []*redis.Client
	for i := range 3 {
		bus, err := freePort()
		if err != nil {
			return nil, err
		}
		node, err := newServer(nil, append([]string{"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000"}, forgetful...)...)
		if err != nil {
			return nil, err
		}
		client := redis.NewClient(&redis.Options{Addr: node.addr})
		defer client.Close()
		nodes, clients = append(nodes, node), append(clients, client)
		first, last := i*16384/3, (i+1)*16384/3-1
		if err := client.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			return nil, err
		}
		if err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return nil, err
		}
		host, port, _ := net.SplitHostPort(node.addr)
		if err := clients[0].Do(ctx, "CLUSTER", "MEET", host, port, bus).Err(); err != nil {
			return nil, err
		}
	}
	for _, client := range clients {
		err := poll(func() error {
			info, err := client.ClusterInfo(ctx).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3") && strings.Contains(info, "cluster_size:3")) {
				err = fmt.Errorf("the cluster is not there yet: %s", info)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return nodes, nil
}
