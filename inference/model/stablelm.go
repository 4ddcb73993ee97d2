package model

import "burble/inference/compute"

// newStableLM makes StableLM 2 and StableLM 3B (Bellagente et al. 2024, arXiv:2402.17834): layer norms, a gated network, and
// RoPE on a part of each head. The 12B model has parallel blocks and layer norms of the query and key heads.
func newStableLM(l *Loader) Network {
	l.useLayerNorm(layerNorms)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.optionalNorm("ffn_norm"),
			ffn:      s.gatedMLP(compute.SiLU),
		}
		b.parallel = b.ffnNorm.w == nil // use_parallel_residual is true in files of models that are not
		if s.Has("attn_q_norm.weight") {
			b.attn.bindEachHeadNorm(s)
		}
		return b
	})
}
