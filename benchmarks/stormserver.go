package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
)

const (
	stormPassword = "correct horse battery staple"
	unbounded     = 1 << 20 // slots
	shortQueue    = 8
)

// What a server of the storm reads from its environment: which phase it is for, and the hash of every user, which
// it would otherwise have to make, and have the memory for that counted.
const (
	envPhase = "PASSBEARER_STORM_PHASE"
	envHash  = "PASSBEARER_STORM_HASH"
)

// serveStorm is the other process of the storm, if this is it. It ends with its input.
func serveStorm() {
	phase := os.Getenv(envPhase)
	if phase == "" {
		return
	}
	var opts password.Options
	switch phase {
	case ungated:
		opts.Concurrency = unbounded
	case refusing:
		opts.Queue = shortQueue
	}
	mux := http.NewServeMux()
	tokens := must(jwttoken.New(must(jwttoken.NewKeys(must(jwttoken.GenerateKey(jwttoken.HS256)))), issuer, audience, nil))
	mux.Handle("GET /items/", passbearer.NewGuard(tokens, nil).Handler(http.HandlerFunc(nothing)))
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		token := must(tokens.IssueToken(r.Context(), passbearer.Claims{Subject: "u1", ClientID: "web"}))
		io.WriteString(w, token)
	})
	mux.Handle("POST /token", passbearer.NewTokenHandler(stormUsers(os.Getenv(envHash)), tokens, &passbearer.TokenHandlerOptions{
		Passwords: must(password.New(&opts)), InsecureSkipThrottling: true, Observer: quiet{}}))
	var b bareHashing
	mux.HandleFunc("POST /hashing", b.run)
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go http.Serve(listener, mux)
	fmt.Println(listener.Addr())
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func stormUsers(hash string) *memstore.Store {
	users := memstore.New()
	for i := range stormClients {
		name := fmt.Sprintf("user%d", i)
		must(0, users.AddUser(context.Background(), passbearer.User{ID: name, Name: name, PasswordHash: hash}))
	}
	return users
}

// bareHashing does nothing but hash, in as many goroutines as a Hasher has slots.
type bareHashing struct{ hashes atomic.Int64 }

// run hashes until the body ends, and answers how many hashes were made.
func (b *bareHashing) run(w http.ResponseWriter, r *http.Request) {
	before := b.hashes.Load()
	var stop atomic.Bool
	for range slots() {
		go func() {
			for !stop.Load() {
				argon2.IDKey([]byte(stormPassword), make([]byte, 16), 2, 19*1024, 1, 32)
				b.hashes.Add(1)
			}
		}()
	}
	io.Copy(io.Discard, r.Body)
	stop.Store(true)
	fmt.Fprint(w, b.hashes.Load()-before)
}

// slots is how many hashes run at once by default.
func slots() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// stormServer is a process that serves one phase.
type stormServer struct {
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
	token string
}

func startServer(phase, hash string) *stormServer {
	cmd := exec.Command(must(os.Executable()))
	cmd.Env = append(os.Environ(), envPhase+"="+phase, envHash+"="+hash)
	cmd.Stderr = os.Stderr
	s := &stormServer{cmd: cmd, stdin: must(cmd.StdinPipe())}
	out := must(cmd.StdoutPipe())
	must(0, cmd.Start())
	s.url = "http://" + strings.TrimSpace(must(bufio.NewReader(out).ReadString('\n')))
	res := must(http.Get(s.url + "/token"))
	s.token = string(must(io.ReadAll(res.Body)))
	return s
}

func (s *stormServer) stop() {
	s.stdin.Close()
	s.cmd.Wait()
}

// peak is the most memory that the process ever had, in MiB, or 0 where /proc does not tell.
func (s *stormServer) peak() float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, _ := strconv.Atoi(kib)
	return float64(n) / 1024
}
