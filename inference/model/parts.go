package model

import (
	"fmt"

	"burble/inference/compute"
)

// projections are the four matrices of an attention block, with biases where the family has them.
type projections struct {
	q, k, v, o     *compute.Tensor // [heads·keyDim | kvHeads·keyDim | kvHeads·valueDim, dim] and [dim, heads·valueDim]
	bq, bk, bv, bo *compute.Tensor // biases, or nil
}

// projections binds attn_q, attn_k, attn_v and attn_output, with the biases that the file has. Where the first three are one
// tensor, attn_qkv, it binds its parts.
func (s Scope) projections() projections {
	c := &s.l.Config
	nq, nk, nv := c.Heads*c.KeyDim, c.KVHeads*c.KeyDim, c.KVHeads*c.ValueDim
	a := projections{
		o:  s.Weight("attn_output.weight", c.Dim, c.Heads*c.ValueDim),
		bo: s.OptionalVector("attn_output.bias", c.Dim),
	}
	if name := "attn_qkv.weight"; s.Has(name) {
		n := nq + nk + nv
		a.q = s.WeightRows(name, 0, nq, n, c.Dim)
		a.k = s.WeightRows(name, nq, nq+nk, n, c.Dim)
		a.v = s.WeightRows(name, nq+nk, n, n, c.Dim)
		const bias = "attn_qkv.bias"
		if b := s.optionalFloats(bias, n); b != nil {
			part := func(lo, hi int) *compute.Tensor {
				return s.Const(fmt.Sprintf("%s%s[%d:%d]", s.prefix, bias, lo, hi), b[lo:hi])
			}
			a.bq, a.bk, a.bv = part(0, nq), part(nq, nq+nk), part(nq+nk, n)
		}
		return a
	}
	a.q = s.Weight("attn_q.weight", nq, c.Dim)
	a.k = s.Weight("attn_k.weight", nk, c.Dim)
	a.v = s.Weight("attn_v.weight", nv, c.Dim)
	a.bq = s.OptionalVector("attn_q.bias", nq)
	a.bk = s.OptionalVector("attn_k.bias", nk)
	a.bv = s.OptionalVector("attn_v.bias", nv)
	return a
}

// optionalFloats is Floats, or nil where the file has no such tensor or is refused.
func (s Scope) optionalFloats(name string, n int) []float32 {
	if !s.Has(name) {
		return nil
	}
	if values := s.Floats(name, n); len(values) == n {
		return values
	}
	return nil
}

// qkv computes queries [n, heads, keyDim], keys [n, kvHeads, keyDim] and values [n, kvHeads, valueDim] of h [n, dim].
func (a *projections) qkv(p *Pass, c *Config, h *compute.Tensor) compute.RopeStore {
	q := p.Tmp("q", p.Rows, c.Heads*c.KeyDim)
	k := p.Tmp("k", p.Rows, c.KVHeads*c.KeyDim)
	v := p.Tmp("v", p.Rows, c.KVHeads*c.ValueDim)
	p.Project(h,
		compute.Projection{Out: q, W: a.q, Bias: a.bq},
		compute.Projection{Out: k, W: a.k, Bias: a.bk},
		compute.Projection{Out: v, W: a.v, Bias: a.bv})
	return compute.RopeStore{Q: q.Heads(c.Heads), K: k.Heads(c.KVHeads), V: v.Heads(c.KVHeads), Eps: c.Eps}
}

// attend runs attention of block i over its cache, and the output projection into out [n, dim].
func (a *projections) attend(p *Pass, c *Config, i int, out *compute.Tensor, s compute.RopeStore, o compute.Attention) {
	attn := p.Tmp("attn", p.Rows, c.Heads*c.ValueDim)
	p.SelfAttention(i, attn.Heads(c.Heads), s, o)
	p.MatMul(out, attn, a.o)
	p.addBias(out, a.bo)
}

// gatedMLP is the feed-forward network of most families since Llama: down(act(gate(x)) · up(x)). (Shazeer 2020,
// arXiv:2002.05202)
type gatedMLP struct {
	gate, up          *compute.Tensor // [ffn, dim]
	down              *compute.Tensor // [dim, ffn]
	bGate, bUp, bDown *compute.Tensor // biases, or nil
	ffn               int
	act               compute.Activation
}

// gatedMLP binds ffn_gate, ffn_up and ffn_down, with the biases that the file has.
func (s Scope) gatedMLP(act compute.Activation) gatedMLP { return s.gatedMLPOf(s.l.FFN, act) }

// gatedMLPOf is gatedMLP for a block of another width than the others.
func (s Scope) gatedMLPOf(ffn int, act compute.Activation) gatedMLP {
	dim := s.l.Dim
	return gatedMLP{
		gate: s.Weight("ffn_gate.weight", ffn, dim),
		up:   s.Weight("ffn_up.weight", ffn, dim),
		down: s.Weight("ffn_down.weight", dim, ffn),

		bGate: s.OptionalVector("ffn_gate.bias", ffn),
		bUp:   s.OptionalVector("ffn_up.bias", ffn),
		bDown: s.OptionalVector("ffn_down.bias", dim),
		ffn:   ffn,
		act:   act,
	}
}

