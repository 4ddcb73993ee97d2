package model

import "burble/inference/compute"

// newDeci makes DeciLM and the Llama-Nemotrons that a search has thinned out (Bercovich et al. 2024, arXiv:2411.19146, and
// 2025, arXiv:2505.00949): Llama's block with numbers of heads and widths of its own in each, where attention can be a matrix or
// nothing, and the feed-forward network nothing.
func newDeci(l *Loader) Network {
	heads := l.hyper.perLayer("attention.head_count", l.Layers, l.Heads)
	kvHeads := l.hyper.perLayer("attention.head_count_kv", l.Layers, l.KVHeads)
	widths := l.hyper.perLayer("feed_forward_length", l.Layers, l.FFN)
	whole := l.Config
	m := l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		i := s.block
		l.Heads, l.KVHeads, l.FFN = heads[i], kvHeads[i], widths[i]
		var b block
		switch {
		case heads[i] == 0:
		case kvHeads[i] == 0:
			b.attnNorm = s.norm("attn_norm")
			b.linear = s.Weight("attn_output.weight", l.Dim, l.Dim)
		case heads[i]%kvHeads[i] != 0:
			l.fail("%d query heads of block %d can't share %d key/value heads", heads[i], i, kvHeads[i])
		default:
			b.attnNorm = s.norm("attn_norm")
			b.attn = s.attention(rope)
		}
		if widths[i] > 0 {
			b.ffnNorm = s.norm("ffn_norm")
			b.ffn = s.gatedMLP(compute.SiLU)
		}
		config := l.Config
		b.config = &config
		return b
	})
	l.Config = whole
	return m
}
