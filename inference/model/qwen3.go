package model

import "burble/inference/compute"

// qwen3 is the dense Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama's block with an RMS norm on every query and
// key head before RoPE, and no biases. RoPE pairs the two halves of a head.
type qwen3 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []qwen3Layer
	head   head
}

type qwen3Layer struct {
	rope         compute.Rope
	attnNorm     *compute.Tensor // [dim]
	attn         projections
	qNorm, kNorm *compute.Tensor // [keyDim]
	ffnNorm      *compute.Tensor // [dim]
	mlp          gatedMLP
}

func newQwen3(l *Loader) Network {
	m := &qwen3{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, qwen3Layer{
			rope:     rope.on(s, halves),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			attn:     s.projections(),
			qNorm:    s.Vector("attn_q_norm.weight", l.KeyDim),
			kNorm:    s.Vector("attn_k_norm.weight", l.KeyDim),
			ffnNorm:  s.Vector("ffn_norm.weight", l.Dim),
			mlp:      s.gatedMLP(compute.SiLU),
		})
	}
	return m
}

func (m *qwen3) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *qwen3) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope, s.QNorm, s.KNorm = l.rope, l.qNorm, l.kNorm
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.AddBranch(h)
}

func (m *qwen3) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
