package model

import "burble/inference/compute"

// newQwen2 makes Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama's block with biases on queries, keys and
// values. RoPE pairs the two halves of a head. EXAONE 3 and 3.5 (LG AI Research 2024, arXiv:2408.03541 and arXiv:2412.04862) are
// the same without the biases.
func newQwen2(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		return s.llamaBlock(rope, compute.SiLU)
	})
}

// newQwen2MoE makes Qwen1.5-MoE and Qwen2-57B-A14B (Yang et al. 2024, arXiv:2407.10671): Qwen2's attention, and experts whose
// weights are the softmax's as they are, with a shared expert that has a gate of its own.
func newQwen2MoE(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{}, compute.SiLU),
		}
	})
}
