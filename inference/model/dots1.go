package model

import "burble/inference/compute"

// newDots1 makes dots.llm1 (rednote-hilab 2025, arXiv:2506.05767), Ling 2.0 and Ring 2.0 (Ling Team 2025, arXiv:2510.22115) and
// Hunyuan 3 (Tencent 2026, "Hy3"): norms of query and key heads, RoPE on all or a part of each head, and experts with a shared
// one, chosen by sigmoids, groups and a bias, after a few dense blocks.
func newDots1(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Gate: compute.GateSigmoid, GroupTop: 2, Eps: 1e-20}, compute.SiLU),
		}
		b.attn.bindHeadNorms(s)
		return b
	})
}
