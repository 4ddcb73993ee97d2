package model

import (
	"math"

	"burble/inference/compute"
)

// gemma is Gemma 1 to 3 (Gemma Team 2024, arXiv:2403.08295 and arXiv:2408.00118; 2025, arXiv:2503.19786). All scale the
// embedding by sqrt(dim), gate with GELU and tie the output to the embedding. Gemma 2 adds a norm after each branch, soft
// caps, and sliding windows on every other layer; Gemma 3 drops the caps for norms on queries and keys, and has
// one full layer in six, which alone uses the long-context RoPE. The files' norm weights include the "1 +".
type gemma struct {
	Config
	embed     *compute.Tensor // [vocab, dim]
	layers    []gemmaLayer
	head      head
	scale     float32 // of the attention logits
	attnCap   float32
	logitsCap float32
}

type gemmaLayer struct {
	rope              compute.Rope
	window            int             // 0: full attention
	attnNorm, ffnNorm *compute.Tensor // [dim]
	attnPost, ffnPost *compute.Tensor // [dim], or nil (Gemma 1)
	qNorm, kNorm      *compute.Tensor // [keyDim], or nil (Gemma 1 and 2)
	attn              projections
	mlp               gatedMLP
}

// newGemma makes a constructor for a family whose every period-th layer, counted from 1, has full attention.
func newGemma(period int) func(*Loader) Network {
	return func(l *Loader) Network {
		m := &gemma{
			Config:    l.Config,
			embed:     l.Input().Weight("token_embd.weight", l.Vocab, l.Dim),
			head:      l.head(),
			scale:     gemmaScale(l),
			attnCap:   float32(l.hyper.floatOr("attn_logit_softcapping", 0)),
			logitsCap: float32(l.hyper.floatOr("final_logit_softcapping", 0)),
		}
		window := l.hyper.countOr("attention.sliding_window", 0)
		period := l.hyper.intOr("attention.sliding_window_pattern", period, maxLayers)
		full := l.rope(l.RopeBase)
		local := full
		if l.hyper.has("rope.freq_base_swa") || l.Arch == "gemma3" {
			local = l.plainRope(l.hyper.floatOr("rope.freq_base_swa", 10000))
		}
		for i := range l.Layers {
			s := l.Layer(i)
			layer := gemmaLayer{
				rope:     full.on(s, halves),
				attnNorm: s.Vector("attn_norm.weight", l.Dim),
				ffnNorm:  s.Vector("ffn_norm.weight", l.Dim),
				attnPost: s.OptionalVector("post_attention_norm.weight", l.Dim),
				ffnPost:  s.OptionalVector("post_ffw_norm.weight", l.Dim),
				qNorm:    s.OptionalVector("attn_q_norm.weight", l.KeyDim),
				kNorm:    s.OptionalVector("attn_k_norm.weight", l.KeyDim),
				attn:     s.projections(),
				mlp:      s.gatedMLP(compute.GELUTanh),
			}
			if (i+1)%period != 0 {
				layer.window, layer.rope = window, local.on(s, halves)
			}
			m.layers = append(m.layers, layer)
		}
		return m
	}
}

// gemmaScale is 1/sqrt(keyDim), but for the two 27B models, which were trained with 1/sqrt(dim/heads). Their files
// don't say so; the number of layers gives them away.
func gemmaScale(l *Loader) float32 {
	if (l.Arch == "gemma2" && l.Layers == 46) || (l.Arch == "gemma3" && l.Layers == 62) {
		return attentionScale(l.Dim / l.Heads)
	}
	return attentionScale(l.KeyDim)
}

// KV is the shared one, with the block's window.
func (m *gemma) KV(i int) KVSpec {
	spec := m.Config.KV(i)
	spec.Window = m.layers[i].window
	return spec
}

func (m *gemma) Embed(p *Pass) {
	p.Embed(p.X, m.embed, p.Tokens)
	p.Scale(p.X, p.X, float32(math.Sqrt(float64(m.Dim))))
}

func (m *gemma) Layer(p *Pass, i int) {
	l := &m.layers[i]
	h := p.Tmp("h", p.Rows, m.Dim)

	p.Norm(h, l.attnNorm, m.Eps)
	s := l.attn.qkv(p, &m.Config, h)
	s.Rope, s.QNorm, s.KNorm = l.rope, l.qNorm, l.kNorm
	l.attn.attend(p, &m.Config, i, h, s, compute.Attention{Scale: m.scale, Window: l.window, SoftCap: m.attnCap})
	p.norm(h, l.attnPost, m.Eps)
	p.AddBranch(h)

	p.Norm(h, l.ffnNorm, m.Eps)
	l.mlp.run(p, h, h)
	p.norm(h, l.ffnPost, m.Eps)
	p.AddBranch(h)
}

func (m *gemma) Head(p *Pass, logits, x *compute.Tensor) {
	m.head.run(p, m.Eps, logits, x)
	if m.logitsCap > 0 {
		p.SoftCap(logits, logits, m.logitsCap)
	}
}
