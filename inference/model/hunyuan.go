package model

import "burble/inference/compute"

// newHunyuan makes Hunyuan's dense models and Hunyuan-A13B (Tencent 2025, "Hunyuan-A13B Technical Report"): Llama's block
// with norms of the query and key heads after RoPE, and in A13B experts and a shared one. The files' base frequency includes
// the scaling of RoPE.
func newHunyuan(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Normalise: true}, compute.SiLU),
		}
		if s.Has("attn_q_norm.weight") {
			b.attn.bindHeadNorms(s)
			b.attn.normAfterRope = true
		}
		return b
	})
}
