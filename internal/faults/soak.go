package faults

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/throttle"
)

var soakFlag = flag.Duration("faults.soak", 4*time.Second, "keep the mixed load up for this `time`")

const (
	soakRounds  = 4 // the first one fills caches and pools
	soakWorkers = 8
	soakUsers   = 40
	proxyHeader = "X-Forwarded-For"
)

// SoakLifetime is how long revocations have to be remembered in a soak. A store for
// it forgets them as soon, or they are what grows.
const SoakLifetime = 20 * time.Second

// soak is a load on a server over HTTP.
type soak struct {
	*App
	web    *httptest.Server
	client *http.Client
	users  []User
	ops    atomic.Int64
	busy   atomic.Int64 // answers of 503
	mu     sync.Mutex
	wrong  []string
}

// Soak keeps up a mixed load, for as long as -faults.soak says: sign-ins, refreshes,
// protected requests, sign-outs, wrong passwords, forged tokens, and clients that hang
// up. Between its rounds the server rests, and may then not have more goroutines,
// descriptors or heap than after the first.
func Soak(t *testing.T, open func(*testing.T) Stores) {
	s := newSoak(t, open(t))
	var first, last used
	for round := range soakRounds {
		s.load(*soakFlag / soakRounds)
		s.rest(t)
		if round == 0 {
			first = usage()
			continue
		}
		ok := false
		if last, ok = settled(first); !ok {
			t.Errorf("round %d: there were %v, and are %v; what is on the heap is in %s", round, first, last, heapProfile(t))
		}
		if *soakFlag > time.Minute {
			t.Logf("round %d: %v", round, last)
		}
	}
	t.Logf("faults: soak of %v: %d requests, %d of them answered 503; after the first round %v, at the end %v", *soakFlag, s.ops.Load(), s.busy.Load(), first, last)
	if s.ops.Load() == 0 {
		t.Error("there was no load")
	}
	for _, wrong := range s.wrong {
		t.Error(wrong)
	}
}

func newSoak(t *testing.T, stores Stores) *soak {
	t.Helper()
	s := &soak{App: New(t, stores, Options{
		Throttle: &throttle.Options{
			// Or the wrong passwords use up what the users and the addresses have.
			Account:        throttle.Limit{Burst: 20, Every: 100 * time.Millisecond},
			Address:        throttle.Limit{Burst: 100, Every: 10 * time.Millisecond},
			Network:        throttle.Limit{Burst: 100, Every: 10 * time.Millisecond},
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
		Lifetime:  SoakLifetime,
		CacheSize: 512,
	})}
	for range soakUsers {
		s.users = append(s.users, s.AddUser(t, true))
	}
	s.web = httptest.NewServer(s.App)
	t.Cleanup(s.web.Close)
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: soakWorkers}, Timeout: 30 * time.Second}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.Revoked.Watch(ctx, feeds(stores)...)
	}()
	t.Cleanup(func() { cancel(); <-watching })
	return s
}

// feeds are the stores that tell of revocations; one may be both.
func feeds(stores Stores) []passbearer.RevocationStore {
	users, sessions := passbearer.RevocationStore(stores.Users), passbearer.RevocationStore(stores.Sessions)
	if users == sessions {
		return []passbearer.RevocationStore{users}
	}
	return []passbearer.RevocationStore{users, sessions}
}

func (s *soak) load(d time.Duration) {
	end := time.Now().Add(d)
	var workers sync.WaitGroup
	for range soakWorkers {
		workers.Go(func() {
			for time.Now().Before(end) {
				s.session()
			}
		})
	}
	workers.Wait()
}

// rest ends what only waits. How many revocations are remembered depends on how fast the
// last sessions ended, so a long soak waits until none is.
func (s *soak) rest(t *testing.T) {
	s.client.CloseIdleConnections()
	s.web.CloseClientConnections()
	if *soakFlag <= time.Minute {
		return
	}
	for late := time.Now().Add(SoakLifetime + 2*time.Minute); s.Revoked.Len() > 0; <-time.After(100 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%d revocations are still remembered", s.Revoked.Len())
		}
	}
}

