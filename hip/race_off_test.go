//go:build !race

package hip

// raceDetector says whether the tests run under it.
const raceDetector = false
