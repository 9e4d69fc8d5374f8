package jwttoken_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

const roleEnv = "JWTTOKEN_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) == "" {
		os.Exit(m.Run())
	}
	if err := serveProcess(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// configKey is a key in the configuration of a process.
type configKey struct {
	ID, PEM string
	From    int64 // seconds since 1970; 0: at once
}

func readConfig(r io.Reader) ([]jwttoken.Key, error) {
	var config []configKey
	if err := json.NewDecoder(r).Decode(&config); err != nil {
		return nil, err
	}
	var keys []jwttoken.Key
	for _, c := range config {
		key, err := jwttoken.ParseKey(jwttoken.ES256, []byte(c.PEM), c.ID)
		if err != nil {
			return nil, err
		}
		if c.From != 0 {
			key = key.SignsFrom(time.Unix(c.From, 0))
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// serveProcess reads the first configuration, a line, and serves until the input ends. It says where.
func serveProcess(input io.Reader) error {
	lines := bufio.NewReader(input)
	first, err := lines.ReadString('\n')
	if err != nil {
		return err
	}
	keys, err := readConfig(strings.NewReader(first))
	if err != nil {
		return err
	}
	handler, err := newProcessHandler(keys)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- http.Serve(listener, handler) }()
	go func() {
		_, err := io.Copy(io.Discard, lines)
		ended <- err
	}()
	fmt.Println("http://" + listener.Addr().String())
	return <-ended
}

// newProcessHandler is an application that issues and takes tokens. It is told its keys and the time.
func newProcessHandler(first []jwttoken.Key) (http.Handler, error) {
	keys, err := jwttoken.NewKeys(first...)
	if err != nil {
		return nil, err
	}
	var clock atomic.Int64
	clock.Store(now)
	tokens, err := jwttoken.New(keys, issuer, audience, &jwttoken.Options{
		MaxLifetime: lifetime * time.Second, Now: func() time.Time { return time.Unix(clock.Load(), 0) },
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /jwks.json", jwttoken.NewJWKSHandler(keys, nil))
	mux.Handle("GET /me", passbearer.NewGuard(tokens, nil).HandlerFunc(func(http.ResponseWriter, *http.Request, *passbearer.Claims) {}))
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		token, err := tokens.IssueToken(r.Context(), passbearer.Claims{Subject: "u1"})
		reply(w, token, err)
	})
	mux.HandleFunc("POST /keys", func(w http.ResponseWriter, r *http.Request) {
		next, err := readConfig(r.Body)
		if err == nil {
			err = keys.Set(next[0], next[1:]...)
		}
		reply(w, "", err)
	})
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		var seconds int64
		err := json.NewDecoder(r.Body).Decode(&seconds)
		clock.Store(seconds)
		reply(w, "", err)
	})
	return mux, nil
}

func reply(w http.ResponseWriter, text string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, text)
}

// process is the test binary as such an application.
type process struct {
	url   string
	clock atomic.Int64
}

func startProcess(t *testing.T, config []configKey) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, stdout := must(cmd.StdinPipe()), must(cmd.StdoutPipe())
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("process: %v\n%s", err, stderr.String())
		}
	})
	require.NoError(t, json.NewEncoder(stdin).Encode(config))
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	p := &process{url: strings.TrimSpace(line)}
	p.clock.Store(now)
	return p
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 20 * time.Second}

func (p *process) do(method, path, token string, content any) (status int, text string, err error) {
	r, err := http.NewRequest(method, p.url+path, bytes.NewReader(must(json.Marshal(content))))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(read), err
}

// tell posts content, and requires 200.
func (p *process) tell(t *testing.T, path string, content any) (text string) {
	t.Helper()
	status, text, err := p.do("POST", path, "", content)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, text)
	return text
}

func (p *process) status(t *testing.T, token string) int {
	t.Helper()
	status, _, err := p.do("GET", "/me", token, nil)
	require.NoError(t, err)
	return status
}

// traffic gets tokens of any process and presents them to all, without a pause.
type traffic struct {
	processes []*process
	stop      context.CancelFunc
	workers   sync.WaitGroup

	mu       sync.Mutex
	changed  *sync.Cond
	tokens   []string // from the oldest to the newest
	rounds   int
	accepted map[string]int // by kid
	failures []string
}

