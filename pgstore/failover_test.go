package pgstore_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/pgstore"
)

// pair is a primary and its standby, asynchronous unless a test says so, which change places.
type pair struct {
	t                *testing.T
	schema           string
	primary, standby *server
	link             *link
	failovers        int
}

// TestFailover cuts the standby off, lets the primary acknowledge a few rotations
// more, kills it and promotes the standby, again and again under load. Sessions
// that lost one rotation are healed, those that lost more have ended.
func TestFailover(t *testing.T) {
	p := newPair(t)
	source := p.source()
	for p.failovers == 0 { // what is killed is a matter of chance
		res := crashtest.Run(t, crashtest.Config{
			Source:          source,
			Rounds:          2, // a flag makes it more
			KillDatabase:    p.loseAndKill,
			RestartDatabase: p.promote,
			Failover:        true,
		})
		require.Zero(t, res.Forked)
		t.Logf("%d failovers: %d sessions healed, %d lost, %d forked", p.failovers, res.Healed, res.Lost, res.Forked)
	}
}

// TestSynchronousFailover: what is acknowledged is on the standby as well, so no
// rotation is lost, with 1,000 of them in flight. Sign-outs and sign-ins neither.
func TestSynchronousFailover(t *testing.T) {
	p := newPair(t, "synchronous_standby_names = '*'")
	until(t, "the standby is waited for", func() bool {
		return value[int](t, p.primary.url("postgres"), "SELECT count(*)::int FROM pg_stat_replication WHERE sync_state = 'sync'") == 1
	})
	res := crashtest.Run(t, crashtest.Config{
		Source:          p.source(),
		Rounds:          2, // the second kills the database; a flag makes it more
		Clients:         1000,
		KillDatabase:    func() { p.primary.crash() },
		RestartDatabase: p.promote,
	})
	require.Positive(t, p.failovers)
	require.Zero(t, res.Healed+res.Lost)
}

// source names both servers; whoever is the primary is found.
func (p *pair) source() string {
	return p.schema + " postgres:///postgres?user=postgres&port=5432,5432&host=" + url.QueryEscape(p.primary.dir+","+p.standby.dir)
}

// newPair makes one whose servers have the settings given, as have those that follow them.
func newPair(t *testing.T, settings ...string) *pair {
	t.Helper()
	p := &pair{t: t, schema: options(t).Schema, primary: ownServer(t)}
	openAt(t, p.primary.url("postgres"), &pgstore.Options{Schema: p.schema}).Close()
	for _, setting := range settings {
		execute(t, p.primary.url("postgres"), "ALTER SYSTEM SET "+setting)
	}
	execute(t, p.primary.url("postgres"), "SELECT pg_reload_conf()")
	dir, err := ownDir()
	require.NoError(t, err)
	p.standby = &server{dir: dir}
	p.link = newLink(t)
	p.attach()
	return p
}

// attach makes the standby anew from the primary, over the link.
func (p *pair) attach() {
	t := p.t
	t.Helper()
	data := p.standby.dir + "/data"
	require.NoError(t, os.RemoveAll(data))
	require.NoError(t, run(nil, binary("pg_basebackup"), "-D", data, "-h", p.primary.dir, "-p", "5432", "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"))
	conf, err := os.OpenFile(data+"/postgresql.auto.conf", os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	fmt.Fprintf(conf, "primary_conninfo = 'host=%s port=5432 user=postgres'\n", p.link.dir)
	require.NoError(t, conf.Close())
	p.link.connect(p.primary.dir)
	first := p.standby.process == nil
	require.NoError(t, p.standby.restart())
	if standby := p.standby; first {
		atEnd(standby.stop)
	}
	until(t, "the standby follows", func() bool {
		return value[int](t, p.primary.url("postgres"), "SELECT count(*)::int FROM pg_stat_replication WHERE state = 'streaming'") == 1
	})
}

// loseAndKill lets the primary acknowledge up to 30 rotations that the standby does
// not learn of.
func (p *pair) loseAndKill() {
	conn := connect(p.t, p.primary.url("postgres"))
	defer conn.Close(p.t.Context())
	rotations := func() (n int64) { // at least
		require.NoError(p.t, conn.QueryRow(p.t.Context(), "SELECT coalesce(sum(generation), 0)::bigint FROM "+p.schema+".sessions").Scan(&n))
		return n
	}
	p.link.cut()
	enough := rotations() + rand.Int64N(30)
	for late := time.Now().Add(time.Second); rotations() < enough && time.Now().Before(late); {
	}
	p.primary.crash()
}

func (p *pair) promote() {
	p.failovers++
	p.primary, p.standby = p.standby, p.primary
	execute(p.t, p.primary.url("postgres"), "SELECT pg_promote()")
	p.attach()
}

// link is the network between the two.
type link struct {
	dir   string
	mu    sync.Mutex
	to    string
	conns []net.Conn
}

func newLink(t *testing.T) *link {
	t.Helper()
	dir, err := ownDir()
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	listener, err := net.Listen("unix", dir+"/.s.PGSQL.5432")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir+"/.s.PGSQL.5432", 0o777))
	t.Cleanup(func() { listener.Close() })
	l := &link{dir: dir}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.join(conn)
		}
	}()
	return l
}

func (l *link) join(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	peer, err := net.Dial("unix", strings.TrimSuffix(l.to, "/")+"/.s.PGSQL.5432")
	if l.to == "" || err != nil {
		conn.Close()
		return
	}
	l.conns = append(l.conns, conn, peer)
	for _, ends := range [][2]net.Conn{{conn, peer}, {peer, conn}} {
		go func() {
			io.Copy(ends[0], ends[1])
			ends[0].Close()
		}()
	}
}

func (l *link) connect(to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

// cut drops what is on its way, and lets nobody connect again.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = ""
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}
