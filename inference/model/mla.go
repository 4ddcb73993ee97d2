package model

import (
	"math"

	"burble/gguf"
	"burble/inference/compute"
)

// latentAttention is multi-head latent attention (DeepSeek-AI 2024, arXiv:2405.04434): keys and values of all heads are made of
// one small vector per token, which is what the cache holds, beside a key for the position that all heads share. Queries are
// taken to that vector's space instead of keys out of it, and what attention gives is taken out per head.
type latentAttention struct {
	latentShape
	rope         compute.Rope
	q            *compute.Tensor // [heads·keyDim, dim], or nil where queries have a small vector too:
	qA, qNorm    *compute.Tensor // [qRank, dim] and [qRank]
	qB           *compute.Tensor // [heads·keyDim, qRank]
	kvA          *compute.Tensor // [rank + ropeDim, dim]: the vector, then the key for the position
	kvNorm       *compute.Tensor // [rank]
	kB           *compute.Tensor // [heads, rank, nope], queries to the vector's space
	vB           *compute.Tensor // [heads, valueDim, rank]
	heads        *compute.Tensor // [heads] 0, 1, 2 …: every row uses every head's matrix once; I32 in the clothes of F32
	kvB          *compute.Tensor // [heads·(nope + valueDim), rank] of older files, instead of kB and vB, or nil
	o            *compute.Tensor // [dim, heads·valueDim]
	qBias, kBias *compute.Tensor // of qA and kvA, or nil
	compute.Attention
}

// latentShape is the shape of all of a model's latent attention.
type latentShape struct {
	count, keyDim, valueDim int // heads, and the elements of each head's key and value
	rank, ropeDim, qRank    int // of the vector, of the key for the position, of the queries' vector (0: none)
	nope                    int // elements of a key that aren't rotated
	expanded                bool
}

func (l *Loader) latentShape() latentShape {
	h := l.hyper
	a := latentShape{
		count:    l.Heads,
		keyDim:   h.intOr("attention.key_length_mla", l.KeyDim, maxWidth),
		valueDim: h.intOr("attention.value_length_mla", l.ValueDim, maxWidth),
		rank:     h.int("attention.kv_lora_rank", maxWidth),
		qRank:    h.countOr("attention.q_lora_rank", 0),
		ropeDim:  l.RopeDim,
		expanded: l.Layer(0).Has("attn_kv_b.weight"),
	}
	a.nope = a.keyDim - a.ropeDim
	if h.err == nil && a.nope < 1 {
		h.fail("%s has keys of %d elements, %d of them rotated; some should not be", h.arch, a.keyDim, a.ropeDim)
		a.nope = 1
	}
	return a
}

// kv is what a block keeps: the vector and the position's key, or in older files the keys and values that they make.
func (a *latentShape) kv() KVSpec {
	if a.expanded {
		return KVSpec{Heads: a.count, KeyDim: a.keyDim, ValueDim: a.valueDim}
	}
	return KVSpec{Heads: 1, KeyDim: a.rank + a.ropeDim}
}

// latentRope is the table for the position's key. YaRN's magnitude, where the file has a multiplier for it, goes to the scale of
// the logits instead.
func (l *Loader) latentRope(keyDim int) (ropeTable, compute.Attention) {
	h, t := l.hyper, l.rope(l.RopeBase)
	a := compute.Attention{Scale: attentionScale(keyDim)}
	if m, factor := h.floatOr("rope.scaling.yarn_log_multiplier", 0), h.floatOr("rope.scaling.factor", 1); m != 0 && factor > 1 {
		t.magnitude = 1
		stretch := m*math.Log(factor) + 1
		a.Scale *= float32(stretch * stretch)
	}
	if a.Temperature = float32(h.floatOr("attention.temperature_scale", 0)); a.Temperature != 0 {
		a.TemperatureLength = h.intOr("attention.temperature_length", h.intOr("rope.scaling.original_context_length", l.Context, maxContext), maxContext)
	}
	return t, a
}

