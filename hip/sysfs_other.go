//go:build !linux

package hip

// boundBySystem has nothing to go by outside Linux.
func boundBySystem(m Memory, _ string, _ bool) Memory { return m }

// overrideWarnings has nothing to say: HSA_OVERRIDE_GFX_VERSION is Linux's.
func overrideWarnings(DeviceInfo) []string { return nil }
