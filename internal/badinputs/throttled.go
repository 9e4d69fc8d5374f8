package badinputs

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/throttle"
)

// throttled is a token endpoint with the default throttle.
type throttled struct {
	path    string
	handler *passbearer.TokenHandler
	limiter *throttle.Limiter
}

// mounted numbers the paths that rows have for themselves.
var mounted atomic.Int64

// throttle makes one that has seen no attempt, on the store's counters and clock.
func (c *stage) throttle() throttled {
	secret := []byte(rand.Text() + rand.Text())
	return c.throttleOn(throttle.Options{Store: c.stores.Counters, Secrets: [][]byte{secret}, Now: c.clock.now})
}

func (c *stage) throttleOn(o throttle.Options) throttled {
	t := throttled{path: fmt.Sprintf("/throttled/%d/token", mounted.Add(1)), limiter: must(throttle.New(&o))}
	t.handler = c.mount(t.path, passbearer.TokenHandlerOptions{Throttle: t.limiter})
	return t
}

// exhaust uses up what strangers may guess at a name.
func (c *stage) exhaust(t throttled, name string) {
	for range 40 {
		if c.send(post(t.path, passwordForm(name, rand.Text()))).status == http.StatusTooManyRequests {
			return
		}
	}
	c.need(false, "40 guesses were let through")
}

func (c *stage) exhaustAddress(t throttled) {
	for range 130 {
		if c.send(post(t.path, passwordForm("nobody-"+rand.Text(), rand.Text()))).status == http.StatusTooManyRequests {
			return
		}
	}
	c.need(false, "130 guesses were let through")
}
