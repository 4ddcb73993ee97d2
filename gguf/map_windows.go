package gguf

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapping is a file mapped read-only.
type mapping struct{ data []byte }

func mapFile(path string) (*mapping, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the view outlives the handles
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	size := info.Size()
	if size == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	if int64(int(size)) != size {
		return nil, fmt.Errorf("%s is too large for a 32-bit system", path)
	}
	handle, err := windows.CreateFileMapping(windows.Handle(file.Fd()), nil, windows.PAGE_READONLY, uint32(size>>32), uint32(size), nil)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, os.NewSyscallError("CreateFileMapping", err))
	}
	address, err := windows.MapViewOfFile(handle, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	err = errors.Join(os.NewSyscallError("MapViewOfFile", err), os.NewSyscallError("CloseHandle", windows.CloseHandle(handle)))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	// The address comes from the system, not from Go's heap; reading it through a
	// pointer to the variable keeps vet's unsafeptr check meaningful elsewhere.
	base := *(**byte)(unsafe.Pointer(&address))
	return &mapping{unsafe.Slice(base, int(size))}, nil
}

func (m *mapping) close() error {
	if m.data == nil {
		return nil
	}
	address := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
	m.data = nil
	return os.NewSyscallError("UnmapViewOfFile", windows.UnmapViewOfFile(address))
}

// willNeed does nothing: Windows reads ahead on its own for sequential access.
func (m *mapping) willNeed(offset, length int64) {}
