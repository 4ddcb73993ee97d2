package model

import "burble/inference/compute"

// mamba is Mamba (Gu & Dao 2023, arXiv:2312.00752): blocks that mix tokens by a selective scan, every channel with decays of
// its own, and have no feed-forward network. Falcon Mamba (Zuo et al. 2024, arXiv:2410.05355) normalises B, C and the rank
// from which dt is made. Jamba (Lieber et al. 2024, arXiv:2403.19887) does so too, with weights; it has feed-forward networks or
// experts, and in a few blocks attention without RoPE instead of the scan.
type mamba struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []mambaLayer
	head   head
	mixer  mambaShape
}

type mambaLayer struct {
	norm    *compute.Tensor // [dim]
	mixer   *mambaMixer     // or nil:
	attn    projections
	ffnNorm *compute.Tensor // [dim], or nil where there is no feed-forward network
	ffn     feedForward
}

func newMamba(l *Loader) Network {
	m := &mamba{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		mixer:  l.mambaShape(),
	}
	for i := range l.Layers {
		s := l.Layer(i)
		layer := mambaLayer{norm: s.Vector("attn_norm.weight", l.Dim)}
		if l.Arch == "mamba" || s.Has("ssm_in.weight") {
			mixer := s.mambaMixer(m.mixer)
			layer.mixer = &mixer
		} else {
			layer.attn = s.projections()
		}
		if l.Arch != "mamba" {
			layer.ffnNorm = s.Vector("ffn_norm.weight", l.Dim)
			layer.ffn = s.mixture(compute.Routing{Gate: compute.GateSoftmax}, compute.SiLU)
		}
		m.layers = append(m.layers, layer)
	}
	return m
}

func (m *mamba) KV(i int) KVSpec {
	if m.layers[i].mixer != nil {
		return KVSpec{}
	}
	return m.Config.KV(i)
}

func (m *mamba) State(i int) []StateSpec {
	if m.layers[i].mixer != nil {
		return m.mixer.state()
	}
	return nil
}

func (m *mamba) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *mamba) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.norm, m.Eps)
	if l.mixer != nil {
		l.mixer.run(p, i, h, h)
	} else {
		l.attn.attend(p, &m.Config, i, h, l.attn.qkv(p, &m.Config, h), compute.Attention{Scale: attentionScale(m.KeyDim)})
	}
	p.AddBranch(h)

	if l.ffnNorm != nil {
		p.Norm(h, l.ffnNorm, m.Eps)
		l.ffn.run(p, h, h)
		p.AddBranch(h)
	}
}

func (m *mamba) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }

// mambaShape is the shape of all of a model's Mamba mixers.
type mambaShape struct {
	inner int // channels
	dim   int // elements of B and C
	rank  int // from which dt is made
	taps  int // of the convolution
}

func (l *Loader) mambaShape() mambaShape {
	h := l.hyper
	m := mambaShape{
		inner: h.int("ssm.inner_size", maxWidth),
		dim:   h.int("ssm.state_size", maxWidth),
		rank:  h.int("ssm.time_step_rank", maxWidth),
		taps:  h.int("ssm.conv_kernel", maxTaps),
	}
	if h.err == nil && m.taps < 2 {
		h.fail("%s.ssm.conv_kernel is %d; it should be at least 2", h.arch, m.taps)
	}
	return m
}

// state is what a block with a mixer keeps.
func (m *mambaShape) state() []StateSpec {
	return []StateSpec{
		{Name: "convolution", Shape: []int{m.taps - 1, m.inner}},
		{Name: "memory", Shape: []int{m.inner, 1, m.dim}},
	}
}

