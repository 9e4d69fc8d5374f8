package storetest_test

import (
	"testing"

	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/storetest"
)

// What stands here in the variable is TestStore in the store's own tests. A
// store runs the suites of the interfaces that it implements.
func Example() {
	TestStore := func(t *testing.T) {
		open := func(*testing.T) *memstore.Store { return memstore.New() } // your own store, empty
		t.Run("users", func(t *testing.T) { storetest.TestUserStore(t, open) })
		t.Run("sessions", func(t *testing.T) { storetest.TestSessionStore(t, open) })
		t.Run("clients", func(t *testing.T) { storetest.TestClientStore(t, open) })
	}
	_ = TestStore
}
