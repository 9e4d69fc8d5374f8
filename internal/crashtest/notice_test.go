//go:build unix

package crashtest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/internal/crashtest"
)

// broken is a store that a test must fail.
type broken struct {
	fault  fault
	reason string // in the failure, a regular expression
}

func notices(t *testing.T, test func(context.Context, crashtest.Config) (crashtest.Result, error), stores ...broken) {
	for _, b := range stores {
		t.Run(string(b.fault), func(t *testing.T) {
			t.Parallel()
			_, err := test(t.Context(), crashtest.Config{Source: source(t, b.fault), Rounds: 20, Races: 20})
			require.Error(t, err)
			require.Regexp(t, b.reason, err.Error())
		})
	}
}

func TestRunNotices(t *testing.T) {
	t.Parallel()
	notices(t, crashtest.CrashErr,
		broken{acksFirst, "lost write:"},
		broken{swapsBlindly, "forked:"},
		broken{losesSignOuts, "revived:|stray:"},
		broken{losesSignIns, "lost:"},
		broken{createsTwice, "stray:"},
		broken{tellsNothing, "no revocation tells"},
		broken{ignoresEnds, "revived:"},
		broken{exits, "ended by itself: exit status 3"},
	)
	if raceDetector {
		notices(t, crashtest.CrashErr, broken{races, "DATA RACE"})
	}
}

func TestFleetNotices(t *testing.T) {
	t.Parallel()
	notices(t, crashtest.FleetErr,
		broken{swapsBlindly, "forked:"},
		broken{readsReplica, "lost:"},
		broken{ignoresEnds, "revived: after theft"},
	)
}

func TestRacesNotice(t *testing.T) {
	t.Parallel()
	notices(t, crashtest.RacesErr,
		broken{ignoresEnds, "revived: after /revoke"},
		broken{endsLate, "revived:"},
		broken{raisesNothing, "revived: after /everywhere"},
	)
}
