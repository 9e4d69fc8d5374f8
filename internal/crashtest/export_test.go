package crashtest

import (
	"errors"
	"time"
)

// What the tests are, before they fail a testing.T.
var (
	CrashErr = crash
	FleetErr = fleet
	RacesErr = races
)

// EndWithTest starts a server and ends as a test does that is killed.
func EndWithTest(source string) error {
	h, err := newHost(serverConfig{Source: source}, newVerdict(Config{}))
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.start(); err != nil {
		return err
	}
	h.process.stdin.Close()
	select {
	case <-h.process.ended:
		return nil
	case <-time.After(startTimeout):
		return errors.New("the server outlives its test")
	}
}

// Printed is what a message shows of an answer with these tokens.
func Printed(access, refresh string) any { return answer{Access: access, Refresh: refresh} }

// RacesOr is n, unless the flag says another number.
func RacesOr(n int) int { return pick(*racesFlag, n) }