func (s Scope) latentAttention(shape latentShape, rope ropeTable, attention compute.Attention) latentAttention {
	dim := s.l.Dim
	a := latentAttention{
		latentShape: shape,
		rope:        rope.on(s, interleaved),
		kvA:         s.Weight("attn_kv_a_mqa.weight", shape.rank+shape.ropeDim, dim),
		kBias:       s.OptionalVector("attn_kv_a_mqa.bias", shape.rank+shape.ropeDim),
		kvNorm:      s.Vector("attn_kv_a_norm.weight", shape.rank),
		o:           s.Weight("attn_output.weight", dim, shape.count*shape.valueDim),
		Attention:   attention,
	}
	if s.Has("attn_q.weight") {
		a.q = s.Weight("attn_q.weight", shape.count*shape.keyDim, dim)
	} else {
		a.qA = s.Weight("attn_q_a.weight", shape.qRank, dim)
		a.qBias = s.OptionalVector("attn_q_a.bias", shape.qRank)
		a.qNorm = s.Vector("attn_q_a_norm.weight", shape.qRank)
		a.qB = s.Weight("attn_q_b.weight", shape.count*shape.keyDim, shape.qRank)
	}
	if shape.expanded {
		a.kvB = s.Weight("attn_kv_b.weight", shape.count*(shape.nope+shape.valueDim), shape.rank)
		return a
	}
	a.kB = s.Weight("attn_k_b.weight", shape.count, shape.rank, shape.nope)
	a.vB = s.Weight("attn_v_b.weight", shape.count, shape.valueDim, shape.rank)
	each := make([]float32, shape.count)
	for i := range each {
		each[i] = math.Float32frombits(uint32(i))
	}
	a.heads = s.Const("every head", each)
	return a
}

// latentEps is that of the norms of the small vectors, in the authors' code as well. Files give only that of the blocks' norms.
const latentEps = 1e-6

// run computes out [n, dim] from x [n, dim] in block i; they may be the same.
func (a *latentAttention) run(p *Pass, i int, out, x *compute.Tensor) {
	q := p.Tmp("q", p.Rows, a.count*a.keyDim)
	kv := p.Tmp("latent", p.Rows, a.rank+a.ropeDim)
	if a.q != nil {
		p.Project(x, compute.Projection{Out: q, W: a.q}, compute.Projection{Out: kv, W: a.kvA, Bias: a.kBias})
	} else {
		low := p.Tmp("q latent", p.Rows, a.qRank)
		p.Project(x, compute.Projection{Out: low, W: a.qA, Bias: a.qBias}, compute.Projection{Out: kv, W: a.kvA, Bias: a.kBias})
		p.RMSNorm(low, low, a.qNorm, latentEps)
		p.MatMul(q, low, a.qB)
	}
	latent, position := kv.Slice(1, 0, a.rank), kv.Slice(1, a.rank, a.rank+a.ropeDim).Heads(1)
	p.RMSNorm(latent, latent, a.kvNorm, latentEps)
	heads := q.Heads(a.count)
	p.Rope(heads.Slice(2, a.nope, a.keyDim), p.Past, a.rope)
	p.Rope(position, p.Past, a.rope)

	y := p.Tmp("attn", p.Rows, a.count*a.valueDim)
	if a.expanded {
		a.expand(p, i, y, heads, latent, position)
	} else {
		each := *a.heads
		each.Type = gguf.I32
		absorbed := p.Tmp("q absorbed", p.Rows, a.count*(a.rank+a.ropeDim)).Heads(a.count)
		p.MatMulExperts(absorbed.Slice(2, 0, a.rank), heads.Slice(2, 0, a.nope), a.kB, nil, &each)
		p.Copy(absorbed.Slice(2, a.rank, a.rank+a.ropeDim), heads.Slice(2, a.nope, a.keyDim))
		z := p.Tmp("attn latent", p.Rows, a.count*a.rank).Heads(a.count)
		p.LatentAttention(i, z, absorbed, latent.Heads(1), position, a.Attention)
		p.MatMulExperts(y.Heads(a.count), z, a.vB, nil, &each)
	}
	p.MatMul(out, y, a.o)
}

// expand runs attention over the keys and values that the vector makes, which is what a file with one matrix for both allows.
func (a *latentAttention) expand(p *Pass, i int, out, q, latent, position *compute.Tensor) {
	both := p.Tmp("keys and values", p.Rows, a.count*(a.nope+a.valueDim))
	p.MatMul(both, latent, a.kvB)
	kv := both.Heads(a.count)
	k := p.Tmp("k", p.Rows, a.count*a.keyDim).Heads(a.count)
	p.Copy(k.Slice(2, 0, a.nope), kv.Slice(2, 0, a.nope))
	for h := range a.count {
		p.Copy(k.Slice(1, h, h+1).Slice(2, a.nope, a.keyDim), position)
	}
	p.SelfAttention(i, out.Heads(a.count), compute.RopeStore{Q: q, K: k, V: kv.Slice(2, a.nope, a.nope+a.valueDim)}, a.Attention)
}
