package model

import (
	"math"

	"burble/inference/compute"
)

// gemma4 is Gemma 4 (Google DeepMind 2026, "Gemma 4"). Like Gemma 3 it has norms before and after each branch and sliding
// windows on most blocks, but blocks with a window and those without differ in head size, key/value heads and RoPE, which on
// the full ones turns only the first quarter of the pairs (the file's factors make the others stand still). Queries, keys and
// values are normalised head by head, values without weights, and the logits are not scaled. Where the file has no value
// projection, values are what the keys were before their norm. The last blocks may attend to the keys and values of an earlier
// one. Small models add an embedding of their own to every block; others have experts beside the feed-forward network.
type gemma4 struct {
	Config
	embed     *compute.Tensor // [vocab, dim]
	blocks    []gemma4Block
	head      head
	logitsCap float32
	perLayer  perLayerEmbedding
}

type gemma4Block struct {
	window          int // 0: full attention
	from            int // the block whose keys and values this one reads
	heads, kvHeads  int
	headDim         int
	rope            compute.Rope
	q, k, v, o      *compute.Tensor // [heads·headDim | kvHeads·headDim ×2, dim] and [dim, heads·headDim]; v may be nil
	qNorm, kNorm    *compute.Tensor // [headDim]
	attnNorm        *compute.Tensor // [dim]
	attnPost        *compute.Tensor // [dim]
	ffnNorm         *compute.Tensor // [dim]
	ffnPost         *compute.Tensor // [dim]
	mlp             gatedMLP
	experts         *experts        // or nil
	mlpPost, expert *compute.Tensor // [dim] norms of the two outputs, where there are experts
	input           layerInput
	scale           float32 // of the residual stream after the block
}

// perLayerEmbedding is the embedding that gives every block an input of its own.
type perLayerEmbedding struct {
	width   int             // of a block's input; 0: none
	tokens  *compute.Tensor // [vocab, layers·width]
	project *compute.Tensor // [layers·width, dim]: of the token embedding
	norm    *compute.Tensor // [width]
}

// layerInput is how a block adds its own input to the residual stream.
type layerInput struct {
	gate    *compute.Tensor // [width, dim]
	project *compute.Tensor // [dim, width]
	norm    *compute.Tensor // [dim]
}

