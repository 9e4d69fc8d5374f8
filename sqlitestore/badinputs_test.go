package sqlitestore_test

import (
	"testing"

	"github.com/passbearer/passbearer/internal/badinputs"
)

// TestBadInputs counts, with -v, what was sent.
func TestBadInputs(t *testing.T) {
	badinputs.Run(t, func(t *testing.T) badinputs.Stores {
		s := open(t)
		return badinputs.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
	})
}
