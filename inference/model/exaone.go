package model

import "burble/inference/compute"

// newEXAONE4 makes EXAONE 4 (LG AI Research 2025, arXiv:2507.11407): norms after attention and after the feed-forward network
// rather than before, and norms of query and key heads. The 32B model has a sliding window and RoPE on three blocks of four,
// and neither on the fourth.
func newEXAONE4(l *Loader) Network {
	windows := l.windows(4)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attn:     s.attention(rope),
			attnPost: s.norm("post_attention_norm"),
			ffn:      s.gatedMLP(compute.SiLU),
			ffnPost:  s.norm("post_ffw_norm"),
		}
		b.attn.bindHeadNorms(s)
		b.attn.localRope(l, windows[s.block])
		return b
	})
}

// newEXAONEMoE makes K-EXAONE (LG AI Research 2026, "K-EXAONE Technical Report"): norms before the branches, windows as in
// EXAONE 4, and experts with a shared one, chosen by sigmoids and a bias, after a few dense blocks.
func newEXAONEMoE(l *Loader) Network {
	windows := l.windows(4)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Gate: compute.GateSigmoid, GroupTop: 2, Eps: 1e-20}, compute.SiLU),
		}
		b.attn.bindHeadNorms(s)
		b.attn.localRope(l, windows[s.block])
		return b
	})
}

// localRope sets the block's window; in a model that has windows, a block without one has no RoPE either.
func (a *attention) localRope(l *Loader, window int) {
	a.Window = window
	if window == 0 && l.hyper.countOr("attention.sliding_window", 0) > 0 {
		a.rope = compute.Rope{}
	}
}
