package cpu

import (
	"testing"

	"burble/gguf"
	"burble/inference/compute"
	"burble/inference/compute/computetest"
)

func maker(o Options) func(t *testing.T) compute.Device {
	return func(t *testing.T) compute.Device {
		t.Helper()
		d, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// TestCompute holds every set of kernels this machine can run to the references.
func TestCompute(t *testing.T) {
	for _, level := range Levels() {
		t.Run(level, func(t *testing.T) {
			computetest.Run(t, maker(Options{Kernels: level, Threads: 3}), computetest.Options{})
		})
	}
}

// TestFloatActivations holds products without rounding of activations to float32's precision.
func TestFloatActivations(t *testing.T) {
	computetest.Run(t, maker(Options{Threads: 2, FloatActivations: true}), computetest.Options{Quantised: 3e-6})
}

// TestThreads asserts that the number of threads does not change a bit of the results. (Nor does it matter how often a
// thread is interrupted: chunks are cut the same way, whoever does them.)
func TestThreads(t *testing.T) {
	// One type for each way that products are cut; making weights of all takes minutes.
	shapes := []gguf.Type{gguf.F32, gguf.F16, gguf.Q8_0, gguf.Q2_K, gguf.Q6_K, gguf.MXFP4, gguf.IQ3_S}
	for _, level := range Levels() {
		if level == "go" && len(Levels()) > 1 {
			continue // rows are independent there, and it takes long
		}
		t.Run(level, func(t *testing.T) {
			computetest.Same(t, maker(Options{Kernels: level, Threads: 1}), maker(Options{Kernels: level, Threads: 4}), computetest.Options{Types: shapes})
		})
	}
}
