package model

import (
	"fmt"
	"slices"

	"burble/inference/compute"
)

// decoder is the network that most families have: blocks of attention and a feed-forward network, each of them a branch
// that is added to the residual stream. (Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training")
// A family binds the blocks, and has a pass of its own only where it differs in more than these fields. What is nil or zero
// is left out.
type decoder struct {
	Config
	embed      *compute.Tensor // [vocab, dim]
	embedScale float32         // multiplies the embedding
	blocks     []block
	head       head
	logitScale float32 // multiplies the logits
	logitCap   float32 // see compute.Queue.SoftCap
}

// block is one layer of a decoder.
type block struct {
	attnNorm, ffnNorm norm // of the residual stream, before the branch
	attn              attention
	ffn               feedForward
	attnPost, ffnPost norm    // of the branch's output
	branchScale       float32 // multiplies the branch's output
	// In place of attention there can be a matrix [dim, dim], or nothing; and there can be no ffn.
	linear *compute.Tensor
	config *Config // where heads differ from the other blocks', or nil
	// In a parallel block both branches read the residual stream as it was before the block; without ffnNorm, the
	// feed-forward network reads what attention reads. (Wang & Komatsuzaki 2021, GPT-J)
	parallel bool
}

// feedForward computes out [n, dim] from x [n, dim], which may be the same.
type feedForward interface {
	run(p *Pass, out, x *compute.Tensor)
}

// decoder makes a network of the blocks that bind makes, with the RoPE that the file asks for.
func (l *Loader) decoder(pairs bool, bind func(s Scope, rope compute.Rope) block) *decoder {
	m := &decoder{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		m.blocks = append(m.blocks, bind(s, rope.on(s, pairs)))
	}
	return m
}

// llamaBlock binds Llama's block, of norms, attention and a gated network, which families then change.
func (s Scope) llamaBlock(rope compute.Rope, act compute.Activation) block {
	return block{
		attnNorm: s.norm("attn_norm"),
		attn:     s.attention(rope),
		ffnNorm:  s.norm("ffn_norm"),
		ffn:      s.gatedMLP(act),
	}
}

// KV is the block's, with its window.
func (m *decoder) KV(i int) KVSpec {
	if m.blocks[i].attn.q == nil {
		return KVSpec{}
	}
	spec := m.configOf(i).KV(i)
	spec.Window = m.blocks[i].attn.Window
	return spec
}

// configOf has the numbers of heads of block i.
func (m *decoder) configOf(i int) *Config {
	if c := m.blocks[i].config; c != nil {
		return c
	}
	return &m.Config
}

func (m *decoder) Embed(p *Pass) {
	p.Embed(p.X, m.embed, p.Tokens)
	p.scale(p.X, m.embedScale)
}

func (m *decoder) Layer(p *Pass, i int) {
	b := &m.blocks[i]
	h := p.Tmp("h", p.Rows, m.Dim)
	if b.parallel {
		m.parallel(p, i, h)
		return
	}
	if b.attn.q != nil || b.linear != nil {
		x := b.attnNorm.read(p, h, m.Eps)
		if b.linear == nil {
			b.attn.run(p, m.configOf(i), i, h, x)
		} else {
			y := p.Tmp("linear", p.Rows, m.Dim)
			p.MatMul(y, x, b.linear)
			h = y
		}
		b.attnPost.apply(p, h, m.Eps)
		p.scale(h, b.branchScale)
		p.AddBranch(h)
	}
	if b.ffn != nil {
		h = p.Tmp("h", p.Rows, m.Dim)
		x := b.ffnNorm.read(p, h, m.Eps)
		b.ffn.run(p, h, x)
		b.ffnPost.apply(p, h, m.Eps)
		p.scale(h, b.branchScale)
		p.AddBranch(h)
	}
}

