package model

import "burble/inference/compute"

// mamba2 is Mamba-2 (Dao & Gu 2024, arXiv:2405.21060): blocks that mix tokens by a selective scan and have no feed-forward
// network. Its norm is per group, as in the authors' code; transformers' takes all groups together, which differs with more
// than one.
type mamba2 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []mamba2Layer
	head   head
	mixer  mamba2Shape
}

type mamba2Layer struct {
	norm  *compute.Tensor // [dim]
	mixer mamba2Mixer
}

func newMamba2(l *Loader) Network {
	m := &mamba2{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		mixer:  l.mamba2Shape(),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, mamba2Layer{s.Vector("attn_norm.weight", l.Dim), s.mamba2Mixer(m.mixer)})
	}
	return m
}

func (m *mamba2) KV(int) KVSpec         { return KVSpec{} }
func (m *mamba2) State(int) []StateSpec { return m.mixer.state() }
func (m *mamba2) Embed(p *Pass)         { p.Embed(p.X, m.embed, p.Tokens) }

func (m *mamba2) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)
	p.Norm(h, l.norm, m.Eps)
	l.mixer.run(p, i, h, h, m.Eps)
	p.AddBranch(h)
}

func (m *mamba2) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }

// mamba2Shape is the shape of all of a model's Mamba-2 mixers.
type mamba2Shape struct {
	inner, heads int // channels, and the heads they are in
	groups, dim  int // groups of heads that share B and C, and how many elements these have
	taps         int // of the convolution
}

// convolved is the number of channels of the convolution: those of x, B and C.
func (m *mamba2Shape) convolved() int { return m.inner + 2*m.groups*m.dim }

func (l *Loader) mamba2Shape() mamba2Shape {
	h := l.hyper
	m := mamba2Shape{
		inner:  h.int("ssm.inner_size", maxWidth),
		heads:  h.int("ssm.time_step_rank", maxWidth),
		groups: h.int("ssm.group_count", maxWidth),
		dim:    h.int("ssm.state_size", maxWidth),
		taps:   h.int("ssm.conv_kernel", maxTaps),
	}
	if h.err == nil && (m.inner%m.heads != 0 || m.heads%m.groups != 0 || m.inner%m.groups != 0 || m.taps < 2) {
		h.fail("%s.ssm: %d channels in %d heads and %d groups, with a convolution of %d, don't fit", h.arch, m.inner, m.heads, m.groups, m.taps)
	}
	return m
}

// state is what a block with a mixer keeps.
func (m *mamba2Shape) state() []StateSpec {
	return []StateSpec{
		{Name: "convolution", Shape: []int{m.taps - 1, m.convolved()}},
		{Name: "memory", Shape: []int{m.heads, m.inner / max(1, m.heads), m.dim}},
	}
}

// mamba2Mixer is the part of a block that mixes tokens.
type mamba2Mixer struct {
	mamba2Shape
	in       *compute.Tensor // [inner + convolved + heads, dim]: the gate, then x, B and C, then dt
	conv     *compute.Tensor // [convolved, taps]
	convBias *compute.Tensor // [convolved], or nil
	dtBias   *compute.Tensor // [heads]
	a, d     *compute.Tensor // [heads]; a is −exp(A), which the file has
	norm     *compute.Tensor // [inner], or nil
	out      *compute.Tensor // [dim, inner]
}

func (s Scope) mamba2Mixer(shape mamba2Shape) mamba2Mixer {
	m := mamba2Mixer{
		mamba2Shape: shape,
		in:          s.Weight("ssm_in.weight", shape.inner+shape.convolved()+shape.heads, s.l.Dim),
		conv:        s.taps("ssm_conv1d.weight", shape.convolved(), shape.taps),
		convBias:    s.OptionalVector("ssm_conv1d.bias", shape.convolved()),
		dtBias:      s.Vector("ssm_dt.bias", shape.heads),
		a:           s.Const(s.prefix+"ssm_a", s.Floats("ssm_a", shape.heads, 1)),
		d:           s.Const(s.prefix+"ssm_d", s.Floats("ssm_d", shape.heads, 1)),
		out:         s.Weight("ssm_out.weight", s.l.Dim, shape.inner),
	}
	if name := "ssm_norm.weight"; s.Has(name) {
		m.norm = s.Const(s.prefix+name, s.Floats(name, shape.groups, shape.inner/max(1, shape.groups)))
	}
	return m
}

// run computes out [n, dim] from x [n, dim] in block i; they may be the same.
func (m *mamba2Mixer) run(p *Pass, i int, out, x *compute.Tensor, eps float32) {
	width, bc := m.inner+m.convolved()+m.heads, m.groups*m.dim
	in := p.Tmp("mixer in", p.Rows, width)
	p.MatMul(in, x, m.in)
	gate, xbc := in.Slice(1, 0, m.inner), in.Slice(1, m.inner, width-m.heads)
	dt := in.Slice(1, width-m.heads, width)

	p.Conv1D(xbc, xbc, m.conv, m.convBias, p.State(i, "convolution"))
	p.Activate(xbc, xbc, compute.SiLU)
	p.Add(dt, dt, m.dtBias)
	p.Activate(dt, dt, compute.Softplus)

	y := p.Tmp("mixer out", p.Rows, m.inner)
	p.SelectiveScan(compute.SelectiveScan{
		Out: y.Heads(m.heads), X: xbc.Slice(1, 0, m.inner).Heads(m.heads), Dt: dt, A: m.a, D: m.d,
		B:     xbc.Slice(1, m.inner, m.inner+bc).Heads(m.groups),
		C:     xbc.Slice(1, m.inner+bc, m.inner+2*bc).Heads(m.groups),
		State: p.State(i, "memory"),
	})
	p.GLU(y, gate, y, compute.SiLU)
	if m.norm != nil {
		p.RMSNorm(y.Heads(m.groups), y.Heads(m.groups), nil, eps)
		p.Mul(y, y, m.norm)
	}
	p.MatMul(out, y, m.out)
}
