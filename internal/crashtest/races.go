package crashtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	raceWidth  = 4 // races at once, for less than that a store may be at rest
	rivals     = 2 // that present the same token at once
	headStart  = 4 // generations, before the end is asked for
	maxSignIns = 20
	maxSpin    = 200 * time.Microsecond
)

// raceTest is one Races.
type raceTest struct {
	*verdict
	caller caller
}

func races(ctx context.Context, cfg Config) (res Result, err error) {
	r := &raceTest{verdict: newVerdict(cfg)}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s, err := openServer(starting, opener, serverConfig{Source: cfg.Source})
	if err != nil {
		return r.result(err)
	}
	s.alarm = alarmWriter(r.alarm)
	r.caller = inProcess(s)
	for _, path := range endings(s) {
		r.runAll(ctx, path, pick(*racesFlag, cfg.Races, defaultRaces))
	}
	return r.result(s.close(), ctx.Err())
}

// endings are the ways to end a session that the store knows.
func endings(s *server) []string {
	paths := []string{pathRevoke}
	if _, ok := s.users.(passbearer.EpochRaiser); ok {
		paths = append(paths, "/everywhere")
	}
	if _, ok := s.users.(passbearer.UserEditor); ok {
		paths = append(paths, "/password", "/disable")
	}
	return paths
}

func (r *raceTest) runAll(ctx context.Context, path string, n int) {
	users := newUsers(n)
	var next atomic.Int64
	var running sync.WaitGroup
	for i := range raceWidth {
		random := r.random(uint64(i))
		running.Go(func() {
			for k := next.Add(1) - 1; k < int64(n) && ctx.Err() == nil && !r.failed(); k = next.Add(1) - 1 {
				r.run(random, path, users[k])
				r.rounds.Add(1)
			}
		})
	}
	running.Wait()
}

// run is one race. The tokens are kept, to be tried when it is over.
func (r *raceTest) run(random *rand.Rand, path, user string) {
	r.must(r.caller.post("/user", "user", user))
	first := r.must(r.caller.signIn(user, clientLong))
	r.signIns.Add(1)
	var over atomic.Bool
	tokens := make(chan []string, 1)
	begun := make(chan struct{})
	go func() { tokens <- r.refreshUntil(&over, first.Refresh, random.IntN(headStart), begun) }()
	others := make(chan []string, 1)
	go func() { others <- r.signInUntil(&over, path, user) }()
	<-begun
	spin(time.Duration(random.Int64N(int64(maxSpin))))
	if path == pathRevoke { // by a token of any generation
		r.must(r.caller.signOut(first.Refresh, clientLong))
	} else {
		r.must(r.caller.post(path, "user", user))
	}
	over.Store(true)
	r.signOuts.Add(1)
	dead := append(<-others, <-tokens...)
	r.tryDead(path, user, dead)
	if path == "/disable" { // enabled again, the user has no sessions still
		r.must(r.caller.post("/enable", "user", user))
		r.tryDead(path+" and /enable", user, dead)
	}
}

// signInUntil signs in until the user is signed out everywhere, and returns the refresh
// tokens of sessions that began before: they have the epoch of a new user, though
// their rows may have been made after all rows were ended.
func (r *raceTest) signInUntil(over *atomic.Bool, path, user string) (tokens []string) {
	for n := 0; n < maxSignIns && path != pathRevoke && !over.Load(); n++ {
		a := r.caller.signIn(user, clientLong)
		switch r.saw(a); {
		case a.ok() && a.epoch() == "1":
			r.signIns.Add(1)
			tokens = append(tokens, a.Refresh)
		case !a.ok() && !a.dead():
			r.fail("sign-in: %v", a)
		}
	}
	return tokens
}

// refreshUntil rotates until the session is over, and returns all refresh tokens. It
// closes begun after so many generations.
func (r *raceTest) refreshUntil(over *atomic.Bool, token string, generations int, begun chan<- struct{}) []string {
	tokens := []string{token}
	for ; ; generations-- {
		if generations == 0 {
			close(begun)
		}
		late := over.Load() // what is asked from now on is asked after the acknowledgement
		next := r.rivals(tokens[len(tokens)-1])
		if next != "" {
			tokens = append(tokens, next)
			r.rotations.Add(1)
		}
		if next != "" && late {
			r.isRevived("revived: a refresh that began after the acknowledgement succeeded")
		}
		if next == "" || late {
			if generations > 0 {
				r.isLost("lost: a session ended before it was asked to")
				close(begun)
			}
			return tokens
		}
	}
}

// rivals present one token at once. It returns the successor, or nothing when it is
// dead.
func (r *raceTest) rivals(token string) (next string) {
	answers := make([]answer, rivals)
	var presenting sync.WaitGroup
	for i := range answers {
		presenting.Go(func() { answers[i] = r.caller.refresh(token, clientLong) })
	}
	presenting.Wait()
	for _, a := range answers {
		switch r.saw(a); {
		case a.ok() && next != "" && next != a.Refresh:
			r.isForked("forked: one refresh token has two successors")
		case a.ok():
			next = a.Refresh
		case !a.dead():
			r.fail("refresh: %v", a)
		}
	}
	return next
}

// tryDead presents the newest tokens first: they may be alive where older ones end
// the session as stolen.
func (r *raceTest) tryDead(path, user string, tokens []string) {
	for i := len(tokens) - 1; i >= 0; i-- {
		if a := r.caller.refresh(tokens[i], clientLong); !a.dead() {
			r.isRevived("revived: after %s of %s, refresh token %d of %d: %v", path, user, i, len(tokens), a)
		}
	}
}

func (r *raceTest) must(a answer) answer {
	if r.saw(a); !a.ok() {
		r.fail("in a race: %v", a)
	}
	return a
}

// spin takes less time than a timer can.
func spin(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}
