package model

import "burble/inference/compute"

// qwen3 is the dense Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama's block with an RMS norm on every query and
// key head before RoPE, and no biases. RoPE pairs the two halves of a head.
type qwen3 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []qwen3Layer
	norm   *compute.Tensor // [dim]
	output *compute.Tensor // [vocab, dim]
}

type qwen3Layer struct {
	rope         compute.Rope
	attnNorm     *compute.Tensor // [dim]
	wq           *compute.Tensor // [heads·keyDim, dim]
	wk           *compute.Tensor // [kvHeads·keyDim, dim]
	wv           *compute.Tensor // [kvHeads·valueDim, dim]
	wo           *compute.Tensor // [dim, heads·valueDim]
	qNorm, kNorm *compute.Tensor // [keyDim]
	mlp          gatedMLP
}

func newQwen3(l *Loader, rope ropeTable) Network {
	m := &qwen3{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		norm:   l.Output().Vector("output_norm.weight", l.Dim),
		output: l.Output().output(),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, qwen3Layer{
			rope:     rope.on(s, false),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			wq:       s.Weight("attn_q.weight", l.Heads*l.KeyDim, l.Dim),
			wk:       s.Weight("attn_k.weight", l.KVHeads*l.KeyDim, l.Dim),
			wv:       s.Weight("attn_v.weight", l.KVHeads*l.ValueDim, l.Dim),
			wo:       s.Weight("attn_output.weight", l.Dim, l.Heads*l.ValueDim),
			qNorm:    s.Vector("attn_q_norm.weight", l.KeyDim),
			kNorm:    s.Vector("attn_k_norm.weight", l.KeyDim),
			mlp:      s.gatedMLP(l.Dim, l.FFN),
		})
	}
	return m
}

func (m *qwen3) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *qwen3) Layer(p *Pass, i int) {
	l, n := &m.layers[i], p.Rows
	h := p.Tmp("h", n, m.Dim)
	q := p.Tmp("q", n, m.Heads*m.KeyDim)
	k := p.Tmp("k", n, m.KVHeads*m.KeyDim)
	v := p.Tmp("v", n, m.KVHeads*m.ValueDim)
	attn := p.Tmp("attn", n, m.Heads*m.ValueDim)

	p.RMSNorm(h, p.X, l.attnNorm, m.Eps)
	p.MatMul(q, h, l.wq)
	p.MatMul(k, h, l.wk)
	p.MatMul(v, h, l.wv)
	p.RMSNorm(q.Heads(m.Heads), q.Heads(m.Heads), l.qNorm, m.Eps)
	p.RMSNorm(k.Heads(m.KVHeads), k.Heads(m.KVHeads), l.kNorm, m.Eps)
	p.Rope(q.Heads(m.Heads), p.Past, l.rope)
	p.Rope(k.Heads(m.KVHeads), p.Past, l.rope)
	p.SelfAttention(i, attn.Heads(m.Heads), q.Heads(m.Heads), k.Heads(m.KVHeads), v.Heads(m.KVHeads),
		compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.MatMul(h, attn, l.wo)
	p.Add(p.X, p.X, h)

	l.mlp.run(p, h, m.Eps)
	p.Add(p.X, p.X, h)
}

func (m *qwen3) Head(p *Pass, logits, x *compute.Tensor) {
	h := p.Tmp("head", x.Dim(0), m.Dim)
	p.RMSNorm(h, x, m.norm, m.Eps)
	p.MatMul(logits, h, m.output)
}
