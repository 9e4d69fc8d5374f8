package crashtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

const tabsPerSession = 4

// fleetTest is one Fleet.
type fleetTest struct {
	*verdict
	hosts   []*host
	callers []caller
	epochs  bool
}

func fleet(ctx context.Context, cfg Config) (res Result, err error) {
	f := &fleetTest{verdict: newVerdict(cfg)}
	sessions := max(1, pick(cfg.Clients, defaultTabs)/tabsPerSession)
	generations := pick(cfg.Rounds, defaultGenerations)
	users := newUsers(sessions + 2)
	defer func() {
		for _, h := range f.hosts {
			err = errors.Join(err, h.close())
		}
		res, err = f.result(err)
	}()
	if err := f.start(serverConfig{cfg.Source, users}); err != nil {
		return res, err
	}
	var tabs sync.WaitGroup
	for i, user := range users[:sessions] {
		tabs.Go(func() { f.share(ctx, i, user, generations, tabsPerSession) })
	}
	tabs.Wait()
	f.share(ctx, sessions, users[sessions], generations, sessions*tabsPerSession) // one token for all
	if !f.failed() {
		f.thefts(users[sessions+1])
	}
	if !f.failed() {
		f.endings(users[sessions+1])
	}
	f.rounds.Store(int64(generations))
	return res, ctx.Err()
}

func (f *fleetTest) start(cfg serverConfig) error {
	for range fleetSize {
		h, err := newHost(cfg, f.verdict)
		if err != nil {
			return err
		}
		f.hosts = append(f.hosts, h)
	}
	errs := make([]error, len(f.hosts))
	var starting sync.WaitGroup
	for i, h := range f.hosts { // at once, as a deployment does
		f.callers = append(f.callers, newCaller(h.url()))
		starting.Go(func() { errs[i] = h.start() })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	f.epochs = f.callers[0].post("/can").Epochs
	return nil
}

// share is a session that several tabs go on with, each through any server. They
// all present the same token, and go on when all are answered: whoever comes later
// than the successor's successor looks like a thief, and rightly so.
func (f *fleetTest) share(ctx context.Context, n int, user string, generations, tabs int) {
	random := f.random(uint64(n))
	first := f.signIn(f.callers[random.IntN(len(f.callers))], user, clientLong)
	token := first.Refresh
	for generation := range generations {
		if f.failed() || ctx.Err() != nil {
			return
		}
		answers := make([]answer, tabs)
		var presenting sync.WaitGroup
		for i := range answers {
			server := f.callers[random.IntN(len(f.callers))]
			presenting.Go(func() { answers[i] = f.must(server.refresh(token, clientLong)) })
		}
		presenting.Wait()
		token = f.agree(answers, fmt.Sprintf("session %s: generation %d", first.sid(), generation))
	}
}

// agree checks the answers to one token, of which one has rotated it, and returns
// the successor.
func (f *fleetTest) agree(answers []answer, where string) string {
	rotated := 0
	for _, a := range answers {
		switch {
		case !a.ok(): // must has told
		case a.Refresh != answers[0].Refresh:
			f.isForked("forked: %s: one refresh token has two successors", where)
		case a.event == passbearer.EventRefreshed:
			rotated++
		}
	}
	if f.rotations.Add(1); rotated != 1 && !f.failed() {
		f.isForked("forked: %s: %d of %d answers say that they rotated the refresh token", where, rotated, len(answers))
	}
	return answers[0].Refresh
}

// must takes no answer but 200: no server is killed here.
func (f *fleetTest) must(a answer) answer {
	f.saw(a)
	switch {
	case a.dead():
		f.isLost("lost: a refresh token that should be alive was refused: %v", a)
	case !a.ok():
		f.fail("a fleet that nobody kills answered %v", a)
	}
	return a
}

func (f *fleetTest) signIn(server caller, user, client string) answer {
	f.signIns.Add(1)
	return f.must(server.signIn(user, client))
}

// thefts replays old tokens: two behind within the grace, and one behind after it.
func (f *fleetTest) thefts(user string) {
	for i, client := range []string{clientLong, clientShort} {
		server := f.callers[i%len(f.callers)]
		first := f.signIn(server, user, client)
		second := f.must(server.refresh(first.Refresh, client))
		last := second
		if client == clientLong {
			last = f.must(server.refresh(second.Refresh, client))
		} else if !f.afterGrace(server, first.sid()) {
			return
		}
		f.expect(first.sid())
		thief := f.callers[(i+1)%len(f.callers)]
		if a := thief.refresh(first.Refresh, client); !a.dead() || a.event != passbearer.EventRefreshTokenStolen {
			f.isForked("forked: session %s: an old refresh token is not seen as stolen: %v", first.sid(), a)
		}
		f.over(last.Refresh, client, "theft of "+client+" grace")
		f.told(first.sid())
	}
}

// afterGrace waits until the short grace is over by the store's clock.
func (f *fleetTest) afterGrace(server caller, sid string) bool {
	return f.poll("the grace is not over", func() bool {
		return f.must(server.post("/used", "sid", sid)).SinceUsed > shortGrace+time.Millisecond
	})
}

func (f *fleetTest) poll(inVain string, done func() bool) bool {
	for deadline := time.Now().Add(catchUp); !done(); <-time.After(pause) {
		if f.failed() || time.Now().After(deadline) {
			f.fail("%s after %v", inVain, catchUp)
			return false
		}
	}
	return true
}

// over presents a token to each server.
func (f *fleetTest) over(token, client, why string) {
	for i, server := range f.callers {
		if a := server.refresh(token, client); !a.dead() {
			f.isRevived("revived: after %s, server %d: %v", why, i, a)
		}
	}
}

// told waits until each server's revocations know the session's end.
func (f *fleetTest) told(sid string) {
	for i, server := range f.callers {
		f.poll(fmt.Sprintf("session %s is not among the revocations of server %d", sid, i), func() bool {
			a := server.post("/revoked", "sid", sid)
			return a.status == http.StatusNotImplemented || a.Revoked
		})
	}
}

// endings end sessions through one server, and look at the others.
func (f *fleetTest) endings(user string) {
	paths := []string{pathRevoke}
	if f.epochs {
		paths = append(paths, "/everywhere", "/password", "/disable")
	}
	for i, path := range paths {
		server := f.callers[i%len(f.callers)]
		a := f.signIn(f.callers[(i+1)%len(f.callers)], user, clientLong)
		f.must(server.post(path, "user", user, "token", a.Refresh, "client_id", clientLong))
		f.signOuts.Add(1)
		f.over(a.Refresh, clientLong, path)
		f.told(a.sid())
	}
}
