package inference

// READ FIRST. From keystroke to token:
//
//	composer                   ui: Enter sends the text
//	→ app.Chats.Send           the message is written to disk, the conversation is put together
//	→ Engine.Generate          a command for the engine's goroutine, which continues here
//	→ prompt                   chat.Template.Render writes it as the model expects; tokenizer.Encode makes tokens
//	→ Session.Sync             the KV cache keeps the longest common prefix, the rest is prefilled
//	→ Model.Forward            embedding, blocks, head, on Queues: MatMul, Rope, Attend, …
//	→ Queue.Run                the CPU calls it; a GPU captures the pass once and replays it for every token
//	→ sample.Chain.Sample      logits become a token (lookup.go may check several at once)
//	→ tokenizer.Decoder        tokens become whole characters
//	→ chat.Parser              characters become answer or reasoning
//	→ Token event              app.Chats writes it to disk, the window shows it
//
// ExampleEngine runs all of it.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"burble/inference/chat"
	"burble/inference/sample"
	"burble/inference/tokenizer"
)

type generateCommand struct {
	id  ID
	ctx context.Context
	req Request
}

func (c generateCommand) request() ID { return c.id }

func (c generateCommand) run(w *worker) {
	fail := func(err error) { w.finish(c.id, Failed{ID: c.id, Err: err, Unloaded: w.model == nil}) }
	if w.model == nil {
		fail(ErrNoModel)
		return
	}
	if w.model.session == nil { // the GPU was released for being idle
		l := loading{gpus: w.engine.gpus, log: w.log, progress: func(p Progress) {
			p.ID = c.id
			w.emit(p)
		}}
		if err := w.model.build(c.ctx, w.model.asked, l); err != nil {
			fail(errors.Join(fmt.Errorf("loading the model again: %w", err), w.unload()))
			return
		}
	}
	done, err := w.model.generate(c.ctx, c.id, c.req, w.emit, w.log)
	if w.model.session == nil { // the GPU failed, and the CPU could not take over
		err = errors.Join(err, w.unload())
	}
	if err != nil {
		fail(err)
		return
	}
	w.finish(c.id, done)
}

// Generate answers r, telling emit of everything but the end, for a caller that drives the model itself.
func (m *LoadedModel) Generate(ctx context.Context, r Request, emit func(Event)) (Done, error) {
	return m.generate(ctx, 0, r, emit, slog.New(slog.DiscardHandler))
}

