package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"burble/inference"
	"burble/inference/chat"
)

// Piece is what has come of an answer.
type Piece struct {
	Text      string
	Reasoning string
	Tokens    int // generated so far; where the server does not count along, the pieces
	// Of the prompt, where the server tells: tokens read, of so many. Both are 0 in pieces of text.
	PromptDone, PromptTotal int
	// Of an accepted request: messages left out to make it fit, and a sentence for the user.
	Dropped int
	Warning string
}

// maxAnswer is the most bytes of an answer, which no model's context comes near.
const maxAnswer = 16 << 20

// Answer asks for an answer and calls emit for what comes of it. An error that wraps ErrCut leaves an answer that has begun;
// one that ctx's end has caused is context.Canceled.
func (c *Client) Answer(ctx context.Context, cat Catalog, m Model, r inference.Request, emit func(Piece)) (inference.FinishReason, inference.Stats, error) {
	a := &answer{client: c, model: m, request: r, emit: emit, start: time.Now()}
	a.stats.ContextSize = m.Context
	if len(r.Messages) == 0 {
		return "", a.stats, errors.New("a server is asked with messages, not with a bare text")
	}
	if r.Continue && !cat.Kind.Continues() {
		return "", a.stats, errors.New(cat.Kind.NoContinue())
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(c.silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	a.heard = func() {
		if a.ended {
			quiet.Reset(min(afterEnd, c.silence))
		} else {
			quiet.Reset(c.silence)
		}
	}

	resp, err := a.ask(ctx, cat)
	if err == nil {
		a.heard()
		err = a.read(ctx, resp)
		resp.Body.Close()
	}
	a.parts(a.parser.flush())
	a.finish(cat, ctx)
	if err != nil && a.text > 0 && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrCut) {
		var status *StatusError
		if !errors.As(err, &status) && !errors.Is(err, errTooMuch) && !errors.Is(err, errWithheld) {
			err = fmt.Errorf("%w: %w", ErrCut, err)
		}
	}
	return a.reason, a.stats, err
}

var (
	errTooMuch  = errors.New("the answer has more than 16 MiB, so Burble has ended it")
	errWithheld = errors.New("the server withholds the rest of the answer (its content filter)")
)

// answer is one on its way.
type answer struct {
	client  *Client
	model   Model
	request inference.Request
	emit    func(Piece)
	heard   func() // the server has sent something
	parser  splitter
	start   time.Time
	first   time.Time // of the first piece
	text    int       // bytes
	reason  inference.FinishReason
	stats   inference.Stats
	timed   bool // the server has measured the times itself
	ended   bool // the server has said why the answer ends
}

// ask sends the request, again without what the server refuses and, where the user wants that, without the oldest messages.
func (a *answer) ask(ctx context.Context, cat Catalog) (*http.Response, error) {
	r := a.request
	b, left := newBody(cat.Kind, a.model.ID, r)
	refuse := func(name string) {
		if _, ok := b[name]; !ok {
			return
		}
		b.without(name)
		if name != "stream_options" && name != "max_tokens" && name != "return_progress" { // which the user does not miss
			left = append(left, strings.ReplaceAll(name, "_", " "))
		}
	}
	a.client.mu.Lock()
	known := slices.Clone(a.client.refused[a.model.ID])
	a.client.mu.Unlock()
	for _, name := range known {
		refuse(name)
	}
	dropped := 0
	for tries := 0; ; tries++ {
		data, err := b.encode()
		if err != nil {
			return nil, err
		}
		resp, err := a.client.do(ctx, http.MethodPost, cat.Base+"/chat/completions", data)
		if err == nil {
			a.parser.raw = r.Continue
			if warning := leftOut(a.client.name, left); dropped > 0 || warning != "" {
				a.emit(Piece{Dropped: dropped, Warning: warning})
			}
			return resp, nil
		}
		var status *StatusError
		if !errors.As(err, &status) || tries == 12 {
			return nil, err
		}
		a.heard()
		if status.tooLong() {
			shorter, n := inference.Shorten(r.Messages, r.Overflow)
			if n == 0 {
				if status.Need > 0 && status.Size > 0 {
					return nil, &inference.ContextFullError{Need: status.Need, Size: status.Size}
				}
				return nil, err
			}
			for excess := float64(status.Need) / math.Max(float64(status.Size), 1); n > 0; { // as much at once as will be needed
				before := length(r.Messages)
				r.Messages, dropped = shorter, dropped+n
				if excess *= float64(length(shorter)) / math.Max(before, 1); excess < 0.9 {
					break
				}
				shorter, n = inference.Shorten(r.Messages, r.Overflow)
			}
			b["messages"] = turns(r)
			continue
		}
		name := b.refused(status)
		if name == "" {
			return nil, err
		}
		refuse(name)
		a.client.mu.Lock()
		a.client.refused[a.model.ID] = append(a.client.refused[a.model.ID], name)
		a.client.mu.Unlock()
	}
}

func length(messages []chat.Message) float64 {
	n := 0
	for _, m := range messages {
		n += len(m.Content) + 16 // of what a template puts around a message
	}
	return float64(n)
}

// leftOut says what a server does not take of the user's choices.
func leftOut(server string, names []string) string {
	switch len(names) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s does not take %s, so this was left out.", server, names[0])
	}
	last := len(names) - 1
	return fmt.Sprintf("%s does not take %s and %s, so these were left out.", server, strings.Join(names[:last], ", "), names[last])
}

