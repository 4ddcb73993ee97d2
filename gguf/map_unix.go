//go:build unix

package gguf

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapping is a file mapped read-only.
type mapping struct{ data []byte }

func mapFile(path string) (*mapping, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // the mapping outlives the descriptor
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
	data, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return &mapping{data}, nil
}

func (m *mapping) close() error {
	if m.data == nil {
		return nil
	}
	err := unix.Munmap(m.data)
	m.data = nil
	return err
}

// willNeed starts read-ahead; madvise wants whole pages.
func (m *mapping) willNeed(offset, length int64) {
	page := int64(os.Getpagesize())
	start := offset / page * page
	end := min(offset+length, int64(len(m.data)))
	if start < 0 || start >= end {
		return
	}
	// A hint that the system does not take costs nothing.
	_ = unix.Madvise(m.data[start:end], unix.MADV_WILLNEED)
}
