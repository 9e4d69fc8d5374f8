package password

import (
	"math"
	"runtime"
	"runtime/metrics"
)

// scanShare is how much smaller than a hash's memory that must be which a collection looks at. A collection then
// takes some hundredths of a hash's processor time, and saves as much in page faults.
const scanShare = 16

// leave gives the slot back, and first has the garbage collector take back the memory of what was hashed in it:
// argon2 allocates anew for each hash (golang/go#36634), and the collector, left to itself, lets dead ones lie beside
// the living, in pages that go back to the system and are then asked for again. With many slots the dead are let be
// until they are a quarter of the living, for a collection stops every processor for a moment.
//
// Where the process has a larger heap of its own, a collection is dear and the hash no great part of memory. Who
// sets GOGC=off has the collector to themselves.
func (h *Hasher) leave() {
	if h.ended.Add(1)%uint64(max(1, cap(h.gate.slots)/4)) == 0 && h.collects() {
		runtime.GC() // several at once are one
	}
	h.gate.leave()
}

// collects reports whether a collection is wanted, and cheap beside a hash.
func (h *Hasher) collects() bool {
	m := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/scan/total:bytes"}}
	metrics.Read(m)
	if m[0].Value.Kind() != metrics.KindUint64 || m[1].Value.Kind() != metrics.KindUint64 {
		return false // a Go that no longer tells
	}
	gogc, scan := m[0].Value.Uint64(), m[1].Value.Uint64()
	return gogc != math.MaxUint64 && scan <= uint64(h.policy.Memory)*1024/scanShare
}
