package passbearer_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// sound are the facts of a refresh that nothing speaks against.
var sound = passbearer.RefreshFacts{Found: true, Bound: true, Client: true, User: true, Epoch: true, Proved: true}

func TestDecide(t *testing.T) {
	tests := []struct {
		name    string
		ahead   int64 // of the row; negative means that the token is
		grace   string
		flip    string // the fact that is not as it should be
		verdict string
		kind    passbearer.EventKind
		err     error
	}{
		{"usual", 0, "out", "", "rotate", passbearer.EventRefreshed, nil},
		{"usual, soon", 0, "in", "", "rotate", passbearer.EventRefreshed, nil},
		{"two tabs", 1, "in", "", "repeat", passbearer.EventRefreshRepeated, nil},
		{"old token", 1, "out", "", "stolen", passbearer.EventRefreshTokenStolen, passbearer.ErrStolen},
		{"two behind, soon", 2, "in", "", "stolen", passbearer.EventRefreshTokenStolen, passbearer.ErrStolen},
		{"two behind", 2, "out", "", "stolen", passbearer.EventRefreshTokenStolen, passbearer.ErrStolen},
		{"far behind", 1000, "in", "", "stolen", passbearer.EventRefreshTokenStolen, passbearer.ErrStolen},
		{"lost write", -1, "out", "", "heal", passbearer.EventRefreshHealed, nil},
		{"lost write, soon", -1, "in", "", "heal", passbearer.EventRefreshHealed, nil},
		{"two lost writes", -2, "out", "", "lost", passbearer.EventRefreshLost, passbearer.ErrLost},
		{"two lost writes, soon", -2, "in", "", "lost", passbearer.EventRefreshLost, passbearer.ErrLost},
		{"unknown", 0, "out", "found", "refuse", passbearer.EventRefreshRefused, passbearer.ErrSessionNotFound},
		{"swapped row", 0, "out", "bound", "refuse", passbearer.EventRefreshRefused, passbearer.ErrUnbound},
		{"another's client", 0, "out", "client", "refuse", passbearer.EventRefreshRefused, passbearer.ErrOtherClient},
		{"another's client, old token", 2, "out", "client", "refuse", passbearer.EventRefreshRefused, passbearer.ErrOtherClient},
		{"ended", 0, "out", "ended", "refuse", passbearer.EventRefreshRefused, passbearer.ErrSessionEnded},
		{"ended, old token", 1, "in", "ended", "refuse", passbearer.EventRefreshRefused, passbearer.ErrSessionEnded},
		{"ended, lost write", -1, "out", "ended", "refuse", passbearer.EventRefreshRefused, passbearer.ErrSessionEnded},
		{"expired", 0, "out", "expired", "refuse", passbearer.EventRefreshRefused, passbearer.ErrExpired},
		{"expired, lost write", -1, "out", "expired", "refuse", passbearer.EventRefreshRefused, passbearer.ErrExpired},
		{"revoked here", 0, "out", "revoked", "refuse", passbearer.EventRefreshRefused, passbearer.ErrRevoked},
		{"revoked here, lost write", -1, "out", "revoked", "refuse", passbearer.EventRefreshRefused, passbearer.ErrRevoked},
		{"user gone", 0, "out", "user", "refuse", passbearer.EventRefreshRefused, passbearer.ErrUserDisabled},
		{"other epoch", 0, "out", "epoch", "refuse", passbearer.EventRefreshRefused, passbearer.ErrEpoch},
		{"other epoch, two tabs", 1, "in", "epoch", "refuse", passbearer.EventRefreshRefused, passbearer.ErrEpoch},
		{"no proof", 0, "out", "proved", "refuse", passbearer.EventRefreshRefused, passbearer.ErrUnproved},
		{"other epoch, lost write", -1, "out", "epoch", "refuse", passbearer.EventRefreshRefused, passbearer.ErrEpoch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := sound
			f.Ahead, f.InGrace = tt.ahead, tt.grace == "in"
			if tt.flip != "" {
				fact := factNamed(&f, tt.flip)
				*fact = !*fact
			}
			verdict, kind, err := f.Decide()
			require.Equal(t, tt.verdict, verdict)
			require.Equal(t, tt.kind, kind)
			require.Equal(t, tt.err, err)
		})
	}
}

func factNamed(f *passbearer.RefreshFacts, name string) *bool {
	return map[string]*bool{
		"found": &f.Found, "bound": &f.Bound, "client": &f.Client, "ended": &f.Ended, "expired": &f.Expired,
		"revoked": &f.Revoked, "user": &f.User, "epoch": &f.Epoch, "proved": &f.Proved, "grace": &f.InGrace,
	}[name]
}

// objections are what speaks against a refresh, in the order in which a reason
// is told: whose row it is, what became of the session, what became of the
// user. Each of them leaves the row alone.
var objections = []struct {
	fact string
	bad  bool
	err  error
}{
	{"found", false, passbearer.ErrSessionNotFound},
	{"bound", false, passbearer.ErrUnbound},
	{"client", false, passbearer.ErrOtherClient},
	{"ended", true, passbearer.ErrSessionEnded},
	{"expired", true, passbearer.ErrExpired},
	{"revoked", true, passbearer.ErrRevoked},
	{"user", false, passbearer.ErrUserDisabled},
	{"epoch", false, passbearer.ErrEpoch},
	{"proved", false, passbearer.ErrUnproved},
}

// generations are the verdicts without an objection, out of the grace window
// and in it. The two ends stand for what lies beyond them.
var generations = map[int64][2]string{
	+2: {"stolen", "stolen"},
	+1: {"stolen", "repeat"},
	+0: {"rotate", "rotate"},
	-1: {"heal", "heal"},
	-2: {"lost", "lost"},
}

var verdictErrors = map[string]error{"stolen": passbearer.ErrStolen, "lost": passbearer.ErrLost}

// TestDecideEverywhere asks for all combinations of all facts.
func TestDecideEverywhere(t *testing.T) {
	facts := []string{"grace"}
	for _, o := range objections {
		facts = append(facts, o.fact)
	}
	aheads := []int64{math.MinInt64, -1 << 32, -256, -3, -2, -1, 0, 1, 2, 3, 256, 1 << 32, math.MaxInt64}
	cells := 0
	for bits := range 1 << len(facts) {
		for _, ahead := range aheads {
			f := passbearer.RefreshFacts{Ahead: ahead}
			for i, name := range facts {
				*factNamed(&f, name) = bits>>i&1 == 1
			}
			verdict, kind, err := f.Decide()
			wantVerdict, wantErr := expectedVerdict(f)
			if verdict != wantVerdict || err != wantErr {
				t.Errorf("%+v: %s, %v, want %s, %v", f, verdict, err, wantVerdict, wantErr)
			}
			// What a client is given and what it is refused have no event in common.
			given := strings.Contains("rotate repeat heal", verdict)
			told := kind == passbearer.EventRefreshed || kind == passbearer.EventRefreshRepeated || kind == passbearer.EventRefreshHealed
			if given != told || given != (err == nil) {
				t.Errorf("%+v: %s is told as %s, with %v", f, verdict, kind, err)
			}
			cells++
		}
	}
	require.Equal(t, 1024*13, cells)
}

func expectedVerdict(f passbearer.RefreshFacts) (string, error) {
	for _, o := range objections {
		if *factNamed(&f, o.fact) == o.bad {
			return "refuse", o.err
		}
	}
	column := 0
	if f.InGrace {
		column = 1
	}
	verdict := generations[min(max(f.Ahead, -2), 2)][column]
	return verdict, verdictErrors[verdict]
}
