//go:build unix && !race

package crashtest_test

// raceDetector says whether servers report data races.
const raceDetector = false
