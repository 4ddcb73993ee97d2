package model

import "burble/inference/compute"

// newOLMo2 makes OLMo 2 (OLMo Team 2024, arXiv:2501.00656) and OLMo 3 (2025, arXiv:2512.13961): norms come after attention and
// after the feed-forward network rather than before, and there is one over all query heads together and one over all key
// heads. OLMo 3 has sliding windows on three blocks of four, on which RoPE is not scaled.
func newOLMo2(l *Loader) Network {
	windows := l.windows(4)
	local := l.plainRope(l.hyper.floatOr("rope.freq_base_swa", l.RopeBase))
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		window := windows[s.block]
		if window > 0 {
			rope = local.on(s, halves)
		}
		b := block{
			attn:     s.attention(rope),
			attnPost: s.norm("post_attention_norm"),
			ffn:      s.gatedMLP(compute.SiLU),
			ffnPost:  s.norm("post_ffw_norm"),
		}
		b.attn.bindRowNorms(s)
		b.attn.Window = window
		return b
	})
}

// newOLMoE makes OLMoE (Muennighoff et al. 2024, arXiv:2409.02060): norms before the branches and over all query and key heads
// together, and experts whose weights are the softmax's as they are.
func newOLMoE(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.experts(compute.Routing{}, compute.SiLU),
		}
		b.attn.bindRowNorms(s)
		return b
	})
}
