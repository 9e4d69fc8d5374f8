package introspect

import "time"

// cache remembers verdicts, size of them at most. Where there is no room, the older
// half goes.
type cache struct {
	size       int
	young, old map[tag]entry
}

type entry struct {
	verdict verdict
	until   time.Time
}

// find returns no verdict that is too old, nor one of a token that has expired since.
func (c *cache) find(t tag, now time.Time) (verdict, bool) {
	e, ok := c.young[t]
	if !ok {
		e, ok = c.old[t]
	}
	if !ok || !now.Before(e.until) || isExpired(e.verdict.claims, now) {
		return verdict{}, false
	}
	return e.verdict, true
}

func (c *cache) add(t tag, v verdict, until time.Time) {
	if len(c.young) >= c.size/2 || c.young == nil {
		c.young, c.old = map[tag]entry{}, c.young
	}
	c.young[t] = entry{v, until}
}
