package model

import "burble/inference/compute"

// glm4 is GLM-4 as of April 2025 (Team GLM 2024, arXiv:2406.12793): Llama's block with a second norm after attention and
// after the feed-forward network, biases on queries, keys and values, and RoPE on a part of each head, pairing
// neighbours. The gate and up projections are one tensor.
type glm4 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []glm4Layer
	head   head
}

type glm4Layer struct {
	rope                                 compute.Rope
	attnNorm, attnPost, ffnNorm, ffnPost *compute.Tensor // [dim]
	attn                                 projections
	mlp                                  gatedMLP
}

func newGLM4(l *Loader) Network {
	m := &glm4{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, glm4Layer{
			rope:     rope.on(s, interleaved),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			attnPost: s.Vector("post_attention_norm.weight", l.Dim),
			ffnNorm:  s.Vector("ffn_norm.weight", l.Dim),
			ffnPost:  s.Vector("post_ffw_norm.weight", l.Dim),
			attn:     s.projections(),
			mlp:      s.fusedMLP(compute.SiLU),
		})
	}
	return m
}

func (m *glm4) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *glm4) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope = l.rope
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.RMSNorm(h, h, l.attnPost, m.Eps)
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.RMSNorm(h, h, l.ffnPost, m.Eps)
	p.AddBranch(h)
}

func (m *glm4) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
