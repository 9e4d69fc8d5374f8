package crashtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// host has the address of a server, whose processes come and go.
type host struct {
	cfg      serverConfig
	listener *net.TCPListener
	file     *os.File // of the listener, for the processes
	verdict  *verdict
	process  *process
}

func newHost(cfg serverConfig, v *verdict) (*host, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	tcp := listener.(*net.TCPListener)
	file, err := tcp.File()
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return &host{cfg: cfg, listener: tcp, file: file, verdict: v}, nil
}

func (h *host) url() string { return "http://" + h.listener.Addr().String() }

func (h *host) close() error {
	err := h.kill()
	h.hangUp()
	return err
}

// hangUp resets the connections that wait for a server.
func (h *host) hangUp() {
	h.file.Close()
	h.listener.Close()
}

// start returns when the server answers. Connections made before wait for it.
func (h *host) start() error {
	config, err := json.Marshal(h.cfg)
	if err != nil {
		return err
	}
	p := &process{cmd: exec.Command(os.Args[0]), ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), serverEnv+"=1")
	p.cmd.ExtraFiles = []*os.File{h.file}
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("crashtest: start a server: %w", err)
	}
	h.process = p
	go h.follow(p, stdout)
	if _, err := p.stdin.Write(config); err != nil {
		return errors.Join(fmt.Errorf("crashtest: configure a server: %w", err), h.kill())
	}
	select {
	case <-p.ready:
		return nil
	case <-p.ended: // which is told
		return nil
	case <-time.After(startTimeout):
		return errors.Join(fmt.Errorf("crashtest: the server was not ready after %v\n%s", startTimeout, p.stderr.String()), h.kill())
	}
}

// follow waits for the end, which is a failure unless kill brings it about: then
// nobody will answer those who wait.
func (h *host) follow(p *process, stdout io.Reader) {
	p.read(stdout, h.verdict.alarm)
	p.cmd.Wait()
	if !p.killed.Load() {
		h.verdict.fail("the server ended by itself: %v\n%s", p.cmd.ProcessState, p.stderr.String())
		h.hangUp()
	}
	close(p.ended)
}

// kill ends the process by SIGKILL. The error is what it has done wrong before.
func (h *host) kill() error {
	p := h.process
	if p == nil {
		return nil
	}
	h.process = nil
	p.killed.Store(true)
	p.cmd.Process.Kill()
	<-p.ended
	p.stdin.Close()
	if out := p.stderr.String(); strings.Contains(out, "DATA RACE") || strings.Contains(out, "panic") {
		return fmt.Errorf("crashtest: the server wrote:\n%s", out)
	}
	return nil
}

// process is one life of a server. It ends when its standard input does, so none
// outlives the test.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr head
	ready  chan struct{}
	ended  chan struct{}
	killed atomic.Bool
}

// read takes, until the end, the ready line, and then alarms, of which none is lost when the
// process is killed.
func (p *process) read(stdout io.Reader, raise func(alarm)) {
	lines := bufio.NewReader(stdout)
	for line, err := lines.ReadString('\n'); err == nil; line, err = lines.ReadString('\n') {
		var a alarm
		switch {
		case strings.HasPrefix(line, readyLine+" "):
			close(p.ready)
		case json.Unmarshal([]byte(line), &a) == nil:
			raise(a)
		default:
			io.WriteString(&p.stderr, line)
		}
	}
}

// head keeps the beginning of what is written to it.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const headSize = 16 << 10

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Write(b[:max(0, min(len(b), headSize-h.buf.Len()))])
	return len(b), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.String()
}
