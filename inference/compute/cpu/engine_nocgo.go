//go:build !cgo

package cpu

// Levels lists the sets of kernels this processor can run, best first. This build has no C kernels.
func Levels() []string { return []string{"go"} }

func (d *Device) newEngine() (engine, error) { return newGoEngine(d.threads), nil }