func newGemma4(l *Loader) Network {
	h, in := l.hyper, l.Input()
	m := &gemma4{
		Config:    l.Config,
		embed:     in.Weight("token_embd.weight", l.Vocab, l.Dim),
		head:      l.head(),
		logitsCap: float32(h.floatOr("final_logit_softcapping", 0)),
	}
	if w := h.countOr("embedding_length_per_layer_input", 0); w > 0 {
		m.perLayer = perLayerEmbedding{
			width:   w,
			tokens:  in.Weight("per_layer_token_embd.weight", l.Vocab, l.Layers*w),
			project: in.Weight("per_layer_model_proj.weight", l.Layers*w, l.Dim),
			norm:    in.Vector("per_layer_proj_norm.weight", w),
		}
	}
	windows, ok := h.md.Bools(h.arch + ".attention.sliding_window_pattern")
	if !ok || len(windows) < l.Layers {
		l.fail("%s.attention.sliding_window_pattern does not say for each of %d layers whether it has a window", h.arch, l.Layers)
		return m
	}
	heads := h.perLayer("attention.head_count", l.Layers, l.Heads)
	kvHeads := h.perLayer("attention.head_count_kv", l.Layers, l.KVHeads)
	ffn := h.perLayer("feed_forward_length", l.Layers, l.FFN)
	window := h.int("attention.sliding_window", maxContext)
	headDim := map[bool]int{false: l.KeyDim, true: h.intOr("attention.key_length_swa", l.KeyDim, maxWidth)}
	local := Loader{Config: Config{RopeDim: h.intOr("rope.dimension_count_swa", headDim[true], headDim[true])}}
	ropes := map[bool]ropeTable{false: l.rope(l.RopeBase), true: local.plainRope(h.floatOr("rope.freq_base_swa", 10000))}
	own := l.Layers - h.countOr("attention.shared_kv_layers", 0) // blocks with keys and values of their own
	last := map[bool]int{}                                       // the last of them, with and without a window
	for i := range l.Layers {
		s, local := l.Layer(i), windows[i]
		b := gemma4Block{
			from: i, heads: heads[i], kvHeads: max(1, kvHeads[i]), headDim: headDim[local],
			rope:     ropes[local].on(s, halves),
			attnNorm: s.Vector("attn_norm.weight", l.Dim),
			attnPost: s.Vector("post_attention_norm.weight", l.Dim),
			ffnNorm:  s.Vector("ffn_norm.weight", l.Dim),
			ffnPost:  s.Vector("post_ffw_norm.weight", l.Dim),
			mlp:      s.gatedMLPOf(ffn[i], compute.GELUTanh),
			scale:    1,
		}
		if local {
			b.window = window
		}
		b.q = s.Weight("attn_q.weight", b.heads*b.headDim, l.Dim)
		b.o = s.Weight("attn_output.weight", l.Dim, b.heads*b.headDim)
		b.qNorm = s.Vector("attn_q_norm.weight", b.headDim)
		if i < own {
			last[local] = i
			b.k = s.Weight("attn_k.weight", b.kvHeads*b.headDim, l.Dim)
			b.v = s.optionalMatrix("attn_v.weight", b.kvHeads*b.headDim, l.Dim)
			b.kNorm = s.Vector("attn_k_norm.weight", b.headDim)
		} else if b.from, ok = last[local]; !ok {
			l.fail("layer %d has no earlier one to share keys and values with", i)
		}
		if s.Has("ffn_gate_inp.weight") {
			b.bindExperts(s)
		}
		if m.perLayer.width > 0 {
			b.input = layerInput{
				gate:    s.Weight("inp_gate.weight", m.perLayer.width, l.Dim),
				project: s.Weight("proj.weight", l.Dim, m.perLayer.width),
				norm:    s.Vector("post_norm.weight", l.Dim),
			}
		}
		if s.Has("layer_output_scale.weight") {
			b.scale = s.Floats("layer_output_scale.weight", 1)[0]
		}
		m.blocks = append(m.blocks, b)
	}
	return m
}

// bindExperts binds the experts, whose router and inputs have norms of their own.
func (b *gemma4Block) bindExperts(s Scope) {
	dim := s.l.Dim
	b.experts = s.experts(compute.Routing{Gate: compute.GateSoftmax, Normalise: true}, compute.GELUTanh)
	b.mlpPost = s.Vector("post_ffw_norm_1.weight", dim)
	b.expert = s.Vector("post_ffw_norm_2.weight", dim)
	at := s.Experts()
	router := at.Floats("ffn_gate_inp.scale", dim)
	for i := range router {
		router[i] /= float32(math.Sqrt(float64(dim)))
	}
	b.experts.routerNorm = at.Const(s.prefix+"ffn_gate_inp.scale", router)
	b.experts.inputNorm = at.Vector("pre_ffw_norm_2.weight", dim)
}

func (m *gemma4) KV(i int) KVSpec {
	b := &m.blocks[i]
	if b.from != i {
		return KVSpec{}
	}
	return KVSpec{Heads: b.kvHeads, KeyDim: b.headDim, ValueDim: b.headDim, Window: b.window}
}

// KVFrom is the block whose keys and values block i reads.
func (m *gemma4) KVFrom(i int) int { return m.blocks[i].from }

// Inseparable reports whether all blocks must be on one device: with an embedding for every block, they all read what Embed
// has computed.
func (m *gemma4) Inseparable() bool { return m.perLayer.width > 0 }

