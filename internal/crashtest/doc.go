// Package crashtest kills servers at random moments and checks that no session
// is lost and none has two lives. The tests of the stores run it; it is no part
// of what applications import.
//
// The test binary is executed again as the server. So the package of a store's
// tests calls [Main] first of all, with a function that opens the store, and
// then the three tests:
//
//	func TestMain(m *testing.M) {
//		crashtest.Main(func(ctx context.Context, source string) (*crashtest.Backend, error) {
//			s, err := sqlitestore.Open(source, nil)
//			if err != nil {
//				return nil, err
//			}
//			return &crashtest.Backend{Users: s, Sessions: s, Revocations: s}, nil
//		})
//		os.Exit(m.Run())
//	}
//
//	func TestCrash(t *testing.T) { crashtest.Run(t, crashtest.Config{Source: newDB(t)}) }
//	func TestFleet(t *testing.T) { crashtest.Fleet(t, crashtest.Config{Source: newDB(t)}) }
//	func TestRaces(t *testing.T) { crashtest.Races(t, crashtest.Config{Source: newDB(t)}) }
//
// [Run] kills one server, and on wish its database, while clients rotate refresh
// tokens, sign in and sign out. [Fleet] has three servers on one database. [Races]
// sets refreshes against whatever ends sessions. Each makes users of its own, so
// that a database can be used again.
//
// The flags -crashtest.rounds and -crashtest.races make runs longer, as in
//
//	go test -race -run TestCrash -timeout 2h . -crashtest.rounds=3000
//
// and -crashtest.seed repeats one as far as chance lies with the seed: the
// scheduling of goroutines and processes does not.
//
// Out of scope are power failures: a killed process leaves the kernel's buffers
// intact, so a store that writes without fsync passes.
package crashtest
