package throttle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/storetest"
	"github.com/passbearer/passbearer/throttle"
)

func TestMemory(t *testing.T) {
	storetest.TestThrottleStore(t, func(*testing.T) *throttle.Memory { return new(throttle.Memory) })
}

// clock is one that a test moves.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) move(d time.Duration) { c.at = c.at.Add(d) }

// rig is a Limiter with a clock that stands still.
type rig struct {
	*throttle.Limiter
	*clock
	t testing.TB
	n int // attempts made, each with another password
}

func newRig(t testing.TB, opts throttle.Options) *rig {
	r := &rig{clock: newClock(), t: t}
	opts.Now = r.now
	r.Limiter = newLimiter(t, opts)
	return r
}

// attempt is one by johndoe from an address.
func (r *rig) attempt(account, remote string) throttle.Attempt {
	return throttle.Attempt{Request: requestFrom(remote), Account: account}
}

// fail makes an attempt with a wrong password that was not there before, and returns what was used up.
func (r *rig) fail(a throttle.Attempt) *throttle.Exceeded {
	r.t.Helper()
	r.n++
	return r.failWith(a, fmt.Sprint("guess ", r.n))
}

func (r *rig) failWith(a throttle.Attempt, password string) *throttle.Exceeded {
	r.t.Helper()
	res, err := r.Reserve(context.Background(), a)
	var e *throttle.Exceeded
	if errors.As(err, &e) {
		return e
	}
	require.NoError(r.t, err)
	require.NoError(r.t, res.Fail(context.Background(), password))
	return nil
}

// failures are how many attempts it takes, and what is used up then.
func (r *rig) failures(next func() throttle.Attempt) (int, *throttle.Exceeded) {
	r.t.Helper()
	for n := 0; ; n++ {
		if e := r.fail(next()); e != nil {
			return n, e
		}
		require.Less(r.t, n, 100_000)
	}
}

const home, cafe = "203.0.113.7:1", "198.51.100.9:1"

func TestLimits(t *testing.T) {
	r := newRig(t, throttle.Options{})
	elsewhere := 0
	other := func(format string) string {
		elsewhere++
		return fmt.Sprintf(format, elsewhere/200, elsewhere%200)
	}
	for _, tt := range []struct {
		by    string
		next  func() throttle.Attempt
		burst int
		every time.Duration
	}{
		{"account", func() throttle.Attempt { return r.attempt("johndoe", other("8.%d.%d.1:1")) }, 25, 10 * time.Hour},
		{"account", func() throttle.Attempt { return r.attempt("", other("8.%d.%d.1:1")) }, 25, 10 * time.Hour},
		{"address", func() throttle.Attempt { return r.attempt(other("user%d.%d"), "203.0.113.7:1") }, 100, 10 * time.Second},
		{"address", func() throttle.Attempt { return r.attempt(other("user%d.%d"), "[2001:db8::7]:1") }, 100, 10 * time.Second},
		{"address", func() throttle.Attempt { return r.attempt(other("user%d.%d"), "@") }, 100, 10 * time.Second},
		{"network", func() throttle.Attempt { return r.attempt(other("user%d.%d"), other("9.9.9.%[2]d:%[1]d")) }, 300, 3 * time.Second},
		{"network", func() throttle.Attempt { return r.attempt(other("user%d.%d"), other("[2001:db8:1:1::%d:%x]:1")) }, 300, 3 * time.Second},
	} {
		n, e := r.failures(tt.next)
		require.Equal(t, tt.burst, n, tt.by)
		require.Equal(t, tt.by, e.By)
		require.Equal(t, tt.every, e.Wait)
		r.move(e.Wait - 1)
		require.NotNil(t, r.fail(tt.next()), "too early")
		r.move(1)
		n, e = r.failures(tt.next)
		require.Equal(t, 1, n)
		require.Equal(t, tt.by, e.By)
		require.Equal(t, tt.every, e.Wait)
	}
	r.move(time.Hour)
	n, _ := r.failures(func() throttle.Attempt { return r.attempt("alice", home) })
	require.Equal(t, 25, n, "others are not concerned")
}

