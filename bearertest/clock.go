package bearertest

import (
	"sync"
	"time"
)

// Clock is a clock that a test moves. Its method value clock.Now goes wherever an
// option takes a func() time.Time: jwttoken.Options.Now, memstore.Store.Now,
// [passbearer.TokenHandlerOptions.Now]. The zero Clock shows [time.Now], which in a
// bubble of testing/synctest is the bubble's time. It is safe for concurrent use and
// must not be copied.
type Clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	stands time.Time // zero: it runs
}

// Now returns the time of c.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stands.IsZero() {
		return time.Now().Add(c.ahead)
	}
	return c.stands
}

// Advance moves c by d, which may be negative. A clock that runs goes on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stands.IsZero() {
		c.ahead += d
	} else {
		c.stands = c.stands.Add(d)
	}
}

// Stop stops c at t, so that from then on Advance alone moves it.
func (c *Clock) Stop(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stands = t
}
