package model

import "burble/inference/compute"

// newChatGLM makes GLM-4 as of June 2024, and ChatGLM 2 and 3 (Team GLM 2024, arXiv:2406.12793): Llama's block with biases on
// queries, keys and values, and RoPE on a part of each head, pairing neighbours. The gate and up projections are one tensor.
func newChatGLM(l *Loader) Network {
	return l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.fusedMLP(compute.SiLU),
		}
	})
}

// newGLM4 makes GLM-4 as of April 2025 (Team GLM 2024, arXiv:2406.12793): Llama's block with a second norm after attention and
// after the feed-forward network, biases on queries, keys and values, and RoPE on a part of each head, pairing
// neighbours. The gate and up projections are one tensor.
func newGLM4(l *Loader) Network {
	pairs := interleaved
	if l.hyper.has("rope.dimension_sections") { // the models that see pictures, too
		pairs = halves
	}
	return l.decoder(pairs, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			attnPost: s.norm("post_attention_norm"),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.fusedMLP(compute.SiLU),
			ffnPost:  s.norm("post_ffw_norm"),
		}
	})
}
