package crashtest

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/passbearer/passbearer"
)

// op is what a client does. One that was not answered is done again, unchanged.
type op int

const (
	opNone       op = iota
	opSignIn        // by name and password
	opRefresh       // rotates
	opDouble        // rotates, in two requests at once
	opRepeat        // the token before the current one once more
	opSignOut       // at the revocation endpoint
	opEverywhere    // signs out everywhere
)

const (
	pause    = 3 * time.Millisecond // before a request is sent again
	maxPause = 100 * pause          // doubled up to that
	catchUp  = 30 * time.Second     // until all must be well after a crash, within the grace
)

// rotator is a client with a user of its own, so that it knows which sessions
// that user may have. Only one goroutine at a time uses it.
type rotator struct {
	*verdict
	caller     caller
	rand       *rand.Rand
	user       string
	everywhere bool // can be signed out of, durably

	token, parent string // of the current session; parent is "" where it must not be tried
	sid           string
	pending       op

	unanswered int               // sign-ins of this round, which may have begun a session
	stragglers int               // the last round's, which a database may finish after the crash
	live       map[string]bool   // sids that were acknowledged and are not over
	dead       map[string]string // by sid, a refresh token of each that was signed out
	answers    *atomic.Int64
}

// rotate goes on until stop is set, and leaves the operation that the crash cut
// off pending.
func (c *rotator) rotate(stop *atomic.Bool) {
	for !stop.Load() && !c.failed() {
		if c.pending == opNone {
			c.pending = c.choose()
		}
		if !c.attempt() {
			<-time.After(pause)
			continue
		}
		c.answers.Add(1)
	}
}

// settle does what is pending, until it is answered.
func (c *rotator) settle() {
	wait := pause
	for deadline := time.Now().Add(catchUp); c.pending != opNone && !c.failed(); {
		if c.attempt() {
			return
		}
		if time.Now().After(deadline) {
			c.fail("%s: no answer for %v", c.user, catchUp)
			return
		}
		<-time.After(wait)
		wait = min(2*wait, maxPause)
	}
}

// do is one operation of the harness's own choice.
func (c *rotator) do(o op) {
	c.pending = o
	c.settle()
}

func (c *rotator) choose() op {
	n := c.rand.IntN(100)
	switch {
	case c.token == "":
		return opSignIn
	case n < 4:
		return opSignOut
	case n < 5 && c.everywhere:
		return opEverywhere
	case n < 20:
		return opDouble
	case n < 30 && c.parent != "":
		return opRepeat
	}
	return opRefresh
}

// attempt sends the pending operation once. It reports whether it was answered.
func (c *rotator) attempt() bool {
	var done bool
	switch c.pending {
	case opSignIn:
		done = c.signIn()
	case opRefresh:
		done = c.rotated(c.caller.refresh(c.token, clientLong))
	case opDouble:
		done = c.double()
	case opRepeat:
		done = c.repeat()
	case opSignOut:
		done = c.signedOut(c.caller.signOut(c.token, clientLong), c.sid)
	case opEverywhere:
		done = c.signedOut(c.caller.post("/everywhere", "user", c.user), "")
	}
	if done {
		c.pending = opNone
	}
	return done
}

// unansweredBy reports whether a is no answer, and the request has to be sent again.
func (c *rotator) unansweredBy(a answer) bool {
	c.saw(a)
	var timeout net.Error
	if errors.As(a.err, &timeout) && timeout.Timeout() {
		c.fail("%s: the server hangs: %v", c.user, a)
	}
	return a.again()
}

func (c *rotator) signIn() bool {
	c.unanswered++
	a := c.caller.signIn(c.user, clientLong)
	if c.unansweredBy(a) {
		return false
	}
	c.unanswered--
	if !a.ok() || a.Refresh == "" || a.sid() == "" {
		c.fail("%s: sign-in: %v", c.user, a)
		return true
	}
	c.signIns.Add(1)
	c.token, c.parent, c.sid = a.Refresh, "", a.sid()
	c.live[c.sid] = true
	return true
}

// rotated takes the answer to the current token.
func (c *rotator) rotated(a answer) bool {
	if c.unansweredBy(a) {
		return false
	}
	switch {
	case a.dead():
		c.lose("a refresh token that should be alive was refused: %v", a)
	case !a.ok() || a.Refresh == "":
		c.fail("%s: refresh: %v", c.user, a)
	case a.Refresh == c.token || a.sid() != c.sid:
		c.isForked("forked: %s: session %s: a refresh token is its own successor, or another session's", c.user, c.sid)
	default:
		if c.rotations.Add(1); c.pending == opRefresh && a.event == passbearer.EventRefreshRepeated {
			c.unheard.Add(1) // it is the only one to send this token
		}
		c.token, c.parent = a.Refresh, c.token
	}
	return true
}

// lose gives the session up.
func (c *rotator) lose(format string, a answer) {
	c.isLost("lost: %s: session %s: "+format, c.user, c.sid, a)
	delete(c.live, c.sid)
	c.token, c.parent = "", ""
}

// double sends the same token twice at once. Whatever is answered must agree.
func (c *rotator) double() bool {
	token := c.token
	other := make(chan answer, 1)
	go func() { other <- c.caller.refresh(token, clientLong) }()
	a := c.caller.refresh(token, clientLong)
	b := <-other
	if a.ok() && b.ok() {
		if a.Refresh != b.Refresh {
			c.isForked("forked: %s: session %s: one refresh token has two successors", c.user, c.sid)
		}
		if a.event == passbearer.EventRefreshed && b.event == passbearer.EventRefreshed {
			c.isRotatedTwice(c.sid)
		}
	}
	if a.again() {
		a, b = b, a
	}
	switch {
	case b.again(): // the one that is left, if any, decides
		c.unansweredBy(b)
	case b.ok():
		c.saw(b)
	default: // a refusal
		a = b
	}
	return c.rotated(a)
}

// repeat sends the token before the current one. Nothing has been sent of the
// current one, so it must get that one again.
func (c *rotator) repeat() bool {
	a := c.caller.refresh(c.parent, clientLong)
	if c.unansweredBy(a) {
		return false
	}
	switch {
	case a.dead():
		c.lose("a repeated refresh token was refused within the grace: %v", a)
	case !a.ok():
		c.fail("%s: refresh: %v", c.user, a)
	case a.Refresh != c.token:
		c.isForked("forked: %s: session %s: a refresh token has another successor than before", c.user, c.sid)
	case a.event == passbearer.EventRefreshed:
		c.isRotatedTwice(c.sid)
	}
	c.parent = ""
	return true
}

// signedOut takes the acknowledgement of the end of one session, or of all.
func (c *rotator) signedOut(a answer, sid string) bool {
	if c.unansweredBy(a) {
		return false
	}
	if !a.ok() {
		c.fail("%s: sign-out: %v", c.user, a)
		return true
	}
	c.signOuts.Add(1)
	c.dead[c.sid] = c.token
	if delete(c.live, c.sid); sid == "" {
		clear(c.live)
	}
	c.token, c.parent = "", ""
	return true
}
