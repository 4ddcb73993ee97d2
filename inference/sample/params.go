// Package sample turns logits into tokens.
package sample

// Params are the sampling parameters of one request. The zero value is greedy decoding with no penalties. Each
// field's neutral value switches its step off.
type Params struct {
	Temperature float32 `json:"temperature"` // 0: greedy
	TopK        int     `json:"top_k"`       // 0: off
	TopP        float32 `json:"top_p"`       // 0 or 1: off
	MinP        float32 `json:"min_p"`       // 0: off
	TypicalP    float32 `json:"typical_p"`   // 0 or 1: off

	RepeatPenalty    float32 `json:"repeat_penalty"`    // 0 or 1: off
	PresencePenalty  float32 `json:"presence_penalty"`  // 0: off
	FrequencyPenalty float32 `json:"frequency_penalty"` // 0: off
	PenaltyWindow    int     `json:"penalty_window"`    // tokens looked back on; 0: 64, -1: all

	DRYMultiplier    float32 `json:"dry_multiplier"`     // 0: off
	DRYBase          float32 `json:"dry_base"`           // 0: 1.75
	DRYAllowedLength int     `json:"dry_allowed_length"` // 0: 2
	DRYWindow        int     `json:"dry_window"`         // 0: all

	XTCProbability float32 `json:"xtc_probability"` // 0: off
	XTCThreshold   float32 `json:"xtc_threshold"`   // 0: 0.1

	MirostatTau float32 `json:"mirostat_tau"` // 0: off; else mirostat 2 replaces top-k, top-p, min-p, typical and XTC
	MirostatEta float32 `json:"mirostat_eta"` // 0: 0.1

	LogitBias map[int32]float32 `json:"logit_bias,omitempty"` // added to the logits of these tokens; -Inf forbids

	Seed *uint64 `json:"seed,omitempty"` // nil: a fresh one, reported in Stats
}

// Defaults are what a new chat starts with where the model's file recommends nothing.
func Defaults() Params {
	return Params{Temperature: 0.7, TopK: 40, TopP: 0.95, MinP: 0.05}
}
