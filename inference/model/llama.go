package model

import "burble/inference/compute"

// llama is Llama 1 to 3 (Touvron et al. 2023, arXiv:2302.13971; Grattafiori et al. 2024, arXiv:2407.21783), and
// Mistral 7B (Jiang et al. 2023, arXiv:2310.06825), whose GGUF files are of the same architecture. Llama 3's RoPE
// scaling comes as a tensor of factors. The files permute queries and keys so that RoPE pairs neighbours.
type llama struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []llamaLayer
	norm   *compute.Tensor // [dim]
	output *compute.Tensor // [vocab, dim]
}

type llamaLayer struct {
	rope           compute.Rope
	attnNorm       *compute.Tensor // [dim]
	wq             *compute.Tensor // [heads·keyDim, dim]
	wk             *compute.Tensor // [kvHeads·keyDim, dim]
	wv             *compute.Tensor // [kvHeads·valueDim, dim]
	wo             *compute.Tensor // [dim, heads·valueDim]
	bq, bk, bv, bo *compute.Tensor // their biases, or nil
	mlp            gatedMLP
}

func newLlama(l *Loader, rope ropeTable) Network {
	m := &llama{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		norm:   l.Output().Vector("output_norm.weight", l.Dim),
		output: l.Output().output(),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, llamaLayer{
			rope:     rope.on(s, true),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			wq:       s.Weight("attn_q.weight", l.Heads*l.KeyDim, l.Dim),
			wk:       s.Weight("attn_k.weight", l.KVHeads*l.KeyDim, l.Dim),
			wv:       s.Weight("attn_v.weight", l.KVHeads*l.ValueDim, l.Dim),
			wo:       s.Weight("attn_output.weight", l.Dim, l.Heads*l.ValueDim),
			bq:       s.OptionalVector("attn_q.bias", l.Heads*l.KeyDim),
			bk:       s.OptionalVector("attn_k.bias", l.KVHeads*l.KeyDim),
			bv:       s.OptionalVector("attn_v.bias", l.KVHeads*l.ValueDim),
			bo:       s.OptionalVector("attn_output.bias", l.Dim),
			mlp:      s.gatedMLP(l.Dim, l.FFN),
		})
	}
	return m
}

func (m *llama) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *llama) Layer(p *Pass, i int) {
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
	p.addBias(q, l.bq)
	p.addBias(k, l.bk)
	p.addBias(v, l.bv)
	p.Rope(q.Heads(m.Heads), p.Past, l.rope)
	p.Rope(k.Heads(m.KVHeads), p.Past, l.rope)
	p.SelfAttention(i, attn.Heads(m.Heads), q.Heads(m.Heads), k.Heads(m.KVHeads), v.Heads(m.KVHeads),
		compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.MatMul(h, attn, l.wo)
	p.addBias(h, l.bo)
	p.Add(p.X, p.X, h)

	l.mlp.run(p, h, m.Eps)
	p.Add(p.X, p.X, h)
}

func (m *llama) Head(p *Pass, logits, x *compute.Tensor) {
	h := p.Tmp("head", x.Dim(0), m.Dim)
	p.RMSNorm(h, x, m.norm, m.Eps)
	p.MatMul(logits, h, m.output)
}
