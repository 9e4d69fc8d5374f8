package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/passbearer/passbearer/jwttoken"
)

// TestShort fails when the cost of a request has regressed. Allocations are exact. Times are those of the
// quickest of many rounds, and the bounds are far from what is measured (in the comments): the test must not
// fail because the machine does something else too.
func TestShort(t *testing.T) {
	for _, table := range tables() {
		rows := measured(t, table)
		first := table.rows[0]
		switch {
		case table.title == "HS256":
			exactly(t, rows[firstSight], 4)
			exactly(t, rows[seenBefore], 2)
			atMost(t, rows[firstSight], 0.5, fastestPeer(rows)) // 0.25
			atMost(t, rows[seenBefore], 0.5, rows[firstSight])  // 0.22
			atMost(t, rows[seenBefore], 2, rows[guardWithout])  // 1.1
			atMost(t, rows[seenBefore], 4, rows[glueWithout])   // 2.3
		case rows[bareSignature] != nil:
			issuingShort(t, rows)
		case rows[firstSight] != nil:
			exactly(t, rows[seenBefore], 2)
			exactly(t, rows[firstSight], first.allocs+uncached[table.title])
			atMost(t, rows[firstSight], 1.5, first) // 1.1
			atMost(t, rows[seenBefore], 0.1, first) // 0.01
		case rows[ours] != nil:
			exactly(t, first, 4)
			atMost(t, first, 1.25, fastestPeer(rows)) // 0.17 to 0.7
		default:
			for _, r := range table.rows[1:] {
				atMost(t, r, 4, first) // 1 to 1.2
			}
		}
	}
}

// uncached is how many allocations a first sight takes beside those of the bare check. ES256's has its signature in
// DER already.
var uncached = map[string]float64{"ES256": 5, "EdDSA": 4, "RS256": 4}

// issuingShort: what comes to the signature is compared with another one where that is cheap.
func issuingShort(t *testing.T, rows map[string]*row) {
	t.Helper()
	bare, times := rows[bareSignature], 3.0 // 1.2 to 1.6
	if bare.least < 2000 {
		times = 75 // 4 to 19
		exactly(t, rows[tokenAlone], 3)
		exactly(t, rows[passwordGrant], 21)
		exactly(t, rows[throttled], 30)
		exactly(t, rows[refreshGrant], 24)
	}
	for _, name := range []string{tokenAlone, passwordGrant, refreshGrant} {
		atMost(t, rows[name], times, bare)
	}
}

func measured(t *testing.T, table *table) map[string]*row {
	t.Helper()
	measure(table.rows, 31, time.Millisecond)
	rows := map[string]*row{}
	for _, r := range table.rows {
		rows[r.name] = r
		t.Logf("%s: %s: %.0f ns, %v allocations", table.title, r.name, r.least, r.allocs)
	}
	return rows
}

func fastestPeer(rows map[string]*row) *row {
	var all []*row
	for _, p := range peers {
		if r := rows[p.name]; r != nil {
			all = append(all, r)
		}
	}
	return slices.MinFunc(all, func(a, b *row) int { return int(a.least - b.least) })
}

func exactly(t *testing.T, r *row, allocs float64) {
	t.Helper()
	if r.allocs != allocs {
		t.Errorf("%s: %v allocations, not %v", r.name, r.allocs, allocs)
	}
}

func atMost(t *testing.T, r *row, times float64, than *row) {
	t.Helper()
	if r.least > times*than.least {
		t.Errorf("%s takes %.0f ns, more than %v times the %.0f ns of: %s", r.name, r.least, times, than.least, than.name)
	}
}

// TestAnswers: what is measured does its work.
func TestAnswers(t *testing.T) {
	for _, alg := range []jwttoken.Algorithm{jwttoken.HS256, jwttoken.ES256, jwttoken.EdDSA, jwttoken.RS256} {
		s := newSuite(alg)
		for _, h := range append(peerHandlers(s), s.guard(0), s.guard(-1)) {
			requests(h, s.token, http.StatusOK)() // it panics otherwise
			requests(h, s.forged, http.StatusUnauthorized)()
			requests(h, s.token, http.StatusOK)()
		}
	}
}

func peerHandlers(s *suite) (all []http.Handler) {
	for _, p := range peers {
		if p.measures(s) {
			all = append(all, p.build(s))
		}
	}
	return all
}
