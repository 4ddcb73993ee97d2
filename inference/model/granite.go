package model

import "burble/inference/compute"

// granite is IBM's dense Granite 3 (Granite Team 2024, "Granite 3.0 Language Models"): Llama's block with four
// multipliers, for the embedding, the attention logits, the residual branches and the output logits.
type granite struct {
	llama
	embedScale, residualScale, logitScale, attnScale float32
}

func newGranite(l *Loader) Network {
	m := &granite{
		llama:         *newLlama(l).(*llama),
		embedScale:    float32(l.hyper.floatOr("embedding_scale", 1)),
		residualScale: float32(l.hyper.floatOr("residual_scale", 1)),
		logitScale:    float32(l.hyper.floatOr("logit_scale", 1)),
		attnScale:     float32(l.hyper.floatOr("attention.scale", float64(attentionScale(l.KeyDim)))),
	}
	if m.logitScale == 0 {
		l.fail("granite.logit_scale is 0; logits are divided by it")
	}
	return m
}

func (m *granite) Embed(p *Pass) {
	p.Embed(p.X, m.embed, p.Tokens)
	p.Scale(p.X, p.X, m.embedScale)
}

func (m *granite) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope = l.rope
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: m.attnScale})
	p.Scale(h, h, m.residualScale)
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.Scale(h, h, m.residualScale)
	p.AddBranch(h)
}

func (m *granite) Head(p *Pass, logits, x *compute.Tensor) {
	m.head.run(p, m.Eps, logits, x)
	p.Scale(logits, logits, 1/m.logitScale)
}
