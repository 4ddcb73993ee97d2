package model

import "burble/inference/compute"

// newGranite makes IBM's Granite 3 (Granite Team 2024, "Granite 3.0 Language Models"), dense and with experts: Llama's block
// with four multipliers, for the embedding, the attention logits, the residual branches and the output logits. The weights of
// experts are the softmax of the chosen scores; some models have a shared expert.
func newGranite(l *Loader) Network {
	h := l.hyper
	m := l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		if !h.boolOr("rope.scaling.finetuned", true) { // that is how a file says that there is none
			rope = compute.Rope{}
		}
		return block{
			attnNorm:    s.norm("attn_norm"),
			attn:        s.attention(rope),
			ffnNorm:     s.norm("ffn_norm"),
			ffn:         s.mixture(compute.Routing{Gate: compute.GateSoftmaxChosen}, compute.SiLU),
			branchScale: float32(h.floatOr("residual_scale", 1)),
		}
	})
	m.embedScale = float32(h.floatOr("embedding_scale", 1))
	scale := h.floatOr("logit_scale", 1)
	if scale == 0 {
		l.fail("%s.logit_scale is 0; logits are divided by it", l.Arch)
	}
	m.logitScale = float32(1 / scale)
	return m
}
