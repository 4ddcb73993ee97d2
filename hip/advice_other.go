//go:build !linux

package hip

import "runtime"

// advice says what to do on a machine where no driver could be loaded, or where the driver found no GPU.
func advice() []string {
	if runtime.GOOS == "windows" {
		return []string{
			"AMD: install AMD Software: Adrenalin Edition, which brings the HIP runtime (amdhip64_6.dll or amdhip64_7.dll).",
			"NVIDIA: install the NVIDIA driver, which brings nvcuda.dll.",
			"Without a GPU Burble uses the CPU.",
		}
	}
	return []string{"HIP and CUDA exist for Linux and Windows. Burble uses the CPU here."}
}
