package throttle

import (
	"errors"
	"time"
)

// maxWhole bounds Burst times Every, so that no sum of times overflows.
const maxWhole = 10 * 365 * 24 * time.Hour

// Limit is an allowance: Burst attempts at once, and one more after each Every.
type Limit struct {
	Burst int           // 1 or more
	Every time.Duration // a millisecond or more; whole microseconds
}

// take returns what a counter becomes with one more attempt, or how long to wait
// until there is room for one. It is the generic cell rate algorithm.
func (l Limit) take(whole, now time.Time) (next time.Time, wait time.Duration) {
	limit := now.Add(time.Duration(l.Burst) * l.Every)
	switch {
	case whole.Before(now):
		whole = now
	case whole.After(limit):
		whole = limit
	}
	if next = whole.Add(l.Every); next.After(limit) {
		return whole, next.Sub(limit)
	}
	return next, 0
}

func (l Limit) check() error {
	switch {
	case l.Burst < 1:
		return errors.New("field Burst is below 1")
	case l.Every < time.Millisecond || l.Every%time.Microsecond != 0:
		return errors.New("field Every is below a millisecond, or not in whole microseconds")
	case l.Every > maxWhole/time.Duration(l.Burst):
		return errors.New("field Burst times Every is over ten years")
	}
	return nil
}
