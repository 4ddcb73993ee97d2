package remote

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

// body is the JSON object of a request for a chat completion.
type body map[string]any

// turn is a message as the API takes it.
type turn struct {
	Role      chat.Role `json:"role"`
	Content   string    `json:"content"`
	Reasoning string    `json:"reasoning_content,omitempty"`
}

// newBody writes a request as a server of that kind takes it. left names what had to be left out of what the user has chosen.
//
// Parameters: https://platform.openai.com/docs/api-reference/chat/create, and beyond it what is documented for llama-server,
// vLLM, SGLang, LM Studio and Ollama. Where a server has defaults of its own, neutral values are sent too, because they mean "off".
func newBody(kind Kind, model string, r inference.Request) (b body, left []string) {
	b = body{
		"model": model, "messages": turns(r), "stream": true,
		"stream_options": map[string]any{"include_usage": true},
		"temperature":    r.Sampling.Temperature,
	}
	s, usual := r.Sampling, sample.Defaults()
	topP, repeat := s.TopP, s.RepeatPenalty
	if topP == 0 {
		topP = 1
	}
	if repeat == 0 {
		repeat = 1
	}
	if r.MaxTokens > 0 {
		b["max_tokens"] = r.MaxTokens
	}
	if s.Seed != nil {
		b["seed"] = seed(*s.Seed)
	}
	if len(r.Stop) > 0 {
		b["stop"] = r.Stop
	}
	own := kind == LlamaServer || kind == VLLM || kind == SGLang // they have defaults of their own, or the model's
	if own || topP < 1 {
		b["top_p"] = topP
	}
	if own || s.PresencePenalty != 0 {
		b["presence_penalty"] = s.PresencePenalty
	}
	if own || s.FrequencyPenalty != 0 {
		b["frequency_penalty"] = s.FrequencyPenalty
	}
	missing := func(name string, chosen bool) {
		if chosen {
			left = append(left, name)
		}
	}
	switch kind {
	case LlamaServer:
		typical, window := s.TypicalP, s.PenaltyWindow
		if typical == 0 {
			typical = 1
		}
		if window == 0 {
			window = 64
		}
		b["top_k"], b["min_p"], b["typical_p"] = s.TopK, s.MinP, typical
		b["repeat_penalty"], b["repeat_last_n"] = repeat, window
		b["dry_multiplier"], b["xtc_probability"], b["mirostat"] = s.DRYMultiplier, s.XTCProbability, 0
		if s.DRYMultiplier > 0 {
			b["dry_base"], b["dry_allowed_length"], b["dry_penalty_last_n"] = or(s.DRYBase, 1.75), or(s.DRYAllowedLength, 2), or(s.DRYWindow, -1)
		}
		if s.XTCProbability > 0 {
			b["xtc_threshold"] = or(s.XTCThreshold, 0.1)
		}
		if s.MirostatTau > 0 {
			b["mirostat"], b["mirostat_tau"], b["mirostat_eta"] = 2, s.MirostatTau, or(s.MirostatEta, 0.1)
		}
		b["return_progress"] = true
	case VLLM, SGLang:
		topK := s.TopK
		if topK == 0 {
			topK = -1 // all
		}
		b["top_k"], b["min_p"], b["repetition_penalty"] = topK, s.MinP, repeat
		if kind == VLLM {
			b["stream_options"] = map[string]any{"include_usage": true, "continuous_usage_stats": true}
		}
	case LMStudio:
		b["top_k"], b["repeat_penalty"] = s.TopK, repeat
		missing("min-p", s.MinP != 0 && s.MinP != usual.MinP)
	default:
		missing("top-k", s.TopK != 0 && s.TopK != usual.TopK)
		missing("min-p", s.MinP != 0 && s.MinP != usual.MinP)
		missing("the repetition penalty", repeat != 1)
	}
	if kind != LlamaServer {
		missing("typical-p", s.TypicalP != 0 && s.TypicalP != 1)
		missing("DRY", s.DRYMultiplier != 0)
		missing("XTC", s.XTCProbability != 0)
		missing("mirostat", s.MirostatTau != 0)
	}
	missing("the logit bias, which goes by the tokens of one model", len(s.LogitBias) > 0)
	if r.Thinking != nil {
		switch kind {
		case LlamaServer, VLLM, SGLang:
			b["chat_template_kwargs"] = map[string]any{"enable_thinking": *r.Thinking}
		case Ollama:
			if b["reasoning_effort"] = "medium"; !*r.Thinking {
				b["reasoning_effort"] = "none"
			}
		default:
			missing("the switch for thinking", true)
		}
	}
	if r.Effort != "" {
		if kwargs, ok := b["chat_template_kwargs"].(map[string]any); ok && kind == LlamaServer {
			kwargs["reasoning_effort"] = r.Effort
		} else if kind == LlamaServer {
			b["chat_template_kwargs"] = map[string]any{"reasoning_effort": r.Effort}
		} else if b["reasoning_effort"] != "none" {
			b["reasoning_effort"] = r.Effort
		}
	}
	if r.Continue {
		b["continue_final_message"], b["add_generation_prompt"] = true, false
	}
	return b, left
}

// or is value, or what stands for zero.
func or[T int | float32](value, otherwise T) T {
	if value == 0 {
		return otherwise
	}
	return value
}

// seed brings a seed into what every server takes: 31 bits.
func seed(s uint64) uint64 { return s & (1<<31 - 1) }

// turns are the messages of a request. What a model thought is for the answer that it goes on with alone: templates drop it
// from earlier ones.
func turns(r inference.Request) []turn {
	list := make([]turn, len(r.Messages))
	for i, m := range r.Messages {
		list[i] = turn{Role: m.Role, Content: m.Content}
		if r.Continue && i == len(r.Messages)-1 {
			list[i].Reasoning = m.Reasoning
		}
	}
	return list
}

// essential are the parts of a body without which there is no answer.
var essential = []string{"model", "messages", "stream", "continue_final_message", "add_generation_prompt"}

// refusal recognises what servers say of a parameter that they don't know.
var refusal = regexp.MustCompile(`(?i)unsupported|not supported|unknown|unrecogni[sz]ed|unexpected|extra (inputs|fields)|not permitted|not allowed|forbidden|deprecated|only the default`)

// refused returns the parameter of b that a server has refused by name, or "".
func (b body) refused(e *StatusError) string {
	if e.Code != http.StatusBadRequest && e.Code != http.StatusUnprocessableEntity {
		return ""
	}
	if !refusal.MatchString(e.Detail) && !strings.HasPrefix(e.Type, "unsupported") && !strings.HasPrefix(e.Type, "unknown") {
		return ""
	}
	optional := func(name string) bool {
		_, ok := b[name]
		return ok && !slices.Contains(essential, name)
	}
	if name, _, _ := strings.Cut(e.Param, "."); optional(name) {
		return name
	}
	named := ""
	for name := range b {
		if optional(name) && mentions(e.Detail, name) && len(name) > len(named) {
			named = name
		}
	}
	return named
}

// mentions reports whether a text names a parameter as one: in quotes, or as a field of the body.
func mentions(text, name string) bool {
	for _, q := range []string{"'" + name + "'", `"` + name + `"`, "`" + name + "`", "body." + name + " "} {
		if strings.Contains(text, q) {
			return true
		}
	}
	return false
}

// without takes a parameter out, or gives it its other name.
func (b body) without(name string) {
	if value := b[name]; name == "max_tokens" {
		b["max_completion_tokens"] = value // as OpenAI's newer models want it
	}
	delete(b, name)
}

func (b body) encode() ([]byte, error) { return json.Marshal(map[string]any(b)) }
