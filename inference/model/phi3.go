package model

import "burble/inference/compute"

// phi3 is Phi-3, Phi-3.5 and Phi-4 (Abdin et al. 2024, arXiv:2404.14219): Llama's block, with queries, keys and values
// in one tensor, the gate and up projections in another, a sliding window where the file has one, and LongRoPE
// for the long-context variants. RoPE pairs the two halves of a head.
type phi3 struct {
	llama
	window int
}

func newPhi3(l *Loader) Network {
	m := &phi3{
		llama: llama{
			Config: l.Config,
			embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
			head:   l.head(),
		},
		window: l.hyper.countOr("attention.sliding_window", 0),
	}
	nq, nk, nv := l.Heads*l.KeyDim, l.KVHeads*l.KeyDim, l.KVHeads*l.ValueDim
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		qkv := func(lo, hi int) *compute.Tensor { return s.WeightRows("attn_qkv.weight", lo, hi, nq+nk+nv, l.Dim) }
		m.layers = append(m.layers, llamaLayer{
			rope:     rope.on(s, halves),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			attn: projections{
				q: qkv(0, nq),
				k: qkv(nq, nq+nk),
				v: qkv(nq+nk, nq+nk+nv),
				o: s.Weight("attn_output.weight", l.Dim, l.Heads*l.ValueDim),
			},
			ffnNorm: s.Vector("ffn_norm.weight", l.Dim),
			mlp:     s.fusedMLP(compute.SiLU),
		})
	}
	return m
}

// KV is the shared one, with the window.
func (m *phi3) KV(i int) KVSpec {
	spec := m.Config.KV(i)
	spec.Window = m.window
	return spec
}

func (m *phi3) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope = l.rope
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim), Window: m.window})
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.AddBranch(h)
}
