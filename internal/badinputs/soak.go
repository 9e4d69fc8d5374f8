package badinputs

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// used is what a process holds.
type used struct{ goroutines, descriptors int }

func usage() used {
	open, _ := os.ReadDir("/proc/self/fd") // elsewhere nothing is counted
	return used{runtime.NumGoroutine(), len(open)}
}

// isBack is CF-041: goroutines and descriptors are back where they were before, and
// the heap where it was after the catalogue was played once.
func isBack(t *testing.T, before used, first uint64) {
	t.Helper()
	const slack = 5 // what the test binary itself has besides
	late := time.Now().Add(10 * time.Second)
	now := usage()
	for ; now.goroutines > before.goroutines+slack || now.descriptors > before.descriptors+slack; now = usage() {
		if time.Now().After(late) {
			t.Fatalf("there were %+v, and are %+v", before, now)
		}
		<-time.After(10 * time.Millisecond)
	}
	if after := heap(); after > first+first/20+2<<20 {
		t.Errorf("the heap has grown from %d bytes to %d", first, after)
	}
}

// heap is what is alive.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
