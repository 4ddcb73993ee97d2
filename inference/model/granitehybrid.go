package model

import "burble/inference/compute"

// graniteHybrid is IBM's Granite 4 (2025, "IBM Granite 4.0") and Bamba (2024): most blocks mix tokens by Mamba-2, a few by
// attention, which in Granite has no RoPE; then comes a feed-forward network, or experts with a shared one. Granite's
// multipliers are those of its dense models. Which blocks have attention, their tensors tell.
type graniteHybrid struct {
	Config
	embed                                 *compute.Tensor // [vocab, dim]
	layers                                []graniteHybridLayer
	head                                  head
	mixer                                 mamba2Shape
	embedScale, residualScale, logitScale float32
	attnScale                             float32
}

type graniteHybridLayer struct {
	norm, ffnNorm *compute.Tensor // [dim]
	recurrent     bool
	mixer         mamba2Mixer
	rope          compute.Rope // without InvFreq there is none
	attn          projections
	ffn           feedForward
}

func newGraniteHybrid(l *Loader) Network {
	h := l.hyper
	if l.KVHeads == 0 {
		l.Config.KVHeads = l.kvHeadsByTensor()
	}
	m := &graniteHybrid{
		Config:        l.Config,
		embed:         l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
		head:          l.head(),
		mixer:         l.mamba2Shape(),
		embedScale:    float32(h.floatOr("embedding_scale", 1)),
		residualScale: float32(h.floatOr("residual_scale", 1)),
		logitScale:    float32(h.floatOr("logit_scale", 1)),
		attnScale:     float32(h.floatOr("attention.scale", float64(attentionScale(l.KeyDim)))),
	}
	if m.logitScale == 0 {
		l.fail("%s.logit_scale is 0; logits are divided by it", l.Arch)
	}
	rope, rotates := l.rope(l.RopeBase), h.boolOr("rope.scaling.finetuned", true)
	for i := range l.Layers {
		s := l.Layer(i)
		layer := graniteHybridLayer{
			norm:      s.Vector("attn_norm.weight", l.Dim),
			ffnNorm:   s.Vector("ffn_norm.weight", l.Dim),
			recurrent: s.Has("ssm_in.weight"),
		}
		if layer.recurrent {
			layer.mixer = s.mamba2Mixer(m.mixer)
		} else {
			layer.attn = s.projections()
			if rotates {
				layer.rope = rope.on(s, interleaved)
			}
		}
		if s.Has("ffn_gate_inp.weight") {
			layer.ffn = s.mixture(compute.Routing{Gate: compute.GateSoftmaxChosen}, compute.SiLU)
		} else {
			// Granite's dense hybrids call their feed-forward network the shared expert of none.
			layer.ffn = s.gatedMLPOf(h.intOr("expert_shared_feed_forward_length", max(1, l.FFN), maxWidth), compute.SiLU)
		}
		m.layers = append(m.layers, layer)
	}
	return m
}

// kvHeadsByTensor finds the number of key/value heads by the first block with attention.
func (l *Loader) kvHeadsByTensor() int {
	for i := range l.Layers {
		if t, ok := l.file.Tensor(l.Layer(i).prefix + "attn_k.weight"); ok && len(t.Shape) == 2 && t.Shape[0]%l.KeyDim == 0 {
			return t.Shape[0] / l.KeyDim
		}
	}
	return 0
}

func (m *graniteHybrid) KV(i int) KVSpec {
	if m.layers[i].recurrent {
		return KVSpec{}
	}
	return m.Config.KV(i)
}

func (m *graniteHybrid) State(i int) []StateSpec {
	if m.layers[i].recurrent {
		return m.mixer.state()
	}
	return nil
}

func (m *graniteHybrid) Embed(p *Pass) {
	p.Embed(p.X, m.embed, p.Tokens)
	p.scale(p.X, m.embedScale)
}

func (m *graniteHybrid) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.norm, m.Eps)
	if l.recurrent {
		l.mixer.run(p, i, h, h, m.Eps)
	} else {
		s := l.attn.qkv(p, &m.Config, h)
		s.Rope = l.rope
		l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: m.attnScale})
	}
	p.scale(h, m.residualScale)
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.ffn.run(p, h, h)
	p.scale(h, m.residualScale)
	p.AddBranch(h)
}

func (m *graniteHybrid) Head(p *Pass, logits, x *compute.Tensor) {
	m.head.run(p, m.Eps, logits, x)
	p.scale(logits, 1/m.logitScale)
}