// parallel is Layer of a parallel block; h [n, dim] is for its result.
func (m *decoder) parallel(p *Pass, i int, h *compute.Tensor) {
	b := &m.blocks[i]
	x := b.attnNorm.read(p, h, m.Eps)
	y, z := p.Tmp("parallel", p.Rows, m.Dim), x
	if b.ffnNorm.w != nil {
		z = b.ffnNorm.read(p, y, m.Eps)
	}
	b.ffn.run(p, y, z)
	b.attn.run(p, m.configOf(i), i, h, x)
	p.Add(h, h, y)
	p.scale(h, b.branchScale)
	p.AddBranch(h)
}

func (m *decoder) Head(p *Pass, logits, x *compute.Tensor) {
	m.head.run(p, m.Eps, logits, x)
	p.scale(logits, m.logitScale)
	if m.logitCap > 0 {
		p.SoftCap(logits, logits, m.logitCap)
	}
}

// norm is the weight of an RMS norm, or weight and bias of a layer norm, all [dim].
type norm struct {
	w, b      *compute.Tensor
	layerNorm bool
}

// norm binds a norm of the residual stream, of the kind that the family has; the name is without ".weight".
func (s Scope) norm(name string) norm {
	switch s.l.norms {
	case layerNorms:
		return norm{w: s.Vector(name+".weight", s.l.Dim), b: s.OptionalVector(name+".bias", s.l.Dim), layerNorm: true}
	case bareLayerNorms:
		return norm{w: s.ones(s.l.Dim), layerNorm: true}
	}
	return norm{w: s.Vector(name+".weight", s.l.Dim)}
}

// optionalNorm is norm where the file has it.
func (s Scope) optionalNorm(name string) norm {
	if !s.Has(name + ".weight") {
		return norm{}
	}
	return s.norm(name)
}

// normKind is the kind of norms of the residual stream.
type normKind uint8

const (
	rmsNorms normKind = iota
	layerNorms
	bareLayerNorms // without weights
)

// useLayerNorm says that the family has layer norms, with their own epsilon. It comes before anything is bound.
func (l *Loader) useLayerNorm(kind normKind) {
	l.norms = kind
	l.Eps = float32(l.hyper.floatOr("attention.layer_norm_epsilon", float64(l.Eps)))
}

// ones binds a vector of n ones.
func (s Scope) ones(n int) *compute.Tensor {
	return s.Const(fmt.Sprintf("%d ones", n), slices.Repeat([]float32{1}, n))
}

// read normalises the residual stream into out and returns it, or the stream itself where there is no norm.
func (n norm) read(p *Pass, out *compute.Tensor, eps float32) *compute.Tensor {
	switch {
	case n.w == nil:
		p.flush()
		return p.X
	case n.layerNorm:
		p.flush()
		p.LayerNorm(out, p.X, n.w, n.b, eps)
	default:
		p.Norm(out, n.w, eps)
	}
	return out
}

// apply normalises x in place.
func (n norm) apply(p *Pass, x *compute.Tensor, eps float32) {
	switch {
	case n.w == nil:
	case n.layerNorm:
		p.LayerNorm(x, x, n.w, n.b, eps)
	default:
		p.RMSNorm(x, x, n.w, eps)
	}
}

// attention is self-attention with what families vary.
type attention struct {
	projections
	rope compute.Rope // without InvFreq there is none
	// An RMS norm of every query and key head, [keyDim], before RoPE, or after it.
	qNorm, kNorm  *compute.Tensor
	normAfterRope bool
	// An RMS norm of all query heads together and of all key heads, [heads·keyDim] and [kvHeads·keyDim].
	qRowNorm, kRowNorm *compute.Tensor
	// A layer norm of every head, with weights of its own for each, [heads, keyDim] and [kvHeads, keyDim].
	qHeadNorm, kHeadNorm headNorm
	// The heads' outputs are multiplied by the sigmoid of a projection of the input, [heads·valueDim, dim].
	gate *compute.Tensor
	// Queries, keys and values are limited to ±clip.
	clip limit
	compute.Attention
}

