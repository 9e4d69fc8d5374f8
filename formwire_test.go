package passbearer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// pipeServer is an http.Server whose connections are pipes, so that it runs in
// a synctest bubble. It is closed at the test's end; synctest then fails if a
// goroutine is left.
type pipeServer struct {
	http.Server
	conns  chan net.Conn
	closed chan struct{}
	close  func()
	open   sync.WaitGroup // connections: net/http hangs up half a second after the answer, on the bubble's clock
}

func newPipeServer(t *testing.T, h http.Handler, readTimeout time.Duration) *pipeServer {
	s := &pipeServer{conns: make(chan net.Conn), closed: make(chan struct{})}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	s.Handler, s.ReadTimeout, s.ErrorLog = h, readTimeout, log.New(io.Discard, "", 0)
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed:
			s.open.Done()
		}
	}
	go s.Serve(pipeListener{s})
	t.Cleanup(func() { s.Close(); s.open.Wait() })
	return s
}

type pipeListener struct{ *pipeServer }

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l pipeListener) Close() error   { l.close(); return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

type pipeClient struct {
	t *testing.T
	net.Conn
	in      *bufio.Reader
	sending sync.WaitGroup
}

func (s *pipeServer) dial(t *testing.T) *pipeClient {
	here, there := net.Pipe()
	s.conns <- there
	c := &pipeClient{t: t, Conn: here, in: bufio.NewReader(here)}
	t.Cleanup(func() { c.Close(); c.sending.Wait() })
	return c
}

// send does not wait: a pipe has no buffer, and the server may stop reading.
func (c *pipeClient) send(text string) { c.sending.Go(func() { io.WriteString(c, text) }) }

// receive reads one answer, headers and body.
func (c *pipeClient) receive() (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, &http.Request{Method: "POST"})
	require.NoError(c.t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	return res, string(body)
}

// requireClosed waits for the server to hang up.
func (c *pipeClient) requireClosed() {
	c.t.Helper()
	_, err := c.in.ReadByte()
	require.Equal(c.t, io.EOF, err)
}

const wireForm = "grant_type=password&username=u&password=secret"

func wireHead(headers ...string) string {
	return "POST /token HTTP/1.1\r\nHost: api\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

var (
	wireType    = "Content-Type: " + formType
	wireRequest = wireHead(wireType, fmt.Sprint("Content-Length: ", len(wireForm))) + wireForm
	wireHalf    = wireRequest[:len(wireRequest)-len(wireForm)/2]
	wireChunk   = wireHead(wireType, "Transfer-Encoding: chunked") + "10\r\n" + wireForm[:16] + "\r\n"
)

// bareWriter is what many middlewares put in the place of the ResponseWriter:
// it hides http.ResponseController's methods.
type bareWriter struct{ http.ResponseWriter }

func underBareWriter(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(bareWriter{w}, r) })
}

func plainWriter(h http.Handler) http.Handler { return h }

// ownDeny does without DenyTokenRequest, and so without its Connection header.
func ownDeny(o *passbearer.TokenHandlerOptions) {
	o.Deny = func(w http.ResponseWriter, _ *http.Request, err error) {
		e := passbearer.AsError(err)
		http.Error(w, e.ErrorDescription, e.StatusCode)
	}
}

// parseHandler is an application's own endpoint.
var parseHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if _, err := passbearer.ParsePasswordForm(r); err != nil {
		passbearer.DenyTokenRequest(w, r, err)
	}
})

