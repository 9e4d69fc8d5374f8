// Package enumeration tells whether two functions can be told apart by how long they
// take.
//
// The two are called in pairs, in random order within each, so that whatever else
// the machine does disturbs both. Pairs are put together in blocks by time, and each
// block has one difference of medians: what drifts from block to block falls out of
// it, and what the blocks say is as good as independent, which single calls on a
// busy machine are not. The interval of their median comes from order statistics
// alone, whatever their distribution.
package enumeration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// blocks is how many there are, or one for each pair where those are fewer.
const blocks = 101

// Difference is by how much the second function takes longer.
type Difference struct {
	Median    time.Duration // of the blocks' differences of medians
	Low, High time.Duration // the 99 % interval
	Pairs     int
}

// Detectable is the smallest difference that four of five runs like this one tell
// from none: as far as the interval reaches to one side, and a third, which is
// (z(0.995) + z(0.8)) / z(0.995).
func (d Difference) Detectable() time.Duration { return (d.High - d.Low) / 2 * 133 / 100 }

func (d Difference) String() string {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return fmt.Sprintf("%+.2f µs, 99 %% interval %+.2f to %+.2f µs, %d pairs, detectable %.2f µs",
		us(d.Median), us(d.Low), us(d.High), d.Pairs, us(d.Detectable()))
}

// Compare times first and second in so many pairs, after a tenth of that without
// looking. Each gets its arguments by prepare, which is not timed and is told the
// number of the pair.
func Compare(pairs int, first, second func(pair int) (timed func())) Difference {
	a, b := make([]time.Duration, pairs), make([]time.Duration, pairs)
	for i := -pairs / 10; i < pairs; i++ {
		f, g := first(i), second(i)
		var x, y time.Duration
		if rand.N(2) == 0 {
			x, y = clock(f), clock(g)
		} else {
			y, x = clock(g), clock(f)
		}
		if i >= 0 {
			a[i], b[i] = x, y
		}
	}
	return compare(a, b)
}

func clock(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func compare(a, b []time.Duration) Difference {
	n := min(blocks, len(a))
	var of []time.Duration
	for i := range n {
		from, to := i*len(a)/n, (i+1)*len(a)/n
		of = append(of, median(b[from:to])-median(a[from:to]))
	}
	slices.Sort(of)
	k := rank(n)
	return Difference{Median: of[n/2], Low: of[k], High: of[n-1-k], Pairs: len(a)}
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// rank is the largest k for which the k-th and the k-th last of n values, counted from
// 0, have the true median between them 99 times of 100: fewer than k + 1 of n
// tosses of a coin are heads no more often than once in 200. For n below 8
// there is none, and 0 is less than 99 % sure.
func rank(n int) int {
	k, chance := -1, 0.0
	for {
		logChoose, _ := math.Lgamma(float64(n + 1))
		l1, _ := math.Lgamma(float64(k + 2))
		l2, _ := math.Lgamma(float64(n - k))
		chance += math.Exp(logChoose - l1 - l2 - float64(n)*math.Ln2)
		if chance > 0.005 {
			return max(0, k)
		}
		k++
	}
}
