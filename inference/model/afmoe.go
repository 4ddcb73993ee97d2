package model

import (
	"math"

	"burble/inference/compute"
)

// newAFMoE makes Arcee's Trinity (Arcee AI 2025, "Trinity"): a norm before and after each branch, norms of query and key heads,
// a sigmoid gate of attention's output, a sliding window and RoPE on three blocks of four and neither on the fourth, and
// experts with a shared one, chosen by sigmoids and a bias, after a few dense blocks.
func newAFMoE(l *Loader) Network {
	windows := l.windows(4)
	m := l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			attnPost: s.norm("post_attention_norm"),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Gate: compute.GateSigmoid, Normalise: true, Eps: 1e-20}, compute.SiLU),
			ffnPost:  s.norm("post_ffw_norm"),
		}
		b.attn.bindHeadNorms(s)
		b.attn.gate = s.Weight("attn_gate.weight", l.Heads*l.ValueDim, l.Dim)
		b.attn.localRope(l, windows[s.block])
		return b
	})
	m.embedScale = float32(math.Sqrt(float64(l.Dim)))
	return m
}
