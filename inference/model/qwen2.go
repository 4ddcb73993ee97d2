package model

import "burble/inference/compute"

// qwen2 is Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama's block with biases on queries, keys and
// values. RoPE pairs the two halves of a head.
type qwen2 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []qwen2Layer
	norm   *compute.Tensor // [dim]
	output *compute.Tensor // [vocab, dim]
}

type qwen2Layer struct {
	rope       compute.Rope
	attnNorm   *compute.Tensor // [dim]
	wq         *compute.Tensor // [heads·keyDim, dim]
	wk         *compute.Tensor // [kvHeads·keyDim, dim]
	wv         *compute.Tensor // [kvHeads·valueDim, dim]
	wo         *compute.Tensor // [dim, heads·valueDim]
	bq, bk, bv *compute.Tensor // their biases
	mlp        gatedMLP
}

func newQwen2(l *Loader, rope ropeTable) Network {
	m := &qwen2{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		norm:   l.Output().Vector("output_norm.weight", l.Dim),
		output: l.Output().output(),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, qwen2Layer{
			rope:     rope.on(s, false),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			wq:       s.Weight("attn_q.weight", l.Heads*l.KeyDim, l.Dim),
			wk:       s.Weight("attn_k.weight", l.KVHeads*l.KeyDim, l.Dim),
			wv:       s.Weight("attn_v.weight", l.KVHeads*l.ValueDim, l.Dim),
			wo:       s.Weight("attn_output.weight", l.Dim, l.Heads*l.ValueDim),
			bq:       s.Vector("attn_q.bias", l.Heads*l.KeyDim),
			bk:       s.Vector("attn_k.bias", l.KVHeads*l.KeyDim),
			bv:       s.Vector("attn_v.bias", l.KVHeads*l.ValueDim),
			mlp:      s.gatedMLP(l.Dim, l.FFN),
		})
	}
	return m
}

func (m *qwen2) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *qwen2) Layer(p *Pass, i int) {
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
	p.Add(q, q, l.bq)
	p.Add(k, k, l.bk)
	p.Add(v, v, l.bv)
	p.Rope(q.Heads(m.Heads), p.Past, l.rope)
	p.Rope(k.Heads(m.KVHeads), p.Past, l.rope)
	p.SelfAttention(i, attn.Heads(m.Heads), q.Heads(m.Heads), k.Heads(m.KVHeads), v.Heads(m.KVHeads),
		compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.MatMul(h, attn, l.wo)
	p.Add(p.X, p.X, h)

	l.mlp.run(p, h, m.Eps)
	p.Add(p.X, p.X, h)
}

func (m *qwen2) Head(p *Pass, logits, x *compute.Tensor) {
	h := p.Tmp("head", x.Dim(0), m.Dim)
	p.RMSNorm(h, x, m.norm, m.Eps)
	p.MatMul(logits, h, m.output)
}
