package app

import (
	"reflect"
	"slices"
	"strings"

	"burble/inference/sample"
)

// Parameters are what shapes an answer: what the model is told beforehand, and how its words are drawn.
type Parameters struct {
	System    string        `json:"system_prompt"`
	Sampling  sample.Params `json:"sampling"`
	MaxTokens int           `json:"max_tokens"`         // per answer; 0: as long as the context allows
	Stop      []string      `json:"stop,omitempty"`     // strings that end an answer, and are not part of it
	Lookup    int           `json:"lookup"`             // tokens guessed at a time by prompt lookup decoding; 0: off
	Thinking  *bool         `json:"thinking,omitempty"` // nil: as the model's template does by default
	Effort    Effort        `json:"effort,omitempty"`   // of reasoning, where the template knows it
}

// Effort is how much a model reasons before it answers.
type Effort string

const (
	EffortDefault Effort = "" // as the model's template does by default
	EffortLow     Effort = "low"
	EffortMedium  Effort = "medium"
	EffortHigh    Effort = "high"
)

// Limits of Parameters.Stop.
const (
	MaxStops      = 16
	MaxStopLength = 200 // bytes
)

// Clamp returns p with every value brought within its limits. It shares nothing with p.
func (p Parameters) Clamp() Parameters {
	p.Sampling = clampSampling(p.Sampling)
	p.MaxTokens = max(p.MaxTokens, 0)
	p.Lookup = clamp(p.Lookup, 0, MaxLookup)
	p.Effort = oneOf(p.Effort, EffortDefault, EffortLow, EffortMedium, EffortHigh)
	p.Stop = clampStops(p.Stop)
	if p.Thinking != nil {
		on := *p.Thinking
		p.Thinking = &on
	}
	return p
}

// clampStops leaves out empty strings and those said twice.
func clampStops(stops []string) []string {
	var list []string
	for _, s := range stops {
		if len(s) > MaxStopLength {
			s = strings.ToValidUTF8(s[:MaxStopLength], "")
		}
		if s != "" && len(list) < MaxStops && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// Equal reports whether both give the same answers.
func (p Parameters) Equal(q Parameters) bool { return reflect.DeepEqual(p.Clamp(), q.Clamp()) }

// parameters are the settings' own, those of chats that have no preset.
func (v Values) parameters() Parameters {
	return Parameters{System: v.SystemPrompt, Sampling: v.Sampling, MaxTokens: v.MaxTokens, Lookup: v.Lookup}.Clamp()
}

// Over returns what a chat with these options uses where its preset says base.
func (o ChatOptions) Over(base Parameters) Parameters {
	p := base
	if o.System != nil {
		p.System = *o.System
	}
	if o.Sampling != nil {
		p.Sampling = *o.Sampling
	}
	if o.MaxTokens != nil {
		p.MaxTokens = *o.MaxTokens
	}
	if o.Stop != nil {
		p.Stop = *o.Stop
	}
	if o.Lookup != nil {
		p.Lookup = *o.Lookup
	}
	if o.Reasoning != nil {
		p.Thinking, p.Effort = o.Reasoning.Thinking, o.Reasoning.Effort
	} else if o.Thinking != nil {
		p.Thinking = o.Thinking
	}
	return p.Clamp()
}

// With returns options that keep the preset of o and make a chat use p where its preset says base: what is the same
// follows the preset when that changes.
func (o ChatOptions) With(p, base Parameters) ChatOptions {
	p, base = p.Clamp(), base.Clamp()
	o = ChatOptions{Preset: o.Preset, Overflow: o.Overflow}
	if p.System != base.System {
		o.System = &p.System
	}
	if !reflect.DeepEqual(p.Sampling, base.Sampling) {
		o.Sampling = &p.Sampling
	}
	if p.MaxTokens != base.MaxTokens {
		o.MaxTokens = &p.MaxTokens
	}
	if !slices.Equal(p.Stop, base.Stop) {
		stops := append([]string{}, p.Stop...) // not nil, which JSON would take for no choice
		o.Stop = &stops
	}
	if p.Lookup != base.Lookup {
		o.Lookup = &p.Lookup
	}
	if p.Effort != base.Effort || !reflect.DeepEqual(p.Thinking, base.Thinking) {
		o.Reasoning = &Reasoning{p.Thinking, p.Effort}
	}
	return o
}

// explicit returns options that follow no preset.
func (p Parameters) explicit() ChatOptions {
	p = p.Clamp()
	stops := append([]string{}, p.Stop...)
	return ChatOptions{System: &p.System, Sampling: &p.Sampling, MaxTokens: &p.MaxTokens, Stop: &stops, Lookup: &p.Lookup, Reasoning: &Reasoning{p.Thinking, p.Effort}}
}

// clamp brings the values of o within their limits. It shares nothing with o.
func (o ChatOptions) clamp() ChatOptions {
	if o.Overflow != "" {
		o.Overflow = oneOf(o.Overflow, "", Overflows()...)
	}
	p := o.Over(Parameters{})
	if o.System != nil {
		o.System = &p.System
	}
	if o.Sampling != nil {
		o.Sampling = &p.Sampling
	}
	if o.MaxTokens != nil {
		o.MaxTokens = &p.MaxTokens
	}
	if o.Stop != nil {
		stops := append([]string{}, p.Stop...)
		o.Stop = &stops
	}
	if o.Lookup != nil {
		o.Lookup = &p.Lookup
	}
	if o.Reasoning != nil {
		o.Reasoning = &Reasoning{p.Thinking, p.Effort}
	}
	return o
}
