package model

import "burble/inference/compute"

// newERNIE makes ERNIE 4.5, dense and with experts (Baidu ERNIE Team 2025, "ERNIE 4.5 Technical Report"): Llama's block, RoPE
// pairing neighbours. Experts are chosen by their softmax and a bias.
func newERNIE(l *Loader) Network {
	return l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Normalise: true}, compute.SiLU),
		}
	})
}
