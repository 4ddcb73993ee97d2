package model

import "burble/inference/compute"

// newGLM4MoE makes GLM-4.5 to 4.7 (GLM-4.5 Team 2025, arXiv:2508.06471) and Solar Open: biases on queries, keys and values and
// norms of query and key heads where the file has them, RoPE on a part of each head, and experts chosen by sigmoids and a
// bias, after a few dense blocks.
func newGLM4MoE(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("post_attention_norm"),
			ffn:      s.mixture(compute.Routing{Gate: compute.GateSigmoid, GroupTop: 2, Eps: 1e-20}, compute.SiLU),
		}
		if s.Has("attn_q_norm.weight") {
			b.attn.bindHeadNorms(s)
		}
		return b
	})
}
