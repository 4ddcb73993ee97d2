//go:build !linux

package inference

// residentBytes is the memory that the process has in use: not known here.
func residentBytes() int64 { return 0 }
