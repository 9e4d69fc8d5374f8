package passbearer

import (
	"context"
	"time"
)

// ReplayStore remembers ids for a time, so that what may be used once is used
// once, whichever of the processes that share the store it reaches. Its method
// is called concurrently.
type ReplayStore interface {
	// UseOnce reports whether id was not known, and remembers it for lifetime
	// from now on, by the store's clock, in one atomic step. An id has 1 to 128
	// bytes of printable ASCII. After an error nothing is known of it, and what
	// it stands for is not accepted.
	UseOnce(ctx context.Context, id string, lifetime time.Duration) (first bool, err error)
}
