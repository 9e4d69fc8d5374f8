package crashtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxAnswers = 60                     // before the countdown to the kill begins
	maxFuse    = 250 * time.Millisecond // the countdown
	slowest    = 3 * time.Second        // waiting for answers is given up then
)

// crasher is one Run.
type crasher struct {
	*verdict
	cfg      Config
	rand     *mathrand.Rand
	host     *host
	clients  []*rotator
	replayer *rotator // its session is thrown away
	old      []string // the replayer's tokens so far
	answers  atomic.Int64
}

func crash(ctx context.Context, cfg Config) (res Result, err error) {
	c := &crasher{verdict: newVerdict(cfg), cfg: cfg}
	c.rand = c.random(0)
	users := newUsers(pick(cfg.Clients, defaultClients) + 1)
	if c.host, err = newHost(serverConfig{cfg.Source, users}, c.verdict); err != nil {
		return c.result(err)
	}
	defer func() { // also where a hook has ended the test
		res, err = c.result(err, c.host.close())
	}()
	if err := c.host.start(); err != nil {
		return res, err
	}
	c.enlist(users)
	for rounds := pick(*roundsFlag, cfg.Rounds, defaultRounds); c.rounds.Load() < int64(rounds) && !c.failed(); {
		if err := errors.Join(c.round(), ctx.Err()); err != nil {
			return res, fmt.Errorf("round %d: %w", c.rounds.Load(), err)
		}
		c.rounds.Add(1)
	}
	return res, nil
}

// newUsers returns names that no other run has, which are ids too.
func newUsers(n int) []string {
	run := "crashtest-" + strings.ToLower(rand.Text()[:10])
	users := make([]string, n)
	for i := range users {
		users[i] = fmt.Sprintf("%s-%d", run, i)
	}
	return users
}

// enlist makes a client of each user. The last one replays.
func (c *crasher) enlist(users []string) {
	caller := newCaller(c.host.url())
	epochs := caller.post("/can").Epochs
	for i, user := range users {
		c.clients = append(c.clients, &rotator{verdict: c.verdict, caller: caller, rand: c.random(uint64(i) + 1), user: user,
			everywhere: epochs, live: map[string]bool{}, dead: map[string]string{}, answers: &c.answers})
	}
	last := len(c.clients) - 1
	c.replayer, c.clients = c.clients[last], c.clients[:last]
}

// round lets the clients go until the crash, and then sees how they fare.
func (c *crasher) round() error {
	var stop atomic.Bool
	done := c.all(func(r *rotator) { r.rotate(&stop) })
	c.burn()
	err := c.crash(&stop)
	if err != nil {
		c.host.hangUp() // nobody will answer
	}
	<-done
	if err != nil || c.failed() {
		return err
	}
	<-c.all((*rotator).settle)
	if !c.failed() {
		<-c.all((*rotator).check)
	}
	if !c.failed() && !c.cfg.Failover {
		c.replay()
	}
	return nil
}

// all runs f for each client, and closes done when all are.
func (c *crasher) all(f func(*rotator)) (done <-chan struct{}) {
	var running sync.WaitGroup
	for _, r := range c.clients {
		running.Go(func() { f(r) })
	}
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	return ended
}

// burn waits for a number of answers, and then for a moment that no answer has
// to do with.
func (c *crasher) burn() {
	enough := c.answers.Load() + c.rand.Int64N(maxAnswers)
	c.await(slowest, func() bool { return c.answers.Load() >= enough })
	// Short ones more often: a crash among the first requests is as likely as
	// later.
	share := c.rand.Float64()
	fuse := time.Duration(share * share * float64(maxFuse))
	<-time.After(fuse)
}

// await polls while there is hope.
func (c *crasher) await(patience time.Duration, done func() bool) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); !done() && time.Now().Before(late) && !c.failed(); {
		<-tick.C
	}
}

// crash kills the server, the database or both, and brings them up again.
func (c *crasher) crash(stop *atomic.Bool) error {
	defer stop.Store(true)
	server, database := true, false
	if c.cfg.KillDatabase != nil && c.cfg.RestartDatabase != nil {
		turn := c.rounds.Load() % 3
		server, database = turn != 1, turn != 0 || c.cfg.Failover
	}
	serverFirst := c.rand.IntN(2) == 0
	var err error
	if server && serverFirst {
		err = c.host.kill()
	}
	if database {
		before := c.retries.Load()
		if c.cfg.KillDatabase(); !server { // it has to notice
			c.await(slowest, func() bool { return c.retries.Load() > before })
		}
	}
	if server && !serverFirst {
		err = c.host.kill()
	}
	stop.Store(true)
	if database {
		c.cfg.RestartDatabase()
	}
	if err != nil || !server {
		return err
	}
	if c.cfg.Inspect != nil {
		c.cfg.Inspect()
	}
	return c.host.start()
}

// replay shows a refresh token that is two behind, from before the crash, which
// ends its session; then it makes the next one.
func (c *crasher) replay() {
	r := c.replayer
	if len(c.old) > 0 {
		if r.pending = opRepeat; c.rand.IntN(2) == 0 {
			r.settle() // as whoever lost the last answer
		}
		r.pending = opNone
		c.expect(r.sid)
		if a := r.until(func() answer { return r.caller.refresh(c.old[0], clientLong) }); !a.dead() {
			c.isForked("forked: session %s: a refresh token two behind lives on: %v", r.sid, a)
		}
		if a := r.until(func() answer { return r.caller.refresh(r.token, clientLong) }); !a.dead() {
			c.isRevived("revived: session %s: it was ended as stolen: %v", r.sid, a)
		}
	}
	c.old = nil
	for _, o := range []op{opSignIn, opRefresh, opRefresh} {
		r.do(o)
		c.old = append(c.old, r.token)
	}
}
