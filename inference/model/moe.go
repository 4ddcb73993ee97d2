package model

import "burble/inference/compute"

// experts is a feed-forward network of many small ones, of which a router chooses a few for each token (Shazeer et al. 2017,
// arXiv:1701.06538; Fedus et al. 2022, arXiv:2101.03961). Some families add one that every token takes.
type experts struct {
	block       int
	count, used int
	ffn         int             // width of an expert
	router      *compute.Tensor // [experts, dim]
	routerBias  *compute.Tensor // [experts], or nil
	// Norms of the input for the router and for the experts, [dim], where they have their own; or nil.
	routerNorm, inputNorm *compute.Tensor
	scale                 *compute.Tensor // [experts, 1, 1], of the experts' outputs, or nil
	routing               compute.Routing
	gate, up              *compute.Tensor // [experts, ffn, dim]; gate is nil where there is none
	gateUp                *compute.Tensor // [experts, 2·ffn, dim] instead of both
	down                  *compute.Tensor // [experts, dim, ffn]
	bGate, bUp            *compute.Tensor // biases [experts, ffn], or nil
	bDown                 *compute.Tensor // [experts, dim], or nil
	act                   compute.Activation
	eps                   float32         // of the norms
	innerScale            *compute.Tensor // [experts, ffn, 1], see bindScales, or nil
	shared                sharedExpert
	sharedOutput          bool    // there is one
	share                 float32 // of the shared expert's output and the others', or 0 for their sum
}

// experts binds the router and the experts of a block, which may be on another device than the rest of it. r is what the
// family does where the file doesn't say.
func (s Scope) experts(r compute.Routing, act compute.Activation) *experts {
	l, at := s.l, s.Experts()
	m := &experts{
		block:   s.block,
		count:   l.hyper.int("expert_count", maxWidth),
		used:    l.hyper.int("expert_used_count", maxWidth),
		ffn:     l.hyper.intOr("expert_feed_forward_length", max(1, l.FFN), maxWidth),
		routing: l.routing(r),
		act:     act,
		eps:     l.Eps,
	}
	if l.hyper.err == nil && m.used > m.count {
		l.fail("%s.expert_used_count is %d of %d experts", l.Arch, m.used, m.count)
	}
	m.router = at.Weight("ffn_gate_inp.weight", m.count, l.Dim)
	m.routerBias = at.OptionalVector("ffn_gate_inp.bias", m.count)
	m.routing.Bias = at.OptionalVector("exp_probs_b.bias", m.count)
	if at.Has("ffn_gate_up_exps.weight") {
		m.gateUp = at.Weight("ffn_gate_up_exps.weight", m.count, 2*m.ffn, l.Dim)
	} else {
		if at.Has("ffn_gate_exps.weight") {
			m.gate = at.Weight("ffn_gate_exps.weight", m.count, m.ffn, l.Dim)
		}
		m.up = at.Weight("ffn_up_exps.weight", m.count, m.ffn, l.Dim)
	}
	m.down = at.Weight("ffn_down_exps.weight", m.count, l.Dim, m.ffn)
	m.bGate = at.optionalMatrix("ffn_gate_exps.bias", m.count, m.ffn)
	m.bUp = at.optionalMatrix("ffn_up_exps.bias", m.count, m.ffn)
	m.bDown = at.optionalMatrix("ffn_down_exps.bias", m.count, l.Dim)
	m.bindScales(at)
	return m
}

// mixture binds the feed-forward network of a family in whose files some blocks have experts, and a shared one or not, and
// the others are dense.
func (s Scope) mixture(r compute.Routing, act compute.Activation) feedForward {
	if !s.Has("ffn_gate_inp.weight") {
		return s.gatedMLP(act)
	}
	m := s.experts(r, act)
	if down, ok := s.l.file.Tensor(s.prefix + "ffn_down_shexp.weight"); ok && len(down.Shape) == 2 {
		m.bindShared(s, down.Shape[1]) // bound by its own shape, since files differ in how they give the width
	}
	return m
}

// optionalMatrix is Weight, or nil where the file has no such tensor.
func (s Scope) optionalMatrix(name string, shape ...int) *compute.Tensor {
	if !s.Has(name) {
		return nil
	}
	return s.Weight(name, shape...)
}

// routing reads how experts are chosen; what the file doesn't say is as in r.
func (l *Loader) routing(r compute.Routing) compute.Routing {
	h := l.hyper
	switch gate := h.countOr("expert_gating_func", 0); gate {
	case 0: // the family's
	case 1:
		r.Gate = compute.GateSoftmax
	case 2:
		r.Gate = compute.GateSigmoid
	case 3:
		r.Gate = compute.GateSoftmaxChosen
	default:
		l.fail("expert gating function %d is %w", gate, ErrUnsupported)
	}
	r.Normalise = h.boolOr("expert_weights_norm", r.Normalise)
	r.Scale = float32(h.floatOr("expert_weights_scale", float64(r.Scale)))
	r.Groups = h.countOr("expert_group_count", 0)
	r.GroupsUsed = h.countOr("expert_group_used_count", r.Groups)
	if r.GroupTop == 0 {
		r.GroupTop = 2
	}
	return r
}

