package model

import "burble/inference/compute"

// newSeedOSS makes Seed-OSS (ByteDance Seed Team 2025, "Seed-OSS Open-Source Models"): Llama's block with biases on queries,
// keys and values.
func newSeedOSS(l *Loader) Network {
	return l.decoder(halves, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("post_attention_norm"),
			ffn:      s.gatedMLP(compute.SiLU),
		}
	})
}
