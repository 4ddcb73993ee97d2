package hip

import (
	"errors"
	"io/fs"
	"os"
)

// advice says what to do on a machine where no driver could be loaded, or where the driver found no GPU.
func advice() []string {
	return adviceFor(func(path string) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			err = f.Close()
		}
		return err
	})
}

// adviceFor is advice with the device files probed by open.
func adviceFor(open func(path string) error) []string {
	kfd := open("/dev/kfd")
	switch {
	case errors.Is(kfd, fs.ErrPermission):
		return []string{
			"The AMD GPU driver is there, but this user may not use it (/dev/kfd: permission denied).",
			"Add the user to the groups render and video, then log in again: sudo usermod -aG render,video $USER",
		}
	case kfd == nil:
		return []string{
			"The kernel has the AMD GPU driver (/dev/kfd is there). Install the ROCm HIP runtime:",
			"Debian and Ubuntu: libamdhip64-5 or rocm-hip-runtime · Fedora: rocm-hip · Arch: hip-runtime-amd.",
		}
	}
	if err := open("/dev/dxg"); err == nil || errors.Is(err, fs.ErrPermission) {
		return []string{
			"This is WSL (/dev/dxg is there, /dev/kfd is not). For an AMD GPU install ROCm for WSL (amdgpu-install --usecase=wsl,rocm);",
			"for an NVIDIA GPU install the NVIDIA driver on Windows, which brings libcuda to WSL.",
		}
	}
	return []string{
		"AMD: there is no /dev/kfd, so the kernel has no usable AMD GPU: the amdgpu driver is not loaded, the card is not supported by it, or a container was started without --device=/dev/kfd --device=/dev/dri.",
		"NVIDIA: install the NVIDIA driver, which brings libcuda.so.1.",
		"Without a GPU Burble uses the CPU.",
	}
}
