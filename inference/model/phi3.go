package model

import "burble/inference/compute"

// newPhi3 makes Phi-3, Phi-3.5 and Phi-4 (Abdin et al. 2024, arXiv:2404.14219): Llama's block, with queries, keys and values
// in one tensor, the gate and up projections in another, a sliding window where the file has one, and LongRoPE
// for the long-context variants. RoPE pairs the two halves of a head.
func newPhi3(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.fusedMLP(compute.SiLU),
		}
		b.attn.Window = l.hyper.countOr("attention.sliding_window", 0)
		return b
	})
}
