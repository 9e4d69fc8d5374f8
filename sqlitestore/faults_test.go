package sqlitestore_test

import (
	"testing"

	"github.com/passbearer/passbearer/internal/faults"
	"github.com/passbearer/passbearer/sqlitestore"
)

func faultStores(t *testing.T) faults.Stores {
	s := open(t)
	return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
}

// TestFaultsEverywhere counts, with -v, how many there were.
func TestFaultsEverywhere(t *testing.T) { t.Parallel(); faults.Everywhere(t, faultStores) }

// TestSoak takes -faults.soak=30m for as long a load.
func TestSoak(t *testing.T) {
	faults.Soak(t, func(t *testing.T) faults.Stores {
		s := openWith(t, &sqlitestore.Options{RevocationLifetime: faults.SoakLifetime})
		return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
	})
}

func TestClockJumps(t *testing.T) {
	t.Parallel()
	clock := new(faults.Clock)
	faults.ClockJumps(t, clock, func(t *testing.T) faults.Stores {
		s := openWith(t, &sqlitestore.Options{Now: clock.Now})
		return faults.Stores{Users: s, Sessions: s, Clients: s, Counters: s}
	})
}