// mambaMixer is the part of a block that mixes tokens.
type mambaMixer struct {
	mambaShape
	in       *compute.Tensor // [2·inner, dim]: x, then the gate
	conv     *compute.Tensor // [inner, taps]
	convBias *compute.Tensor // [inner], or nil
	x        *compute.Tensor // [rank + 2·dim, inner]: the rank, then B and C
	dt       *compute.Tensor // [inner, rank]
	dtBias   *compute.Tensor // [inner]
	a        *compute.Tensor // [inner, dim]: −exp(A), which the file has
	d        *compute.Tensor // [inner]
	out      *compute.Tensor // [dim, inner]
	// Norms of the rank, B and C, where there are any; Falcon Mamba's have no weights.
	norms                bool
	normDt, normB, normC *compute.Tensor // [rank], [dim] and [dim], or nil
	normEps              float32
}

// falconMambaEps is that of Falcon Mamba's norms of B, C and the rank, which files don't carry.
const falconMambaEps = 1e-6

func (s Scope) mambaMixer(shape mambaShape) mambaMixer {
	inner, dim := shape.inner, s.l.Dim
	m := mambaMixer{
		mambaShape: shape,
		in:         s.Weight("ssm_in.weight", 2*inner, dim),
		conv:       s.taps("ssm_conv1d.weight", inner, shape.taps),
		convBias:   s.OptionalVector("ssm_conv1d.bias", inner),
		x:          s.Weight("ssm_x.weight", shape.rank+2*shape.dim, inner),
		dt:         s.Weight("ssm_dt.weight", inner, shape.rank),
		dtBias:     s.Vector("ssm_dt.bias", inner),
		a:          s.Const(s.prefix+"ssm_a", s.Floats("ssm_a", inner, shape.dim), inner, shape.dim),
		d:          s.Vector("ssm_d", inner),
		out:        s.Weight("ssm_out.weight", dim, inner),
		norms:      s.l.hyper.boolOr("ssm.dt_b_c_rms", false),
		normEps:    falconMambaEps,
	}
	if s.Has("ssm_dt_norm.weight") {
		m.norms, m.normEps = true, s.l.Eps
		m.normDt = s.Vector("ssm_dt_norm.weight", shape.rank)
		m.normB = s.Vector("ssm_b_norm.weight", shape.dim)
		m.normC = s.Vector("ssm_c_norm.weight", shape.dim)
	}
	return m
}

// run computes out [n, dim] from h [n, dim] in block i; they may be the same.
func (m *mambaMixer) run(p *Pass, i int, out, h *compute.Tensor) {
	in := p.Tmp("mixer in", p.Rows, 2*m.inner)
	p.MatMul(in, h, m.in)
	x, gate := in.Slice(1, 0, m.inner), in.Slice(1, m.inner, 2*m.inner)
	p.Conv1D(x, x, m.conv, m.convBias, p.State(i, "convolution"))
	p.Activate(x, x, compute.SiLU)

	ranks := p.Tmp("ranks", p.Rows, m.rank+2*m.dim)
	p.MatMul(ranks, x, m.x)
	rank, b, c := ranks.Slice(1, 0, m.rank), ranks.Slice(1, m.rank, m.rank+m.dim), ranks.Slice(1, m.rank+m.dim, m.rank+2*m.dim)
	if m.norms {
		p.RMSNorm(rank, rank, m.normDt, m.normEps)
		p.RMSNorm(b, b, m.normB, m.normEps)
		p.RMSNorm(c, c, m.normC, m.normEps)
	}
	dt := p.Tmp("dt", p.Rows, m.inner)
	p.MatMul(dt, rank, m.dt)
	p.Add(dt, dt, m.dtBias)
	p.Activate(dt, dt, compute.Softplus)

	y := p.Tmp("mixer out", p.Rows, m.inner)
	p.SelectiveScan(compute.SelectiveScan{
		Out: y.Heads(m.inner), X: x.Heads(m.inner), Dt: dt, A: m.a, D: m.d, B: b.Heads(1), C: c.Heads(1), State: p.State(i, "memory"),
	})
	p.GLU(y, gate, y, compute.SiLU)
	p.MatMul(out, y, m.out)
}