// TestNIST: no more than 100 consecutive failures in any 30 days, however they are
// spread.
func TestNIST(t *testing.T) {
	r := newRig(t, throttle.Options{})
	var times []time.Time
	for end := r.at.Add(90 * 24 * time.Hour); r.at.Before(end); {
		if e := r.fail(r.attempt("johndoe", fmt.Sprintf("8.8.%d.1:1", r.n%200))); e != nil {
			r.move(e.Wait)
			continue
		}
		times = append(times, r.at)
	}
	most := 0
	for i, first := range times {
		n := 0
		for ; i+n < len(times) && times[i+n].Sub(first) <= 30*24*time.Hour; n++ {
		}
		most = max(most, n)
	}
	require.LessOrEqual(t, most, 100)
	require.Equal(t, 97, most, "as the documentation says")
}

func TestRefund(t *testing.T) {
	r, ctx := newRig(t, throttle.Options{}), t.Context()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	var pending []*throttle.Reservation
	for range 25 {
		res, err := r.Reserve(ctx, r.attempt("johndoe", home))
		require.NoError(t, err)
		pending = append(pending, res)
	}
	require.Equal(t, "account", r.fail(r.attempt("johndoe", cafe)).By, "what is not decided counts")
	for _, res := range pending {
		require.NoError(t, res.Refund(canceled), "though the client has hung up")
	}
	for range 24 {
		require.Nil(t, r.fail(r.attempt("johndoe", home)))
	}
	for range 10 { // nothing is reset
		res, err := r.Reserve(ctx, r.attempt("johndoe", home))
		require.NoError(t, err)
		require.NoError(t, res.Refund(ctx))
	}
	n, _ := r.failures(func() throttle.Attempt { return r.attempt("johndoe", home) })
	require.Equal(t, 1, n)
}

// TestRepeats: the same wrong password within 10 seconds counts once for the account,
// and each time for the address.
func TestRepeats(t *testing.T) {
	r := newRig(t, throttle.Options{})
	fail := func(account, remote, password string) *throttle.Exceeded {
		return r.failWith(r.attempt(account, remote), password)
	}
	left := func(account string) int {
		n, e := r.failures(func() throttle.Attempt { return r.attempt(account, cafe) })
		require.Equal(t, "account", e.By)
		return n
	}
	for range 22 {
		require.Nil(t, fail("posted twice", home, "wrong"))
		r.move(time.Second / 2)
	}
	require.Equal(t, 23, left("posted twice"), "a repeat does not prolong the time")

	for _, a := range [][2]string{{home, "wrong"}, {home, "Wrong"}, {home, "wrong"}, {home, ""}, {cafe, "wrong"}, {cafe, "wrong "}} {
		require.Nil(t, fail("a", a[0], a[1]))
	}
	require.Equal(t, 25-6, left("a"), "another password, or from elsewhere; only the last one is remembered")
	require.NotNil(t, fail("a", cafe, "wrong "), "a repeat needs room too")

	require.Nil(t, fail("b", home, "wrong"))
	r.move(10 * time.Second)
	require.Nil(t, fail("b", home, "wrong"))
	require.Equal(t, 23, left("b"))

	r.move(time.Hour)
	for range 100 {
		require.Nil(t, fail("c", home, "wrong"))
	}
	require.Equal(t, "address", fail("c", home, "wrong").By)
	require.Equal(t, 24, left("c"))

	wide := throttle.Limit{Burst: 1000, Every: time.Hour}
	r = newRig(t, throttle.Options{Address: wide, Network: wide})
	known := 0
	for range 2 {
		for i := range 20 {
			require.Nil(t, fail(fmt.Sprint("d", i), home, "wrong"))
			require.Nil(t, fail(fmt.Sprint("d", i), cafe, "wrong"))
		}
		r.move(time.Second)
	}
	for i := range 20 {
		if left(fmt.Sprint("d", i)) == 23 {
			known++
		}
	}
	require.Greater(t, known, 15, "accounts and addresses get into each other's way rarely")

	for range 10 {
		require.Nil(t, fail("e", home, ""))
	}
	require.Equal(t, 15, left("e"), "no password is like no other")
}

