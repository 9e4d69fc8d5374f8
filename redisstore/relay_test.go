package redisstore_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// relay passes connections on to a server that can be changed, stalled and cut
// off.
type relay struct {
	listener net.Listener
	gate     sync.RWMutex // held while nothing passes

	mu     sync.Mutex
	target string
	conns  map[net.Conn]bool
}

func newRelay(t testing.TB, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{listener: listener, target: target, conns: map[net.Conn]bool{}}
	go r.serve()
	t.Cleanup(func() {
		listener.Close()
		r.to("")
	})
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// to cuts all connections, and passes new ones on to another server.
func (r *relay) to(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
	for conn := range r.conns {
		conn.Close()
	}
	clear(r.conns)
}

func (r *relay) serve() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		far, err := net.Dial("tcp", r.target)
		if err != nil {
			near.Close()
		} else {
			r.conns[near], r.conns[far] = true, true
			go r.copy(near, far)
			go r.copy(far, near)
		}
		r.mu.Unlock()
	}
}

func (r *relay) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	io.Copy(gated{r, to}, from)
}

// gated writes when nothing is stalled.
type gated struct {
	relay *relay
	conn  net.Conn
}

func (g gated) Write(b []byte) (int, error) {
	g.relay.gate.RLock()
	defer g.relay.gate.RUnlock()
	return g.conn.Write(b)
}
