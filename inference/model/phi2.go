package model

import "burble/inference/compute"

// newPhi2 makes Phi-1, Phi-1.5 and Phi-2 (Li et al. 2023, arXiv:2309.05463): parallel blocks with one layer norm, biases
// everywhere, the output projection included, and RoPE on a part of each head.
func newPhi2(l *Loader) Network {
	l.useLayerNorm(layerNorms)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffn:      s.plainMLP(compute.GELUTanh),
			parallel: true,
		}
	})
}
