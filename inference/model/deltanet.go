package model

import (
	"math"
	"slices"

	"burble/inference/compute"
)

// deltaNet is a block's gated DeltaNet (Yang et al. 2024, arXiv:2412.06464) as Qwen3-Next and its successors have it: queries,
// keys and values go through a short convolution and SiLU, queries and keys are normalised to length 1, and what the recurrence
// gives is normalised head by head and gated by SiLU.
type deltaNet struct {
	deltaShape
	qkv, gate   *compute.Tensor // [keys·2 + values, dim], [values, dim], or nil where qkvz has both
	qkvz        *compute.Tensor // [(keys + values)·2, dim] of older files: for each key head q, k, and the values and gates of its value heads
	alpha, beta *compute.Tensor // [vHeads, dim], or nil where ba has both
	ba          *compute.Tensor // [2·vHeads, dim]: for each key head the betas and then the alphas of its value heads
	conv        *compute.Tensor // [keys·2 + values, taps]
	dtBias, a   *compute.Tensor // [vHeads]; a is −exp(A), which the file has
	norm        *compute.Tensor // [vDim]
	out         *compute.Tensor // [dim, values]
	toQ, toK    *compute.Tensor // [kDim]: constants that make the normalised query or key from an RMS norm
}

// deltaShape is the shape of all of a model's DeltaNets.
type deltaShape struct {
	kHeads, vHeads, kDim, vDim, taps int
	tiled                            bool // value head h belongs to key head h mod kHeads; otherwise neighbours share one
}

func (d *deltaShape) keys() int   { return d.kHeads * d.kDim }
func (d *deltaShape) values() int { return d.vHeads * d.vDim }

func (l *Loader) deltaShape(tiled bool) deltaShape {
	h := l.hyper
	d := deltaShape{
		kHeads: h.int("ssm.group_count", maxWidth),
		vHeads: h.int("ssm.time_step_rank", maxWidth),
		kDim:   h.int("ssm.state_size", maxWidth),
		taps:   h.int("ssm.conv_kernel", maxTaps),
		tiled:  tiled,
	}
	inner := h.int("ssm.inner_size", maxWidth)
	d.vDim = max(1, inner/d.vHeads)
	if h.err == nil && (inner%d.vHeads != 0 || d.vHeads%d.kHeads != 0 || d.taps < 2) {
		h.fail("%s.ssm: %d values in %d heads for %d key heads, with a convolution of %d, don't fit", h.arch, inner, d.vHeads, d.kHeads, d.taps)
	}
	return d
}

func (s Scope) deltaNet(shape deltaShape) deltaNet {
	dim, keys, values := s.l.Dim, shape.keys(), shape.values()
	d := deltaNet{
		deltaShape: shape,
		conv:       s.taps("ssm_conv1d.weight", 2*keys+values, shape.taps),
		dtBias:     s.Vector("ssm_dt.bias", shape.vHeads),
		a:          s.Vector("ssm_a", shape.vHeads),
		norm:       s.Vector("ssm_norm.weight", shape.vDim),
		out:        s.Weight("ssm_out.weight", dim, values),
	}
	if s.Has("ssm_in.weight") {
		d.qkvz = s.Weight("ssm_in.weight", 2*(keys+values), dim)
	} else {
		d.qkv = s.Weight("attn_qkv.weight", 2*keys+values, dim)
		d.gate = s.Weight("attn_gate.weight", values, dim)
	}
	if s.Has("ssm_ba.weight") {
		d.ba = s.Weight("ssm_ba.weight", 2*shape.vHeads, dim)
	} else {
		d.alpha = s.Weight("ssm_alpha.weight", shape.vHeads, dim)
		d.beta = s.Weight("ssm_beta.weight", shape.vHeads, dim)
	}
	// An RMS norm makes a vector of length √kDim. Queries are scaled like those of softmax attention as well.
	length := 1 / math.Sqrt(float64(shape.kDim))
	d.toK = s.Const("unit keys", slices.Repeat([]float32{float32(length)}, shape.kDim))
	d.toQ = s.Const("unit queries", slices.Repeat([]float32{float32(length * length)}, shape.kDim))
	return d
}