// generate is the token loop.
func (m *LoadedModel) generate(ctx context.Context, id ID, r Request, emit func(Event), log *slog.Logger) (Done, error) {
	start := time.Now()
	stats := Stats{ContextSize: m.session.Size()}
	done := func(reason FinishReason) (Done, error) {
		if m.session != nil { // there is none where falling back was cut short
			stats.ContextUsed = m.session.Len()
		}
		return Done{ID: id, Reason: reason, Stats: stats}, nil
	}
	if err := r.Sampling.Validate(); err != nil {
		return Done{}, err
	}

	prompt, err := m.prompt(r)
	if err != nil {
		return Done{}, err
	}
	stats.PromptTokens = len(prompt.ids)
	stats.Reused = m.session.Match(prompt.ids)
	if n := len(prompt.ids) - stats.Reused; r.MaxPrefill > 0 && n > r.MaxPrefill {
		return Done{}, fmt.Errorf("%w: %d tokens of the prompt, and at most %d are allowed", ErrPrefill, n, r.MaxPrefill)
	}
	emit(Started{id, len(prompt.ids), stats.Reused, prompt.dropped, prompt.warning, m.Info().Name})

	// A GPU that fails is left, and the CPU goes on from the same tokens.
	rescue := func(cause error, ids []int32) error {
		if !m.usesGPU() || ctx.Err() != nil {
			return cause
		}
		log.Error("the GPU failed; going on with the CPU", "err", cause)
		if err := m.fallBack(ctx, ids, log); err != nil {
			return errors.Join(cause, err)
		}
		emit(Moved{id, m.Info(), cause})
		return nil
	}
	var reported time.Time
	progress := func(n int) {
		if now := time.Now(); n == len(prompt.ids) || now.Sub(reported) > 33*time.Millisecond {
			reported = now
			emit(Prefill{id, n, len(prompt.ids)})
		}
	}
	if r.Score > 0 {
		scores, err := m.score(ctx, prompt.ids, r.Begun, r.Score, progress)
		if err != nil {
			return Done{}, fmt.Errorf("reading the answer again: %w", err)
		}
		stats.PromptTime, stats.ContextUsed = time.Since(start), m.session.Len()
		return Done{ID: id, Reason: FinishStop, Stats: stats, Scores: scores}, nil
	}
	said := slices.Concat(prompt.ids, r.Begun) // and then the answer
	_, err = m.session.Sync(ctx, said, progress)
	if err != nil {
		err = rescue(err, said)
	}
	if ctx.Err() != nil {
		return done(FinishStopped)
	}
	if err != nil {
		return Done{}, fmt.Errorf("reading the prompt: %w", err)
	}
	first := time.Now()
	stats.PromptTime = first.Sub(start)

	chain := sample.New(r.Sampling, m.model.Vocab)
	stats.Seed = chain.Seed()
	if r.Sampling.DRYMultiplier != 0 {
		chain.Breakers(m.breakers())
	}
	for _, t := range said {
		chain.Accept(t)
	}
	trace := &Trace{Prompt: prompt.ids, Begun: len(r.Begun), Sampling: r.Sampling, Chain: chain.Describe(), KVType: m.asked.KVType, Driver: m.driver()}
	trace.Sampling.Seed = &stats.Seed
	out := newOutput(m.template, m.tokenizer.Decoder(true), prompt.text, r.Continue || (len(r.Messages) == 0 && len(r.Tokens) == 0), r.Stop, func(p chat.Part) {
		if stats.FirstToken == 0 {
			stats.FirstToken = time.Since(start)
		}
		t := Token{ID: id, Tokens: stats.Tokens}
		if p.Reasoning {
			t.Reasoning = p.Text
		} else {
			t.Text = p.Text
		}
		emit(t)
	})
	tokens := decoding{model: m, chain: chain, draft: r.Lookup, most: r.Lookup}
	reason := FinishStop
	for _, token := range r.Begun {
		out.add(token)
	}
	for token, err := tokens.first(); ; token, err = tokens.after(ctx, token) {
		if err != nil {
			if err = rescue(err, said); err == nil {
				tokens.ahead = nil
				token, err = tokens.first()
			}
		}
		if ctx.Err() != nil {
			reason = FinishStopped
			break
		}
		if err != nil {
			return Done{}, fmt.Errorf("after %d tokens: %w", stats.Tokens, err)
		}
		if m.tokenizer.IsEOG(token) {
			trace.Ended = true
			break
		}
		stats.Tokens++
		said = append(said, token)
		if out.add(token) {
			break // a stop string
		}
		if r.MaxTokens > 0 && stats.Tokens >= r.MaxTokens {
			reason = FinishLength
			break
		}
		if m.session.Len() == m.session.Size() {
			reason = FinishContext
			break
		}
	}
	out.flush()
	stats.DecodeTime = time.Since(first)
	if m.usesGPU() && m.gpus != nil && stats.Tokens >= measurable {
		m.gpus.Measured(m.Info().Name, stats.DecodeRate())
	}
	trace.Tokens = said[len(prompt.ids):]
	d, err := done(reason)
	d.Trace = trace
	return d, err
}

// ErrPrefill is the error of a request whose prompt is too far from what the KV cache holds; see Request.MaxPrefill.
var ErrPrefill = errors.New("not enough of the prompt is in the KV cache")

// measurable is how many tokens an answer has at least for its speed to be remembered.
const measurable = 32

// choose picks the next token from the logits on the device. Plain greedy decoding never copies them to the host.
func (m *LoadedModel) choose(chain *sample.Chain) (int32, error) {
	if chain.Greedy() {
		return m.session.Best()
	}
	logits, err := m.session.Logits()
	if err != nil {
		return 0, err
	}
	return sampleFrom(chain, logits)
}

