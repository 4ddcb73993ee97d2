package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"burble/inference/chat/jinja"
)

// Template renders conversations for one model. It may be used from several goroutines at once.
type Template struct {
	source    string
	own       *jinja.Template // the model's template; nil if there is none or it can't be used
	broken    error           // why own is nil though there is a source
	known     *knownFormat    // what to fall back on
	fallback  *jinja.Template // known, parsed
	bos, eos  string
	toggle    bool   // the prompt depends on RenderOptions.Thinking
	effort    bool   // and on RenderOptions.Effort
	beginning string // what stands between a question and the answer, such as "<|im_end|>\n<|im_start|>assistant"
}

// RenderOptions are the settings of a prompt.
type RenderOptions struct {
	AddGenerationPrompt bool      // end with what makes the model answer
	ContinueFinal       bool      // end inside the last message, which is the assistant's, for the model to go on with
	Thinking            *bool     // switches thinking on or off, where the template has a switch; nil leaves it alone
	Effort              string    // of reasoning: "low", "medium", "high", where the template knows that; "" leaves it alone
	Now                 time.Time // the date that templates tell the model; the zero time means the clock

	Tools     any // tools and documents as the template's JSON wants them, see jinja.Template.Render
	Documents any
	Extra     map[string]any // further variables for the template
}

// NewTemplate takes a model's template, or the name of a known format such as "chatml". With an empty source it takes
// ChatML. bos and eos are the texts of the tokens of that name, which templates write themselves.
//
// A template that doesn't parse, or doesn't end, is replaced by the known format it looks most like; the warning, a sentence for the
// user, says so. The error is for a source that is neither a template nor a known format's name.
func NewTemplate(source string, bos, eos string) (t *Template, warning string, err error) {
	t = &Template{source: source, bos: bos, eos: eos}
	switch {
	case strings.TrimSpace(source) == "":
		t.known = formatNamed("chatml")
		warning = "The model comes without a chat template; the ChatML format is used, which may not be what it was trained on."
	case !strings.ContainsAny(source, "{ \n"):
		if t.known = formatNamed(source); t.known == nil {
			return nil, "", fmt.Errorf("%.80q is neither a chat template nor a known format; known are %s", source, formatNames())
		}
	default:
		t.known = detectFormat(source)
		if t.own, t.broken = jinja.Parse(source); t.broken != nil {
			warning = t.fallbackWarning(t.broken)
		}
	}
	if t.fallback, err = jinja.Parse(t.known.template); err != nil {
		return nil, "", fmt.Errorf("the known format %s: %w", t.known.name, err)
	}
	if t.own != nil {
		var te *jinja.TemplateError
		if _, err := t.runOwn([]Message{{Role: User, Content: "Hello"}}, RenderOptions{}); errors.As(err, &te) && te.Kind == jinja.Limit {
			t.own, t.broken = nil, err // don't wait for it with every message
			warning = t.fallbackWarning(err)
		}
	}
	t.beginning = t.findBeginning()
	t.findSwitches()
	return t, warning, nil
}

func (t *Template) fallbackWarning(cause error) string {
	return fmt.Sprintf("The model's chat template could not be used (%v); the %s format is used instead, so answers may be worse.",
		cause, t.known.title)
}

// findBeginning is what stands between the last user message and the answer, without marks of reasoning.
func (t *Template) findBeginning() string {
	text, _, err := t.Render([]Message{{Role: User, Content: endMark}}, RenderOptions{AddGenerationPrompt: true})
	i := strings.LastIndex(text, endMark)
	if err != nil || i < 0 {
		return ""
	}
	text = text[i+len(endMark):]
	for _, m := range reasoningMarks {
		text, _, _ = strings.Cut(text, m.open)
		if m.close != endOfMessage {
			text, _, _ = strings.Cut(text, m.close)
		}
	}
	return strings.TrimRight(text, space)
}

// thinkingSigns are what templates of models that think contain.
var thinkingSigns = []string{
	"enable_thinking", "<think", "</think", "[THINK]", "<|START_THINKING|>", "<seed:think>", "<|channel>thought",
	"<|channel|>analysis", "<|think", "<|inner_prefix|>", "reasoning_effort", "reasoning_content", "think_begin",
}

