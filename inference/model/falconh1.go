package model

import "burble/inference/compute"

// falconH1 is Falcon-H1 (Zuo et al. 2025, arXiv:2507.22448): attention and a Mamba-2 mixer side by side in every block, both
// reading the same norm. The files' weights include the many multipliers.
type falconH1 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []falconH1Layer
	head   head
	mixer  mamba2Shape
}

type falconH1Layer struct {
	norm, ffnNorm *compute.Tensor // [dim]
	rope          compute.Rope
	attn          projections
	mixer         mamba2Mixer
	mlp           gatedMLP
}

func newFalconH1(l *Loader) Network {
	m := &falconH1{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		mixer:  l.mamba2Shape(),
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		ffnNorm := "ffn_norm.weight"
		if !s.Has(ffnNorm) {
			ffnNorm = "ffn_norm"
		}
		m.layers = append(m.layers, falconH1Layer{
			norm:    s.Vector("attn_norm.weight", l.Dim),
			ffnNorm: s.Vector(ffnNorm, l.Dim),
			rope:    rope.on(s, halves),
			attn:    s.projections(),
			mixer:   s.mamba2Mixer(m.mixer),
			mlp:     s.gatedMLP(compute.SiLU),
		})
	}
	return m
}

func (m *falconH1) State(int) []StateSpec { return m.mixer.state() }
func (m *falconH1) Embed(p *Pass)         { p.Embed(p.X, m.embed, p.Tokens) }

func (m *falconH1) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.norm, m.Eps)
	y := p.Tmp("mixed", p.Rows, m.Dim)
	l.mixer.run(p, i, y, h, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope = l.rope
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.Add(h, h, y)
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.AddBranch(h)
}

func (m *falconH1) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
