package model

import "burble/inference/compute"

// newLlama makes Llama 1 to 3 (Touvron et al. 2023, arXiv:2302.13971; Grattafiori et al. 2024, arXiv:2407.21783), Mistral 7B
// (Jiang et al. 2023, arXiv:2310.06825) and Mixtral (Jiang et al. 2024, arXiv:2401.04088), whose GGUF files are of the same
// architecture. Llama 3's RoPE scaling comes as a tensor of factors. The files permute queries and keys so that RoPE pairs
// neighbours. InternLM 2 (Cai et al. 2024, arXiv:2403.17297) and ERNIE 4.5, dense and with experts (Baidu ERNIE Team 2025, "ERNIE 4.5
// Technical Report"), are the same under other names.
func newLlama(l *Loader) Network {
	return l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		return block{
			attnNorm: s.norm("attn_norm"),
			attn:     s.attention(rope),
			ffnNorm:  s.norm("ffn_norm"),
			ffn:      s.mixture(compute.Routing{Normalise: true}, compute.SiLU),
		}
	})
}
