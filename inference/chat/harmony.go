package chat

import "strings"

// harmony splits output in the response format of gpt-oss: messages with a header,
//
//	<|start|>assistant<|channel|>analysis<|message|>…<|end|>
//
// where the prompt holds the first "<|start|>assistant". The channel "final" holds the answer and "analysis" the
// reasoning. On "commentary" the model says what it is about to do, which belongs to the answer, or, with a recipient
// in the header ("to=functions.x"), calls a tool, which doesn't. The format is described at
// https://cookbook.openai.com/articles/openai-harmony.
type harmony struct {
	inHeader  bool
	first     bool // no header was complete yet
	reasoning bool // the message's kind
	begun     bool // the message has text
	wrote     [2]bool
}

// harmonyEnds end a message; the last two begin the next one.
var harmonyEnds = []string{"<|end|>", "<|return|>", "<|call|>", "<|eom|>", "<|eot|>", "<|start|>", "<|channel|>"}

const (
	harmonyMessage = "<|message|>"
	harmonyChannel = "<|channel|>"
	maxHeader      = 512 // bytes; what is longer is no header
)

func newHarmony(prompt string) *harmony {
	h := &harmony{inHeader: true, first: true}
	start := strings.LastIndex(prompt, "<|start|>")
	if start < 0 {
		return h
	}
	header, text, ok := strings.Cut(prompt[start:], harmonyMessage)
	if ok && !strings.Contains(text, "<|end|>") {
		h.open(header)
	}
	return h
}

// open begins a message with the given header.
func (h *harmony) open(header string) {
	h.inHeader, h.first, h.begun = false, false, false
	channel, recipient := "", ""
	if _, c, ok := strings.Cut(header, harmonyChannel); ok {
		channel = strings.TrimLeft(c, space)
		if i := strings.IndexAny(channel, space+"<"); i >= 0 {
			channel = channel[:i]
		}
	}
	if _, r, ok := strings.Cut(header, "to="); ok {
		if i := strings.IndexAny(r, space+"<"); i >= 0 {
			r = r[:i]
		}
		recipient = r
	}
	h.reasoning = channel == "analysis" || recipient != "" && recipient != "user" && channel != "final"
}

func (h *harmony) step(held string, final bool, emit func(string, bool)) string {
	for held != "" {
		if h.inHeader {
			i := strings.Index(held, harmonyMessage)
			switch {
			case i >= 0 && i <= maxHeader && (!h.first || plausibleHeader(held)):
				h.open(held[:i])
				held = held[i+len(harmonyMessage):]
			case h.first && (!plausibleHeader(held) || final && !strings.HasPrefix(strings.TrimLeft(held, space), "<|")) || len(held) > maxHeader+len(harmonyMessage):
				h.open(harmonyChannel + "final") // plain text without a header
			case final:
				return ""
			default:
				return held
			}
			continue
		}
		if h.reasoning && !h.begun {
			held = strings.TrimLeft(held, space)
		}
		end, mark := -1, ""
		for _, m := range harmonyEnds {
			if i := strings.Index(held, m); i >= 0 && (end < 0 || i < end) {
				end, mark = i, m
			}
		}
		if end >= 0 {
			h.emit(h.trim(held[:end]), emit)
			held = held[end:]
			if mark != harmonyChannel {
				held = held[len(mark):]
			}
			h.inHeader = true
			continue
		}
		sure := held
		if !final {
			n := 0
			for _, m := range harmonyEnds {
				n = max(n, overlap(held, m))
			}
			sure = held[:len(held)-n]
		}
		sure = h.trim(sure)
		h.emit(sure, emit)
		return held[len(sure):]
	}
	return ""
}

// trim takes white space off the end of reasoning.
func (h *harmony) trim(s string) string {
	if h.reasoning {
		return strings.TrimRight(s, space)
	}
	return s
}

// emit emits a message's text, set off from an earlier message of the same kind.
func (h *harmony) emit(text string, emit func(string, bool)) {
	if text == "" {
		return
	}
	kind := 0
	if h.reasoning {
		kind = 1
	}
	if !h.begun && h.wrote[kind] {
		text = paragraph + text
	}
	h.begun, h.wrote[kind] = true, true
	emit(text, h.reasoning)
}

// plausibleHeader reports whether the rest of the first message's header may begin like this.
func plausibleHeader(s string) bool {
	s = strings.TrimLeft(s, space)
	for _, begin := range []string{harmonyChannel, harmonyMessage, "<|start|>", "<|constrain|>", "to="} {
		if strings.HasPrefix(s, begin) || strings.HasPrefix(begin, s) {
			return true
		}
	}
	return false
}
