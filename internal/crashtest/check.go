package crashtest

import (
	"net/http"
	"time"
)

// feedDelay is how long a revocation may take to be told, once the feed has caught up.
const feedDelay = 3 * time.Second

// check holds the client's knowledge against the server's, when nothing is
// pending.
func (c *rotator) check() {
	c.checkDead()
	c.checkList()
	if c.token != "" && !c.failed() {
		c.do(opRefresh) // what was returned after the crash works
	}
	clear(c.dead)
}

// checkDead tries what was signed out.
func (c *rotator) checkDead() {
	for sid, token := range c.dead {
		a := c.until(func() answer { return c.caller.refresh(token, clientLong) })
		if !a.dead() {
			c.isRevived("revived: %s: session %s: its sign-out was acknowledged: %v", c.user, sid, a)
			continue
		}
		c.checkRevoked(sid)
	}
}

// checkRevoked waits until the feed tells it.
func (c *rotator) checkRevoked(sid string) {
	late, caughtUp := time.Now().Add(catchUp), false
	for wait := pause; !c.failed(); wait = min(2*wait, maxPause) {
		a := c.until(func() answer { return c.caller.post("/revoked", "sid", sid) })
		switch {
		case a.status == http.StatusNotImplemented || a.Revoked:
			return
		case a.Fresh && !caughtUp: // what was acknowledged a moment ago may be on its way
			late, caughtUp = time.Now().Add(feedDelay), true
		case time.Now().After(late):
			c.isRevived("revived: %s: session %s: no revocation tells of its sign-out; caught up: %t", c.user, sid, caughtUp)
			return
		}
		<-time.After(wait)
	}
}

// checkList compares the sessions of the user with those that were acknowledged,
// and ends those that nobody holds.
func (c *rotator) checkList() {
	a := c.until(func() answer { return c.caller.post("/sessions", "user", c.user) })
	if a.status == http.StatusNotImplemented {
		return
	}
	listed, strays := map[string]bool{}, 0
	for _, sid := range a.SessionIDs {
		switch listed[sid] = true; {
		case c.live[sid]:
		case c.dead[sid] != "":
			c.isRevived("revived: %s: session %s is listed, and its sign-out was acknowledged", c.user, sid)
		default:
			strays++
			c.until(func() answer { return c.caller.post("/end", "user", c.user, "sid", sid) })
		}
	}
	for sid := range c.live {
		if !listed[sid] && a.ok() {
			c.isLost("lost: %s: session %s was acknowledged and is not listed", c.user, sid)
			delete(c.live, sid)
			c.token, c.parent = "", "" // there are no others
		}
	}
	if strays > c.unanswered+c.stragglers {
		c.isStray("stray: %s: %d sessions that nobody knows, after %d sign-ins without an answer", c.user, strays, c.unanswered)
	}
	c.stragglers = max(0, c.unanswered-strays)
	c.unanswered = 0
}

// until asks until there is an answer.
func (c *rotator) until(ask func() answer) answer {
	deadline := time.Now().Add(catchUp)
	for wait := pause; ; wait = min(2*wait, maxPause) {
		a := ask()
		if !c.unansweredBy(a) {
			return a
		}
		if time.Now().After(deadline) || c.failed() {
			c.fail("%s: no answer for %v: %v", c.user, catchUp, a)
			return a
		}
		<-time.After(wait)
	}
}
