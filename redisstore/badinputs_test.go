package redisstore_test

import (
	"testing"

	"github.com/passbearer/passbearer/internal/badinputs"
	"github.com/passbearer/passbearer/memstore"
)

// TestBadInputs has users and clients in memory, and counts, with -v, what was
// sent.
func TestBadInputs(t *testing.T) {
	badinputs.Run(t, func(t *testing.T) badinputs.Stores {
		others, s := memstore.New(), newStore(t, single(t), nil)
		return badinputs.Stores{Users: others, Sessions: s, Clients: others, Counters: s}
	})
}