// Who stalls is answered in time and leaves no goroutine behind. The server
// hangs up too, but where nothing can set a deadline: there net/http waits for
// the client to do so.
func TestStalledBody(t *testing.T) {
	const bodyTime = 10 * time.Second
	token := func(t *testing.T) http.Handler { return formHandler(t, nil) }
	denied := func(t *testing.T) http.Handler { return formHandler(t, ownDeny) }
	parse := func(*testing.T) http.Handler { return parseHandler }
	tests := []struct {
		name        string
		handler     func(*testing.T) http.Handler
		under       func(http.Handler) http.Handler
		readTimeout time.Duration
		sent        string
		after       time.Duration
		hangsUp     bool
	}{
		{"plain", token, plainWriter, 0, wireHalf, bodyTime, true},
		{"bare", token, underBareWriter, 0, wireHalf, bodyTime, false},
		{"shorter ReadTimeout", token, plainWriter, 3 * time.Second, wireHalf, 3 * time.Second, true},
		{"longer ReadTimeout", token, plainWriter, time.Minute, wireHalf, time.Minute, true},
		{"bare, shorter ReadTimeout", token, underBareWriter, 3 * time.Second, wireHalf, 3 * time.Second, true},
		{"bare, longer ReadTimeout", token, underBareWriter, time.Minute, wireHalf, time.Minute, true},
		{"no byte at all", token, plainWriter, 0, strings.TrimSuffix(wireRequest, wireForm), bodyTime, true},
		{"chunked", token, plainWriter, 0, wireChunk, bodyTime, true},
		{"chunked, bare", token, underBareWriter, 0, wireChunk, bodyTime, false},
		{"own Deny", denied, plainWriter, 0, wireHalf, bodyTime, true},
		{"own Deny, bare", denied, underBareWriter, 0, wireHalf, bodyTime, false},
		{"own Deny, ReadTimeout", denied, plainWriter, time.Minute, wireHalf, time.Minute, true},
		{"parse", parse, plainWriter, 0, wireHalf, bodyTime, false},
		{"parse, bare", parse, underBareWriter, 0, wireHalf, bodyTime, false},
		{"parse, ReadTimeout", parse, plainWriter, time.Minute, wireHalf, time.Minute, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newPipeServer(t, tt.under(tt.handler(t)), tt.readTimeout).dial(t)
				start := time.Now()
				c.send(tt.sent)
				res, body := c.receive()
				require.Equal(t, 408, res.StatusCode, body)
				require.Equal(t, tt.after, time.Since(start))
				require.Contains(t, body, "The body took too long")
				require.True(t, res.Close, "Connection: close")
				if tt.hangsUp {
					c.requireClosed()
				}
			})
		})
	}
}

// A client that waits for "100 Continue", gets it and then stalls is slow too.
func TestStalledAfterContinue(t *testing.T) {
	for name, under := range map[string]func(http.Handler) http.Handler{"plain": plainWriter, "bare": underBareWriter} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newPipeServer(t, under(formHandler(t, nil)), 0).dial(t)
				start := time.Now()
				c.send(wireHead(wireType, "Content-Length: 50", "Expect: 100-continue"))
				res, _ := c.receive()
				require.Equal(t, 100, res.StatusCode)
				res, _ = c.receive()
				require.Equal(t, 408, res.StatusCode)
				require.Equal(t, 10*time.Second, time.Since(start))
				require.True(t, res.Close)
			})
		})
	}
}

// net/http reads the rest of a body that was refused unread, before it sends
// the answer. That has an end too.
func TestStalledUnreadBody(t *testing.T) {
	for _, deny := range []func(*passbearer.TokenHandlerOptions){nil, ownDeny} {
		synctest.Test(t, func(t *testing.T) {
			c := newPipeServer(t, formHandler(t, deny), 0).dial(t)
			start := time.Now()
			c.send(wireHead("Content-Type: application/json", "Content-Length: 50") + "{")
			res, body := c.receive()
			require.Equal(t, 400, res.StatusCode)
			require.Contains(t, body, "not JSON")
			require.LessOrEqual(t, time.Since(start), 10*time.Second)
			c.requireClosed()
		})
	}
}

// Too large is said at once, whether or not the client goes on sending.
func TestTooLargeAndStalled(t *testing.T) {
	requests := map[string]string{
		"by its length": wireHead(wireType, fmt.Sprint("Content-Length: ", formLimit+1)) + wireForm,
		"chunked":       wireHead(wireType, "Transfer-Encoding: chunked") + "10001\r\n" + ofSize(formLimit+1) + "\r\n",
	}
	for name, request := range requests {
		for _, under := range []func(http.Handler) http.Handler{plainWriter, underBareWriter} {
			for _, deny := range []func(*passbearer.TokenHandlerOptions){nil, ownDeny} {
				synctest.Test(t, func(t *testing.T) {
					c := newPipeServer(t, under(formHandler(t, deny)), 0).dial(t)
					start := time.Now()
					c.send(request)
					res, body := c.receive()
					require.Equal(t, 413, res.StatusCode, name)
					require.Contains(t, body, "over 64 KiB")
					require.Zero(t, time.Since(start))
					require.True(t, res.Close)
				})
			}
		}
	}
}

