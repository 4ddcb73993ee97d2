package cpu

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// allocate reserves n zeroed bytes outside Go's heap, so that kernels may keep their address and that a large KV
// cache costs no memory until it is used.
func allocate(n int) ([]byte, error) {
	p, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_COMMIT|windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	// The address comes from the system, not from Go's heap; reading it through a pointer says so to vet.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), n), nil
}

func release(b []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(b))), 0, windows.MEM_RELEASE)
}
