//go:build race

package badinputs

// slowdown is how many times longer things take here.
const slowdown = 30
