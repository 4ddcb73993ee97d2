package sample

import (
	"fmt"
	"math"
)

// Validate says which parameter is out of its range, and what the range is. New takes parameters as they are.
func (p Params) Validate() error {
	type bound struct {
		name   string
		value  float32
		lo, hi float32
	}
	inf := float32(math.Inf(1))
	for _, b := range []bound{
		{"temperature", p.Temperature, 0, 100},
		{"top_p", p.TopP, 0, 1},
		{"min_p", p.MinP, 0, 1},
		{"typical_p", p.TypicalP, 0, 1},
		{"repeat_penalty", p.RepeatPenalty, 0, 100},
		{"presence_penalty", p.PresencePenalty, -100, 100},
		{"frequency_penalty", p.FrequencyPenalty, -100, 100},
		{"dry_multiplier", p.DRYMultiplier, 0, 1000},
		{"xtc_probability", p.XTCProbability, 0, 1},
		{"xtc_threshold", p.XTCThreshold, 0, 1},
		{"mirostat_tau", p.MirostatTau, 0, 100},
		{"mirostat_eta", p.MirostatEta, 0, 1},
	} {
		if !(b.value >= b.lo && b.value <= b.hi) { // also true of NaN
			return fmt.Errorf("%s is %v: choose a value from %v to %v", b.name, b.value, b.lo, b.hi)
		}
	}
	if p.DRYBase != 0 && !(p.DRYBase >= 1 && p.DRYBase <= 100) {
		return fmt.Errorf("dry_base is %v: choose a value from 1 to 100, or 0 for 1.75", p.DRYBase)
	}
	for _, b := range []struct {
		name   string
		value  int
		lowest int
	}{
		{"top_k", p.TopK, 0}, {"penalty_window", p.PenaltyWindow, -1},
		{"dry_allowed_length", p.DRYAllowedLength, 0}, {"dry_window", p.DRYWindow, 0},
	} {
		if b.value < b.lowest {
			return fmt.Errorf("%s is %d: choose a value of at least %d", b.name, b.value, b.lowest)
		}
	}
	for id, bias := range p.LogitBias {
		if id < 0 {
			return fmt.Errorf("logit_bias names token %d: ids begin at 0", id)
		}
		if bias != bias || bias == inf {
			return fmt.Errorf("logit_bias of token %d is %v: choose a number, or -Inf to forbid the token", id, bias)
		}
	}
	return nil
}