// Thinks reports whether the template belongs to a model that thinks before it answers, or may be told to.
func (t *Template) Thinks() bool {
	for _, sign := range thinkingSigns {
		if strings.Contains(t.source, sign) {
			return true
		}
	}
	return t.known.name == "harmony"
}

// Source is the model's template as NewTemplate got it.
func (t *Template) Source() string { return t.source }

// Render writes the prompt for a conversation.
//
// Conversations that the template refuses are brought into a shape that it takes: a system message is put before the
// first user message where the format has none, messages of the same role in a row are joined, and a conversation
// that the assistant opens gets an empty user message before it. Where the template fails all the same, the known
// format it looks most like is used, and the warning, a sentence for the user, says so. An error means that the
// conversation is empty, or that ContinueFinal is set and its last message isn't the assistant's.
func (t *Template) Render(messages []Message, o RenderOptions) (text string, warning string, err error) {
	if len(messages) == 0 {
		return "", "", errors.New("the conversation has no messages")
	}
	if !o.ContinueFinal {
		return t.render(messages, o)
	}
	last := messages[len(messages)-1]
	if last.Role != Assistant {
		return "", "", errors.New("only an answer of the assistant can be continued")
	}
	return t.renderOpen(messages, last, o)
}

// endMark is put where the prompt of a continued message shall end; it is a private-use character that no
// conversation contains by accident.
const endMark = "\uE0B5\uE0B6"

// renderOpen renders a conversation whose last message is to be continued: its answer or, where there is none yet, its
// reasoning.
func (t *Template) renderOpen(messages []Message, last Message, o RenderOptions) (text, warning string, err error) {
	before := messages[:len(messages)-1]
	if len(before) == 0 {
		before = []Message{{Role: User}}
	}
	if last.Content == "" && last.Reasoning != "" {
		on := true
		o.AddGenerationPrompt, o.Thinking = true, &on
		text, warning, err = t.render(before, o)
		if err != nil {
			return "", warning, err
		}
		if _, open := opened(text, t.beginning); !open {
			text += t.openingOfReasoning()
		}
		return text + last.Reasoning, warning, nil
	}
	o.AddGenerationPrompt = false
	marked := append([]Message(nil), messages...)
	marked[len(marked)-1].Content += endMark
	text, warning, err = t.render(marked, o)
	if err == nil {
		if i := strings.LastIndex(text, endMark); i >= 0 {
			text = strings.ReplaceAll(text[:i], endMark, "")
			if _, open := opened(text, t.beginning); !open && strings.HasSuffix(text, last.Content) {
				return text, warning, nil
			}
		}
	}
	// The template drops what is to be continued, or changes it: begin a new answer and repeat it.
	o.AddGenerationPrompt = true
	text, warning, err = t.render(before, o)
	if err != nil {
		return "", warning, err
	}
	if m, open := opened(text, t.beginning); open {
		text += last.Reasoning + "\n" + m.close + "\n\n"
	}
	return text + last.Content, warning, nil
}

// openingOfReasoning is what a model writes before it thinks: the marks that the template mentions, or <think>.
func (t *Template) openingOfReasoning() string {
	if t.isHarmony() {
		return harmonyChannel + "analysis" + harmonyMessage
	}
	for _, m := range reasoningMarks {
		if strings.Contains(t.source, m.open) {
			return m.open + "\n"
		}
	}
	return reasoningMarks[0].open + "\n"
}

// isHarmony reports whether answers come in messages with channels.
func (t *Template) isHarmony() bool {
	source := t.source
	if t.own == nil {
		source = t.known.template
	}
	return strings.Contains(source, harmonyMessage) && strings.Contains(source, "<|start|>")
}

