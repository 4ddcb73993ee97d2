package model

import "burble/inference/compute"

// newGPTOSS makes gpt-oss (OpenAI 2025, arXiv:2508.10925): biases everywhere, attention sinks, a sliding window on every other
// block, starting with the first, and experts with a clamped gated unit whose weights are the softmax of the chosen scores.
func newGPTOSS(l *Loader) Network {
	windows := l.windows(2)
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		b := block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("post_attention_norm"),
			ffn:      s.experts(compute.Routing{Gate: compute.GateSoftmaxChosen}, compute.SwiGLUClamped),
		}
		b.attn.Sinks = s.Vector("attn_sinks.weight", l.Heads)
		b.attn.Window = windows[s.block]
		return b
	})
}
