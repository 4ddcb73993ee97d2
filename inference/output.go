package inference

import (
	"strings"

	"burble/inference/chat"
	"burble/inference/tokenizer"
)

// output turns tokens into parts of a message, and looks for stop strings in the answer.
type output struct {
	decoder *tokenizer.Decoder
	parser  *chat.Parser
	stop    []string
	held    string // the end of the answer so far, which may be the beginning of a stop string
	stopped bool
	began   bool // the answer has begun
	emit    func(chat.Part)
}

// newOutput makes an output for the answer to prompt, which t rendered. With raw, the answer continues a text, and a
// space at its beginning belongs to it.
func newOutput(t *chat.Template, d *tokenizer.Decoder, prompt string, raw bool, stop []string, emit func(chat.Part)) *output {
	o := &output{decoder: d, parser: chat.NewParser(t, prompt), began: raw, emit: emit}
	for _, s := range stop {
		if s != "" {
			o.stop = append(o.stop, s)
		}
	}
	return o
}

// add takes a token, and reports whether a stop string has come up.
func (o *output) add(token int32) (stopped bool) {
	if text := o.decoder.Add(token); text != "" {
		o.parts(o.parser.Add(text))
	}
	return o.stopped
}

// flush passes on what was held back.
func (o *output) flush() {
	if text := o.decoder.Flush(); text != "" {
		o.parts(o.parser.Add(text))
	}
	o.parts(o.parser.Flush())
	if o.held != "" && !o.stopped {
		o.emit(chat.Part{Text: o.held})
		o.held = ""
	}
}

func (o *output) parts(parts []chat.Part) {
	for _, p := range parts {
		switch {
		case o.stopped || p.Text == "":
		case p.Reasoning:
			o.emit(p)
		case !o.began:
			o.began = true // SentencePiece writes a word with the space before it, also the first one
			o.answer(strings.TrimPrefix(p.Text, " "))
		default:
			o.answer(p.Text)
		}
	}
}

// answer passes on text up to a stop string, holding back what may become one.
func (o *output) answer(text string) {
	text = o.held + text
	end, hold := len(text), 0
	for _, s := range o.stop {
		if i := strings.Index(text, s); i >= 0 {
			o.stopped = true
			end = min(end, i)
		}
	}
	if !o.stopped {
		for _, s := range o.stop {
			for n := min(len(s)-1, len(text)); n > hold; n-- {
				if strings.HasSuffix(text, s[:n]) {
					hold = n
				}
			}
		}
		end -= hold
	}
	o.held = text[end:]
	if end > 0 {
		o.emit(chat.Part{Text: text[:end]})
	}
}
