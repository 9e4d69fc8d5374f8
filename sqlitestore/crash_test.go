package sqlitestore_test

import (
	"testing"

	"github.com/passbearer/passbearer/internal/crashtest"
)

// TestCrash kills the process at random moments, 15 times, or as often as
// -crashtest.rounds says; each time the file must be whole.
func TestCrash(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	crashtest.Run(t, crashtest.Config{Source: path, Inspect: func() { clean(t, path) }})
}

// TestFleet has three processes on one file: 15 generations of each refresh token, or
// as many as -crashtest.rounds says.
func TestFleet(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	crashtest.Fleet(t, crashtest.Config{Source: path, Rounds: 15})
	clean(t, path)
}

// TestRaces has 40 races of each kind, or as many as -crashtest.races says.
func TestRaces(t *testing.T) {
	t.Parallel()
	crashtest.Races(t, crashtest.Config{Source: newPath(t), Races: 40})
}
