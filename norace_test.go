//go:build !race

package passbearer_test

const raceFactor = 1