// attention binds the projections; without attention.scale in the file, the usual scale holds.
func (s Scope) attention(rope compute.Rope) attention {
	return attention{
		projections: s.projections(),
		rope:        rope,
		Attention:   compute.Attention{Scale: float32(s.l.hyper.floatOr("attention.scale", float64(attentionScale(s.l.KeyDim))))},
	}
}

// bindHeadNorms binds the RMS norms of query and key heads.
func (a *attention) bindHeadNorms(s Scope) {
	a.qNorm = s.Vector("attn_q_norm.weight", s.l.KeyDim)
	a.kNorm = s.Vector("attn_k_norm.weight", s.l.KeyDim)
}

// bindRowNorms binds the RMS norms of all heads together.
func (a *attention) bindRowNorms(s Scope) {
	a.qRowNorm = s.Vector("attn_q_norm.weight", s.l.Heads*s.l.KeyDim)
	a.kRowNorm = s.Vector("attn_k_norm.weight", s.l.KVHeads*s.l.KeyDim)
}

// bindEachHeadNorm binds the layer norms that have weights for each head.
func (a *attention) bindEachHeadNorm(s Scope) {
	a.qHeadNorm = s.headNorm("attn_q_norm.weight", s.l.Heads)
	a.kHeadNorm = s.headNorm("attn_k_norm.weight", s.l.KVHeads)
}

// run computes out [n, dim] from x [n, dim], which may be the same.
func (a *attention) run(p *Pass, c *Config, i int, out, x *compute.Tensor) {
	s := a.qkv(p, c, x)
	q, k, v := p.Tmp("q", p.Rows, c.Heads*c.KeyDim), p.Tmp("k", p.Rows, c.KVHeads*c.KeyDim), p.Tmp("v", p.Rows, c.KVHeads*c.ValueDim)
	a.clip.apply(p, q, k, v)
	if a.qRowNorm != nil {
		p.RMSNorm(q, q, a.qRowNorm, c.Eps)
		p.RMSNorm(k, k, a.kRowNorm, c.Eps)
	}
	a.qHeadNorm.apply(p, s.Q, c.Eps)
	a.kHeadNorm.apply(p, s.K, c.Eps)
	s.Rope, s.QNorm, s.KNorm = a.rope, a.qNorm, a.kNorm
	if a.normAfterRope && s.Rope.InvFreq != nil {
		p.Rope(s.Q, p.Past, s.Rope)
		p.Rope(s.K, p.Past, s.Rope)
		s.Rope = compute.Rope{}
	}
	if a.gate == nil {
		a.attend(p, c, i, out, s, a.Attention)
		return
	}
	attn, gate := p.Tmp("attn", p.Rows, c.Heads*c.ValueDim), p.Tmp("attn gate", p.Rows, c.Heads*c.ValueDim)
	p.MatMul(gate, x, a.gate)
	p.SelfAttention(i, attn.Heads(c.Heads), s, a.Attention)
	p.GLU(attn, gate, attn, compute.Sigmoid)
	p.MatMul(out, attn, a.o)
	p.addBias(out, a.bo)
}

// headNorm is a layer norm of every head whose weights [heads, dim] differ between heads.
type headNorm struct{ w, ones *compute.Tensor }

func (s Scope) headNorm(name string, heads int) headNorm {
	return headNorm{w: s.Weight(name, heads, s.l.KeyDim), ones: s.ones(s.l.KeyDim)}
}

// apply normalises x [n, heads, dim] in place.
func (n headNorm) apply(p *Pass, x *compute.Tensor, eps float32) {
	if n.w != nil {
		p.LayerNorm(x, x, n.ones, nil, eps)
		p.Mul(x, x, n.w)
	}
}

// scale multiplies x by s, unless that is 0 or 1.
func (p *Pass) scale(x *compute.Tensor, s float32) {
	if s != 0 && s != 1 {
		p.Scale(x, x, s)
	}
}
