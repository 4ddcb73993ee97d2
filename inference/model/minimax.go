package model

import "burble/inference/compute"

// newMiniMaxM2 makes MiniMax-M2 (MiniMax 2025, "MiniMax-M2"): norms over all query heads together and over all key heads, RoPE
// on a part of each head, and experts chosen by sigmoids and a bias.
func newMiniMaxM2(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.experts(compute.Routing{Gate: compute.GateSigmoid, Normalise: true}, compute.SiLU),
		}
		b.attn.bindRowNorms(s)
		return b
	})
}
