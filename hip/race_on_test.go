//go:build race

package hip

// raceDetector says whether the tests run under it: sync.Pool, which purego uses, then forgets things on purpose.
const raceDetector = true
