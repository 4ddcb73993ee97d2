package model

import (
	"math"

	"burble/inference/compute"
)

// newGemma makes a constructor of Gemma 1 to 3 (Gemma Team 2024, arXiv:2403.08295 and arXiv:2408.00118; 2025,
// arXiv:2503.19786). All scale the embedding by sqrt(dim), gate with GELU and tie the output to the embedding. Gemma 2 adds a
// norm after each branch, soft caps, and sliding windows on every other layer; Gemma 3 drops the caps for norms on queries and
// keys, and has one full layer in six, which alone uses the long-context RoPE. The files' norm weights include the "1 +". Every
// period-th layer, counted from 1, has full attention.
func newGemma(period int) func(*Loader) Network {
	return func(l *Loader) Network {
		windows := l.windows(period)
		local := l.rope(l.RopeBase)
		if l.hyper.has("rope.freq_base_swa") || l.Arch == "gemma3" {
			local = l.plainRope(l.hyper.floatOr("rope.freq_base_swa", 10000))
		}
		scale := gemmaScale(l)
		attnCap := float32(l.hyper.floatOr("attn_logit_softcapping", 0))
		m := l.decoder(halves, func(s Scope, rope compute.Rope) block {
			window := windows[s.block]
			if window > 0 {
				rope = local.on(s, halves)
			}
			return block{
				attnNorm: s.norm("attn_norm"),
				attn: attention{
					projections: s.projections(),
					rope:        rope,
					qNorm:       s.OptionalVector("attn_q_norm.weight", l.KeyDim),
					kNorm:       s.OptionalVector("attn_k_norm.weight", l.KeyDim),
					Attention:   compute.Attention{Scale: scale, Window: window, SoftCap: attnCap},
				},
				attnPost: s.optionalNorm("post_attention_norm"),
				ffnNorm:  s.norm("ffn_norm"),
				ffn:      s.gatedMLP(compute.GELUTanh),
				ffnPost:  s.optionalNorm("post_ffw_norm"),
			}
		})
		m.embedScale = float32(math.Sqrt(float64(l.Dim)))
		m.logitCap = float32(l.hyper.floatOr("final_logit_softcapping", 0))
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