// TestSpraying: one password for many names, or from many addresses, counts each time, whoever shares a slot.
func TestSpraying(t *testing.T) {
	const many = 2000
	wide := throttle.Limit{Burst: 2 * many, Every: time.Hour}
	r := newRig(t, throttle.Options{Account: throttle.Limit{Burst: 1, Every: time.Hour}, Address: wide, Network: wide})
	for i := range many {
		r.failWith(r.attempt(fmt.Sprint("name ", i), home), "wrong")
		require.NotNil(t, r.fail(r.attempt(fmt.Sprint("name ", i), home)))
	}

	r = newRig(t, throttle.Options{Account: throttle.Limit{Burst: many, Every: time.Hour}, Address: wide, Network: wide})
	for i := range many {
		require.Nil(t, r.failWith(r.attempt("johndoe", fmt.Sprintf("10.%d.%d.1:1", i/250, i%250)), "wrong"))
	}
	require.NotNil(t, r.fail(r.attempt("johndoe", home)))
}

// TestRepeatsAtOnce: those that come before the first one has failed are attempts.
func TestRepeatsAtOnce(t *testing.T) {
	r := newRig(t, throttle.Options{})
	a := throttle.Attempt{Request: requestFrom(home), Account: "johndoe"}
	var pending []*throttle.Reservation
	for {
		res, err := r.Reserve(t.Context(), a)
		if err != nil {
			break
		}
		pending = append(pending, res)
	}
	require.Len(t, pending, 25)
	for _, res := range pending {
		require.NoError(t, res.Fail(t.Context(), "wrong"))
	}
	require.NotNil(t, r.fail(a))

	reserve := func() *throttle.Reservation {
		res, err := r.Reserve(t.Context(), r.attempt("alice", home))
		require.NoError(t, err)
		return res
	}
	first, second := reserve(), reserve()
	require.NoError(t, first.Fail(t.Context(), "wrong"))
	repeat := reserve()
	require.NoError(t, second.Fail(t.Context(), "wrong"))
	require.NoError(t, repeat.Fail(t.Context(), "wrong"))
	n, _ := r.failures(func() throttle.Attempt { return r.attempt("alice", home) })
	require.Equal(t, 23, n, "the second one was none, and takes nothing from the first one's repeat")
}

func TestSignedIn(t *testing.T) {
	r := newRig(t, throttle.Options{})
	r.failures(func() throttle.Attempt { return r.attempt("johndoe", home) })
	own := throttle.Attempt{UserID: "u1", Account: "johndoe"}
	for range 25 {
		require.Nil(t, r.failWith(own, "wrong"), "strangers are not in the way")
	}
	require.Equal(t, "device", r.failWith(own, "wrong").By, "a repeat counts")
	n, _ := r.failures(func() throttle.Attempt { return throttle.Attempt{UserID: "u2"} })
	require.Equal(t, 25, n)
}

func TestExceeded(t *testing.T) {
	limit := throttle.Limit{Burst: 1, Every: time.Hour}
	for _, tt := range []struct {
		opts   throttle.Options
		remote string
		want   string
	}{
		{throttle.Options{Account: limit}, home, "throttle: too many attempts for one account"},
		{throttle.Options{Address: limit}, home, "throttle: too many attempts for one address, from 203.0.113.7"},
		{throttle.Options{Network: limit}, home, "throttle: too many attempts for one network, from 203.0.113.7"},
		{throttle.Options{Address: limit}, "127.0.0.1:1", "throttle: too many attempts for one address, from 127.0.0.1 (if that is a proxy of yours, list it in throttle.Options.TrustedProxies)"},
		{throttle.Options{Network: limit}, "10.1.1.1:1", "throttle: too many attempts for one network, from 10.1.1.1 (if that is a proxy of yours, list it in throttle.Options.TrustedProxies)"},
		{throttle.Options{Network: limit, TrustedProxies: proxies}, "10.1.1.1:1", "throttle: too many attempts for one network, from 10.1.1.1"},
	} {
		r := newRig(t, tt.opts)
		require.Nil(t, r.fail(r.attempt("johndoe", tt.remote)))
		e := r.fail(r.attempt("johndoe", tt.remote))
		require.EqualError(t, e, tt.want)
		require.Equal(t, time.Hour, e.Wait)
	}
	r := newRig(t, throttle.Options{Account: limit, Address: throttle.Limit{Burst: 1, Every: 2 * time.Hour}, Network: limit})
	r.fail(r.attempt("johndoe", home))
	e := r.fail(r.attempt("johndoe", home))
	require.Equal(t, "address", e.By, "the longest wait")
	require.Equal(t, 2*time.Hour, e.Wait)
	require.Equal(t, netip.MustParseAddr("203.0.113.7"), e.Address)
}

