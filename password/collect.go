package password

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// collectShare is what part of the time of hashing may go into collecting: about a tenth. That of a small heap
// takes half a millisecond, and now and then several; a hash takes 18.
const collectShare = 10

// collectBeside is how large the heap may be for dead hashes to be collected: as many hashes, besides the running.
const collectBeside = 4

// collector has the garbage collector take back the memory of a hash before the next one begins: argon2 allocates
// anew for each (golang/go#36634), and the collector, left to itself, lets dead ones lie beside the living, in pages
// that go back to the system and are then asked for again.
//
// What a collection costs depends on all that the process has in memory. So one is made after each hash as long as
// it costs a tenth of that, and where it costs more, as much more seldom; and none where the process has so much
// that a dead hash is no great part of it, for a sign-in waits for the collection.
type collector struct {
	gc   func() // runtime.GC, but for tests
	hash uint64 // bytes that one takes

	mu      sync.Mutex
	running bool
	last    time.Duration // what the last collection took
	debt    time.Duration // what of it no hashing has paid for yet
}

// hashed is told how long a slot was taken and how many are, and may collect. The slot is still the caller's, so
// that the next hash finds the memory.
func (c *collector) hashed(took time.Duration, slots int) {
	if !c.begin(took / collectShare) {
		return
	}
	if !wanted(c.hash * uint64(slots+collectBeside)) {
		c.cancel()
		return
	}
	var cost time.Duration
	defer func() { c.end(cost) }()
	start := time.Now()
	c.gc()
	cost = time.Since(start) * time.Duration((runtime.GOMAXPROCS(0)+3)/4) // it takes a quarter of the processors
}

// begin reports whether a collection is paid for, and none is running.
func (c *collector) begin(paid time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return false
	}
	c.debt = max(0, c.debt-paid)
	c.running = c.debt == 0
	return c.running
}

// cancel is end where there was no collection.
func (c *collector) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// end takes the lesser of the last two costs: one collection that the system has interrupted says nothing of the next.
func (c *collector) end(cost time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running, c.debt, c.last = false, min(cost, c.last), cost
}

// wanted reports whether the heap is no larger than that, and the collector not left to whoever set GOGC=off.
func wanted(heap uint64) bool {
	m := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(m)
	if m[0].Value.Kind() != metrics.KindUint64 || m[1].Value.Kind() != metrics.KindUint64 {
		return false // a Go that no longer tells
	}
	return m[0].Value.Uint64() != math.MaxUint64 && m[1].Value.Uint64() <= heap
}
