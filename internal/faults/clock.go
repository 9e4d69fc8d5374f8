package faults

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/passbearer/passbearer/throttle"
)

// leap is how far the clocks jump.
const leap = 24 * time.Hour

// ClockJumps sets the process's clock and the stores' a day ahead and a day back, and
// each back again. open makes stores on the clock given.
func ClockJumps(t *testing.T, clock *Clock, open func(*testing.T) Stores) {
	for _, test := range []struct {
		name           string
		process, store bool
	}{
		{"the process's clock", true, false},
		{"the store's clock", false, true},
		{"both clocks", true, true},
	} {
		for _, by := range []time.Duration{leap, -leap} {
			t.Run(test.name+" by "+by.String(), func(t *testing.T) {
				j := &jump{T: t}
				j.App = New(t, open(t), Options{Throttle: &throttle.Options{Account: throttle.Limit{Burst: 5, Every: 10 * time.Hour}}})
				set := func(ahead time.Duration) {
					if test.process {
						j.Clock.Set(ahead)
					}
					if test.store {
						clock.Set(ahead)
					}
				}
				j.play(func() { set(by) }, func() { set(0) }, test.process)
			})
		}
	}
}

type jump struct {
	*testing.T
	*App
}

func (j *jump) need(status int, a Answer, what string) Answer {
	j.Helper()
	if a.Status != status {
		j.Errorf("%s: answered %d: %s", what, a.Status, a.Raw)
	}
	return a
}

func (j *jump) play(there, back func(), moved bool) {
	ctx, u, victim := j.T.Context(), j.AddUser(j.T, true), j.AddUser(j.T, true)
	signedIn := j.need(200, j.SignIn(ctx, u.Name, u.Password), "sign in")
	out := j.need(200, j.SignIn(ctx, u.Name, u.Password), "sign in, to sign out")
	j.need(200, j.Revoke(ctx, out.Refresh), "sign out")
	if n := j.guesses(victim); n != 5 {
		j.Errorf("%d guesses are let through, and not 5", n)
	}

	last := signedIn
	for _, step := range []struct {
		name string
		set  func()
	}{{"there", there}, {"back", back}, {"there again", there}, {"back again", back}} {
		step.set()
		old := j.Get(ctx, "/items", last.Access).Status
		if want := map[bool]int{true: 401, false: 200}[moved]; old != want {
			j.Errorf("%s: a token of before the jump: answered %d, and not %d", step.name, old, want)
		}
		last = j.need(200, j.Refresh(ctx, last.Refresh), step.name+": no session is ended by a jump")
		j.need(200, j.Get(ctx, "/items", last.Access), step.name+": a new token")
		j.need(401, j.Get(ctx, "/items", out.Access), step.name+": a token that was revoked")
		j.need(400, j.Refresh(ctx, out.Refresh), step.name+": a session that has ended")
		if n := j.guesses(victim); n > 3 { // a day is 2.4 of them
			j.Errorf("%s: %d more guesses are let through", step.name, n)
		}
	}
	j.need(200, j.SignIn(ctx, u.Name, u.Password), "sign in, when all is over")
}

// guesses counts wrong passwords that are looked at.
func (j *jump) guesses(u User) (n int) {
	c := &play{App: j.App, ctx: j.T.Context()}
	for ; n < 100; n++ {
		r := c.sender(c.ctx)("/token", "", "username", u.Name, "password", rand.Text())
		if a := j.Do(r); a.Status == 429 {
			return n
		}
	}
	return n
}
