//go:build !linux

package cpu

import "burble/inference/compute"

// systemMemory is unknown on this system.
func systemMemory() compute.Memory { return compute.Memory{Free: -1} }
