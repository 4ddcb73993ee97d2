package chat

import "strings"

// Part is a piece of a model's output.
type Part struct {
	Text      string
	Reasoning bool // what the model thinks, as opposed to what it answers
}

// Parser splits a model's output, as it streams, into reasoning and answer.
//
// Reasoning is recognised at the beginning of the output only, by the markers that models use, or where the prompt
// ends inside it; what follows it is the answer, whatever that contains. The output of gpt-oss and its kin comes in
// messages with channels instead, see harmony. White space around the reasoning is dropped.
//
// The parts don't depend on how the output was cut into pieces, except for where one part of a kind ends and the
// next one of that kind begins. A Parser is for one output and one goroutine.
type Parser struct {
	machine machine
	held    string // read, but not yet decided on
}

// machine is a way to split output. step consumes the beginning of held and appends parts; it returns what it cannot
// decide on before more has come. final says that nothing more will.
type machine interface {
	step(held string, final bool, emit func(text string, reasoning bool)) (rest string)
}

// NewParser makes a parser for the answer to prompt, which t rendered. t may be nil.
func NewParser(t *Template, prompt string) *Parser {
	beginning := ""
	if t != nil {
		if beginning = t.beginning; t.isHarmony() {
			return &Parser{machine: newHarmony(prompt)}
		}
	}
	tg := &tagged{}
	if m, ok := opened(prompt, beginning); ok {
		tg.state, tg.marks, tg.prompted = inReasoning, m, true
	} else if m, ok := suffixed(prompt, answerMarks); ok {
		tg.state, tg.closing = afterReasoning, m.close
	}
	return &Parser{machine: tg}
}

// Add takes the next piece of output and returns what is certain by now.
func (p *Parser) Add(text string) []Part { return p.run(text, false) }

// Flush returns what was held back, at the end of the output.
func (p *Parser) Flush() []Part { return p.run("", true) }

func (p *Parser) run(text string, final bool) []Part {
	var parts []Part
	p.held = p.machine.step(p.held+text, final, func(text string, reasoning bool) {
		if text == "" {
			return
		}
		if n := len(parts); n > 0 && parts[n-1].Reasoning == reasoning {
			parts[n-1].Text += text
			return
		}
		parts = append(parts, Part{text, reasoning})
	})
	if final {
		p.held = ""
	}
	return parts
}

// marks begin and end reasoning.
type marks struct{ open, close string }

// reasoningMarks lists the markers of the model families, the most common first.
var reasoningMarks = []marks{
	{"<think>", "</think>"}, // DeepSeek R1, Qwen, GLM, Granite, Nemotron, SmolLM …
	{"<thinking>", "</thinking>"},
	{"<thought>", "</thought>"},                                // EXAONE Deep
	{"[THINK]", "[/THINK]"},                                    // Magistral, Ministral
	{"<|START_THINKING|>", "<|END_THINKING|>"},                 // Command A, R7B
	{"<seed:think>", "</seed:think>"},                          // Seed-OSS
	{"<mm:think>", "</mm:think>"},                              // MiniMax M3
	{"<think:opensource>", "</think:opensource>"},              // Hunyuan 3
	{"<|channel>thought", "<channel|>"},                        // Gemma 4
	{"<|inner_prefix|>", "<|inner_suffix|>"},                   // Apertus
	{"<|think|>", endOfMessage},                                // Solar Open
	{"<|open|>think<|sep|>", "<|close|>think<|sep|>"},          // Kimi K3
	{"Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"}, // Apriel
	{"◁think▷", "◁/think▷"},                                    // Kimi VL
}

// endOfMessage closes more than reasoning.
const endOfMessage = "<|end|>"

// answerMarks may come around the answer that follows reasoning.
var answerMarks = []marks{
	{"<response>", "</response>"}, // Granite 3.3
	{"<|START_RESPONSE|>", "<|END_RESPONSE|>"},
	{"<|open|>response<|sep|>", "<|close|>response<|sep|>"}, // Kimi K3
	{"<|START_TEXT|>", "<|END_TEXT|>"},
	{"<|begin|>assistant<|content|>", endOfMessage},
}

// space is the white space dropped around reasoning. It is ASCII, so that a piece of output that ends within a
// character can be trimmed.
const space = " \t\r\n"

