// Package storetest has the conformance suites of the store interfaces. A store
// of your own is checked by a test of a few lines:
//
//	func TestStore(t *testing.T) {
//		open := func(t *testing.T) *mystore.Store { return mystore.Open(t.TempDir()) }
//		t.Run("users", func(t *testing.T) { storetest.TestUserStore(t, open) })
//		t.Run("sessions", func(t *testing.T) { storetest.TestSessionStore(t, open) })
//		t.Run("clients", func(t *testing.T) { storetest.TestClientStore(t, open) })
//		t.Run("revocations", func(t *testing.T) { storetest.TestRevocationStore(t, open) })
//		t.Run("throttle", func(t *testing.T) { storetest.TestThrottleStore(t, open) })
//		t.Run("replays", func(t *testing.T) { storetest.TestReplayStore(t, open) })
//	}
//
// Each suite calls open for an empty store of its own, many times. The optional
// interfaces of package passbearer are tested where the store implements them.
// Run it with -race.
package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// parallel is how many goroutines do the same thing at once.
const parallel = 100

// each runs f on that many goroutines, which begin together.
func each(f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range parallel {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// must fails the test if err is not nil.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got the error %v, want one that wraps %v", err, want)
	}
}

// run makes a subtest with a store of its own.
func run[S any](t *testing.T, name string, open func(*testing.T) S, test func(context.Context, *testing.T, S)) {
	t.Run(name, func(t *testing.T) { test(t.Context(), t, open(t)) })
}
