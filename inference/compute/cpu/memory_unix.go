//go:build unix

package cpu

import "golang.org/x/sys/unix"

// allocate maps n zeroed bytes outside Go's heap, so that kernels may keep their address and that a large KV cache
// costs no memory until it is used.
func allocate(n int) ([]byte, error) {
	return unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

func release(b []byte) error { return unix.Munmap(b) }
