package model

import "burble/inference/compute"

// maxTaps bounds the length of a short convolution; published models have 3 or 4.
const maxTaps = 1 << 10

// taps binds the weights [channels, taps] of a convolution, in F32, which devices need them in.
func (s Scope) taps(name string, channels, taps int) *compute.Tensor {
	return s.Const(s.prefix+name, s.Floats(name, channels, taps), channels, taps)
}
