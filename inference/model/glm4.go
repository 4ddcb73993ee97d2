package model

import "burble/inference/compute"

// newGLM4 makes GLM-4 as of April 2025 (Team GLM 2024, arXiv:2406.12793): Llama's block with a second norm after attention and
// after the feed-forward network, biases on queries, keys and values, and RoPE on a part of each head, pairing
// neighbours. The gate and up projections are one tensor.
func newGLM4(l *Loader) Network {
	m := l.decoder()
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		m.blocks = append(m.blocks, block{
			attnNorm: s.rmsNorm("attn_norm"),
			attn:     s.attention(rope.on(s, interleaved)),
			attnPost: s.rmsNorm("post_attention_norm"),
			ffnNorm:  s.rmsNorm("ffn_norm"),
			ffn:      s.fusedMLP(compute.SiLU),
			ffnPost:  s.rmsNorm("post_ffw_norm"),
		})
	}
	return m
}