// render uses the model's template, or else the known format.
func (t *Template) render(messages []Message, o RenderOptions) (text, warning string, err error) {
	if t.own != nil {
		text, err := t.runOwn(messages, o)
		if err == nil {
			return text, "", nil
		}
		warning = t.fallbackWarning(err)
	} else if t.broken != nil {
		warning = t.fallbackWarning(t.broken)
	}
	shaped := alternatingWithSystem(messages)
	if t.known.noSystem {
		shaped = alternating(messages)
	}
	text, err = t.fallback.Render(t.variables(shaped, o), jinja.Options{Now: o.Now})
	if err != nil {
		return "", warning, fmt.Errorf("rendering the conversation in the %s format: %w", t.known.title, err)
	}
	return text, warning, nil
}

// runOwn renders with the model's template. Where it fails with tools and documents set to none, as they are by
// default, it is tried without these variables, and with empty ones: templates differ in what they expect.
func (t *Template) runOwn(messages []Message, o RenderOptions) (string, error) {
	var first error
	for _, without := range []func(name string, vars map[string]any){
		func(string, map[string]any) {},
		func(name string, vars map[string]any) { delete(vars, name) },
		func(name string, vars map[string]any) { vars[name] = []any{} },
	} {
		best, found := "", false
		for _, shape := range shapes {
			shaped := shape(messages)
			if shaped == nil {
				continue
			}
			vars := t.variables(shaped, o)
			for _, name := range []string{"tools", "documents"} {
				if vars[name] == nil {
					without(name, vars)
				}
			}
			text, err := t.own.Render(vars, jinja.Options{Now: o.Now})
			var te *jinja.TemplateError
			switch {
			case errors.As(err, &te) && te.Kind == jinja.Limit:
				return "", err // more tries would take as long
			case err != nil:
				if first == nil {
					first = err
				}
			case complete(text, messages):
				return text, nil
			case !found:
				best, found = text, true
			}
		}
		if found {
			return best, nil
		}
	}
	return "", first
}

// complete reports whether everything that the user and the system say is in the prompt: some templates leave system
// messages out instead of refusing them.
func complete(text string, messages []Message) bool {
	for _, m := range messages {
		if m.Role == Assistant || m.Role == Tool {
			continue
		}
		if !strings.Contains(text, strings.TrimSpace(strings.ReplaceAll(m.Content, endMark, ""))) {
			return false
		}
	}
	return true
}

// variables are what a template sees.
func (t *Template) variables(messages []Message, o RenderOptions) map[string]any {
	list := make([]any, len(messages))
	for i, m := range messages {
		d := jinja.NewDict()
		d.Set("role", string(m.Role))
		d.Set("content", m.Content)
		if m.Reasoning != "" {
			d.Set("reasoning_content", m.Reasoning)
		}
		list[i] = d
	}
	vars := map[string]any{
		"messages":              list,
		"tools":                 o.Tools,
		"documents":             o.Documents,
		"add_generation_prompt": o.AddGenerationPrompt,
		"bos_token":             t.bos,
		"eos_token":             t.eos,
	}
	if o.Thinking != nil {
		t.switchThinking(vars, *o.Thinking)
	}
	if o.Effort != "" && (o.Thinking == nil || *o.Thinking) && t.effort {
		vars["reasoning_effort"] = o.Effort
	}
	for k, v := range o.Extra {
		vars[k] = v
	}
	return vars
}

// switchThinking sets the variables that templates of different families read as their switch.
func (t *Template) switchThinking(vars map[string]any, on bool) {
	vars["enable_thinking"] = on // Qwen, GLM, SmolLM, Gemma, Nemotron and others
	vars["thinking"] = on        // DeepSeek, Granite, Kimi
	if on {
		return
	}
	for name, off := range map[string]any{ // those that have grades instead
		"thinking_budget": 0,          // Seed-OSS
		"thinking_mode":   "disabled", // MiniMax
	} {
		if strings.Contains(t.source, name) {
			vars[name] = off
		}
	}
	switch {
	case !strings.Contains(t.source, "reasoning_effort"):
	case strings.Contains(t.source, "'no_think'"): // Hunyuan
		vars["reasoning_effort"] = "no_think"
	case strings.Contains(t.source, "'none'") || strings.Contains(t.source, `"none"`): // Mistral
		vars["reasoning_effort"] = "none"
	default: // gpt-oss cannot do without
		vars["reasoning_effort"] = "low"
	}
}
