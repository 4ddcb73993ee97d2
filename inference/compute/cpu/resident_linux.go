package cpu

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// residentBytes is how much of a mapping of allocate's has been written to, and so takes memory: see mincore(2).
func residentBytes(b []byte) int64 {
	page := os.Getpagesize()
	pages := make([]byte, (len(b)+page-1)/page)
	if len(pages) == 0 {
		return 0
	}
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(unsafe.Pointer(unsafe.SliceData(pages))))
	if errno != 0 {
		return int64(len(b))
	}
	n := 0
	for _, p := range pages {
		n += int(p & 1)
	}
	return min(int64(n)*int64(page), int64(len(b)))
}
