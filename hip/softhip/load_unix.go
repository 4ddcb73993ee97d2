//go:build !windows

package softhip

import "github.com/ebitengine/purego"

func openLibrary(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

func lookUp(library uintptr, name string) (uintptr, error) { return purego.Dlsym(library, name) }
