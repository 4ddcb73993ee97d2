package model

import "burble/inference/compute"

// newQwen3MoE makes the Qwen3 with experts (Yang et al. 2025, arXiv:2505.09388): Qwen3's attention, and in every block experts
// whose weights are the softmax's, brought to a sum of one.
func newQwen3MoE(l *Loader) Network {
	m := l.decoder()
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		b := block{
			attnNorm: s.rmsNorm("attn_norm"),
			attn:     s.attention(rope.on(s, halves)),
			ffnNorm:  s.rmsNorm("ffn_norm"),
			ffn:      s.experts(compute.Routing{Normalise: true}, compute.SiLU),
		}
		b.attn.bindHeadNorms(s)
		m.blocks = append(m.blocks, b)
	}
	return m
}
