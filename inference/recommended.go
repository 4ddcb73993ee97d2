package inference

import (
	"math"

	"burble/gguf"
	"burble/inference/sample"
)

// recommended reads the sampling that a file's maker recommends, of the keys general.sampling.* (llama.cpp,
// gguf-py/gguf/constants.py). What the file doesn't mention is as in sample.Defaults. It returns nil where it mentions
// nothing, or nothing that can be used.
func recommended(m *gguf.Metadata) *sample.Params {
	p, found := sample.Defaults(), false
	float := func(key string, field *float32) {
		if v, ok := m.Float("general.sampling." + key); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			*field, found = float32(v), true
		}
	}
	number := func(key string, field *int) {
		if v, ok := m.Int("general.sampling." + key); ok && v >= -1 && v <= math.MaxInt32 {
			*field, found = int(v), true
		}
	}
	float("temp", &p.Temperature)
	number("top_k", &p.TopK)
	p.TopK = max(p.TopK, 0)
	float("top_p", &p.TopP)
	float("min_p", &p.MinP)
	float("xtc_probability", &p.XTCProbability)
	float("xtc_threshold", &p.XTCThreshold)
	float("penalty_repeat", &p.RepeatPenalty)
	number("penalty_last_n", &p.PenaltyWindow)
	if version, ok := m.Int("general.sampling.mirostat"); ok && version > 0 { // Burble has version 2 alone
		p.MirostatTau, p.MirostatEta = 5, 0.1
		float("mirostat_tau", &p.MirostatTau)
		float("mirostat_eta", &p.MirostatEta)
		found = true
	}
	if !found || p.Validate() != nil {
		return nil
	}
	return &p
}
