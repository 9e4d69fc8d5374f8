//go:build unix

package crashtest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/crashtest"
	"github.com/passbearer/passbearer/storetest"
)

func TestMain(m *testing.M) {
	crashtest.Main(open)
	os.Exit(m.Run())
}

// open takes a fault, a colon and the path of the log.
func open(_ context.Context, source string) (*crashtest.Backend, error) {
	f, path, _ := strings.Cut(source, ":")
	s, err := openLog(path, fault(f))
	if err != nil {
		return nil, err
	}
	if f == bare {
		type least struct{ storetest.UserStore }
		type less struct{ passbearer.SessionStore }
		return &crashtest.Backend{Users: least{s}, Sessions: less{s}}, nil
	}
	return &crashtest.Backend{Users: s, Sessions: s, Revocations: s, Close: s.Close}, nil
}

// bare is no fault: the store has none of the optional interfaces.
const bare = "bare"

func source(t *testing.T, f fault) string {
	return string(f) + ":" + filepath.Join(t.TempDir(), "log")
}

func TestCrash(t *testing.T) {
	t.Parallel()
	res := crashtest.Run(t, crashtest.Config{Source: source(t, none), Rounds: 8})
	require.Positive(t, res.Rotations)
	require.Positive(t, res.Retries)
	require.Positive(t, res.SignOuts)
	require.Zero(t, res.Unavailable)
}

func TestFleet(t *testing.T) {
	t.Parallel()
	res := crashtest.Fleet(t, crashtest.Config{Source: source(t, none), Rounds: 8})
	require.EqualValues(t, 17*8, res.Rotations, "16 sessions that four tabs share, and one that all do")
	require.EqualValues(t, 16*8*3+8*63, res.Repeats)
}

func TestRaces(t *testing.T) {
	t.Parallel()
	res := crashtest.Races(t, crashtest.Config{Source: source(t, none), Races: 20})
	require.EqualValues(t, 4*crashtest.RacesOr(20), res.SignOuts, "there are four kinds")
}

func TestBareStore(t *testing.T) {
	t.Parallel()
	crashtest.Run(t, crashtest.Config{Source: source(t, bare), Rounds: 2})
	crashtest.Fleet(t, crashtest.Config{Source: source(t, bare), Rounds: 2})
	res := crashtest.Races(t, crashtest.Config{Source: source(t, bare), Races: 10})
	require.EqualValues(t, crashtest.RacesOr(10), res.SignOuts, "there is but one kind")
}

// TestKillDatabase has a database that can be reached or not.
func TestKillDatabase(t *testing.T) {
	t.Parallel()
	src := source(t, none)
	down := strings.TrimPrefix(src, ":") + downSuffix
	var kills, inspections int
	res := crashtest.Run(t, crashtest.Config{
		Source: src,
		Rounds: 6,
		KillDatabase: func() {
			kills++
			require.NoError(t, os.WriteFile(down, nil, 0o600))
		},
		RestartDatabase: func() { require.NoError(t, os.Remove(down)) },
		Inspect: func() {
			inspections++
			require.NoFileExists(t, down)
		},
	})
	require.Positive(t, kills)
	require.Positive(t, inspections)
	require.Positive(t, res.Unavailable, "the server was there when the database was not")
	require.Contains(t, res.Cause, errDown.Error())
	require.Contains(t, res.String(), errDown.Error())
}

// TestFailover loses rotations that were acknowledged, and takes no offence.
func TestFailover(t *testing.T) {
	t.Parallel()
	res := crashtest.Run(t, crashtest.Config{Source: source(t, acksFirst), Rounds: 4, Failover: true})
	require.Positive(t, res.Lost+res.Healed)
	require.Zero(t, res.Forked)
}

func TestServerEndsWithTest(t *testing.T) {
	t.Parallel()
	require.NoError(t, crashtest.EndWithTest(source(t, none)))
}

func TestNothingSecretIsPrinted(t *testing.T) {
	for _, v := range []any{crashtest.Config{Source: "s3cret"}, crashtest.Printed("s3cret", "s3cret")} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(verb, v), "s3cret")
		}
	}
}
