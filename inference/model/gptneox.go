package model

import "burble/inference/compute"

// newGPTNeoX makes GPT-NeoX and Pythia (Black et al. 2022, arXiv:2204.06745; Biderman et al. 2023, arXiv:2304.01373): layer
// norms, biases everywhere, RoPE on a part of each head, and mostly parallel blocks with a norm for each branch.
func newGPTNeoX(l *Loader) Network {
	l.useLayerNorm(layerNorms)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.plainMLP(compute.GELU),
			parallel: l.hyper.boolOr("use_parallel_residual", true),
		}
	})
}
