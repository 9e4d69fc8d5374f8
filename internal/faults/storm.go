package faults

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/password"
	"github.com/passbearer/passbearer/throttle"
)

// stormEnv makes the test binary a server.
const stormEnv = "FAULTS_STORM"

// StormMain is to be called by TestMain first. In the process of a storm's server it
// does not return.
func StormMain() {
	if os.Getenv(stormEnv) == "" {
		return
	}
	testing.Main(func(_, _ string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "Storm", F: serveStorm}}, nil, nil)
}

// stormUsers are enough for no account's allowance to be used up.
const stormUsers = 1000

// serveStorm has the costs, the slots and the queue that are the default, and ends
// with its standard input.
func serveStorm(t *testing.T) {
	s := memstore.New()
	a := New(t, Stores{Users: s, Sessions: s, Clients: s}, Options{
		Passwords: password.Default(),
		Throttle:  &throttle.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	})
	hash := must(a.Hasher.Hash(t.Context(), stormPassword))
	for i := range stormUsers {
		a.addHashed(t, User{ID: fmt.Sprint("id-", i), Name: strconv.Itoa(i)}, hash)
	}
	mux := http.NewServeMux()
	mux.Handle("/", a)
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) { // what net/http itself takes
		r.ParseForm()
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/limit", func(w http.ResponseWriter, r *http.Request) { // as GOMEMLIMIT does
		debug.SetMemoryLimit(must(strconv.ParseInt(r.FormValue("bytes"), 10, 64)))
	})
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	go http.Serve(l, mux)
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

const stormPassword = "correct horse"

// stormServer is a process of its own, so that its memory can be told from the clients'.
type stormServer struct {
	addr string
	pid  int
}

func startStorm(t *testing.T) stormServer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), stormEnv+"=1")
	cmd.Stderr = os.Stderr
	in := must(cmd.StdinPipe())
	out := must(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return stormServer{strings.TrimSpace(line), cmd.Process.Pid}
}

// resident returns the highest resident set since the last call of it, in bytes.
func (s stormServer) resident(t *testing.T) (peak int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(rest, &peak)
		}
	}
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid), []byte("5"), 0)
	return peak << 10
}

// limit sets the server's memory limit.
func (s stormServer) limit(t *testing.T, bytes int) {
	t.Helper()
	res, err := http.Get(fmt.Sprintf("http://%s/limit?bytes=%d", s.addr, bytes))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
}

// ask sends a request on a connection and reads the answer.
func ask(conn net.Conn, in *bufio.Reader, request string) (Answer, error) {
	if _, err := io.WriteString(conn, request); err != nil {
		return Answer{}, err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return read(res.StatusCode, res.Header, string(body)), err
}

func signInRequest(path string, i int) string {
	form := url.Values{"client_id": {ClientID}, "username": {strconv.Itoa(i % stormUsers)}, "password": {stormPassword}}.Encode()
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: api\r\nX-Forwarded-For: 9.%d.%d.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, i/250, i%250, len(form), form)
}

// dial is a connection with a limit on how long an answer may take.
func (s stormServer) dial() (net.Conn, *bufio.Reader, error) {
	conn, err := net.DialTimeout("tcp", s.addr, time.Minute)
	if err != nil {
		return nil, nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	return conn, bufio.NewReaderSize(conn, 1024), nil
}

// outcome is what clients saw.
type outcome struct {
	mu       sync.Mutex
	statuses map[int]int
	took     map[int][]time.Duration // by status
	wrong    []string
}

func (o *outcome) add(a Answer, err error, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil:
		o.wrong = append(o.wrong, err.Error())
		return
	case a.Status != 200 && a.Header.Get("Retry-After") == "":
		o.wrong = append(o.wrong, fmt.Sprintf("%d without Retry-After", a.Status))
	}
	o.statuses[a.Status]++
	o.took[a.Status] = append(o.took[a.Status], took)
}

// storm opens n connections, and signs in on all of them at once.
func (s stormServer) storm(t *testing.T, path string, n int, opened func()) *outcome {
	t.Helper()
	o := &outcome{statuses: map[int]int{}, took: map[int][]time.Duration{}}
	var ready, done sync.WaitGroup
	ready.Add(n)
	begin := make(chan struct{})
	for i := range n {
		done.Go(func() {
			conn, in, err := s.dial()
			ready.Done()
			if err != nil {
				o.add(Answer{}, err, 0)
				return
			}
			defer conn.Close()
			<-begin
			start := time.Now()
			a, err := ask(conn, in, signInRequest(path, i))
			o.add(a, err, time.Since(start))
		})
	}
	ready.Wait()
	opened()
	close(begin)
	done.Wait()
	return o
}

// latencies asks for a protected resource n times.
func (s stormServer) latencies(t *testing.T, access string, n int) []time.Duration {
	conn, in, err := s.dial()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	request := "GET /items HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer " + access + "\r\n\r\n"
	var all []time.Duration
	for range n {
		start := time.Now()
		a, err := ask(conn, in, request)
		if all = append(all, time.Since(start)); err != nil || a.Status != 200 {
			t.Errorf("a protected resource: %d: %v", a.Status, err)
			return all
		}
	}
	return all
}

// p99 is the 99th percentile.
func p99[T cmp.Ordered](all []T) (none T) {
	if len(all) == 0 {
		return none
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}
