package model

import "burble/inference/compute"

// newStarCoder2 makes StarCoder 2 (Lozhkov et al. 2024, arXiv:2402.19173): layer norms, biases everywhere and a feed-forward
// network without a gate.
func newStarCoder2(l *Loader) Network {
	l.useLayerNorm(layerNorms)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.plainMLP(compute.GELUTanh),
		}
		b.attn.Window = l.hyper.countOr("attention.sliding_window", 0)
		return b
	})
}
