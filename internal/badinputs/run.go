package badinputs

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/throttle"
)

var (
	fullFlag = flag.Bool("badinputs.full", false, "send as many requests as the catalogue of bad inputs names")
	soakFlag = flag.Duration("badinputs.soak", 0, "play the catalogue of bad inputs over and over for this `time`")
)

// Stores are what the server is made on. They are empty, and closed by the test.
type Stores struct {
	Users    Users
	Sessions Sessions
	Clients  Clients

	// Counters are those of the throttle. Nil means that they are in memory.
	Counters throttle.Store
}

// Users is what is needed of a store of users.
type Users interface {
	passbearer.UserStore
	passbearer.PasswordHashUpdater
	passbearer.UserEditor
	passbearer.EpochRaiser
	passbearer.RevocationStore
	AddUser(ctx context.Context, u passbearer.User) error
}

// Sessions is what is needed of a store of sessions.
type Sessions interface {
	passbearer.SessionStore
	passbearer.UserSessionStore
	passbearer.RevocationStore
}

// Clients is what is needed of a store of clients.
type Clients interface {
	passbearer.ClientStore
	AddClient(ctx context.Context, c passbearer.Client) error
}

// cases play the rows of a group, by id.
type cases map[string]func(*stage)

// groups are those of the catalogue, in its order.
var groups = []struct {
	name  string
	cases cases
}{
	{"authorization_header", authorizationHeader},
	{"jwt_structure", jwtStructure},
	{"jwt_claims", jwtClaims},
	{"jwt_header_keys", jwtHeaderKeys},
	{"form_body", formBody},
	{"client_auth", clientAuth},
	{"refresh_tokens", refreshTokens},
	{"passwords_usernames", passwordsUsernames},
	{"phc_hash_strings", phcHashStrings},
	{"concurrency_faults", concurrencyFaults},
}

// Run plays the catalogue, a group at a time, against servers on the stores that
// open returns, and logs one line with what it counted. What it has begun has ended
// when it returns.
func Run(t *testing.T, open func(*testing.T) Stores) {
	t.Helper()
	list, sum, start := mustRows(), new(tally), time.Now()
	keyringOnce() // which stays
	before, first := usage(), uint64(0)
	for again := true; again; again = time.Since(start) < *soakFlag {
		for _, g := range groups {
			t.Run(g.name, func(t *testing.T) { play(t, newServer(t, open(t), nil), list, g.cases, sum) })
		}
		if first == 0 {
			first = heap()
		}
	}
	t.Run("CF-041", func(t *testing.T) { isBack(t, before, first) })
	t.Log(sum)
}

func play(t *testing.T, s *server, list []row, cases cases, sum *tally) {
	for _, r := range list {
		if play := cases[r.id]; play != nil {
			t.Run(r.id, func(t *testing.T) { report(t, s.play(t.Context(), r, play), sum) })
		}
	}
}

func report(t *testing.T, c *stage, sum *tally) {
	t.Helper()
	sum.add(c.tally)
	for _, problem := range c.problems {
		t.Error(problem)
	}
}

// tally is what is counted.
type tally struct {
	rows, inputs                    int
	accepted, panics, undue, denied int // none of them should be
}

func (s *tally) add(of tally) {
	s.rows++
	s.inputs += of.inputs
	s.accepted += of.accepted
	s.panics += of.panics
	s.undue += of.undue
	s.denied += of.denied
}

func (s *tally) String() string {
	return fmt.Sprintf("badinputs: rows=%d inputs=%d, bad accepted=%d panics=%d undue 5xx=%d controls refused=%d",
		s.rows, s.inputs, s.accepted, s.panics, s.undue, s.denied)
}

// times is how often something is done: n, or with the flag as often as the
// catalogue says.
func times(n, full int) int {
	if *fullFlag {
		return full
	}
	return n
}
