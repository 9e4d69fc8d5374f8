package enumeration

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRank has the values of tables of the sign test at 1 %, two-sided.
func TestRank(t *testing.T) {
	for n, k := range map[int]int{8: 0, 12: 1, 20: 3, 25: 5, 100: 36} {
		require.Equal(t, k, rank(n), n)
	}
}

// noisy are times of 40 µs with a long tail and a drift.
func noisy(random *rand.Rand, n int, more time.Duration) []time.Duration {
	d := make([]time.Duration, n)
	for i := range d {
		d[i] = 40*time.Microsecond + more + time.Duration(i) + time.Duration(random.ExpFloat64()*float64(5*time.Microsecond))
		if random.IntN(50) == 0 {
			d[i] += time.Millisecond
		}
	}
	return d
}

// TestInterval: the interval has the truth within it as often as it says, and tells
// a difference from none as often as Detectable says.
func TestInterval(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const runs, pairs = 1000, 1010
	missed, found := 0, 0
	typical := compare(noisy(random, pairs, 0), noisy(random, pairs, 0)).Detectable()
	for range runs {
		a := noisy(random, pairs, 0)
		if same := compare(a, noisy(random, pairs, 0)); same.Low > 0 || same.High < 0 {
			missed++
		}
		if other := compare(a, noisy(random, pairs, typical)); other.Low > 0 {
			found++
		}
	}
	require.LessOrEqual(t, missed, 25, "of 10 expected")
	require.Greater(t, missed, 0, "or the interval is wider than it says")
	require.Greater(t, found, 600, "of 800 expected; the one Detectable is itself an estimate")
	require.Less(t, found, 990)
}

func TestCompare(t *testing.T) {
	spin := func(d time.Duration) func(int) func() {
		return func(int) func() {
			return func() {
				for start := time.Now(); time.Since(start) < d; {
				}
			}
		}
	}
	d := Compare(1000, spin(20*time.Microsecond), spin(60*time.Microsecond))
	require.Equal(t, 1000, d.Pairs)
	require.Greater(t, d.Low, 30*time.Microsecond, d)
	require.GreaterOrEqual(t, d.Median, d.Low)
	require.LessOrEqual(t, d.Median, d.High)
	d = Compare(1000, spin(60*time.Microsecond), spin(20*time.Microsecond))
	require.Less(t, d.High, -30*time.Microsecond, d)
}
