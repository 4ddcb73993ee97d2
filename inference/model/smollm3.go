package model

import "burble/inference/compute"

// smollm3 is SmolLM3 (Bakouch et al. 2025, "SmolLM3: smol, multilingual, long-context reasoner"): Llama's block, with
// every fourth layer without RoPE (NoPE; Kazemnejad et al. 2023, arXiv:2305.19466).
type smollm3 struct{ llama }

func newSmolLM3(l *Loader) Network { return &smollm3{*newLlama(l).(*llama)} }

// noRopeStep is the distance of layers without RoPE. The files don't carry it; it is the published models'.
const noRopeStep = 4

func (m *smollm3) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	if (i+1)%noRopeStep != 0 {
		s.Rope = l.rope
	}
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim)})
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.AddBranch(h)
}
