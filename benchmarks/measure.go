package main

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// row is one operation that is measured. What it is compared with is another row of the same table.
type row struct {
	name     string
	run      func()
	n, cores int // how many requests an operation is, one after another, and on how many cores at a time

	ns, least, allocs float64 // per request; ns is the median
	base              *row    // what it cannot do without; nil: there is none
	over              float64 // ns beyond base
}

// measure times all rows in rounds, each round in another order, so that whatever else the machine does
// meets all of them alike.
func measure(rows []*row, rounds int, each time.Duration) {
	counts := make([]int, len(rows))
	times := make([][]float64, len(rows))
	for i, r := range rows {
		r.allocs = testing.AllocsPerRun(100, r.run) / float64(r.n*r.cores)
		counts[i] = calibrate(r.run, each)
	}
	for range rounds {
		for _, i := range rand.Perm(len(rows)) {
			times[i] = append(times[i], perOperation(rows[i].run, counts[i]))
		}
	}
	for i, r := range rows {
		slices.Sort(times[i])
		r.ns, r.least = times[i][rounds/2]/float64(r.n), times[i][0]/float64(r.n)
		if r.base != nil {
			r.over = beyond(r.base, r, 4*rounds, each/8)
		}
	}
}

// beyond returns the median of what r takes more than base right before and after it: where that is little beside
// both, the machine must not have changed its speed between them.
func beyond(base, r *row, turns int, each time.Duration) float64 {
	nBase, n := calibrate(base.run, each), calibrate(r.run, each)
	differences := make([]float64, turns)
	for i := range differences {
		before := perOperation(base.run, nBase)
		took := perOperation(r.run, n)
		after := perOperation(base.run, nBase)
		differences[i] = took - (before+after)/2
	}
	slices.Sort(differences)
	return differences[turns/2]
}

// calibrate returns how often run fits into d.
func calibrate(run func(), d time.Duration) int {
	for n := 1; ; n *= 2 {
		if took := perOperation(run, n) * float64(n); took > float64(d)/4 {
			return max(1, int(float64(n)*float64(d)/took))
		}
	}
}

func perOperation(run func(), n int) float64 {
	start := time.Now()
	for range n {
		run()
	}
	return float64(time.Since(start)) / float64(n)
}

// parallel makes an operation of n operations, one of each function at a time.
func parallel(runs []func(), n int) func() {
	return func() {
		var all sync.WaitGroup
		for _, run := range runs {
			all.Go(func() {
				for range n {
					run()
				}
			})
		}
		all.Wait()
	}
}