// opened reports whether a prompt ends inside reasoning, and in which markers: right after the opening one, or, where
// an answer is continued, with an opening one but no closing one behind the beginning of the answer.
func opened(prompt, beginning string) (marks, bool) {
	if m, ok := suffixed(prompt, reasoningMarks); ok {
		return m, true
	}
	if beginning == "" {
		return marks{}, false
	}
	i := strings.LastIndex(prompt, beginning)
	if i < 0 {
		return marks{}, false
	}
	// A closed block may come first, where thinking was switched off before.
	for answer := prompt[i+len(beginning):]; ; {
		answer = strings.TrimLeft(answer, space)
		if m, ok := closed(answer); ok {
			answer = answer[len(m):]
			continue
		}
		m, ok := prefixed(answer, reasoningMarks)
		return m, ok && !strings.Contains(answer, m.close)
	}
}

// closed finds an empty block of reasoning, or a lone closing mark, that s begins with.
func closed(s string) (block string, ok bool) {
	for _, m := range reasoningMarks {
		rest := strings.TrimLeft(strings.TrimPrefix(s, m.open), space)
		if strings.HasPrefix(rest, m.close) {
			return s[:len(s)-len(rest)+len(m.close)], true
		}
	}
	return "", false
}

// suffixed finds the marks whose opening a prompt ends with, but for white space.
func suffixed(prompt string, list []marks) (marks, bool) {
	prompt = strings.TrimRight(prompt, space)
	for _, m := range list {
		if strings.HasSuffix(prompt, m.open) {
			return m, true
		}
	}
	return marks{}, false
}

type taggedState int

const (
	atStart     taggedState = iota // nothing but white space so far
	inReasoning                    // between the markers
	afterReasoning
	inAnswer
)

// tagged splits output that has its reasoning between markers.
type tagged struct {
	state    taggedState
	marks    marks
	prompted bool   // the prompt opened the reasoning; the model may do it again
	begun    bool   // some reasoning was emitted
	closing  string // what closes the answer, "" for nothing
}

func (t *tagged) step(held string, final bool, emit func(string, bool)) string {
	for held != "" {
		switch t.state {
		case atStart:
			s := strings.TrimLeft(held, space)
			if m, ok := prefixed(s, reasoningMarks); ok {
				t.marks, t.state, held = m, inReasoning, s[len(m.open):]
				continue
			}
			if !final && (beginsMark(s, reasoningMarks) || beginsMark(s, answerMarks)) {
				return held
			}
			if m, ok := prefixed(s, answerMarks); ok {
				t.closing, t.state, held = m.close, afterReasoning, s[len(m.open):]
				continue
			}
			t.state = inAnswer
		case inReasoning:
			if !t.begun {
				held = strings.TrimLeft(held, space)
				if t.prompted && strings.HasPrefix(held, t.marks.open) {
					held, t.prompted = held[len(t.marks.open):], false
					continue
				}
				if t.prompted && !final && strings.HasPrefix(t.marks.open, held) {
					return held
				}
			}
			if i := strings.Index(held, t.marks.close); i >= 0 {
				emit(strings.TrimRight(held[:i], space), true)
				t.state, held = afterReasoning, held[i+len(t.marks.close):]
				continue
			}
			sure := held
			if !final {
				sure = held[:len(held)-overlap(held, t.marks.close)]
			}
			sure = strings.TrimRight(sure, space)
			emit(sure, true)
			t.begun = t.begun || sure != ""
			return held[len(sure):]
		case afterReasoning:
			held = strings.TrimLeft(held, space)
			if m, ok := prefixed(held, answerMarks); ok {
				t.closing, held = m.close, held[len(m.open):]
				continue
			}
			if !final && beginsMark(held, answerMarks) {
				return held
			}
			if held != "" {
				t.state = inAnswer
			}
		case inAnswer:
			if t.closing == "" {
				emit(held, false)
				return ""
			}
			if i := strings.Index(held, t.closing); i >= 0 {
				emit(held[:i], false)
				t.closing, held = "", held[i+len(t.closing):]
				continue
			}
			sure := held
			if !final {
				sure = held[:len(held)-overlap(held, t.closing)]
			}
			emit(sure, false)
			return held[len(sure):]
		}
	}
	return ""
}

// prefixed finds the marks whose opening s begins with.
func prefixed(s string, list []marks) (marks, bool) {
	for _, m := range list {
		if strings.HasPrefix(s, m.open) {
			return m, true
		}
	}
	return marks{}, false
}

// beginsMark reports whether s could become an opening mark. An empty s could.
func beginsMark(s string, list []marks) bool {
	for _, m := range list {
		if len(s) < len(m.open) && strings.HasPrefix(m.open, s) {
			return true
		}
	}
	return false
}

// overlap is the length of the longest end of s that begins mark.
func overlap(s, mark string) int {
	for n := min(len(s), len(mark)-1); n > 0; n-- {
		if strings.HasSuffix(s, mark[:n]) {
			return n
		}
	}
	return 0
}
