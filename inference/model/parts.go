package model

import "burble/inference/compute"

// gatedMLP is the feed-forward network of most families since Llama: down(silu(gate(x)) · up(x)), after a norm.
// (Shazeer 2020, arXiv:2002.05202)
type gatedMLP struct {
	norm     *compute.Tensor // [dim]
	gate, up *compute.Tensor // [ffn, dim]
	down     *compute.Tensor // [dim, ffn]
	ffn      int
}

func (s Scope) gatedMLP(dim, ffn int) gatedMLP {
	return gatedMLP{
		norm: s.Vector("ffn_norm.weight", dim),
		gate: s.Weight("ffn_gate.weight", ffn, dim),
		up:   s.Weight("ffn_up.weight", ffn, dim),
		down: s.Weight("ffn_down.weight", dim, ffn),
		ffn:  ffn,
	}
}

// run computes out [n, dim] from the residual stream.
func (m *gatedMLP) run(p *Pass, out *compute.Tensor, eps float32) {
	gate := p.Tmp("gate", p.Rows, m.ffn)
	up := p.Tmp("up", p.Rows, m.ffn)
	p.RMSNorm(out, p.X, m.norm, eps)
	p.MatMul(gate, out, m.gate)
	p.MatMul(up, out, m.up)
	p.GLU(gate, gate, up, compute.SiLU)
	p.MatMul(out, gate, m.down)
}

// addBias adds b [cols] to every row of x, unless it is nil.
func (p *Pass) addBias(x, b *compute.Tensor) {
	if b != nil {
		p.Add(x, x, b)
	}
}
