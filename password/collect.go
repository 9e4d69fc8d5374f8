package password

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// collectShare is what part of the time of hashing may go into collecting: a twentieth. Dead hashes cost more, in
// page faults.
const collectShare = 20

// collector has the garbage collector take back the memory of a hash before the next one begins: argon2 allocates
// anew for each (golang/go#36634), and the collector, left to itself, lets dead ones lie beside the living, in pages
// that go back to the system and are then asked for again.
//
// What a collection costs depends on all that the process has in memory. So one is made after each hash as long as
// it costs a twentieth of that, and where it costs more, as much more seldom.
type collector struct {
	gc func() // runtime.GC, but for tests

	mu   sync.Mutex
	debt time.Duration // what collections took that no hashing has paid for yet
}

// hashed is told how long a slot was taken, and may collect. The slot is still the caller's, so that the next hash
// finds the memory.
func (c *collector) hashed(took time.Duration) {
	if !c.pay(took/collectShare) || !collectorIsOn() {
		return
	}
	start := time.Now()
	c.gc()                                                                    // several at once are one
	c.owe(time.Since(start) * time.Duration(max(1, runtime.GOMAXPROCS(0)/4))) // of which a collection takes a quarter
}

// pay reports whether nothing is owed.
func (c *collector) pay(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.debt = max(0, c.debt-d)
	return c.debt == 0
}

func (c *collector) owe(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.debt += d
}

// collectorIsOn reports false where GOGC=off leaves the collector to whoever set that.
func collectorIsOn() bool {
	m := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(m)
	return m[0].Value.Kind() == metrics.KindUint64 && m[0].Value.Uint64() != math.MaxUint64
}