// chunk is an event of a stream, or, with Message in place of Delta, a whole answer.
type chunk struct {
	Choices []struct {
		Index   int    `json:"index"`
		Delta   words  `json:"delta"`
		Message words  `json:"message"`
		Finish  string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Details    *struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Timings *struct {
		Cached      int     `json:"cache_n"`
		PromptMS    float64 `json:"prompt_ms"`
		PredictedMS float64 `json:"predicted_ms"`
	} `json:"timings"` // llama-server
	Progress *struct {
		Total     int `json:"total"`
		Cached    int `json:"cache"`
		Processed int `json:"processed"`
	} `json:"prompt_progress"` // llama-server
	Error json.RawMessage `json:"error"`
}

// words are a piece of an answer. What a model thinks comes as reasoning_content (llama-server, vLLM, SGLang, DeepSeek) or
// reasoning (Ollama, LM Studio, newer vLLM), and from some as both, with the same text.
type words struct {
	Content          content `json:"content"`
	ReasoningContent string  `json:"reasoning_content"`
	Reasoning        string  `json:"reasoning"`
	Refusal          string  `json:"refusal"`
}

// content is a text, or a list of parts, some of which may be what the model thinks.
type content struct{ text, thinking string }

// UnmarshalJSON reads either form.
func (c *content) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		var s *string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if s != nil {
			c.text = *s
		}
		return nil
	}
	var parts []struct {
		Type     string  `json:"type"`
		Text     string  `json:"text"`
		Thinking content `json:"thinking"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		c.text += p.Text
		c.thinking += p.Thinking.text + p.Thinking.thinking
	}
	return nil
}

// afterEnd is how long a server may take for the figures that follow the end of an answer.
const afterEnd = 5 * time.Second

// read reads the answer to its end.
func (a *answer) read(ctx context.Context, resp *http.Response) error {
	c := a.client
	stream := &listened{resp.Body, a.heard}
	if !strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "event-stream") {
		// Some gateways forget to say that it is one; others answer all at once, or with a page of their own.
		begin := make([]byte, 512)
		n, err := io.ReadFull(stream, begin)
		begin = begin[:n]
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return c.explain(ctx, err)
		}
		stream.Reader = io.MultiReader(bytes.NewReader(begin), stream.Reader)
		switch trimmed := bytes.TrimSpace(begin); {
		case isHTML(resp.Header, begin):
			return fmt.Errorf("%s answers with %w", c.name, errWebPage)
		case bytes.HasPrefix(trimmed, []byte("{")):
			return a.whole(ctx, stream)
		}
	}
	events := newEventReader(stream)
	for {
		ev, err := events.next()
		switch {
		case err == io.EOF && a.ended:
			return nil
		case err == io.EOF && a.text > 0:
			return fmt.Errorf("%w: %s has ended the connection in the middle of it", ErrCut, c.name)
		case err == io.EOF:
			return fmt.Errorf("%s has ended the connection without an answer", c.name)
		case errors.Is(err, errEventSize):
			return err
		case err != nil && a.ended && !errors.Is(context.Cause(ctx), context.Canceled):
			return nil // only figures are missing
		case err != nil:
			return c.explain(ctx, err)
		}
		data := bytes.TrimSpace(ev.data)
		if len(data) == 0 {
			continue
		}
		if string(data) == "[DONE]" {
			if a.reason == "" {
				a.reason = inference.FinishStop
			}
			a.ended = true
			return nil
		}
		var k chunk
		if err := json.Unmarshal(data, &k); err != nil {
			if ev.name == "error" {
				return c.reported(data)
			}
			if a.text > 0 {
				return fmt.Errorf("%w: %s has sent something that can't be read", ErrCut, c.name)
			}
			return fmt.Errorf("%s has sent something that can't be read: %s", c.name, c.hide(line(string(data))))
		}
		if ev.name == "error" || len(k.Error) > 0 && string(k.Error) != "null" {
			return c.reported(data)
		}
		if err := a.take(k, false); err != nil {
			return err
		}
	}
}

// reported is an error that a server reports in place of an answer, or in the middle of one.
func (c *Client) reported(data []byte) error {
	e := &StatusError{Code: http.StatusOK, Server: c.name, Keyed: c.key != ""}
	e.fill(data)
	e.Detail = c.hide(e.Detail)
	return e
}

// whole reads an answer that comes all at once.
func (a *answer) whole(ctx context.Context, r io.Reader) error {
	data, err := readAll(r, maxAnswer)
	if err != nil {
		return a.client.explain(ctx, err)
	}
	var k chunk
	if err := json.Unmarshal(data, &k); err != nil || len(k.Choices) == 0 {
		return a.client.reported(data)
	}
	if err := a.take(k, true); err != nil {
		return err
	}
	if a.reason == "" {
		a.reason = inference.FinishStop
	}
	return nil
}

// take takes a chunk.
func (a *answer) take(k chunk, whole bool) error {
	if p := k.Progress; p != nil && p.Total > 0 && a.text == 0 {
		a.stats.PromptTokens, a.stats.Reused = p.Total, p.Cached
		a.emit(Piece{PromptDone: p.Processed, PromptTotal: p.Total})
	}
	if u := k.Usage; u != nil {
		a.stats.PromptTokens = max(u.Prompt, 0)
		if u.Completion > 0 {
			a.stats.Tokens = u.Completion
		}
		if u.Details != nil {
			a.stats.Reused = min(max(u.Details.Cached, 0), a.stats.PromptTokens)
		}
	}
	if t := k.Timings; t != nil {
		a.timed = true
		a.stats.Reused = max(t.Cached, 0)
		a.stats.PromptTime, a.stats.DecodeTime = milliseconds(t.PromptMS), milliseconds(t.PredictedMS)
	}
	counted := k.Usage != nil && k.Usage.Completion > 0
	for _, choice := range k.Choices {
		if choice.Index != 0 {
			continue
		}
		w := choice.Delta
		if whole {
			w = choice.Message
		}
		reasoning := w.ReasoningContent
		if reasoning == "" {
			reasoning = w.Reasoning
		}
		reasoning += w.Content.thinking
		text := w.Content.text + w.Refusal
		if (reasoning != "" || text != "") && !counted {
			a.stats.Tokens++
		}
		if a.text += len(reasoning) + len(text); a.text > maxAnswer {
			return errTooMuch
		}
		if (reasoning != "" || text != "") && a.first.IsZero() {
			a.first = time.Now()
			a.stats.FirstToken = a.first.Sub(a.start)
		}
		if reasoning != "" {
			a.emit(Piece{Reasoning: reasoning, Tokens: a.stats.Tokens})
		}
		if text != "" {
			a.parts(a.parser.add(text))
		}
		switch choice.Finish {
		case "":
		case "length":
			a.reason, a.ended = inference.FinishLength, true
		case "content_filter":
			return errWithheld
		case "tool_calls", "function_call":
			return &StatusError{Code: http.StatusOK, Server: a.client.name, Detail: "the model asked for a tool, which Burble did not offer it"}
		case "abort", "error":
			return fmt.Errorf("%w: %s has given it up", ErrCut, a.client.name)
		default:
			a.reason, a.ended = inference.FinishStop, true
		}
	}
	return nil
}

func milliseconds(ms float64) time.Duration {
	if !(ms > 0 && ms < 1e9) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}

func (a *answer) parts(parts []chat.Part) {
	for _, p := range parts {
		piece := Piece{Text: p.Text, Tokens: a.stats.Tokens}
		if p.Reasoning {
			piece.Text, piece.Reasoning = "", p.Text
		}
		a.emit(piece)
	}
}

// finish completes the figures.
func (a *answer) finish(cat Catalog, ctx context.Context) {
	now := time.Now()
	if !a.timed && !a.first.IsZero() {
		a.stats.PromptTime, a.stats.DecodeTime = a.first.Sub(a.start), now.Sub(a.first)
	}
	if cat.Kind == Ollama && a.stats.ContextSize == 0 && a.text > 0 && ctx.Err() == nil {
		// It had not loaded the model before, and has now.
		ctx, cancel := context.WithTimeout(ctx, afterEnd)
		a.stats.ContextSize = a.client.ollamaContext(ctx, root(cat.Base), a.model.ID)
		cancel()
	}
	if a.stats.PromptTokens > 0 {
		a.stats.ContextUsed = a.stats.PromptTokens + a.stats.Tokens
	}
	if size := a.stats.ContextSize; a.reason == inference.FinishLength && size > 0 && a.stats.ContextUsed >= size-1 {
		a.reason = inference.FinishContext
	}
}

// splitter takes what a model thinks out of its text, where the server has left it in.
type splitter struct {
	raw    bool // it goes on with an answer, where markers mean nothing
	parser *chat.Parser
}

func (s *splitter) add(text string) []chat.Part {
	if s.raw {
		return []chat.Part{{Text: text}}
	}
	if s.parser == nil {
		s.parser = chat.NewParser(nil, "")
	}
	return s.parser.Add(text)
}

func (s *splitter) flush() []chat.Part {
	if s.parser == nil {
		return nil
	}
	return s.parser.Flush()
}

// listened is a reader that tells when something has come.
type listened struct {
	io.Reader
	heard func()
}

// Read reads, and tells.
func (l *listened) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if n > 0 {
		l.heard()
	}
	return n, err
}
