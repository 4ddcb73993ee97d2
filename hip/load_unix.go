//go:build !windows

package hip

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// openLibrary loads a shared library by soname or path.
func openLibrary(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
}

// symbol finds an entry point; 0 where the library has none.
func symbol(lib uintptr, name string) uintptr {
	p, err := purego.Dlsym(lib, name)
	if err != nil {
		return 0
	}
	return p
}

// setenv sets a variable where C's getenv sees it. os.Setenv alone does so only in a program built with cgo.
func setenv(name, value string) error {
	if err := os.Setenv(name, value); err != nil {
		return err
	}
	fn, err := purego.Dlsym(purego.RTLD_DEFAULT, "setenv")
	if err != nil {
		return fmt.Errorf("hip: libc's setenv: %w", err)
	}
	n, v := cString(name), cString(value)
	r, _, _ := purego.SyscallN(fn, uintptr(unsafe.Pointer(&n[0])), uintptr(unsafe.Pointer(&v[0])), 1)
	runtime.KeepAlive(n)
	runtime.KeepAlive(v)
	if int32(r) != 0 {
		return fmt.Errorf("hip: setenv %s failed", name)
	}
	return nil
}

var (
	hipLibraries = []string{"libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so",
		"/opt/rocm/lib/libamdhip64.so"}
	hiprtcLibraries = []string{"libhiprtc.so.7", "libhiprtc.so.6", "libhiprtc.so.5", "libhiprtc.so", "/opt/rocm/lib/libhiprtc.so"}
	cudaLibraries   = []string{"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "libcuda.so"}
	nvrtcLibraries  = []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"}
)

// toolkitPlaces are where a CUDA toolkit or a Python package puts a library without telling the loader.
func toolkitPlaces(library string) []string {
	var found []string
	for _, dir := range []string{"/usr/local/cuda*/lib64", "/opt/cuda/lib64", "/usr/local/cuda*/targets/*/lib",
		"/usr/local/lib/python3*/*-packages/nvidia/*/lib", "/usr/lib/python3*/*-packages/nvidia/*/lib",
		"/opt/*/lib/python3*/site-packages/nvidia/*/lib"} {
		list, err := filepath.Glob(filepath.Join(dir, library))
		if err == nil { // only a malformed pattern is an error
			found = append(found, list...)
		}
	}
	return found
}

// blasLibraries are the vendor's BLAS, newest first.
func blasLibraries(b Backend) []string {
	if b == CUDA {
		return append([]string{"libcublas.so.13", "libcublas.so.12", "libcublas.so.11"}, toolkitPlaces("libcublas.so.1[1-9]")...)
	}
	return []string{"libhipblas.so.3", "libhipblas.so.2", "libhipblas.so.0", "libhipblas.so"}
}
