package badinputs

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
)

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// call is one of a protected handler.
type call struct {
	claims passbearer.Claims // zero where there are none
	body   string
}

// book is what the server's side knows of requests.
type book struct {
	read  atomic.Int64 // bytes of bodies
	text  logText
	mu    sync.Mutex
	calls []call
	seen  []passbearer.Event
}

func (b *book) called(c call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, c)
}

// Event logs as a server does that logs everything, and keeps the event.
func (b *book) Event(ctx context.Context, e passbearer.Event) {
	passbearer.LogObserver(slog.New(slog.NewTextHandler(&b.text, &slog.HandlerOptions{Level: slog.LevelDebug}))).Event(ctx, e)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, e)
}

// take returns what came since it was last called.
func (b *book) take() (calls []call, seen []passbearer.Event, text string, read int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls, seen = b.calls, b.seen
	b.calls, b.seen = nil, nil
	return calls, seen, b.text.take(), b.read.Swap(0)
}

type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.b.String()
	l.b.Reset()
	return text
}

// clock stands still, at a whole second, unless it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Now().Truncate(time.Second).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) unix() int64             { return c.now().Unix() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// trap is a server that nobody should call.
type trap struct {
	url  string
	hits atomic.Int64
}

func newTrap(t testing.TB) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &trap{url: "http://" + l.Addr().String() + "/"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tr.hits.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return tr
}

// answer is what a token endpoint says.
type answer struct {
	Access      string `json:"access_token"`
	Refresh     string `json:"refresh_token"`
	Type        string `json:"token_type"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Detail      string `json:"detail"`
}

func readAnswer(body string) (a answer, ok bool) {
	err := json.Unmarshal([]byte(body), &a)
	return a, err == nil
}
