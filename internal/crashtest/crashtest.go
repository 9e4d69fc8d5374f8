package crashtest

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/storetest"
)

var (
	roundsFlag = flag.Int("crashtest.rounds", 0, "how many `rounds` crashtest.Run takes; 0 means what the test says")
	racesFlag  = flag.Int("crashtest.races", 0, "how many `races` of each kind crashtest.Races takes; 0 means what the test says")
	seedFlag   = flag.Uint64("crashtest.seed", 0, "the `seed` of crashtest's random choices; 0 means another one each time")
)

const (
	defaultRounds      = 15
	defaultGenerations = 30
	defaultRaces       = 100
	defaultClients     = 16
	defaultTabs        = 64
	fleetSize          = 3

	longGrace  = 60 * time.Second       // of what crashes: no retry may come too late
	shortGrace = 300 * time.Millisecond // of what is replayed: it is waited for
)

// Backend is what a server works on. It is opened anew in each process.
type Backend struct {
	// Users are those of the server; the password is not looked at. Where they
	// are a passbearer.UserEditor and an EpochRaiser too, changes of passwords,
	// disabling and signing out everywhere are tested.
	Users storetest.UserStore

	// ForgetfulUsers says that Users do not outlive the process, as when only
	// sessions are the store's. Nothing is then tested that needs epochs to
	// outlive it.
	ForgetfulUsers bool

	Sessions passbearer.SessionStore

	// Revocations are watched by the server, and must tell of every sign-out
	// after a crash. The refreshing does not ask them, so that they cannot hide
	// what Sessions lost. Nil means none.
	Revocations passbearer.RevocationStore

	// Close is called where a process ends in peace. Nil means nothing to do.
	Close func() error
}

// Open opens the store behind source, which is [Config.Source]. It is called in
// the server's process, and by [Races] in the test's; ctx ends with the start,
// so the Backend must not keep it. It fails rather than wait where the database
// is not there.
type Open func(ctx context.Context, source string) (*Backend, error)

// Config says what is tested.
type Config struct {
	// Source is passed to the [Open] given to [Main]: a path, or a URL with a
	// password, which is neither printed nor in any process's environment.
	Source string

	// Rounds is how many crashes [Run] makes; zero means 15, and the flag wins.
	// In [Fleet] it is how often each session is refreshed; zero means 30.
	Rounds int

	// Races is how many [Races] there are of each kind. Zero means 100; the flag
	// wins.
	Races int

	// Clients is how many refresh at once. Zero means 16, and 64 in [Fleet].
	Clients int

	// KillDatabase kills the database's server with SIGKILL, and RestartDatabase
	// starts it again on the same address and returns when it accepts
	// connections, well within 20 seconds. Where both are set, [Run] kills in
	// turn the server, the database, and one after the other. They are called on
	// the test's goroutine.
	KillDatabase    func()
	RestartDatabase func()

	// Inspect is called after each crash, when no server has the data open and
	// the database runs again: to check the file, say. Nil means nothing to do.
	Inspect func()

	// Failover says that RestartDatabase brings up an asynchronous standby, so
	// that acknowledged writes are lost. The database is then killed each time.
	// Healed and lost sessions, sign-outs that did not last, and sessions that
	// nobody knows are counted and no failure; forks are one still.
	Failover bool
}

// Format hides the source from package fmt.
func (Config) Format(s fmt.State, _ rune) { io.WriteString(s, "crashtest.Config{…}") }

// LogValue hides the source from package slog.
func (Config) LogValue() slog.Value { return slog.StringValue("crashtest.Config{…}") }

// Result is what a test counted. Its String is one line.
type Result struct {
	Rounds      int64
	Rotations   int64 // refresh tokens that were acknowledged with a new successor
	Retries     int64 // requests sent again because there was no answer, or 503
	Repeats     int64 // answers with the same successor again
	SignIns     int64 // acknowledged
	SignOuts    int64 // acknowledged, those everywhere and the like too
	Unavailable int64 // answers 503
	Unheard     int64 // rotations that were made, and their answers cut off by the crash
	Healed      int64 // rotations that were acknowledged and lost, one deep
	Lost        int64 // sessions that should be alive and are not
	Forked      int64 // refresh tokens with two successors, or rotated twice
	Revived     int64 // sessions that should be dead and are not
	Stray       int64 // sessions that nobody asked for
	Seed        uint64

	// Cause is that of the first 503. Where no database is killed, there should
	// be none.
	Cause string
}

func (r Result) String() string {
	line := fmt.Sprintf("crashtest: rounds=%d rotations=%d retries=%d repeats=%d unheard=%d signins=%d signouts=%d"+
		" unavailable=%d healed=%d lost=%d forked=%d revived=%d stray=%d seed=%d",
		r.Rounds, r.Rotations, r.Retries, r.Repeats, r.Unheard, r.SignIns, r.SignOuts,
		r.Unavailable, r.Healed, r.Lost, r.Forked, r.Revived, r.Stray, r.Seed)
	if r.Cause != "" {
		line += fmt.Sprintf(" first503=%q", r.Cause)
	}
	return line
}

// Run lets clients rotate refresh tokens as fast as they can, and sign in and out
// now and then, kills the server at random moments, and starts it again on the same
// data. Then each client sends again what was not answered, the same refresh token
// above all, and must get on. It fails the test where
//
//   - a refresh token that should be alive is refused, or an acknowledged rotation
//     is lost, even one that the server heals;
//   - a refresh token has two successors or is rotated twice, or an old one lives
//     on;
//   - a sign-out that was acknowledged is undone, or the revocations do not tell
//     it;
//   - more sessions are there than sign-ins went unanswered;
//   - a server ends by itself, panics, reports a data race, or is silent for 30
//     seconds.
//
// It logs one line, the Result.
func Run(t *testing.T, cfg Config) Result {
	t.Helper()
	return report(t, cfg, crash)
}

// Fleet lets 64 clients refresh through three servers on one database, several of
// them the same token at once, as a browser's tabs do. All must get the same
// successor, and no false alarm. Then an old refresh token comes back, inside the
// grace and after it, and its session must be over on all three; as must what is
// signed out, disabled or given another password on one of them.
//
// It logs one line, the Result.
func Fleet(t *testing.T, cfg Config) Result {
	t.Helper()
	return report(t, cfg, fleet)
}

// Races sets refreshes against sign-out, sign-out everywhere, a change of password
// and disabling, in this process. No refresh token that was ever given out may be
// alive after the acknowledgement. It opens the store itself, by the [Open] given to
// [Main].
//
// It logs one line, the Result.
func Races(t *testing.T, cfg Config) Result {
	t.Helper()
	return report(t, cfg, races)
}

func report(t *testing.T, cfg Config, test func(context.Context, Config) (Result, error)) Result {
	t.Helper()
	res, err := test(t.Context(), cfg)
	if err != nil {
		t.Errorf("%v\n%v", err, res)
	} else {
		t.Log(res)
	}
	return res
}

// pick returns the first that is set.
func pick(ns ...int) int {
	for _, n := range ns {
		if n > 0 {
			return n
		}
	}
	return 0
}
