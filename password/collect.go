package password

import (
	"math"
	"runtime"
	"runtime/metrics"
)

// scanShare is how much smaller than a hash's memory that must be which a collection looks at. A collection then
// takes at most a twentieth of the hash's time, and saves more.
const scanShare = 16

// leave gives the slot back, and first has the garbage collector take back the memory of what was hashed in it:
// argon2 allocates anew for each hash (golang/go#36634), and the collector, left to itself, lets dead ones lie beside
// the living, in pages that go back to the system and are then asked for again.
//
// Where the process has a larger heap of its own, a collection is dear and the hash no great part of memory. Who
// sets GOGC=off has the collector to themselves.
func (h *Hasher) leave() {
	if scan, collects := collector(); collects && scan <= uint64(h.policy.Memory)*1024/scanShare {
		runtime.GC() // several at once are one
	}
	h.gate.leave()
}

// collector reports how many bytes a collection would have to look at, and whether GOGC allows any.
func collector() (scan uint64, collects bool) {
	m := []metrics.Sample{{Name: "/gc/scan/total:bytes"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(m)
	if m[0].Value.Kind() != metrics.KindUint64 || m[1].Value.Kind() != metrics.KindUint64 {
		return 0, false // a Go that no longer tells
	}
	return m[0].Value.Uint64(), m[1].Value.Uint64() != math.MaxUint64
}
