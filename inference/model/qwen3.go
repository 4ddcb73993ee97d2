package model

import "burble/inference/compute"

// newQwen3 makes the dense Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama's block with an RMS norm on every query and
// key head before RoPE, and no biases. RoPE pairs the two halves of a head.
func newQwen3(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := s.llamaBlock(rope, compute.SiLU)
		b.attn.bindHeadNorms(s)
		return b
	})
}

// newQwen3MoE makes the Qwen3 with experts, whose weights are the softmax's, brought to a sum of one.
func newQwen3MoE(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Normalise: true}, compute.SiLU),
		}
		b.attn.bindHeadNorms(s)
		return b
	})
}

// newMellum makes Mellum 2 (JetBrains 2026, "Mellum 2"): Qwen3 with experts, and sliding windows on three blocks of four, on which
// RoPE is not scaled.
func newMellum(l *Loader) Network {
	m := newQwen3MoE(l).(*decoder)
	local := l.plainRope(l.hyper.floatOr("rope.freq_base_swa", l.RopeBase))
	for i, window := range l.windows(4) {
		if window > 0 {
			m.blocks[i].attn.Window = window
			m.blocks[i].attn.rope = local.on(l.Layer(i), halves)
		}
	}
	return m
}
