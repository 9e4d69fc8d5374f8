// Package badinputs plays a catalogue of bad inputs, with the right answer to
// each, against a live server that is made of this library and a store. The tests
// of the stores run it; it is no part of what applications import.
//
//	func TestBadInputs(t *testing.T) {
//		badinputs.Run(t, func(t *testing.T) badinputs.Stores {
//			s := open(t)
//			return badinputs.Stores{Users: s, Sessions: s, Clients: s}
//		})
//	}
//
// testdata/badinputs.tsv is the catalogue; its first lines explain the columns. A
// row says what is sent and what must come of it, and the function of the same id
// sends it: as many requests, generated where that is natural, as the row is a
// sample of. The expectation is read from the row alone, and each condition in its
// column must_also_hold must be looked at, or the row fails.
//
// Of every answer it is checked besides that nothing that was sent is in it or in
// the logs, that it has the form its endpoint promises, that nothing has panicked,
// and that the protected handler was called for controls alone, once, with the
// principal of the token.
//
// The flag -badinputs.full sends as many requests as the catalogue names where
// the run would otherwise take too long (and 5,000 at once, not 10,000: each takes
// two descriptors of the process), as in
//
//	go test -run TestBadInputs . -badinputs.full
//
// and -badinputs.soak=1h plays it over and over.
package badinputs
