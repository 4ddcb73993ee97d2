package attach

import "golang.org/x/sys/unix"

// limitMemory keeps the process from taking more than so many bytes for data, and from writing files. It does what the
// system lets it: watchMemory looks as well.
func limitMemory(bytes uint64) {
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes})
	_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{})
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
