package model

import "burble/inference/compute"

// newCommandR makes Cohere's Command R, R+ and Aya (Cohere For AI 2024, "Command R"): parallel blocks with one layer norm
// without bias, a multiplier of the logits, and, in R+, layer norms of the query and key heads.
func newCommandR(l *Loader) Network {
	l.useLayerNorm(layerNorms)
	m := l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffn:      s.gatedMLP(compute.SiLU),
			parallel: true,
		}
		if s.Has("attn_q_norm.weight") {
			b.attn.bindEachHeadNorm(s)
		}
		return b
	})
	m.logitScale = float32(l.hyper.floatOr("logit_scale", 1))
	return m
}

// newCohere2 makes Command R7B and Command A (Team Cohere 2025, arXiv:2504.00698): Command R's block, with a sliding window
// and RoPE on three blocks of four, and neither on the fourth.
func newCohere2(l *Loader) Network {
	m := newCommandR(l).(*decoder)
	for i, window := range l.windows(4) {
		m.blocks[i].attn.Window = window
		if window == 0 {
			m.blocks[i].attn.rope = compute.Rope{}
		}
	}
	return m
}

// newCohere2MoE makes Cohere's models with experts (Cohere 2026, "North Mini"): Cohere 2's block, with experts chosen by sigmoids,
// whose sum is averaged with the shared expert's output. The dense blocks at the beginning see everything and have RoPE. Norms
// are layer norms unless the file has an epsilon of RMS norms.
func newCohere2MoE(l *Loader) Network {
	if !l.hyper.has("attention.layer_norm_rms_epsilon") {
		l.useLayerNorm(layerNorms)
	}
	windows := l.windows(4)
	m := l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffn:      s.mixture(compute.Routing{Gate: compute.GateSigmoid}, compute.SiLU),
			parallel: true,
		}
		if m, ok := b.ffn.(*experts); ok {
			m.share = 0.5
		}
		b.attn.Window = windows[s.block]
		if b.attn.Window == 0 && s.block >= l.hyper.countOr("leading_dense_block_count", 0) {
			b.attn.rope = compute.Rope{}
		}
		return b
	})
	m.logitScale = float32(l.hyper.floatOr("logit_scale", 1))
	return m
}
