//go:build !race

package faults

// slowdown is how many times longer things take here.
const slowdown = 1
