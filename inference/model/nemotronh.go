package model

import "burble/inference/compute"

// nemotronH is Nemotron-H and Nemotron Nano 2 and 3 (NVIDIA 2025, arXiv:2504.03624 and arXiv:2508.14444): every block is one
// branch alone, a Mamba-2 mixer, attention without RoPE, or a feed-forward network with squared ReLU and no gate, in the newest
// models of experts. Which one it is, its tensors tell.
type nemotronH struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []nemotronHLayer
	head   head
	mixer  mamba2Shape
}

type nemotronHLayer struct {
	norm  *compute.Tensor // [dim]
	mixer *mamba2Mixer    // or nil
	attn  *projections    // or nil
	ffn   feedForward     // or nil
}

func newNemotronH(l *Loader) Network {
	m := &nemotronH{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		mixer:  l.mamba2Shape(),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		layer := nemotronHLayer{norm: s.Vector("attn_norm.weight", l.Dim)}
		switch {
		case s.Has("ssm_in.weight"):
			mixer := s.mamba2Mixer(m.mixer)
			layer.mixer = &mixer
		case s.Has("attn_q.weight"):
			attn := s.projections()
			layer.attn = &attn
		case s.Has("ffn_latent_down.weight"):
			l.fail("%s with experts of a smaller width than the model's is %w", l.Arch, ErrUnsupported)
		case s.Has("ffn_gate_inp.weight"):
			layer.ffn = s.mixture(compute.Routing{Gate: compute.GateSigmoid, Eps: 1e-20}, compute.ReLU2)
		default:
			layer.ffn = s.plainMLP(compute.ReLU2)
		}
		m.layers = append(m.layers, layer)
	}
	return m
}

func (m *nemotronH) KV(i int) KVSpec {
	if m.layers[i].attn == nil {
		return KVSpec{}
	}
	return m.Config.KV(i)
}

func (m *nemotronH) State(i int) []StateSpec {
	if m.layers[i].mixer != nil {
		return m.mixer.state()
	}
	return nil
}

func (m *nemotronH) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *nemotronH) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)
	p.Norm(h, l.norm, m.Eps)
	switch {
	case l.mixer != nil:
		l.mixer.run(p, i, h, h, m.Eps)
	case l.attn != nil:
		s := l.attn.qkv(p, &m.Config, h)
		l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim)})
	default:
		l.ffn.run(p, h, h)
	}
	p.AddBranch(h)
}

func (m *nemotronH) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
