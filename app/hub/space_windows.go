package hub

import "golang.org/x/sys/windows"

// freeSpace returns how many bytes can be written to the disk that holds a folder; -1: not known.
func freeSpace(folder string) (int64, error) {
	name, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return -1, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return -1, err
	}
	return int64(min(free, 1<<62)), nil
}
