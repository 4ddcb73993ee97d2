//go:build unix

// Package lock locks files between processes.
package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// File locks f until it is closed, and reports whether it could: false means that another holds it.
func File(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
