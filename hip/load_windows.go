package hip

import (
	"os"

	"golang.org/x/sys/windows"
)

// openLibrary loads a DLL by name or path.
func openLibrary(name string) (uintptr, error) {
	h, err := windows.LoadLibrary(name)
	return uintptr(h), err
}

// symbol finds an entry point; 0 where the library has none.
func symbol(lib uintptr, name string) uintptr {
	p, err := windows.GetProcAddress(windows.Handle(lib), name)
	if err != nil {
		return 0
	}
	return p
}

// setenv sets a variable of the process. A DLL loaded later copies it into its own C runtime's environment.
func setenv(name, value string) error { return os.Setenv(name, value) }

var (
	hipLibraries    = []string{"amdhip64_7.dll", "amdhip64_6.dll", "amdhip64.dll"}
	hiprtcLibraries = []string{"hiprtc0701.dll", "hiprtc0700.dll", "hiprtc0604.dll", "hiprtc0603.dll", "hiprtc0602.dll", "hiprtc0601.dll",
		"hiprtc0600.dll", "hiprtc0507.dll", "hiprtc0505.dll"}
	cudaLibraries  = []string{"nvcuda.dll"}
	nvrtcLibraries = []string{"nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"}
)

// toolkitPlaces has nothing to add: the CUDA toolkit puts its DLLs on the path.
func toolkitPlaces(string) []string { return nil }

// blasLibraries are the vendor's BLAS, newest first.
func blasLibraries(b Backend) []string {
	if b == CUDA {
		return []string{"cublas64_13.dll", "cublas64_12.dll", "cublas64_11.dll"}
	}
	return []string{"hipblas.dll", "libhipblas.dll"}
}
