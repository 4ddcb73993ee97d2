package model

import "burble/inference/compute"

// lfm2 is LFM2 (Liquid AI 2025, arXiv:2511.23404): most blocks mix tokens by a short convolution of every channel, gated on
// both sides, and a few by attention with a norm on every query and key head. Which is which, the number of key/value heads
// tells: a convolution has none. LFM2-MoE has experts in all but the first blocks.
type lfm2 struct {
	Config
	embed   *compute.Tensor // [vocab, dim]
	layers  []lfm2Layer
	head    head
	taps    int   // of the convolutions
	kvHeads []int // of each block; 0: a convolution
	window  int   // of the attention, or 0
}

type lfm2Layer struct {
	norm    *compute.Tensor // [dim]
	attn    projections
	qNorm   *compute.Tensor // [keyDim]
	kNorm   *compute.Tensor // [keyDim]
	rope    compute.Rope
	conv    gatedConvolution
	ffnNorm *compute.Tensor // [dim]
	ffn     feedForward
}

// gatedConvolution is out · (c ⊙ conv(b ⊙ x)) with b, c and x projections of the input.
type gatedConvolution struct {
	in, out       *compute.Tensor // [3·dim, dim] for b, c and x; [dim, dim]
	conv          *compute.Tensor // [dim, taps]
	bIn, bC, bOut *compute.Tensor // biases, or nil
}

func newLFM2(l *Loader) Network {
	m := &lfm2{
		Config:  l.Config,
		embed:   l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:    l.headNamed("token_embd_norm"),
		taps:    l.hyper.int("shortconv.l_cache", maxTaps),
		kvHeads: l.hyper.perLayer("attention.head_count_kv", l.Layers, l.Heads),
		window:  l.hyper.countOr("attention.sliding_window", 0),
	}
	dense := l.Layers // blocks without experts, from the first
	if l.Arch == "lfm2moe" {
		dense = l.hyper.countOr("leading_dense_block_count", 0)
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		layer := lfm2Layer{
			norm:    s.Vector("attn_norm.weight", l.Dim),
			ffnNorm: s.Vector("ffn_norm.weight", l.Dim),
		}
		if i < dense {
			mlp := s.gatedMLP(compute.SiLU)
			layer.ffn = &mlp
		} else {
			layer.ffn = s.experts(compute.Routing{Gate: compute.GateSigmoid, Normalise: true, Eps: 1e-6}, compute.SiLU)
		}
		if m.kvHeads[i] > 0 {
			layer.attn = s.projections()
			layer.qNorm = s.Vector("attn_q_norm.weight", l.KeyDim)
			layer.kNorm = s.Vector("attn_k_norm.weight", l.KeyDim)
			layer.rope = rope.on(s, halves)
		} else {
			layer.conv = gatedConvolution{
				in:   s.Weight("shortconv.in_proj.weight", 3*l.Dim, l.Dim),
				conv: s.taps("shortconv.conv.weight", l.Dim, m.taps),
				out:  s.Weight("shortconv.out_proj.weight", l.Dim, l.Dim),
				bIn:  s.OptionalVector("shortconv.in_proj.bias", 3*l.Dim),
				bC:   s.OptionalVector("shortconv.conv.bias", l.Dim),
				bOut: s.OptionalVector("shortconv.out_proj.bias", l.Dim),
			}
		}
		m.layers = append(m.layers, layer)
	}
	return m
}

func (m *lfm2) KV(i int) KVSpec {
	if m.kvHeads[i] == 0 {
		return KVSpec{}
	}
	return KVSpec{Heads: m.KVHeads, KeyDim: m.KeyDim, ValueDim: m.ValueDim, Window: m.window}
}

func (m *lfm2) State(i int) []StateSpec {
	if m.kvHeads[i] > 0 {
		return nil
	}
	return []StateSpec{{Name: "convolution", Shape: []int{m.taps - 1, m.Dim}}}
}

func (m *lfm2) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *lfm2) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.norm, m.Eps)
	if m.kvHeads[i] > 0 {
		s := l.attn.qkv(p, &m.Config, h)
		s.Rope, s.QNorm, s.KNorm = l.rope, l.qNorm, l.kNorm
		l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: attentionScale(m.KeyDim), Window: m.window})
	} else {
		l.conv.run(p, h, h, p.State(i, "convolution"))
	}
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.ffn.run(p, h, h)
	p.AddBranch(h)
}

// run computes out [n, dim] from x [n, dim], which may be the same.
func (c *gatedConvolution) run(p *Pass, out, x, state *compute.Tensor) {
	dim := x.Dim(1)
	in := p.Tmp("convolution in", p.Rows, 3*dim)
	y := p.Tmp("convolution", p.Rows, dim)
	p.MatMul(in, x, c.in)
	p.addBias(in, c.bIn)
	gateIn, gateOut, values := in.Slice(1, 0, dim), in.Slice(1, dim, 2*dim), in.Slice(1, 2*dim, 3*dim)
	p.Mul(y, gateIn, values)
	p.Conv1D(y, y, c.conv, c.bC, state)
	p.Mul(y, y, gateOut)
	p.MatMul(out, y, c.out)
	p.addBias(out, c.bOut)
}

func (m *lfm2) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
