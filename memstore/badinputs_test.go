package memstore_test

import (
	"testing"

	"github.com/passbearer/passbearer/internal/badinputs"
	"github.com/passbearer/passbearer/memstore"
)

// TestBadInputs counts, with -v, what was sent.
func TestBadInputs(t *testing.T) {
	badinputs.Run(t, func(*testing.T) badinputs.Stores {
		s := memstore.New()
		return badinputs.Stores{Users: s, Sessions: s, Clients: s}
	})
}