func startTraffic(processes []*process) *traffic {
	f := &traffic{processes: processes, accepted: make(map[string]int)}
	f.changed = sync.NewCond(&f.mu)
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	for worker := range 6 {
		f.workers.Go(func() {
			for round := worker; ctx.Err() == nil; round++ {
				err := f.round(processes[round%len(processes)], round)
				f.mu.Lock()
				f.rounds++
				if err != nil {
					f.failures = append(f.failures, err.Error())
				}
				f.mu.Unlock()
				f.changed.Broadcast()
			}
		})
	}
	return f
}

// round presents a new token, the oldest one that may be valid and one between.
func (f *traffic) round(p *process, number int) error {
	status, token, err := p.do("POST", "/token", "", nil)
	if err != nil || status != http.StatusOK {
		return errors.Join(fmt.Errorf("issue: %d %s", status, token), err)
	}
	for _, token := range f.choose(token, number) {
		for i, p := range f.processes {
			id, expiry := unverified(token)
			if p.clock.Load() >= expiry {
				continue
			}
			status, text, err := p.do("GET", "/me", token, nil)
			if err != nil || status != http.StatusOK {
				return errors.Join(fmt.Errorf("process %d at %d: key %s: %d %s", i, p.clock.Load()-now, id, status, text), err)
			}
			f.mu.Lock()
			f.accepted[id]++
			f.mu.Unlock()
		}
	}
	return nil
}

func (f *traffic) choose(token string, number int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens = append(f.tokens, token)
	for {
		_, expiry := unverified(f.tokens[0])
		if len(f.tokens) == 1 || f.latest() < expiry {
			return []string{token, f.tokens[0], f.tokens[number*7919%len(f.tokens)]}
		}
		f.tokens = f.tokens[1:]
	}
}

func (f *traffic) latest() int64 {
	latest := int64(0)
	for _, p := range f.processes {
		latest = max(latest, p.clock.Load())
	}
	return latest
}

// wait lets some rounds pass.
func (f *traffic) wait(rounds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for end := f.rounds + rounds; f.rounds < end; {
		f.changed.Wait()
	}
}

func (f *traffic) end() {
	f.stop()
	f.workers.Wait()
}

// TestRotationAcrossProcesses: three processes share a rotation while requests come without a pause. Each
// learns of each change at another moment, and their clocks differ. No valid token is refused. Then the new key
// is removed at once, which each process heeds from its next request on.
func TestRotationAcrossProcesses(t *testing.T) {
	const (
		signs = now + 60
		step  = 10 // seconds by which the clocks differ at most
	)
	key := func(id string, from int64) configKey {
		private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		return configKey{id, string(block("PRIVATE KEY")(x509.MarshalPKCS8PrivateKey(private))), from}
	}
	old, next, spare := key("old", 0), key("next", signs), key("spare", now+1e9)
	var all []*process
	for range 3 {
		all = append(all, startProcess(t, []configKey{old}))
	}
	requests := startTraffic(all)
	defer requests.end()
	for at := int64(now); at <= signs+lifetime+leeway+3*step; at += step {
		for i, p := range all {
			p.clock.Store(at)
			p.tell(t, "/clock", at)
			switch at {
			case now + step*int64(2*i): // the last one 20 seconds before the first signs
				p.tell(t, "/keys", []configKey{old, next})
			case signs + lifetime + leeway + step*int64(i): // the first one when its last token has expired
				p.tell(t, "/keys", []configKey{next, spare})
			}
			requests.wait(10)
		}
	}
	requests.end()
	require.Empty(t, requests.failures)
	require.NotZero(t, requests.accepted["old"])
	require.NotZero(t, requests.accepted["next"])
	require.Len(t, requests.accepted, 2)
	t.Logf("%d rounds, accepted: %v", requests.rounds, requests.accepted)

	lost := all[0].tell(t, "/token", nil)
	for i, p := range all {
		for range 2 {
			require.Equal(t, http.StatusOK, p.status(t, lost), "it is remembered now")
		}
		p.tell(t, "/keys", []configKey{spare})
		require.Equal(t, http.StatusUnauthorized, p.status(t, lost))
		kept := p.tell(t, "/token", nil)
		for j, p := range all {
			require.Equal(t, http.StatusOK, p.status(t, kept), "%d to %d", i, j)
		}
		_, set, err := p.do("GET", "/jwks.json", "", nil)
		require.NoError(t, err)
		published := decode(t, set)
		require.Len(t, published, 1)
		require.Contains(t, published, "spare")
	}
}
