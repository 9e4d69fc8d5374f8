package faults

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

// used is what a process holds.
type used struct {
	goroutines, descriptors int
	heap                    uint64 // alive
}

func usage() used {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held before the first one
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/proc/self/fd") // elsewhere nothing is counted
	return used{runtime.NumGoroutine(), len(open), m.HeapAlloc}
}

func (u used) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.1f MiB", u.goroutines, u.descriptors, float64(u.heap)/(1<<20))
}

// The slack is what the test binary, the pools and the maps have besides.
const (
	slackCount = 5
	slackHeap  = 2 << 20
)

// over reports whether u is more than what was used before.
func (u used) over(before used) bool {
	return u.goroutines > before.goroutines+slackCount || u.descriptors > before.descriptors+slackCount ||
		u.heap > before.heap+before.heap/20+slackHeap
}

// settled waits until no more is used than before, or time is up.
func settled(before used) (now used, ok bool) {
	for late := time.Now().Add(10 * time.Second); ; <-time.After(20 * time.Millisecond) {
		if now = usage(); !now.over(before) {
			return now, true
		}
		if time.Now().After(late) {
			return now, false
		}
	}
}
