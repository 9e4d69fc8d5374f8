// Command benchmarks compares the cost of a protected request with that of other middleware: the whole
// middleware around a handler that does nothing; and that of a token request with the signature alone.
//
//	cd benchmarks && GOWORK=off go run .
//
// It also measures what protected requests, memory and sign-ins come to while many sign in at once, over HTTP:
//
//	cd benchmarks && GOWORK=off go run . -storm
//
// Each figure is a median of many short rounds, and every ratio is between two rows that took turns; what a row
// takes over the bare signature, or over its check, is the median of differences between neighbours in time. On a
// machine that does something else too, rows within a quarter of each other are equal.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/passbearer/passbearer/jwttoken"
)

func main() {
	serveStorm()
	rounds := flag.Int("rounds", 101, "how many rounds; the figures are their medians")
	each := flag.Duration("each", 2*time.Millisecond, "how long each row takes in a round")
	stormy := flag.Bool("storm", false, "measure a storm of sign-ins instead")
	stormRounds := flag.Int("storm.rounds", 9, "how many rounds of the storm's phases; the figures are their medians")
	stormEach := flag.Duration("storm.each", 5*time.Second, "how long each phase takes in a round")
	flag.Parse()
	fmt.Printf("%s %s/%s, %d cores; %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load())
	if *stormy {
		printStorm(runStorm(phases, *stormRounds, *stormEach))
		fmt.Printf("\nat the end: %s\n", load())
		return
	}
	for _, t := range tables() {
		measure(t.rows, *rounds, *each)
		for _, r := range t.rows {
			if r.base != nil {
				r.measureOver(4**rounds, *each/2)
			}
		}
		t.print()
	}
	fmt.Printf("\nat the end: %s\n", load())
}

// load says how busy the machine is, where it tells.
func load() string {
	out, err := exec.Command("uptime").Output()
	if err != nil {
		return "load unknown"
	}
	return strings.TrimSpace(string(out))
}

// table is a set of rows that are compared with one of them, which is the first unless another is said.
type table struct {
	title string
	rows  []*row
	than  *row
}

func (t *table) add(name string, run func()) *row {
	return t.addRow(&row{name: name, run: run, n: 1, cores: 1})
}

func (t *table) addRow(r *row) *row {
	t.rows = append(t.rows, r)
	if t.than == nil {
		t.than = r
	}
	return r
}

func (t *table) print() {
	fmt.Printf("\n%-46s %8s %8s %8s %9s %8s\n", t.title, "µs", "least", "allocs", "ratio", "over")
	for _, r := range t.rows {
		fmt.Printf("%-46s %8.2f %8.2f %8.0f %8.2fx", r.name, r.ns/1000, r.least/1000, r.allocs, r.ns/t.than.ns)
		if r.base != nil {
			fmt.Printf(" %+8.2f", r.over/1000)
		}
		fmt.Println()
	}
}

func tables() []*table {
	hs := newSuite(jwttoken.HS256)
	all := []*table{valid(hs)}
	for _, alg := range []jwttoken.Algorithm{jwttoken.ES256, jwttoken.EdDSA, jwttoken.RS256} {
		all = append(all, valid(newSuite(alg)))
	}
	random := strings.Repeat("x", 48) + "." + strings.Repeat("y", 300) + "." + strings.Repeat("z", 43)
	for _, alg := range []jwttoken.Algorithm{jwttoken.HS256, jwttoken.ES256, jwttoken.EdDSA} {
		all = append(all, issuing(newSuite(alg)))
	}
	return append(all,
		refused(hs, "HS256, a valid token but for the signature", hs.forged),
		refused(hs, "garbage", "garbage"),
		refused(hs, "garbage in three segments", random),
		growth(hs), manyKeys(hs), cores(hs))
}

// The rows that are looked up by name.
const (
	ours         = "passbearer"
	seenBefore   = ours + ", seen before"
	firstSight   = ours + ", first sight (no cache)"
	glueWithout  = "glue that verifies nothing"
	guardWithout = "a Guard that verifies nothing"
)

// valid compares what a valid token costs, seen before and for the first time.
func valid(s *suite) *table {
	t := &table{title: s.alg}
	check := t.add("the bare check of the signature", s.bare)
	t.add(glueWithout, requests(glue(), s.token, http.StatusOK))
	t.add(guardWithout, requests(guard(trusting{}), s.token, http.StatusOK))
	t.add(seenBefore, requests(s.guard(0), s.token, http.StatusOK))
	first := t.add(firstSight, requests(s.guard(-1), s.token, http.StatusOK))
	first.base, t.than = check, first
	for _, p := range peers {
		if p.measures(s) {
			t.add(p.name, requests(p.build(s), s.token, http.StatusOK))
		}
	}
	return t
}

// refused compares what it costs to refuse a token. A Guard has seen a valid token before, like any that is
// in use.
func refused(s *suite, title, token string) *table {
	t := &table{title: title}
	h := s.guard(0)
	requests(h, s.token, http.StatusOK)()
	t.add(ours, requests(h, token, http.StatusUnauthorized))
	for _, p := range peers {
		t.add(p.name, requests(p.build(s), token, http.StatusUnauthorized))
	}
	return t
}
