package model

import "burble/inference/compute"

// llama is Llama 1 to 3 (Touvron et al. 2023, arXiv:2302.13971; Grattafiori et al. 2024, arXiv:2407.21783), and
// Mistral 7B (Jiang et al. 2023, arXiv:2310.06825), whose GGUF files are of the same architecture. Llama 3's RoPE
// scaling comes as a tensor of factors. The files permute queries and keys so that RoPE pairs neighbours.
type llama struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []llamaLayer
	head   head
}

type llamaLayer struct {
	rope     compute.Rope
	attnNorm *compute.Tensor // [dim]
	attn     projections
	ffnNorm  *compute.Tensor // [dim]
	mlp      gatedMLP
}

func newLlama(l *Loader) Network {
	m := &llama{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, llamaLayer{
			rope:     rope.on(s, interleaved),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			attn:     s.projections(),
			ffnNorm:  s.Vector("ffn_norm.weight", l.Dim),
			mlp:      s.gatedMLP(compute.SiLU),
		})
	}
	return m
}

func (m *llama) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *llama) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope = l.rope
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.AddBranch(h)
}

func (m *llama) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
