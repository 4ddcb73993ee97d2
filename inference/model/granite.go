package model

import "burble/inference/compute"

// newGranite makes IBM's Granite 3 (Granite Team 2024, "Granite 3.0 Language Models"), dense and with experts: Llama's block
// with four multipliers, for the embedding, the attention logits, the residual branches and the output logits. The weights of
// experts are the softmax of the chosen scores; some models have a shared expert. Those with sliding windows have attention sinks
// in all blocks, and RoPE in some.
func newGranite(l *Loader) Network {
	h := l.hyper
	if h.countOr("expert_count", 0) == 0 { // Granite 4 names the width of its dense networks so
		l.FFN = max(1, h.countOr("expert_shared_feed_forward_length", l.FFN))
	}
	windows := l.windows(4)
	m := l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		turned, some := h.md.Bools(h.arch + ".attention.rope_pattern")
		if some && s.block < len(turned) && !turned[s.block] || !h.boolOr("rope.scaling.finetuned", true) { // so a file says that there is none
			rope = compute.Rope{}
		}
		b := block{
			attnNorm:    s.norm("attn_norm"),
			attn:        s.attention(rope),
			ffnNorm:     s.norm("ffn_norm"),
			ffn:         s.mixture(compute.Routing{Gate: compute.GateSoftmaxChosen}, compute.SiLU),
			branchScale: float32(h.floatOr("residual_scale", 1)),
		}
		b.attn.Sinks = s.OptionalVector("attn_sinks.weight", l.Heads)
		b.attn.Window = windows[s.block]
		return b
	})
	m.embedScale = float32(h.floatOr("embedding_scale", 1))
	scale := h.floatOr("logit_scale", 1)
	if scale == 0 {
		l.fail("%s.logit_scale is 0; logits are divided by it", l.Arch)
	}
	m.logitScale = float32(1 / scale)
	return m
}
