package gpu

import (
	"fmt"
	"testing"

	"burble/gguf"
	"burble/hip/softhip"
	"burble/inference/compute"
	"burble/inference/compute/computetest"
)

// tolerances are what the kernels promise: float32 arithmetic with the GPU's own exponentials, halves on the matrix
// units, signed bytes for a few rows of quantised weights.
var tolerances = computetest.Options{Float: 4e-6, Half: 8e-4, Cache: 8e-4}

// TestCompute holds every kernel to the references on the software device, for both widths of a warp. In short it is one width
// and one type of weights for each way of reading them: kernels for the others differ in how they unpack, and take minutes.
func TestCompute(t *testing.T) {
	for _, warp := range []int{32, 64} {
		tolerances := tolerances
		if testing.Short() {
			if warp == 64 {
				continue
			}
			tolerances.Types = []gguf.Type{gguf.F32, gguf.BF16, gguf.Q8_0, gguf.Q4_K, gguf.IQ2_S}
		}
		t.Run(fmt.Sprintf("warp%d", warp), func(t *testing.T) {
			computetest.Run(t, func(t *testing.T) compute.Device {
				d, _ := soft(t, softhip.Config{Warp: warp, Seed: uint64(warp)}, Options{})
				return d
			}, tolerances)
		})
	}
}

// TestComputeGPU holds every kernel to the references on the machine's GPU.
func TestComputeGPU(t *testing.T) {
	if realGPU() == "" {
		t.Skip("set BURBLE_TEST_GPU to hip or cuda to test on this machine's GPU")
	}
	o := tolerances
	o.Rounds = 3
	computetest.Run(t, func(t *testing.T) compute.Device { return real(t, Options{}) }, o)
}