// TestFlood: a million names from a hundred thousand addresses move nobody's
// counter out, take no more memory than is stated, and are in nobody's way. The cells
// are random, as the keyed hash makes them.
func TestFlood(t *testing.T) {
	store, c := new(throttle.Memory), newClock()
	store.Now = c.now
	r := &rig{clock: c, t: t, Limiter: newLimiter(t, throttle.Options{Store: store, Secrets: secrets(1), Now: c.now})}
	r.failures(func() throttle.Attempt { return r.attempt("victim", home) })
	before := heap()
	random := rand.New(rand.NewPCG(1, 2))
	addresses := make([]int64, 100_000)
	for i := range addresses {
		addresses[i] = 1<<32 | random.Int64N(throttle.DefaultCells)
	}
	takes := []throttle.Take{{Limit: throttle.Limit{Burst: 25, Every: 10 * time.Hour}}, {Limit: throttle.Limit{Burst: 100, Every: 10 * time.Second}}, {Limit: throttle.Limit{Burst: 300, Every: 3 * time.Second}}}
	refused := 0
	for i := range 1_000_000 {
		takes[0].Cell = random.Int64N(throttle.DefaultCells)
		takes[1].Cell = addresses[i%len(addresses)]
		takes[2].Cell = takes[1].Cell + 1<<32
		if waits, _ := store.ReserveAttempt(t.Context(), takes); waits != nil {
			refused++
		}
	}
	require.LessOrEqual(t, refused, 3, "one of 16 runs has one, whose cell is the victim's")
	require.LessOrEqual(t, heap()-before, int64(14<<20), "4 MiB for each of three kinds, and what the test itself has")
	require.Equal(t, "account", r.fail(r.attempt("victim", cafe)).By)
	for i := range 1000 {
		require.Nil(t, r.fail(r.attempt(fmt.Sprint("innocent", i), fmt.Sprintf("198.18.%d.%d:1", i/250, i%250))))
	}
	r.move(10 * time.Hour)
	n, _ := r.failures(func() throttle.Attempt { return r.attempt("victim", cafe) })
	require.Equal(t, 1, n)
}

// TestManyVictims: 10,000 accounts whose allowance is used up keep nobody else out.
func TestManyVictims(t *testing.T) {
	const victims, innocents = 10_000, 10_000
	m := new(throttle.Memory)
	limit := throttle.Limit{Burst: 25, Every: 10 * time.Hour}
	random := rand.New(rand.NewPCG(1, 2))
	var cells []int64
	for range victims + innocents {
		cells = append(cells, random.Int64N(throttle.DefaultCells))
	}
	room := func(cell int64) bool {
		waits, err := m.ReserveAttempt(t.Context(), []throttle.Take{{Cell: cell, Limit: limit}})
		require.NoError(t, err)
		return waits == nil
	}
	for range limit.Burst {
		for _, cell := range cells[:victims] {
			room(cell)
		}
	}
	for _, cell := range cells[:victims] {
		require.False(t, room(cell))
	}
	refused := 0
	for _, cell := range cells[victims:] {
		if !room(cell) {
			refused++ // two of them have one number
		}
	}
	require.LessOrEqual(t, refused, 30, "6 are expected")
}