// run computes out [n, dim] from x [n, dim], which may be the same.
func (m *experts) run(p *Pass, out, x *compute.Tensor) {
	var shared *compute.Tensor
	if m.sharedOutput {
		shared = p.Tmp("shared", p.Rows, x.Dim(1))
		m.shared.run(p, shared, x)
	}
	p.AtExperts(m.block, out, x, m.routed)
	if m.sharedOutput {
		p.Add(out, out, shared)
		p.scale(out, m.share)
	}
}

// routed is the part of run that the router and the experts do.
func (m *experts) routed(p *Pass, out, x *compute.Tensor) {
	scores := p.Tmp("router", p.Rows, m.count)
	route := x
	if m.routerNorm != nil {
		route = p.Tmp("router in", p.Rows, x.Dim(1))
		p.RMSNorm(route, x, m.routerNorm, m.eps)
	}
	p.MatMul(scores, route, m.router)
	p.addBias(scores, m.routerBias)
	ids, weights := p.TmpIDs("expert ids", p.Rows, m.used), p.Tmp("expert weights", p.Rows, m.used)
	p.Route(ids, weights, scores, m.routing)
	if m.scale != nil {
		scaled := p.Tmp("scaled expert weights", p.Rows, m.used)
		p.MatMulExperts(scaled.Heads(m.used), weights.Heads(m.used), m.scale, nil, ids)
		weights = scaled
	}
	if m.inputNorm != nil {
		in := p.Tmp("normalised", p.Rows, x.Dim(1))
		p.RMSNorm(in, x, m.inputNorm, m.eps)
		x = in
	}

	up := p.Tmp("expert up", p.Rows, m.used*m.ffn).Heads(m.used)
	switch {
	case m.gateUp != nil:
		both := p.Tmp("expert gate and up", p.Rows, m.used*2*m.ffn).Heads(m.used)
		p.MatMulExperts(both, x, m.gateUp, nil, ids)
		m.scaleInner(p, both, scores, ids)
		p.GLU(up, both.Slice(2, 0, m.ffn), both.Slice(2, m.ffn, 2*m.ffn), m.act)
	case m.gate != nil:
		gate := p.Tmp("expert gate", p.Rows, m.used*m.ffn).Heads(m.used)
		p.MatMulExperts(gate, x, m.gate, m.bGate, ids)
		m.scaleInner(p, gate, scores, ids)
		p.MatMulExperts(up, x, m.up, m.bUp, ids)
		p.GLU(up, gate, up, m.act)
	default:
		p.MatMulExperts(up, x, m.up, m.bUp, ids)
		m.scaleInner(p, up, scores, ids)
		p.Activate(up, up, m.act)
	}
	down := p.Tmp("expert down", p.Rows, m.used*out.Dim(1)).Heads(m.used)
	p.MatMulExperts(down, up, m.down, m.bDown, ids)
	p.Combine(out, down, weights)
}

// sharedExpert is the one that every token takes, weighed by a gate of its own where there is one.
type sharedExpert struct {
	gate, up *compute.Tensor // [ffn, dim]; gate is nil where there is none
	down     *compute.Tensor // [dim, ffn]
	weight   *compute.Tensor // [1, dim], or nil
	ffn      int
	act      compute.Activation
}

// bindShared binds the shared expert, ffn wide, as a part of the block itself.
func (m *experts) bindShared(s Scope, ffn int) {
	m.sharedOutput = true
	m.shared = sharedExpert{
		down: s.Weight("ffn_down_shexp.weight", s.l.Dim, ffn),
		ffn:  ffn,
		act:  m.act,
	}
	const up = "ffn_up_shexp.weight"
	if t, ok := s.l.file.Tensor(s.prefix + up); ok && t.Shape[0] == 2*ffn { // the gate is its first half
		m.shared.gate = s.WeightRows(up, 0, ffn, 2*ffn, s.l.Dim)
		m.shared.up = s.WeightRows(up, ffn, 2*ffn, 2*ffn, s.l.Dim)
	} else {
		m.shared.gate = s.optionalMatrix("ffn_gate_shexp.weight", ffn, s.l.Dim)
		m.shared.up = s.Weight(up, ffn, s.l.Dim)
	}
	if name := "ffn_gate_inp_shexp.weight"; s.Has(name) {
		m.shared.weight = s.Const(s.prefix+name, s.Floats(name, s.l.Dim), 1, s.l.Dim)
	}
}

// run computes out [n, dim] from x [n, dim].
func (m *sharedExpert) run(p *Pass, out, x *compute.Tensor) {
	up := p.Tmp("shared up", p.Rows, m.ffn)
	if m.gate != nil {
		gate := p.Tmp("shared gate", p.Rows, m.ffn)
		p.ProjectGLU(gate, gate, up, x, m.gate, m.up, m.act)
		up = gate
	} else {
		p.MatMul(up, x, m.up)
		p.Activate(up, up, m.act)
	}
	if m.weight == nil {
		p.MatMul(out, up, m.down)
		return
	}
	down, w := p.Tmp("shared down", p.Rows, out.Dim(1)), p.Tmp("shared weight", p.Rows, 1)
	p.MatMul(down, up, m.down)
	p.MatMul(w, x, m.weight)
	p.Activate(w, w, compute.Sigmoid)
	p.Combine(out, down.Heads(1), w)
}
