//go:build !linux

package attach

// limitMemory leaves it to watchMemory.
func limitMemory(uint64) {}