// TestMemoryIsNeverBehind compares a Memory with one that has room for all: cells of one
// set compete for its 16 counters, and none gets more than its allowance.
func TestMemoryIsNeverBehind(t *testing.T) {
	limit := throttle.Limit{Burst: 5, Every: time.Hour}
	for _, competing := range []int64{10, 16, 17, 40, 200} {
		c := newClock()
		small, exact := &throttle.Memory{Now: c.now}, &throttle.Memory{Now: c.now}
		random := rand.New(rand.NewPCG(1, uint64(competing)))
		ahead := 0
		for range 20_000 {
			n := random.Int64N(competing)
			in := func(m *throttle.Memory, cell int64) bool {
				waits, err := m.ReserveAttempt(t.Context(), []throttle.Take{{Cell: cell, Limit: limit}})
				require.NoError(t, err)
				return waits == nil
			}
			inSmall := in(small, n<<14)
			if !inSmall {
				if waits, _ := exact.ReserveAttempt(t.Context(), []throttle.Take{{Cell: n, Limit: limit}}); waits == nil {
					require.NoError(t, exact.RefundAttempt(t.Context(), []throttle.Take{{Cell: n, Limit: limit}}))
					ahead++
				}
			} else {
				require.True(t, in(exact, n), "of %d cells", competing)
			}
			c.move(time.Duration(random.Int64N(int64(2*time.Hour) / competing)))
		}
		require.Equal(t, competing > 16, ahead > 0, "%d of %d", ahead, competing)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAtOnce: the limit holds for many at once, and those who know the password are
// not in each other's way.
func TestAtOnce(t *testing.T) {
	r := newRig(t, throttle.Options{})
	var group sync.WaitGroup
	var mu sync.Mutex
	var pending []*throttle.Reservation
	for i := range 200 {
		group.Go(func() {
			a := throttle.Attempt{Request: requestFrom(fmt.Sprintf("8.8.%d.8:1", i)), Account: "johndoe"}
			if res, err := r.Reserve(t.Context(), a); err == nil {
				mu.Lock()
				pending = append(pending, res)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	require.Len(t, pending, 25)
	for _, res := range pending {
		group.Go(func() {
			if err := res.Refund(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	n, _ := r.failures(func() throttle.Attempt { return r.attempt("johndoe", home) })
	require.Equal(t, 25, n)
}

// TestClockSetBack: with an injected clock; the process's own has a monotonic
// reading.
func TestClockSetBack(t *testing.T) {
	r := newRig(t, throttle.Options{})
	guess := func() throttle.Attempt { return r.attempt("johndoe", home) }
	r.failures(guess)
	r.move(-24 * time.Hour)
	_, e := r.failures(guess)
	require.Equal(t, 10*time.Hour, e.Wait)
	r.move(10 * time.Hour)
	n, _ := r.failures(guess)
	require.Equal(t, 1, n)
	n, _ = r.failures(func() throttle.Attempt { return r.attempt("alice", cafe) })
	require.Equal(t, 25, n)
}

// broken is a Store that fails, or answers what is not asked.
type broken struct{ waits []time.Duration }

var errDown = errors.New("down")

func (b broken) ReserveAttempt(context.Context, []throttle.Take) ([]time.Duration, error) {
	if b.waits == nil {
		return nil, errDown
	}
	return b.waits, nil
}

func (broken) RefundAttempt(context.Context, []throttle.Take) error { return errDown }

func TestStoreFails(t *testing.T) {
	r := newRig(t, throttle.Options{Store: broken{}, Secrets: secrets(1)})
	_, err := r.Reserve(t.Context(), r.attempt("johndoe", home))
	require.ErrorIs(t, err, errDown)
	var e *throttle.Exceeded
	require.False(t, errors.As(err, &e))
	r = newRig(t, throttle.Options{Store: broken{make([]time.Duration, 1)}, Secrets: secrets(1)})
	_, err = r.Reserve(t.Context(), r.attempt("johndoe", home))
	require.ErrorContains(t, err, "number of waits")
	require.False(t, errors.As(err, &e))
}

// TestSharedStore: two processes with the same secrets and store are one.
func TestSharedStore(t *testing.T) {
	store := new(throttle.Memory)
	one := newRig(t, throttle.Options{Store: store, Secrets: secrets(1)})
	two := newRig(t, throttle.Options{Store: store, Secrets: append(secrets(1), secrets(2)...)})
	other := newRig(t, throttle.Options{Store: store, Secrets: secrets(2)})
	one.failures(func() throttle.Attempt { return one.attempt("johndoe", home) })
	require.NotNil(t, two.fail(two.attempt("johndoe", cafe)))
	require.Nil(t, other.fail(other.attempt("johndoe", cafe)))
}

// secrets are one secret.
func secrets(b byte) [][]byte { return [][]byte{[]byte(strings.Repeat(string(rune(b)), 32))} }

func TestOptions(t *testing.T) {
	ok := throttle.Limit{Burst: 1, Every: time.Millisecond}
	for want, opts := range map[string]throttle.Options{
		"Options.Account: field Burst":        {Account: throttle.Limit{Every: time.Hour}},
		"Options.Address: field Every":        {Account: ok, Address: throttle.Limit{Burst: 5}},
		"Options.Network: field Every":        {Network: throttle.Limit{Burst: 1, Every: time.Millisecond + 1}},
		"Options.Device: field Burst times":   {Device: throttle.Limit{Burst: 1 << 40, Every: time.Hour}},
		"Options.Address: field Burst":        {Address: throttle.Limit{Burst: -1, Every: time.Hour}},
		"Options.Cells":                       {Cells: 1000},
		"Cells is no power":                   {Cells: -4},
		"power of two up to":                  {Cells: 1 << 29},
		"which is below 32":                   {Secrets: [][]byte{make([]byte, 31)}},
		"secret 1 has 0 bytes":                {Secrets: [][]byte{make([]byte, 32), nil}},
		"Options.Store needs Options.Secrets": {Store: new(throttle.Memory)},
		"a prefix that is not valid":          {TrustedProxies: []netip.Prefix{{}}},
		"trusts every address":                {TrustedProxies: prefixes("0.0.0.0/0")},
		"so that everybody could":             {TrustedProxies: prefixes("10.0.0.0/8", "::/0")},
		"trusts every":                        {TrustedProxies: prefixes("::ffff:0.0.0.0/96")},
	} {
		_, err := throttle.New(&opts)
		require.ErrorContains(t, err, want)
	}
	_, err := throttle.New(nil)
	require.NoError(t, err)
}

func TestNothingSecretPrints(t *testing.T) {
	r := newRig(t, throttle.Options{Secrets: [][]byte{[]byte("canary-canary-canary-canary-canary")}})
	a := throttle.Attempt{Request: requestFrom(home), Account: "canary"}
	res, err := r.Reserve(t.Context(), a)
	require.NoError(t, err)
	for _, v := range []any{r.Limiter, *r.Limiter, a, &a, res, *res, []any{a, *res}, throttle.Attempt{Account: "canary"}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, v), "canary")
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("", "v", v)
		require.NotContains(t, log.String(), "canary")
	}
}

// BenchmarkAttempt is one that succeeds, in memory.
func BenchmarkAttempt(b *testing.B) {
	l := newLimiter(b, throttle.Options{})
	a := throttle.Attempt{Request: requestFrom(home), Account: "johndoe", UserID: "u1"}
	b.ReportAllocs()
	for b.Loop() {
		res, err := l.Reserve(b.Context(), a)
		require.NoError(b, err)
		require.NoError(b, res.Refund(b.Context()))
		l.DeviceCookie(a.Request, a.UserID, a.Epoch)
	}
}

// TestSecretsDoNotPrint, by fmt and in slog.
func TestSecretsDoNotPrint(t *testing.T) {
	opts := throttle.Options{Secrets: [][]byte{[]byte(strings.Repeat("Z", 32))}}
	l, err := throttle.New(&opts)
	require.NoError(t, err)
	for _, x := range []any{opts, &opts, l} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", x)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", x)
		require.Equal(t, 2, strings.Count(log.String(), "{…}"), log.String())
		text := log.String() + fmt.Sprintf("%v %+v %#v %s %d %x", x, x, x, x, x, x)
		for _, secret := range []string{"ZZ", "90 90", "5a5a", "0x5a", "WlpaWl"} {
			require.NotContains(t, text, secret)
		}
	}
}