// fusedMLP binds ffn_up, whose first half is the gate, and ffn_down.
func (s Scope) fusedMLP(act compute.Activation) gatedMLP {
	c := &s.l.Config
	return gatedMLP{
		gate: s.WeightRows("ffn_up.weight", 0, c.FFN, 2*c.FFN, c.Dim),
		up:   s.WeightRows("ffn_up.weight", c.FFN, 2*c.FFN, 2*c.FFN, c.Dim),
		down: s.Weight("ffn_down.weight", c.Dim, c.FFN),
		ffn:  c.FFN,
		act:  act,
	}
}

// run computes out [n, dim] from x [n, dim], which may be the same.
func (m gatedMLP) run(p *Pass, out, x *compute.Tensor) {
	gate := p.Tmp("gate", p.Rows, m.ffn)
	up := p.Tmp("up", p.Rows, m.ffn)
	if m.bGate == nil && m.bUp == nil {
		p.ProjectGLU(gate, gate, up, x, m.gate, m.up, m.act)
	} else {
		p.Project(x, compute.Projection{Out: gate, W: m.gate, Bias: m.bGate}, compute.Projection{Out: up, W: m.up, Bias: m.bUp})
		p.GLU(gate, gate, up, m.act)
	}
	p.MatMul(out, gate, m.down)
	p.addBias(out, m.bDown)
}

// plainMLP is the feed-forward network without a gate: down(act(up(x))).
type plainMLP struct {
	up, down   *compute.Tensor // [ffn, dim] and [dim, ffn]
	bUp, bDown *compute.Tensor // biases, or nil
	ffn        int
	act        compute.Activation
}

// plainMLP binds ffn_up and ffn_down, with the biases that the file has.
func (s Scope) plainMLP(act compute.Activation) plainMLP {
	c := &s.l.Config
	return plainMLP{
		up:    s.Weight("ffn_up.weight", c.FFN, c.Dim),
		down:  s.Weight("ffn_down.weight", c.Dim, c.FFN),
		bUp:   s.OptionalVector("ffn_up.bias", c.FFN),
		bDown: s.OptionalVector("ffn_down.bias", c.Dim),
		ffn:   c.FFN,
		act:   act,
	}
}

// run computes out [n, dim] from x [n, dim], which may be the same.
func (m plainMLP) run(p *Pass, out, x *compute.Tensor) {
	up := p.Tmp("up", p.Rows, m.ffn)
	p.MatMul(up, x, m.up)
	p.addBias(up, m.bUp)
	p.Activate(up, up, m.act)
	p.MatMul(out, up, m.down)
	p.addBias(out, m.bDown)
}

// head is the end of every network here: a norm and the output projection.
type head struct {
	norm   norm
	output *compute.Tensor // [vocab, dim]
	bias   *compute.Tensor // [vocab], or nil
}

// head binds output_norm and output, which many files share with the token embedding.
func (l *Loader) head() head { return l.headNamed("output_norm") }

// headNamed is head with another name for the norm, without ".weight".
func (l *Loader) headNamed(norm string) head {
	s := l.Output()
	name := "output.weight"
	if !s.Has(name) {
		name, l.tied = "token_embd.weight", true
	}
	return head{
		norm:   s.norm(norm),
		output: s.Weight(name, l.Vocab, l.Dim),
		bias:   s.OptionalVector("output.bias", l.Vocab),
	}
}

func (m *head) run(p *Pass, eps float32, logits, x *compute.Tensor) {
	h := p.Tmp("head", x.Dim(0), x.Dim(1))
	if m.norm.layerNorm {
		p.LayerNorm(h, x, m.norm.w, m.norm.b, eps)
	} else {
		p.RMSNorm(h, x, m.norm.w, eps)
	}
	p.MatMul(logits, h, m.output)
	p.addBias(logits, m.bias)
}

// addBias adds b [cols] to every row of x, unless it is nil.
func (p *Pass) addBias(x, b *compute.Tensor) {
	if b != nil {
		p.Add(x, x, b)
	}
}

// norm normalises x in place by w, unless it is nil.
func (p *Pass) norm(x, w *compute.Tensor, eps float32) {
	if w != nil {
		p.RMSNorm(x, x, w, eps)
	}
}

// windows returns the sliding window of each block, 0 where it sees everything. The file says which blocks have it one by
// one, or every how many there is one without; where it doesn't, every period-th is without, counted from 1.
func (l *Loader) windows(period int) []int {
	h := l.hyper
	list := make([]int, l.Layers)
	window := h.countOr("attention.sliding_window", 0)
	const key = "attention.sliding_window_pattern"
	if each, ok := h.md.Bools(h.arch + "." + key); ok {
		if len(each) < l.Layers {
			l.fail("%s.%s has %d values for %d layers", h.arch, key, len(each), l.Layers)
			return list
		}
		for i := range list {
			if each[i] {
				list[i] = window
			}
		}
		return list
	}
	period = h.intOr(key, period, maxLayers)
	for i := range list {
		if (i+1)%period != 0 {
			list[i] = window
		}
	}
	return list
}
