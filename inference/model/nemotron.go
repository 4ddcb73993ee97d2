package model

import "burble/inference/compute"

// newNemotron makes Nemotron-4 and Minitron (Parmar et al. 2024, arXiv:2402.16819; Muralidharan et al. 2024, arXiv:2407.14679):
// layer norms, whose weights in the files include the "1 +", RoPE on a part of each head, and a feed-forward network of
// squared ReLU without a gate.
func newNemotron(l *Loader) Network {
	l.useLayerNorm(layerNorms)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.plainMLP(compute.ReLU2),
		}
	})
}