// steadily sends the request's body byte by byte.
func (c *pipeClient) steadily(head, body string, in time.Duration) {
	c.sending.Go(func() {
		_, err := io.WriteString(c, head)
		for i := 0; i < len(body) && err == nil; i++ {
			time.Sleep(in / time.Duration(len(body)))
			_, err = io.WriteString(c, body[i:i+1])
		}
	})
}

func TestSlowButSteadyBody(t *testing.T) {
	tests := []struct {
		name            string
		under           func(http.Handler) http.Handler
		readTimeout, in time.Duration
	}{
		{"plain", plainWriter, 0, 9900 * time.Millisecond},
		{"bare", underBareWriter, 0, 9900 * time.Millisecond},
		{"ReadTimeout", plainWriter, time.Minute, 50 * time.Second},
		{"bare, ReadTimeout", underBareWriter, time.Minute, 50 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newPipeServer(t, tt.under(formHandler(t, nil)), tt.readTimeout).dial(t)
				head := strings.TrimSuffix(wireRequest, wireForm)
				for range 2 { // the time is each request's own
					start := time.Now()
					c.steadily(head, wireForm, tt.in)
					res, body := c.receive()
					require.Equal(t, 200, res.StatusCode, body)
					require.InDelta(t, tt.in, time.Since(start), float64(time.Millisecond))
					time.Sleep(30 * time.Second) // idle
				}
			})
		})
	}
	t.Run("steady, and too slow", func(t *testing.T) { // the limit is for the whole body
		synctest.Test(t, func(t *testing.T) {
			c := newPipeServer(t, formHandler(t, nil), 0).dial(t)
			c.steadily(strings.TrimSuffix(wireRequest, wireForm), wireForm, 11*time.Second)
			res, _ := c.receive()
			require.Equal(t, 408, res.StatusCode)
			c.requireClosed()
		})
	})
}

func TestKeepAlive(t *testing.T) {
	for _, under := range []func(http.Handler) http.Handler{plainWriter, underBareWriter} {
		synctest.Test(t, func(t *testing.T) {
			c := newPipeServer(t, under(formHandler(t, nil)), 0).dial(t)
			json := wireHead("Content-Type: application/json", "Content-Length: 2") + "{}"
			for _, status := range []int{200, 400, 200, 400, 400, 200} {
				if status == 200 {
					c.send(wireRequest)
				} else {
					c.send(json) // its body is not read by the handler
				}
				res, body := c.receive()
				require.Equal(t, status, res.StatusCode, body)
				require.False(t, res.Close)
				time.Sleep(time.Minute)
			}
		})
	}
}

// slowUsers takes longer than a body may.
type slowUsers struct{ passbearer.UserStore }

func (s slowUsers) UserByName(ctx context.Context, name string) (*passbearer.User, error) {
	select {
	case <-time.After(time.Minute):
		return s.UserStore.UserByName(ctx, name)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The time is the body's alone: net/http would take a deadline that passes
// during sign-in for a client that has gone.
func TestBodyTimeEndsWithTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := slowUsers{memstore.New(fastUser(t, "u1", "u", "me"))}
		h := passbearer.NewTokenHandler(users, new(fakeIssuer), &passbearer.TokenHandlerOptions{Passwords: fastPasswords, StoreTimeout: time.Hour})
		c := newPipeServer(t, h, 0).dial(t)
		for range 2 {
			c.send(wireRequest)
			res, body := c.receive()
			require.Equal(t, 200, res.StatusCode, body)
		}
	})
}

// deadlineWriter notes the deadlines set on it.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
	err       error
}

func (w *deadlineWriter) SetReadDeadline(deadline time.Time) error {
	w.deadlines = append(w.deadlines, deadline)
	return w.err
}