func sampleFrom(chain *sample.Chain, logits []float32) (int32, error) {
	if !finite(logits) {
		return 0, errors.New("the model computed no numbers (all logits are NaN): its file may be damaged")
	}
	return chain.Sample(logits), nil
}

// prompt is a request turned into tokens.
type prompt struct {
	text    string
	ids     []int32
	dropped int // messages left out
	warning string
}

// prompt renders and tokenises r, and makes it fit the context by r's policy.
func (m *LoadedModel) prompt(r Request) (prompt, error) {
	if m.noText != nil {
		return prompt{}, fmt.Errorf("this file can't chat: %w", m.noText)
	}
	if len(r.Tokens) > 0 {
		return m.given(r)
	}
	size := m.session.Size()
	if len(r.Messages) == 0 {
		p := prompt{text: r.Prompt, ids: m.encodeChat(r.Prompt)}
		if len(p.ids) >= size {
			return p, &ContextFullError{Need: len(p.ids), Size: size}
		}
		return p, nil
	}
	// Leave room for an answer where turns may be dropped; otherwise any room will do.
	room := size - 1
	if r.Overflow != Refuse {
		room = size - min(max(size/4, 1), 1024)
	}
	messages, dropped := r.Messages, 0
	for {
		text, warning, err := m.template.Render(messages, chat.RenderOptions{
			AddGenerationPrompt: !r.Continue,
			ContinueFinal:       r.Continue,
			Thinking:            r.Thinking,
			Effort:              r.Effort,
			Now:                 time.Now(),
		})
		if err != nil {
			return prompt{}, fmt.Errorf("writing the prompt: %w", err)
		}
		p := prompt{text: text, ids: m.encodeChat(text), dropped: dropped, warning: warning}
		if len(p.ids) <= room {
			return p, nil
		}
		shorter, n := Shorten(messages, r.Overflow)
		if n == 0 {
			return p, &ContextFullError{Need: len(p.ids), Size: size}
		}
		messages, dropped = shorter, dropped+n
	}
}

// breakers are the tokens that end a repetition for DRY: whatever has to repeat in text and in conversations.
func (m *LoadedModel) breakers() []int32 {
	var ids []int32
	for id := range int32(m.tokenizer.Size()) {
		if m.tokenizer.IsSpecial(id) || strings.ContainsAny(string(m.tokenizer.Bytes(id)), "\n:\"*") {
			ids = append(ids, id)
		}
	}
	return ids
}

// encodeChat tokenises a rendered conversation. Most templates write BOS themselves; where one doesn't and the model wants
// it, it comes first. EOS would end the conversation, so it is not added.
func (m *LoadedModel) encodeChat(text string) []int32 {
	ids := m.tokenizer.Encode(text, tokenizer.Options{Special: true})
	if bos, ok := m.tokenizer.BOS(); ok && m.tokenizer.AddsBOS() && (len(ids) == 0 || ids[0] != bos) {
		ids = slices.Insert(ids, 0, bos)
	}
	return ids
}

// Shorten leaves a turn out, a user's message with everything up to the next one: the oldest, or with DropMiddle the oldest after the
// first. System messages and the last turn stay. n is the number of messages left out, 0 where nothing can be.
func Shorten(messages []chat.Message, policy Overflow) (rest []chat.Message, n int) {
	var users []int
	for i, m := range messages {
		if m.Role == chat.User {
			users = append(users, i)
		}
	}
	from := 0 // of users: the turn that goes
	if policy == DropMiddle {
		from = 1
	}
	if policy == Refuse || len(users) < from+2 {
		return messages, 0
	}
	begin := users[from]
	if from == 0 {
		begin = 0 // what stands before the first turn goes with it
	}
	for i, m := range messages {
		if i >= begin && i < users[from+1] && m.Role != chat.System {
			n++
			continue
		}
		rest = append(rest, m)
	}
	return rest, n
}
