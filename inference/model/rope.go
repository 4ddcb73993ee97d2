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

// How RoPE pairs the elements of a head: neighbours, as the original paper and Llama's files do, or the two halves, as
// GPT-NeoX does.
const (
	interleaved = true
	halves      = false
)

// plainRope is the unscaled table: pair j turns by base^(−2j/d) per position. (Su et al. 2021, arXiv:2104.09864)
func (l *Loader) plainRope(base float64) ropeTable {
	t := ropeTable{invFreq: make([]float32, l.RopeDim/2), magnitude: 1}
	for j := range t.invFreq {
		t.invFreq[j] = float32(math.Pow(base, -2*float64(j)/float64(l.RopeDim)))
	}
	return t
}

// rope is the table the file asks for: plain, with per-pair factors (Llama 3's rope_freqs, LongRoPE), linear (Chen et
// al. 2023, arXiv:2306.15595) or YaRN (Peng et al. 2023, arXiv:2309.00071).
func (l *Loader) rope(base float64) ropeTable {
	t, h := l.plainRope(base), l.hyper
	if f, ok := l.file.Tensor("rope_freqs.weight"); ok {
		l.divide(t, f)
	}
	kind, _ := h.md.String(h.arch + ".rope.scaling.type")
	factor := h.floatOr("rope.scaling.factor", h.floatOr("rope.scale_linear", 1))
	original := h.floatOr("rope.scaling.original_context_length", float64(l.Context))
	if h.err == nil && (factor <= 0 || original <= 0) {
		h.fail("%s.rope.scaling has a factor of %v and an original context of %v; both should be positive", h.arch, factor, original)
	}
	// LongRoPE (Ding et al. 2024, arXiv:2402.13753) has two sets of factors, for contexts up to the original one and
	// beyond. The cache's size decides, so that a conversation never switches between them.
	name := "rope_factors_short.weight"
	if float64(l.contextSize) > original {
		name = "rope_factors_long.weight"
	}
	if f, ok := l.file.Tensor(name); ok {
		l.divide(t, f)
		kind = "longrope"
	}
	switch kind {
	case "longrope":
		stretch, ratio := 1.0, float64(l.Context)/original
		if ratio > 1 {
			stretch = math.Sqrt(1 + math.Log(ratio)/math.Log(original))
		}
		t.magnitude = float32(h.floatOr("rope.scaling.attn_factor", stretch))
	case "none":
	case "", "linear":
		for j := range t.invFreq {
			t.invFreq[j] /= float32(factor)
		}
	case "yarn":
		t.yarn(l.RopeDim, base, yarnParams{
			factor:   factor,
			original: original,
			fast:     h.floatOr("rope.scaling.yarn_beta_fast", 32),
			slow:     h.floatOr("rope.scaling.yarn_beta_slow", 1),
			// gpt-oss was trained without rounding, and its configuration says "truncate": false, for which the format has
			// no key: the original context tells the published models. (llama.cpp rounds all the same.)
			fractions: l.Arch == "gpt-oss" && original == 4096,
		})
		if all := h.floatOr("rope.scaling.yarn_log_multiplier", 0); l.Arch == "mistral3" && factor > 1 {
			t.magnitude /= float32(0.1*all*math.Log(factor) + 1)
		}
		t.magnitude = float32(h.floatOr("rope.scaling.yarn_attn_factor", float64(t.magnitude)))
		t.magnitude *= float32(h.floatOr("rope.scaling.attn_factor", 1))
	default:
		h.fail("RoPE scaling %q is %w", kind, ErrUnsupported)
	}
	return t
}

// divide divides each pair's angle by its factor.
func (l *Loader) divide(t ropeTable, factors *gguf.Tensor) {
	if factors.Type != gguf.F32 || factors.Elements() != int64(len(t.invFreq)) {
		l.fail("%s is %s %v; it should be F32 [%d]", factors.Name, factors.Type, factors.Shape, len(t.invFreq))
		return
	}
	for j, f := range l.floats(factors) {
		t.invFreq[j] /= f
	}
}

type yarnParams struct {
	factor, original, fast, slow float64
	fractions                    bool // the blend begins and ends between pairs
}

// yarn interpolates the slow pairs by factor, leaves the fast ones alone, and blends between: a pair that turns
// more than fast times over the original context is fast, one that turns less than slow times is slow.
func (t *ropeTable) yarn(dim int, base float64, y yarnParams) {
	if y.factor <= 1 {
		return
	}
	pairAt := func(turns float64) float64 { // the pair that turns so often over the original context
		return float64(dim) * math.Log(y.original/(turns*2*math.Pi)) / (2 * math.Log(base))
	}
	low, high := pairAt(y.fast), pairAt(y.slow)
	if !y.fractions {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = math.Max(low, 0), math.Min(high, float64(dim-1))
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

// on places the table on a layer's device. Layers with equal tables share one.
func (t ropeTable) on(s Scope, interleaved bool) compute.Rope {
	if len(t.invFreq) == 0 {
		s.l.fail("%s has heads in which nothing can be rotated", s.l.Arch)
		return compute.Rope{}
	}
	label := fmt.Sprintf("rope %v…%v", t.invFreq[0], t.invFreq[len(t.invFreq)-1])
	return compute.Rope{InvFreq: s.Const(label, t.invFreq), Interleaved: interleaved, Magnitude: t.magnitude}
}
