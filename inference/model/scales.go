package model

import (
	"slices"
	"strings"

	"burble/inference/compute"
)

// A file may have a number beside a matrix, blk.0.ffn_up.scale beside blk.0.ffn_up.weight, that its products are multiplied by, or
// one for each expert. Files of NVFP4 do, whose own scales of 16 elements don't reach far enough. (NVIDIA 2025,
// "Pretraining Large Language Models with NVFP4", arXiv:2509.25149)

// scaled notes that products with w are to be multiplied by the number beside the matrix of that name.
func (s Scope) scaled(w *compute.Tensor, name string) *compute.Tensor {
	name = strings.TrimSuffix(name, ".weight") + ".scale"
	if t, ok := s.l.file.Tensor(s.prefix + name); ok && t.Elements() == 1 {
		s.l.scales[w] = s.l.floats(t)[0]
	}
	return w
}

// expertScales reads the numbers beside the matrices of experts, or is nil.
func (s Scope) expertScales(weight string, experts int) []float32 {
	return s.optionalFloats(strings.TrimSuffix(weight, ".weight")+".scale", experts)
}

// bindScales binds the numbers beside the experts' matrices. Those of up and down are multiplied into the experts' weights, which
// only the gate's, or up's without a gate, can't be.
func (m *experts) bindScales(s Scope) {
	inner, linear := s.expertScales("ffn_gate_exps.weight", m.count), s.expertScales("ffn_up_exps.weight", m.count)
	rows := m.ffn
	switch {
	case m.gateUp != nil:
		inner, linear, rows = s.expertScales("ffn_gate_up_exps.weight", m.count), nil, 2*m.ffn
	case m.gate == nil:
		inner, linear = linear, nil
	}
	if down := s.expertScales("ffn_down_exps.weight", m.count); linear == nil {
		linear = down
	} else if down != nil {
		for i := range linear {
			linear[i] *= down[i]
		}
	}
	if (inner != nil || linear != nil) && (m.bGate != nil || m.bUp != nil || m.bDown != nil) {
		s.l.fail("%sffn_gate_exps has both scales and biases, which is %w", s.prefix, ErrUnsupported)
	}
	if linear != nil {
		m.scale = s.Const(s.prefix+"scales of experts", linear, m.count, 1, 1)
	}
	if inner != nil && s.l.err == nil {
		repeated := make([]float32, 0, m.count*rows)
		for _, f := range inner {
			repeated = append(repeated, slices.Repeat([]float32{2 * f}, rows)...)
		}
		m.innerScale = s.Const(s.prefix+"scales within experts", repeated, m.count, rows, 1)
	}
}

// scaleInner multiplies x [n, used, rows] by the chosen experts' innerScale; scores [n, experts] may be any.
func (m *experts) scaleInner(p *Pass, x, scores, ids *compute.Tensor) {
	if m.innerScale == nil {
		return
	}
	half := p.Tmp("half", p.Rows, 1) // the sigmoid of nothing; innerScale is doubled for it
	p.Scale(half, scores.Slice(1, 0, 1), 0)
	p.Activate(half, half, compute.Sigmoid)
	factors := p.Tmp("expert scales", p.Rows, m.used*x.Dim(2)).Heads(m.used)
	p.MatMulExperts(factors, half, m.innerScale, nil, ids)
	p.Mul(x, x, factors)
}

// MatMul computes out [n, m] = x [n, k] · wᵀ, times the number beside w.
func (p *Pass) MatMul(out, x, w *compute.Tensor) {
	p.Queue.MatMul(out, x, w)
	p.scale(out, p.scales[w])
}

// Project is compute.Project for weights that may have numbers beside them.
func (p *Pass) Project(x *compute.Tensor, to ...compute.Projection) {
	if p.anyScale(to) {
		for _, t := range to {
			p.MatMul(t.Out, x, t.W)
			p.addBias(t.Out, t.Bias)
		}
		return
	}
	compute.Project(p.Queue, x, to...)
}

func (p *Pass) anyScale(to []compute.Projection) bool {
	for _, t := range to {
		if p.scales[t.W] != 0 {
			return true
		}
	}
	return false
}

// ProjectGLU is compute.ProjectGLU for weights that may have numbers beside them.
func (p *Pass) ProjectGLU(out, gate, up, x, wGate, wUp *compute.Tensor, act compute.Activation) {
	if p.scales[wGate] == 0 && p.scales[wUp] == 0 {
		compute.ProjectGLU(p.Queue, out, gate, up, x, wGate, wUp, act)
		return
	}
	p.MatMul(gate, x, wGate)
	p.MatMul(up, x, wUp)
	p.GLU(out, gate, up, act)
}
