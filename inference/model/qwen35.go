package model

import "burble/inference/compute"

// qwen35 is Qwen3-Next (Qwen Team 2025, "Qwen3-Next: Towards Ultimate Training & Inference Efficiency") and Qwen3.5, dense and
// with experts: three blocks of four have a gated DeltaNet, the fourth has attention whose output is gated by a sigmoid of a
// further projection of the input. RoPE turns a part of each head; its sections for pictures are all the same for text. The
// files' norm weights include the "1 +", and Qwen3.5's value heads are in tiled order.
type qwen35 struct {
	Config
	embed  *compute.Tensor // [vocab, dim]
	layers []qwen35Layer
	head   head
	delta  deltaShape
}

type qwen35Layer struct {
	norm, ffnNorm *compute.Tensor // [dim]
	recurrent     bool
	delta         deltaNet
	attn          gatedAttention
	ffn           feedForward
}

// gatedAttention is attention whose query projection has, for each head, the query and then a gate of the output.
type gatedAttention struct {
	rope         compute.Rope
	q, k, v, o   *compute.Tensor // [heads·2·keyDim | kvHeads·keyDim | kvHeads·valueDim, dim] and [dim, heads·valueDim]
	qNorm, kNorm *compute.Tensor // [keyDim]
}

func newQwen35(l *Loader) Network {
	m := &qwen35{
		Config: l.Config,
		embed:  l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:   l.head(),
		delta:  l.deltaShape(l.Arch != "qwen3next"),
	}
	if l.KeyDim != l.ValueDim {
		l.fail("%s has keys of %d elements and values of %d; both should be the same", l.Arch, l.KeyDim, l.ValueDim)
	}
	rope := l.rope(l.RopeBase)
	for i := range l.Layers {
		s := l.Layer(i)
		layer := qwen35Layer{
			norm:      s.Vector("attn_norm.weight", l.Dim),
			ffnNorm:   s.Vector("post_attention_norm.weight", l.Dim),
			recurrent: s.Has("ssm_conv1d.weight"),
		}
		if layer.recurrent {
			layer.delta = s.deltaNet(m.delta)
		} else {
			layer.attn = gatedAttention{
				rope:  rope.on(s, halves),
				q:     s.Weight("attn_q.weight", l.Heads*2*l.KeyDim, l.Dim),
				k:     s.Weight("attn_k.weight", l.KVHeads*l.KeyDim, l.Dim),
				v:     s.Weight("attn_v.weight", l.KVHeads*l.ValueDim, l.Dim),
				o:     s.Weight("attn_output.weight", l.Dim, l.Heads*l.ValueDim),
				qNorm: s.Vector("attn_q_norm.weight", l.KeyDim),
				kNorm: s.Vector("attn_k_norm.weight", l.KeyDim),
			}
		}
		if l.Arch == "qwen35" {
			mlp := s.gatedMLP(compute.SiLU)
			layer.ffn = &mlp
		} else {
			layer.ffn = s.mixture(compute.Routing{Gate: compute.GateSoftmax, Normalise: true}, compute.SiLU)
		}
		m.layers = append(m.layers, layer)
	}
	return m
}

func (m *qwen35) KV(i int) KVSpec {
	if m.layers[i].recurrent {
		return KVSpec{}
	}
	return m.Config.KV(i)
}

func (m *qwen35) State(i int) []StateSpec {
	if m.layers[i].recurrent {
		return m.delta.state()
	}
	return nil
}

func (m *qwen35) Embed(p *Pass) { p.Embed(p.X, m.embed, p.Tokens) }

func (m *qwen35) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.norm, m.Eps)
	if l.recurrent {
		l.delta.run(p, i, h, h, m.Eps)
	} else {
		l.attn.run(p, &m.Config, i, h, h)
	}
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.ffn.run(p, h, h)
	p.AddBranch(h)
}

// run computes out [n, dim] from x [n, dim] in block i; they may be the same.
func (a *gatedAttention) run(p *Pass, c *Config, i int, out, x *compute.Tensor) {
	qg := p.Tmp("q and gate", p.Rows, c.Heads*2*c.KeyDim)
	k := p.Tmp("k", p.Rows, c.KVHeads*c.KeyDim)
	v := p.Tmp("v", p.Rows, c.KVHeads*c.ValueDim)
	p.Project(x, compute.Projection{Out: qg, W: a.q}, compute.Projection{Out: k, W: a.k}, compute.Projection{Out: v, W: a.v})
	q := qg.Heads(c.Heads).Slice(2, 0, c.KeyDim)
	gate := qg.Heads(c.Heads).Slice(2, c.KeyDim, 2*c.KeyDim)

	attn := p.Tmp("attn", p.Rows, c.Heads*c.ValueDim)
	heads := attn.Heads(c.Heads)
	s := compute.RopeStore{Q: q, K: k.Heads(c.KVHeads), V: v.Heads(c.KVHeads), Rope: a.rope, QNorm: a.qNorm, KNorm: a.kNorm, Eps: c.Eps}
	p.SelfAttention(i, heads, s, compute.Attention{Scale: attentionScale(c.KeyDim)})
	p.GLU(heads, gate, heads, compute.Sigmoid)
	p.MatMul(out, attn, a.o)
}

func (m *qwen35) Head(p *Pass, logits, x *compute.Tensor) { m.head.run(p, m.Eps, logits, x) }