func (m *gemma4) Embed(p *Pass) {
	p.Embed(p.X, m.embed, p.Tokens)
	p.Scale(p.X, p.X, float32(math.Sqrt(float64(m.Dim))))
	if w := m.perLayer.width; w > 0 {
		in := p.Tmp("layer inputs", p.Rows, m.Layers*w)
		project := p.Tmp("layer inputs' projection", p.Rows, m.Layers*w)
		p.Embed(in, m.perLayer.tokens, p.Tokens)
		p.Scale(in, in, float32(math.Sqrt(float64(w))))
		p.MatMul(project, p.X, m.perLayer.project)
		p.Scale(project, project, float32(1/math.Sqrt(float64(m.Dim))))
		p.RMSNorm(project.Heads(m.Layers), project.Heads(m.Layers), m.perLayer.norm, m.Eps)
		p.Add(in, in, project)
		p.Scale(in, in, float32(1/math.Sqrt2))
	}
}

func (m *gemma4) Layer(p *Pass, i int) {
	b := &m.blocks[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, b.attnNorm, m.Eps)
	b.attend(p, i, h, m.Eps)
	p.RMSNorm(h, h, b.attnPost, m.Eps)
	p.AddBranch(h)

	p.Norm(h, b.ffnNorm, m.Eps)
	b.mlp.run(p, h, h)
	if b.experts != nil {
		e := p.Tmp("experts", p.Rows, m.Dim)
		p.RMSNorm(h, h, b.mlpPost, m.Eps)
		b.experts.run(p, e, p.X)
		p.RMSNorm(e, e, b.expert, m.Eps)
		p.Add(h, h, e)
	}
	p.RMSNorm(h, h, b.ffnPost, m.Eps)
	p.AddBranch(h)

	if w := m.perLayer.width; w > 0 {
		p.flush()
		gate := p.Tmp("layer input", p.Rows, w)
		p.MatMul(gate, p.X, b.input.gate)
		p.GLU(gate, gate, p.Tmp("layer inputs", p.Rows, m.Layers*w).Slice(1, i*w, (i+1)*w), compute.GELUTanh)
		p.MatMul(h, gate, b.input.project)
		p.RMSNorm(h, h, b.input.norm, m.Eps)
		p.AddBranch(h)
	}
	if b.scale != 1 {
		p.flush()
		p.Scale(p.X, p.X, b.scale)
	}
}

// attend computes attention of h [n, dim] into h.
func (b *gemma4Block) attend(p *Pass, i int, h *compute.Tensor, eps float32) {
	q := p.Tmp("q", p.Rows, b.heads*b.headDim)
	attn := p.Tmp("attn", p.Rows, b.heads*b.headDim)
	s := compute.RopeStore{Q: q.Heads(b.heads), Rope: b.rope, QNorm: b.qNorm, KNorm: b.kNorm, Eps: eps}
	a := compute.Attention{Scale: 1, Window: b.window}
	if b.from != i {
		p.MatMul(q, h, b.q)
		p.SharedAttention(b.from, attn.Heads(b.heads), s, a)
		p.MatMul(h, attn, b.o)
		return
	}
	k, v := p.Tmp("k", p.Rows, b.kvHeads*b.headDim), p.Tmp("v", p.Rows, b.kvHeads*b.headDim)
	s.K, s.V = k.Heads(b.kvHeads), v.Heads(b.kvHeads)
	if b.v != nil {
		p.Project(h, compute.Projection{Out: q, W: b.q}, compute.Projection{Out: k, W: b.k}, compute.Projection{Out: v, W: b.v})
		p.RMSNorm(s.V, s.V, nil, eps)
	} else {
		p.Project(h, compute.Projection{Out: q, W: b.q}, compute.Projection{Out: k, W: b.k})
		p.RMSNorm(s.V, s.K, nil, eps)
	}
	p.SelfAttention(i, attn.Heads(b.heads), s, a)
	p.MatMul(h, attn, b.o)
}

func (m *gemma4) Head(p *Pass, logits, x *compute.Tensor) {
	m.head.run(p, m.Eps, logits, x)
	if m.logitsCap > 0 {
		p.SoftCap(logits, logits, m.logitsCap)
	}
}
