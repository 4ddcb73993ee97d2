package inference

import (
	"context"
	"errors"
	"fmt"
	"math"

	"burble/inference/sample"
)

// Trace is what an answer was made of. With the same model, device and build, the same trace gives the same answer again.
type Trace struct {
	Prompt   []int32       `json:"prompt"`
	Begun    int           `json:"begun"`    // of Tokens, that were given and not chosen
	Tokens   []int32       `json:"tokens"`   // of the answer; what ended it is not among them
	Ended    bool          `json:"ended"`    // by the model: its next token was one that ends an answer
	Sampling sample.Params `json:"sampling"` // with the seed that was used
	Chain    string        `json:"chain"`    // the steps that tokens were chosen by, for people
	KVType   string        `json:"kv_type"`
	Driver   string        `json:"driver,omitempty"` // of the GPU
}

// Score says how likely a token was, where it stands.
type Score struct {
	Token Alternative
	// Best are the likeliest tokens there, the first one before the others.
	Best []Alternative
}

// Alternative is a token that could stand somewhere.
type Alternative struct {
	ID int32
	// Text is the token's. Bytes that are no whole character are in hexadecimal digits between ‹ and ›.
	Text string
	// P is the model's probability, from the raw logits at temperature 1, before any step of a sampler.
	P float32
}

// score reads answer after prompt and returns how likely each of its tokens was, with the most likely ones in its place. The
// timeline becomes that of both.
func (m *LoadedModel) score(ctx context.Context, prompt, answer []int32, most int, progress func(done int)) ([]Score, error) {
	if _, err := m.session.Sync(ctx, prompt, progress); err != nil {
		return nil, err
	}
	if len(answer) == 0 {
		return nil, nil
	}
	first, err := m.session.Logits()
	if err != nil {
		return nil, err
	}
	scores := make([]Score, 0, len(answer))
	var top []sample.Candidate
	add := func(logits []float32) {
		top = sample.Top(top, logits, most)
		id := answer[len(scores)]
		s := Score{Token: m.alternative(id, probability(logits, id))}
		for _, c := range top {
			s.Best = append(s.Best, m.alternative(c.ID, c.P))
		}
		scores = append(scores, s)
	}
	add(first)
	err = m.session.Read(ctx, answer, func(i int, logits []float32) error {
		if i+1 < len(answer) {
			add(logits)
		}
		if progress != nil {
			progress(len(prompt) + i + 1)
		}
		return nil
	})
	return scores, err
}

// probability is that of one token, in float64: soft max of the logits.
func probability(logits []float32, id int32) float32 {
	highest := math.Inf(-1)
	for _, x := range logits {
		highest = max(highest, float64(x))
	}
	var sum float64
	for _, x := range logits {
		if x == x {
			sum += math.Exp(float64(x) - highest)
		}
	}
	return float32(math.Exp(float64(logits[id])-highest) / sum)
}

func (m *LoadedModel) alternative(id int32, p float32) Alternative {
	return Alternative{ID: id, Text: tokenName(m.tokenizer, id), P: p}
}

// Read appends ids to the timeline and calls each with the logits [vocab] that follow every one of them, in order; it must not
// keep them.
func (s *Session) Read(ctx context.Context, ids []int32, each func(i int, logits []float32) error) error {
	if s.Len()+len(ids) > s.Size() {
		return &ContextFullError{Need: s.Len() + len(ids), Size: s.Size()}
	}
	if err := s.check(ids); err != nil {
		return err
	}
	for done := 0; done < len(ids); {
		n := min(s.model.MaxRows(), s.model.HeadRows(), len(ids)-done)
		s.fresh = false
		err := s.model.ForwardAll(ctx, s.cache, ids[done:done+n], len(s.tokens), func(i int, logits []float32) error {
			return each(done+i, logits)
		})
		if err != nil {
			return err
		}
		s.tokens = append(s.tokens, ids[done:done+n]...)
		done += n
	}
	return nil
}

// driver names the GPU's driver, where the model is on one.
func (m *LoadedModel) driver() string {
	if m.gpus == nil || !m.usesGPU() {
		return ""
	}
	return m.gpus.Driver()
}

// errNoTokens is the error of a request that brings tokens which aren't the model's.
var errNoTokens = errors.New("this answer is of another model: open that one to look into its tokens")

// given turns a request that brings its tokens into a prompt.
func (m *LoadedModel) given(r Request) (prompt, error) {
	for _, list := range [][]int32{r.Tokens, r.Begun} {
		for _, id := range list {
			if id < 0 || int(id) >= m.tokenizer.Size() {
				return prompt{}, fmt.Errorf("%w (it has a token %d, and this model's vocabulary ends at %d)", errNoTokens, id, m.tokenizer.Size()-1)
			}
		}
	}
	if n := len(r.Tokens) + len(r.Begun); n > m.session.Size() || n == m.session.Size() && r.Score == 0 {
		return prompt{}, &ContextFullError{Need: n, Size: m.session.Size()}
	}
	return prompt{text: m.tokenizer.DecodeSpecial(r.Tokens), ids: r.Tokens}, nil
}
