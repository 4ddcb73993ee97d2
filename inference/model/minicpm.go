package model

import "math"

// newMiniCPM makes MiniCPM 1 and 4 (Hu et al. 2024, arXiv:2404.06395; MiniCPM Team 2025, arXiv:2506.07900): Granite's block with
// its multipliers. Older files don't carry them; they were the same for all models then.
func newMiniCPM(l *Loader) Network {
	m := newGranite(l).(*decoder)
	if !l.hyper.has("embedding_scale") {
		m.embedScale = 12
	}
	if !l.hyper.has("logit_scale") {
		m.logitScale = 256 / float32(l.Dim)
	}
	if !l.hyper.has("residual_scale") {
		for i := range m.blocks {
			m.blocks[i].branchScale = float32(1.4 / math.Sqrt(float64(l.Layers)))
		}
	}
	return m
}
