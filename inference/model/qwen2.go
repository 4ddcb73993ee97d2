package model

import "burble/inference/compute"

// qwen2 is Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama's block with biases on queries, keys and
// values. RoPE pairs the two halves of a head.
type qwen2 struct{ llama }

func newQwen2(l *Loader) Network {
	m := &qwen2{llama{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
	}}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, llamaLayer{
			rope:     rope.on(s, halves),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			attn:     s.projections(), // the biases among them
			ffnNorm:  s.Vector("ffn_norm.weight", l.Dim),
			mlp:      s.gatedMLP(compute.SiLU),
		})
	}
	return m
}
