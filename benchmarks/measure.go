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
	base              *row    // what it cannot do without, where that is measured
	over              float64 // ns beyond base, per operation
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
	}
}

// measureOver takes turns so short that a change of the machine's speed falls on r and on its base right before and
// after it, and the median of their differences. It leaves out the few turns in which memory was collected.
func (r *row) measureOver(turns int, each time.Duration) {
	nBase, n := calibrate(r.base.run, each), calibrate(r.run, each)
	differences := make([]float64, turns)
	for i := range differences {
		before := perOperation(r.base.run, nBase)
		took := perOperation(r.run, n)
		after := perOperation(r.base.run, nBase)
		differences[i] = took - (before+after)/2
	}
	slices.Sort(differences)
	r.over = differences[turns/2]
}

// calibrate returns how often run fits into d. The first runs after something else are slow, and any may be
// interrupted: a count by one of these would be of turns that are nothing but first runs.
func calibrate(run func(), d time.Duration) int {
	for n := 1; ; n *= 2 {
		each := min(perOperation(run, n), perOperation(run, n), perOperation(run, n))
		if each*float64(n) > float64(d) {
			return max(1, int(float64(d)/each))
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
