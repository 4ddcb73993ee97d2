package inference

import (
	"bytes"
	"os"
	"strconv"
)

// residentBytes is the memory that the process has in use, mapped files included, or 0 where the system doesn't say.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm") // pages: total, resident, …
	fields := bytes.Fields(b)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
