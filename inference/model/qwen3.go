package model

import "burble/inference/compute"

// newQwen3 makes the dense Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama's block with an RMS norm on every query and
// key head before RoPE, and no biases. RoPE pairs the two halves of a head.
func newQwen3(l *Loader) Network {
	m := l.decoder()
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		b := s.llamaBlock(rope.on(s, halves), compute.SiLU)
		b.attn.bindHeadNorms(s)
		m.blocks = append(m.blocks, b)
	}
	return m
}

// newQwen3MoE makes the Qwen3 with experts in every block, whose weights are the softmax's, brought to a sum of one.
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
