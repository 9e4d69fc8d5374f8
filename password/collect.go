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

// collectBeside is how many hashes as much a process may have in memory besides, for dead ones to be collected.
const collectBeside = 4

// collector has the garbage collector take back the memory of a hash before the next one begins: argon2 allocates
// anew for each (golang/go#36634), and the collector, left to itself, lets dead ones lie beside the living, in pages
// that go back to the system and are then asked for again.
//
// What a collection costs depends on all that the process has in memory. So one is made after each hash as long as
// it costs a twentieth of that, and where it costs more, as much more seldom; and none where the process has so much
// that a dead hash is no great part of it, for a sign-in waits for the collection.
type collector struct {
	gc    func() // runtime.GC, but for tests
	small uint64 // bytes: in a heap of more than that none is made

	mu   sync.Mutex
	debt time.Duration // what collections took that no hashing has paid for yet
}

func newCollector(policy Params, slots int) collector {
	return collector{gc: runtime.GC, small: uint64(slots+collectBeside) * uint64(policy.Memory) * 1024}
}

// hashed is told how long a slot was taken, and may collect. The slot is still the caller's, so that the next hash
// finds the memory.
func (c *collector) hashed(took time.Duration) {
	if !c.pay(took/collectShare) || !c.wanted() {
		return
	}
	start := time.Now()
	c.gc() // several at once are one
	took = time.Since(start)
	c.owe(took * time.Duration(max(1, runtime.GOMAXPROCS(0)/4))) // it takes a quarter of the processors
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

// wanted reports whether the heap is small, and the collector not left to whoever set GOGC=off.
func (c *collector) wanted() bool {
	m := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(m)
	if m[0].Value.Kind() != metrics.KindUint64 || m[1].Value.Kind() != metrics.KindUint64 {
		return false // a Go that no longer tells
	}
	return m[0].Value.Uint64() != math.MaxUint64 && m[1].Value.Uint64() <= c.small
}