func TestReadDeadline(t *testing.T) {
	withServer := func(s *http.Server) context.Context {
		return context.WithValue(context.Background(), http.ServerContextKey, s)
	}
	in10s := func() time.Time { return time.Now().Add(10 * time.Second) }
	synctest.Test(t, func(t *testing.T) {
		tests := []struct {
			name      string
			ctx       context.Context
			body      string
			err       error
			status    int
			deadlines []time.Time
		}{
			{"set and cleared", context.Background(), wireForm, nil, 200, []time.Time{in10s(), {}}},
			{"server without ReadTimeout", withServer(new(http.Server)), wireForm, nil, 200, []time.Time{in10s(), {}}},
			{"server with other timeouts", withServer(&http.Server{ReadHeaderTimeout: 1, WriteTimeout: 1, IdleTimeout: 1}), wireForm, nil, 200, []time.Time{in10s(), {}}},
			{"server with ReadTimeout", withServer(&http.Server{ReadTimeout: 1}), wireForm, nil, 200, nil},
			{"cleared before the grant is refused", context.Background(), "grant_type=x", nil, 400, []time.Time{in10s(), {}}},
			{"kept for the rest of a refused body", context.Background(), "%", nil, 400, []time.Time{in10s()}},
			{"not supported", context.Background(), wireForm, http.ErrNotSupported, 200, []time.Time{in10s()}},
		}
		for _, tt := range tests {
			w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder(), err: tt.err}
			formHandler(t, nil).ServeHTTP(w, formRequest(tt.body).WithContext(tt.ctx))
			require.Equal(t, tt.status, w.Code, tt.name)
			require.Equal(t, tt.deadlines, w.deadlines, tt.name)
		}
	})
}

// A deadline that is set, and then not kept, does not hold up the handler for ever.
func TestReadDeadlineWithoutEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, client := io.Pipe()
		defer client.Close()
		r := formRequest("")
		r.Body, r.ContentLength = body, -1
		w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
		start := time.Now()
		formHandler(t, nil).ServeHTTP(w, r)
		require.Equal(t, 408, w.Code)
		require.LessOrEqual(t, time.Since(start), 11*time.Second)
	})
}

// On the wire, net/http and the handler share the work.
func TestFormsOnTheWire(t *testing.T) {
	tests := []struct{ name, request, status, allow string }{
		{"usual", wireRequest, "200 OK", ""},
		{"FB-030 negative length", wireHead(wireType, "Content-Length: -1") + wireForm, "400 Bad Request", ""},
		{"FB-030 two lengths", wireHead(wireType, "Content-Length: 46", "Content-Length: 45") + wireForm, "400 Bad Request", ""},
		{"FB-040", strings.Replace(wireRequest, "\r\n", "\r\nOrigin: https://canary\r\n", 1), "200 OK", ""},
		{"FB-041", strings.Replace(strings.Replace(wireRequest, "Host: api\r\n", "", 1), "HTTP/1.1", "HTTP/1.0", 1), "200 OK", ""},
		{"FB-042", wireHead(wireType, "Content-Length: 65537", "Expect: 100-continue"), "413 Request Entity Too Large", ""},
		{"FB-044 slash", strings.Replace(wireRequest, "/token", "/token/", 1), "404 Not Found", ""},
		{"FB-044 case", strings.Replace(wireRequest, "/token", "/Token", 1), "404 Not Found", ""},
		{"FB-001 method", "GET /token?username=canary HTTP/1.1\r\nHost: api\r\n\r\n", "405 Method Not Allowed", "POST"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.Handle("/token", formHandler(t, nil))
				c := newPipeServer(t, mux, 0).dial(t)
				c.send(tt.request)
				res, body := c.receive()
				require.Equal(t, tt.status, res.Status, body)
				require.Equal(t, tt.allow, res.Header.Get("Allow"))
				require.Empty(t, res.Header["Access-Control-Allow-Origin"])
				require.Empty(t, res.Header["Location"])
				require.NotContains(t, body+fmt.Sprint(res.Header), "canary")
			})
		})
	}
}

// A client that never stops is cut off. net/http takes up to 256 KiB of what
// was not read before it answers, and again before it hangs up.
func TestEndlessBodyOnTheWire(t *testing.T) {
	for _, deny := range []func(*passbearer.TokenHandlerOptions){nil, ownDeny} {
		synctest.Test(t, func(t *testing.T) {
			c := newPipeServer(t, formHandler(t, deny), 0).dial(t)
			taken := make(chan int, 1)
			go func() {
				total, chunk := 0, "100\r\n"+strings.Repeat("a", 256)+"\r\n"
				_, err := io.WriteString(c, wireHead(wireType, "Transfer-Encoding: chunked"))
				for err == nil {
					_, err = io.WriteString(c, chunk)
					total += 256
				}
				taken <- total
			}()
			res, body := c.receive()
			require.Equal(t, 413, res.StatusCode)
			require.Contains(t, body, "The body is over 64 KiB")
			require.True(t, res.Close)
			c.requireClosed()
			require.Less(t, <-taken, formLimit+2*256<<10+16<<10)
		})
	}
}
