package model

import "burble/inference/compute"

// newArcee makes Arcee's AFM (Arcee AI 2025, "AFM-4.5B"): Llama's block with a feed-forward network of squared ReLU without a
// gate.
func newArcee(l *Loader) Network {
	return l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.plainMLP(compute.ReLU2),
		}
	})
}
