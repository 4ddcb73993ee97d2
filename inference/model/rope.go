package model

import (
	"fmt"
	"math"

	"burble/gguf"
	"burble/inference/compute"
)

// ropeTable holds the angle per position of each rotated pair, and the magnitude that goes with it. Every
// published way of stretching RoPE over a longer context comes down to such a table.
type ropeTable struct {
	invFreq   []float32
	magnitude float32
}

// readRope computes the table a file asks for: plain, with per-pair factors (Llama 3's rope_freqs.weight), linear
// (Chen et al. 2023, arXiv:2306.15595) or YaRN (Peng et al. 2023, arXiv:2309.00071).
func readRope(f *gguf.File, c Config, h *hyper) (ropeTable, error) {
	t := ropeTable{invFreq: make([]float32, c.RopeDim/2), magnitude: 1}
	for j := range t.invFreq {
		t.invFreq[j] = float32(math.Pow(c.RopeBase, -2*float64(j)/float64(c.RopeDim)))
	}
	if factors, ok := f.Tensor("rope_freqs.weight"); ok {
		if factors.Type != gguf.F32 || factors.Elements() < int64(len(t.invFreq)) {
			return t, fmt.Errorf("rope_freqs.weight is %s %v; it should be F32 [%d]", factors.Type, factors.Shape, len(t.invFreq))
		}
		values := make([]float32, factors.Elements())
		if err := gguf.Dequantize(gguf.F32, values, factors.Data); err != nil {
			return t, fmt.Errorf("rope_freqs.weight: %w", err)
		}
		for j := range t.invFreq {
			t.invFreq[j] /= values[j]
		}
	}
	kind, _ := h.md.String(h.arch + ".rope.scaling.type")
	factor := h.floatOr("rope.scaling.factor", h.floatOr("rope.scale_linear", 1))
	if h.err == nil && factor <= 0 {
		h.fail("%s.rope.scaling.factor is %v; it should be positive", h.arch, factor)
	}
	switch kind {
	case "", "none", "linear":
		if kind != "none" {
			for j := range t.invFreq {
				t.invFreq[j] /= float32(factor)
			}
		}
	case "yarn":
		t.yarn(c, yarnParams{
			factor:   factor,
			original: h.floatOr("rope.scaling.original_context_length", float64(c.Context)),
			fast:     h.floatOr("rope.scaling.yarn_beta_fast", 32),
			slow:     h.floatOr("rope.scaling.yarn_beta_slow", 1),
		})
		t.magnitude *= float32(h.floatOr("rope.scaling.attn_factor", 1))
	default:
		h.fail("RoPE scaling %q is %w", kind, ErrUnsupported)
	}
	return t, h.err
}

type yarnParams struct{ factor, original, fast, slow float64 }

// yarn interpolates the slow pairs by factor, leaves the fast ones alone, and blends between: a pair that turns
// more than fast times over the original context is fast, one that turns less than slow times is slow.
func (t *ropeTable) yarn(c Config, y yarnParams) {
	if y.factor <= 1 {
		return
	}
	pairAt := func(turns float64) float64 { // the pair that turns so often over the original context
		return float64(c.RopeDim) * math.Log(y.original/(turns*2*math.Pi)) / (2 * math.Log(c.RopeBase))
	}
	low := math.Max(math.Floor(pairAt(y.fast)), 0)
	high := math.Min(math.Ceil(pairAt(y.slow)), float64(c.RopeDim-1))
	if high <= low {
		high = low + 0.001
	}
	for j := range t.invFreq {
		slow := math.Min(math.Max((float64(j)-low)/(high-low), 0), 1)
		f := float64(t.invFreq[j])
		t.invFreq[j] = float32(f/y.factor*slow + f*(1-slow))
	}
	t.magnitude = float32(0.1*math.Log(y.factor) + 1)
}

// on places the table on a layer's device.
func (t ropeTable) on(s Scope, interleaved bool) compute.Rope {
	return compute.Rope{InvFreq: s.Const("rope", t.invFreq), Interleaved: interleaved, Magnitude: t.magnitude}
}
