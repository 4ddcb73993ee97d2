package model

import "burble/inference/compute"

// mamba is Mamba (Gu & Dao 2023, arXiv:2312.00752): blocks that mix tokens by a selective scan, every channel with decays of
// its own, and have no feed-forward network. Falcon Mamba (Zuo et al. 2024, arXiv:2410.05355) normalises B, C and the rank
// from which dt is made.
type mamba struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []mambaLayer
	head   head
	inner  int // channels
	dim    int // elements of B and C
	rank   int // from which dt is made
	taps   int // of the convolution
	norms  bool
}

type mambaLayer struct {
	norm     *compute.Tensor // [dim]
	in       *compute.Tensor // [2·inner, dim]: x, then the gate
	conv     *compute.Tensor // [inner, taps]
	convBias *compute.Tensor // [inner], or nil
	x        *compute.Tensor // [rank + 2·dim, inner]: the rank, then B and C
	dt       *compute.Tensor // [inner, rank]
	dtBias   *compute.Tensor // [inner]
	a        *compute.Tensor // [inner, dim]: −exp(A), which the file has
	d        *compute.Tensor // [inner]
	out      *compute.Tensor // [dim, inner]
}

// mambaNormEps is that of Falcon Mamba's norms of B, C and dt, which files don't carry.
const mambaNormEps = 1e-6

func newMamba(l *Loader) Network {
	h := l.hyper
	m := &mamba{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		inner:  h.int("ssm.inner_size", maxWidth),
		dim:    h.int("ssm.state_size", maxWidth),
		rank:   h.int("ssm.time_step_rank", maxWidth),
		taps:   h.int("ssm.conv_kernel", maxTaps),
		norms:  h.boolOr("ssm.dt_b_c_rms", false),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		m.layers = append(m.layers, mambaLayer{
			norm:     s.Vector("attn_norm.weight", l.Dim),
			in:       s.Weight("ssm_in.weight", 2*m.inner, l.Dim),
			conv:     s.taps("ssm_conv1d.weight", m.inner, m.taps),
			convBias: s.OptionalVector("ssm_conv1d.bias", m.inner),
			x:        s.Weight("ssm_x.weight", m.rank+2*m.dim, m.inner),
			dt:       s.Weight("ssm_dt.weight", m.inner, m.rank),
			dtBias:   s.Vector("ssm_dt.bias", m.inner),
			a:        s.Const(s.prefix+"ssm_a", s.Floats("ssm_a", m.inner, m.dim), m.inner, m.dim),
			d:        s.Vector("ssm_d", m.inner),
			out:      s.Weight("ssm_out.weight", l.Dim, m.inner),
		})
	}
	return m
}

func (m *mamba) KV(int) KVSpec { return KVSpec{} }

func (m *mamba) State(int) []StateSpec {
	return []StateSpec{
		{Name: "convolution", Shape: []int{m.taps - 1, m.inner}},
		{Name: "memory", Shape: []int{m.inner, 1, m.dim}},
	}
}

func (m *mamba) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *mamba) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)
	p.Norm(h, l.norm, m.Eps)

	in := p.Tmp("mixer in", p.Rows, 2*m.inner)
	p.MatMul(in, h, l.in)
	x, gate := in.Slice(1, 0, m.inner), in.Slice(1, m.inner, 2*m.inner)
	p.Conv1D(x, x, l.conv, l.convBias, p.State(i, "convolution"))
	p.Activate(x, x, compute.SiLU)

	ranks := p.Tmp("ranks", p.Rows, m.rank+2*m.dim)
	p.MatMul(ranks, x, l.x)
	rank, b, c := ranks.Slice(1, 0, m.rank), ranks.Slice(1, m.rank, m.rank+m.dim), ranks.Slice(1, m.rank+m.dim, m.rank+2*m.dim)
	if m.norms {
		p.RMSNorm(rank, rank, nil, mambaNormEps)
		p.RMSNorm(b, b, nil, mambaNormEps)
		p.RMSNorm(c, c, nil, mambaNormEps)
	}
	dt := p.Tmp("dt", p.Rows, m.inner)
	p.MatMul(dt, rank, l.dt)
	p.Add(dt, dt, l.dtBias)
	p.Activate(dt, dt, compute.Softplus)

	y := p.Tmp("mixer out", p.Rows, m.inner)
	p.SelectiveScan(compute.SelectiveScan{
		Out: y.Heads(m.inner), X: x.Heads(m.inner), Dt: dt, A: l.a, D: l.d, B: b.Heads(1), C: c.Heads(1), State: p.State(i, "memory"),
	})
	p.GLU(y, gate, y, compute.SiLU)
	p.MatMul(h, y, l.out)
	p.AddBranch(h)
}

func (m *mamba) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
