//go:build race

package routers

// raceEnabled builds the programs with the race detector, too.
const raceEnabled = true
