package model

import "burble/inference/compute"

// deepseek2 is DeepSeek-V2 (DeepSeek-AI 2024, arXiv:2405.04434) and V3 (arXiv:2412.19437), and what is made like them: Kimi K2,
// Moonlight, GLM-4.7-Flash, Mistral 4. Attention is latent, and all but the first blocks have experts, with a shared one. V2
// weighs them by a softmax; V3 by sigmoids, with a bias for the choice. Files that don't say which of the two are told by the bias.
type deepseek2 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []deepseek2Layer
	head   head
	shape  latentShape
}

type deepseek2Layer struct {
	norm, ffnNorm *compute.Tensor // [dim]
	attn          latentAttention
	ffn           feedForward
}

func newDeepSeek2(l *Loader) Network {
	m := &deepseek2{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		shape:  l.latentShape(),
	}
	rope, attention := l.latentRope(m.shape.keyDim)
	for i := range l.Layers {
		s := l.Layer(i)
		layer := deepseek2Layer{
			norm:    s.Vector("attn_norm.weight", l.Dim),
			ffnNorm: s.Vector("ffn_norm.weight", l.Dim),
			attn:    s.latentAttention(m.shape, rope, attention),
		}
		switch {
		case !s.Has("ffn_gate_inp.weight"):
			layer.ffn = s.gatedMLP(compute.SiLU)
		case s.Has("exp_probs_b.bias"):
			layer.ffn = s.mixture(compute.Routing{Gate: compute.GateSigmoid, GroupTop: 2, Eps: 1e-20}, compute.SiLU)
		default:
			layer.ffn = s.mixture(compute.Routing{Gate: compute.GateSoftmax, GroupTop: 1, Eps: 1e-20}, compute.SiLU)
		}
		m.layers = append(m.layers, layer)
	}
	return m
}

func (m *deepseek2) KV(int) KVSpec { return m.shape.kv() }
func (m *deepseek2) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *deepseek2) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.norm, m.Eps)
	l.attn.run(p, i, h, h)
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.ffn.run(p, h, h)
	p.AddBranch(h)
}

func (m *deepseek2) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
