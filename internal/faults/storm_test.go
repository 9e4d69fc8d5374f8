package faults

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	StormMain()
	os.Exit(m.Run())
}

const (
	hash = 19 << 20 // bytes of one, at the default costs
	mib  = 1 << 20
)

// slots are those of password.Default.
func slots() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// allowance is what sign-ins may take besides what the connections take.
var allowance = (slots()+1)*hash + 64*mib

// program is resident and not counted by Go's limit: what is executed, and the limit's own slack.
const program = 16 * mib

// TestStorm prints what 10,000 sign-ins at once came to, or as many as there may be
// descriptors. Under a memory limit they do with the allowance; without one the
// collector lets the heap double, and it is printed how much that is, also for a handler
// that reads the form and answers 503.
func TestStorm(t *testing.T) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	n := min(10_000, int(limit.Cur)-200) / slowdown

	for _, test := range []struct {
		name, path string
		limited    bool
	}{
		{"without the library", "/plain", false},
		{"without a limit", "/token", false},
		{"limited", "/token", true},
	} {
		taken, o := startStorm(t).over(t, test.path, n, test.limited)
		t.Logf("faults: %d sign-ins at once, %s: %v; %d MiB over idle; p99 of 503 %v",
			n, test.name, o.statuses, taken/mib, p99(o.took[503]))
		require.Empty(t, o.wrong)
		for status := range o.statuses {
			require.Contains(t, []int{200, 429, 503}, status)
		}
		if test.path == "/token" {
			require.Positive(t, o.statuses[200])
		}
		if test.limited && slowdown == 1 {
			require.LessOrEqual(t, taken, allowance)
		}
	}
}

// over is what a storm takes beside the idle server with as many connections.
func (s stormServer) over(t *testing.T, path string, n int, limited bool) (bytes int, o *outcome) {
	t.Helper()
	base := 0
	o = s.storm(t, path, n, func() {
		s.resident(t) // which forgets the peak
		base = s.resident(t)
		if limited {
			s.limit(t, base+allowance-program)
		}
	})
	return s.resident(t) - base, o
}

// TestFullQueue: while every slot is taken and the queue is full, protected resources
// answer. The figure is printed; what is asserted has room for a noisy machine.
func TestFullQueue(t *testing.T) {
	s := startStorm(t)
	conn, in, err := s.dial()
	require.NoError(t, err)
	defer conn.Close()
	signedIn, err := ask(conn, in, signInRequest("/token", 0))
	require.NoError(t, err)
	require.Equal(t, 200, signedIn.Status, signedIn.Raw)

	best := 0.0
	for try := 0; try < 5 && (try == 0 || best > 5); try++ {
		idle := p99(s.latencies(t, signedIn.Access, 2000))
		release := s.fillQueue(t)
		busy := p99(s.latencies(t, signedIn.Access, 2000))
		statuses := release()
		require.GreaterOrEqual(t, statuses[200], slots()+queue)
		ratio := float64(busy) / float64(max(idle, 200*time.Microsecond)) // below, a turn of the scheduler is all there is to see
		t.Logf("faults: protected p99 %v idle, %v with %d sign-ins in the queue: %.1f times", idle, busy, queue, ratio)
		if best == 0 || ratio < best {
			best = ratio
		}
	}
	require.Less(t, best, 25.0)
}

// queue is that of password.Default.
const queue = 64

// fillQueue keeps as many sign-ins going as are let in, until release is called.
func (s stormServer) fillQueue(t *testing.T) (release func() map[int]int) {
	t.Helper()
	o := &outcome{statuses: map[int]int{}, took: map[int][]time.Duration{}}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range slots() + queue {
		conn, in, err := s.dial()
		require.NoError(t, err)
		clients.Go(func() {
			defer conn.Close()
			for {
				a, err := ask(conn, in, signInRequest("/token", i))
				o.add(a, err, 0)
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	return func() map[int]int {
		close(stop)
		clients.Wait()
		require.Empty(t, o.wrong)
		return o.statuses
	}
}
