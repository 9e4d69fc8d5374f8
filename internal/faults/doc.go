// Package faults plays what goes wrong around a server that is built from this
// library, on any stores: calls that fail, hang, panic, lose their reply or outlive
// their client, clocks that jump, and load that goes on.
//
// [Wrap] puts a [Script] before stores, which is asked at each [Point] of a request.
// [Everywhere], [SlowEverywhere], [ClockJumps] and [Soak] are tests, to be called by
// those of the stores.
package faults