// heapProfile writes one where go test -artifacts keeps it.
func heapProfile(t *testing.T) string {
	t.Helper()
	f := must(os.Create(filepath.Join(t.ArtifactDir(), "heap.pprof")))
	defer f.Close()
	must(0, pprof.WriteHeapProfile(f))
	return f.Name()
}

// session is what one client does, from sign-in to sign-out.
func (s *soak) session() {
	u := s.users[mathrand.N(len(s.users))]
	a := s.expect(200, "sign in", "/token", "", "username", u.Name, "password", u.Password)
	if a.Status != 200 {
		return
	}
	for range 3 {
		s.expect(200, "a protected resource", "/items", a.Access)
		s.expect(200, "the user", "/me", a.Access)
		s.expect(401, "a forged token", "/items", forged(a.Access))
		s.expect(400, "a forged refresh token", "/token", "", "grant_type", "refresh_token", "refresh_token", forged(a.Refresh))
		a = s.refresh(a)
	}
	s.hangUp(a.Refresh)
	a = s.refresh(a) // and no further: a request that arrives two rotations late is a thief's
	s.expect(400, "a wrong password", "/token", "", "username", "nobody-"+rand.Text()[:1], "password", rand.Text())
	if s.expect(200, "sign out", "/revoke", "", "token", a.Refresh).Status == 200 {
		s.expect(400, "refresh after it", "/token", "", "grant_type", "refresh_token", "refresh_token", a.Refresh)
		s.expect(401, "a token of the session", "/items", a.Access)
	}
}

func (s *soak) refresh(a Answer) Answer {
	next := s.expect(200, "refresh", "/token", "", "grant_type", "refresh_token", "refresh_token", a.Refresh)
	if next.Status != 200 {
		return a
	}
	return next
}

// forged has another signature, or tag.
func forged(token string) string {
	last := "A"
	if strings.HasSuffix(token[:len(token)-8], last) {
		last = "B"
	}
	return token[:len(token)-9] + last + token[len(token)-8:]
}

// expect sends a request. Besides what is expected, 503 is right where it says when
// to come back, and 429 to a password.
func (s *soak) expect(status int, what, path, bearer string, form ...string) Answer {
	a, err := s.send(context.Background(), path, bearer, form...)
	switch {
	case err != nil:
		s.errorf("%s: %v", what, err)
	case a.Status == 503 && a.Header.Get("Retry-After") != "":
		s.busy.Add(1)
	case a.Status == 429 && what == "a wrong password":
	case a.Status != status:
		s.errorf("%s: answered %d: %s", what, a.Status, a.Raw)
	}
	return a
}

func (s *soak) errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) < 10 {
		s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
	}
}

func (s *soak) send(ctx context.Context, path, bearer string, form ...string) (Answer, error) {
	r := Request(ctx, path, bearer, form...)
	r.RequestURI, r.Host = "", ""
	r.URL.Scheme, r.URL.Host = "http", s.web.Listener.Addr().String()
	r.Header.Set(proxyHeader, fmt.Sprintf("9.%d.0.1", mathrand.N(200)))
	s.ops.Add(1)
	res, err := s.client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return read(res.StatusCode, res.Header, string(body)), err
}

// hangUp sends a refresh and does not wait for its answer, or not even for the end of
// the request. The token has to be good all the same.
func (s *soak) hangUp(token string) {
	ctx, cancel := context.WithTimeout(context.Background(), mathrand.N(2*time.Millisecond))
	defer cancel()
	if _, err := s.send(ctx, "/token", "", "grant_type", "refresh_token", "refresh_token", token); err != nil && !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
		s.errorf("hang up: %v", err)
	}
	conn, err := net.Dial("tcp", s.web.Listener.Addr().String())
	if err != nil {
		s.errorf("hang up: %v", err)
		return
	}
	defer conn.Close()
	io.WriteString(conn, "POST /token HTTP/1.1\r\nHost: api\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant_type=pass")
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