// state is what a block with a DeltaNet keeps.
func (d *deltaShape) state() []StateSpec {
	return []StateSpec{
		{Name: "convolution", Shape: []int{d.taps - 1, 2*d.keys() + d.values()}},
		{Name: "memory", Shape: []int{d.vHeads, d.kDim, d.vDim}},
	}
}

// run computes out [n, dim] from x [n, dim] in block i; they may be the same.
func (d *deltaNet) run(p *Pass, i int, out, x *compute.Tensor, eps float32) {
	keys, values := d.keys(), d.values()
	qkv := p.Tmp("delta qkv", p.Rows, 2*keys+values)
	gate := p.Tmp("delta gate", p.Rows, values)
	d.project(p, qkv, gate, x)
	beta, g := d.rates(p, x)

	p.Conv1D(qkv, qkv, d.conv, nil, p.State(i, "convolution"))
	p.Activate(qkv, qkv, compute.SiLU)
	q := qkv.Slice(1, 0, keys).Heads(d.kHeads)
	k := qkv.Slice(1, keys, 2*keys).Heads(d.kHeads)
	v := qkv.Slice(1, 2*keys, 2*keys+values).Heads(d.vHeads)
	unitEps := float32(1e-6 / float64(d.kDim)) // 1e-6 is added to the sum of squares, this to their mean
	p.RMSNorm(q, q, d.toQ, unitEps)
	p.RMSNorm(k, k, d.toK, unitEps)

	y := p.Tmp("delta out", p.Rows, values)
	heads := y.Heads(d.vHeads)
	p.DeltaScan(compute.DeltaScan{Out: heads, Q: q, K: k, V: v, G: g, Beta: beta, Tiled: d.tiled, State: p.State(i, "memory")})
	p.RMSNorm(heads, heads, d.norm, eps)
	p.GLU(y, gate, y, compute.SiLU)
	p.MatMul(out, y, d.out)
}

// project computes queries, keys and values in one [n, keys·2 + values], and the gate [n, values], of x [n, dim].
func (d *deltaNet) project(p *Pass, qkv, gate, x *compute.Tensor) {
	if d.qkvz == nil {
		p.Project(x, compute.Projection{Out: qkv, W: d.qkv}, compute.Projection{Out: gate, W: d.gate})
		return
	}
	keys, values, each := d.keys(), d.values(), d.values()/d.kHeads
	all := p.Tmp("delta qkvz", p.Rows, 2*(keys+values))
	p.MatMul(all, x, d.qkvz)
	heads := all.Heads(d.kHeads)
	p.Copy(qkv.Slice(1, 0, keys).Heads(d.kHeads), heads.Slice(2, 0, d.kDim))
	p.Copy(qkv.Slice(1, keys, 2*keys).Heads(d.kHeads), heads.Slice(2, d.kDim, 2*d.kDim))
	p.Copy(qkv.Slice(1, 2*keys, 2*keys+values).Heads(d.kHeads), heads.Slice(2, 2*d.kDim, 2*d.kDim+each))
	p.Copy(gate.Heads(d.kHeads), heads.Slice(2, 2*d.kDim+each, 2*(d.kDim+each)))
}

// rates computes how much of each value is written and the logarithm of what is kept of the rest, both [n, vHeads], from x
// [n, dim]: beta = sigmoid(…), g = a · softplus(… + dtBias).
func (d *deltaNet) rates(p *Pass, x *compute.Tensor) (beta, g *compute.Tensor) {
	beta = p.Tmp("delta beta", p.Rows, d.vHeads)
	g = p.Tmp("delta g", p.Rows, d.vHeads)
	if d.ba != nil {
		ba := p.Tmp("delta ba", p.Rows, 2*d.vHeads)
		p.MatMul(ba, x, d.ba)
		each := d.vHeads / d.kHeads
		groups := ba.Heads(d.kHeads)
		p.Copy(beta.Heads(d.kHeads), groups.Slice(2, 0, each))
		p.Copy(g.Heads(d.kHeads), groups.Slice(2, each, 2*each))
	} else {
		p.Project(x, compute.Projection{Out: beta, W: d.beta}, compute.Projection{Out: g, W: d.alpha})
	}
	p.Activate(beta, beta, compute.Sigmoid)
	p.Add(g, g, d.dtBias)
	p.Activate(g, g, compute.Softplus)
	p.Mul(g, g, d.a)
	return beta, g
}
