package inference

import (
	"context"
	"errors"
	"fmt"
	"math"

	"burble/inference/model"
)

// Session is one timeline of tokens with its KV cache: what the model has read and written so far. It is used from
// the engine's goroutine, or by one caller of OpenModel.
type Session struct {
	model  *model.Model
	cache  *model.Cache
	tokens []int32 // in the cache, in order
	fresh  bool    // the device holds the logits that follow tokens
	logits []float32

	// Checkpoints of prefixes of tokens, shortest first, for a cache that can't always be cut back.
	checkpoints []*model.Checkpoint
}

func newSession(m *model.Model, c *model.Cache) *Session {
	return &Session{model: m, cache: c, logits: make([]float32, m.Vocab)}
}

// Len is the number of tokens in the cache, Size how many it can hold.
func (s *Session) Len() int  { return len(s.tokens) }
func (s *Session) Size() int { return s.cache.Size() }

// Reset forgets everything.
func (s *Session) Reset() {
	s.cache.Truncate(0)
	s.tokens, s.fresh, s.checkpoints = s.tokens[:0], false, nil
}

// Match returns how many tokens of prompt are in the cache already and would be reused by Sync. The last token of a
// prompt is always computed anew where its logits are not at hand.
func (s *Session) Match(prompt []int32) int {
	n := 0
	for n < len(prompt) && n < len(s.tokens) && prompt[n] == s.tokens[n] {
		n++
	}
	if n == len(prompt) && !(s.fresh && n == len(s.tokens)) {
		n--
	}
	n, _ = s.reach(max(n, 0))
	return n
}

// Sync makes the timeline equal to prompt, reusing the longest common prefix of the KV cache, and leaves the logits
// that follow it. progress, which may be nil, is told the tokens done so far. When ctx ends, the timeline is a
// shorter prefix of prompt, and the next Sync goes on from there.
func (s *Session) Sync(ctx context.Context, prompt []int32, progress func(done int)) (reused int, err error) {
	if len(prompt) == 0 {
		return 0, errors.New("the prompt has no tokens")
	}
	if len(prompt) > s.Size() {
		return 0, &ContextFullError{Need: len(prompt), Size: s.Size()}
	}
	if err := s.check(prompt); err != nil {
		return 0, err
	}
	reused = s.Match(prompt)
	if reused == len(prompt) {
		return reused, nil
	}
	if reused, err = s.rewind(reused); err != nil {
		return 0, err
	}
	if err := s.checkpoint(); err != nil { // here the user's message begins, which may be edited
		return reused, err
	}
	mark := len(prompt) - checkpointBefore
	defer func() { s.model.OnLayer = nil }()
	for len(s.tokens) < len(prompt) {
		n := min(s.model.MaxRows(), len(prompt)-len(s.tokens))
		if len(s.tokens) < mark && len(s.tokens)+n > mark && !s.cache.Rewindable() {
			n = mark - len(s.tokens)
		}
		if progress != nil {
			s.model.OnLayer = func(done, total int) { progress(len(s.tokens) + n*done/total) }
		}
		if err := s.forward(ctx, prompt[len(s.tokens):len(s.tokens)+n], len(s.tokens)+n == len(prompt)); err != nil {
			return reused, err
		}
		if len(s.tokens) == mark {
			if err := s.checkpoint(); err != nil {
				return reused, err
			}
		}
		if progress != nil {
			progress(len(s.tokens))
		}
	}
	return reused, nil
}

// Step appends one token and leaves the logits that follow it.
func (s *Session) Step(ctx context.Context, id int32) error {
	if s.Len() == s.Size() {
		return &ContextFullError{Need: s.Len() + 1, Size: s.Size()}
	}
	if err := s.check([]int32{id}); err != nil {
		return err
	}
	return s.forward(ctx, []int32{id}, true)
}

func (s *Session) forward(ctx context.Context, ids []int32, head bool) error {
	s.fresh = false
	if err := s.model.Forward(ctx, s.cache, ids, len(s.tokens), head); err != nil {
		return err
	}
	s.tokens = append(s.tokens, ids...)
	s.fresh = head
	return nil
}

// Verify appends token and checks a guess of what follows it, in one pass. choose is given the logits that follow each
// token in turn, and picks the next; once it picks another token than the guess, the rest of the guess is dropped. The
// timeline then ends with the last guessed token that was picked, and choose's last pick follows it.
func (s *Session) Verify(ctx context.Context, token int32, guess []int32, choose func(logits []float32) (int32, error)) error {
	past := len(s.tokens)
	ids := append([]int32{token}, guess...)
	if past+len(ids) > s.Size() {
		return &ContextFullError{Need: past + len(ids), Size: s.Size()}
	}
	if err := s.check(ids); err != nil {
		return err
	}
	s.fresh = false
	held := 1
	err := s.model.ForwardAll(ctx, s.cache, ids, past, func(i int, logits []float32) error {
		next, err := choose(logits)
		if err != nil {
			return err
		}
		if i == len(guess) || next != guess[i] {
			return errGuessEnds
		}
		held++
		return nil
	})
	if !errors.Is(err, errGuessEnds) {
		return err
	}
	s.tokens = append(s.tokens, ids[:held]...)
	if !s.cache.Truncate(len(s.tokens)) {
		return fmt.Errorf("inference: the cache can't drop a guess; CanVerify says so beforehand")
	}
	return nil
}

// CanVerify reports whether Verify can drop the part of a guess that was wrong: a recurrent model can't.
func (s *Session) CanVerify() bool { return !s.cache.Recurrent() }

var errGuessEnds = errors.New("inference: the guess ends here")

// Logits fetches the logits that follow the last token [vocab]. The slice is reused by the next call.
func (s *Session) Logits() ([]float32, error) {
	if !s.fresh {
		return nil, errors.New("inference: no logits: Sync or Step come first")
	}
	return s.logits, s.model.Logits(s.logits)
}

// Best fetches the arg-max of the logits that follow the last token, without copying them.
func (s *Session) Best() (int32, error) {
	if !s.fresh {
		return 0, errors.New("inference: no logits: Sync or Step come first")
	}
	return s.model.Best()
}

// AllLogits resets the session, runs ids through it and calls each with the logits [vocab] of every position, in
// order; it must not keep them.
func (s *Session) AllLogits(ctx context.Context, ids []int32, each func(pos int, logits []float32) error) error {
	if len(ids) > s.Size() {
		return &ContextFullError{Need: len(ids), Size: s.Size()}
	}
	if err := s.check(ids); err != nil {
		return err
	}
	s.Reset()
	for len(s.tokens) < len(ids) {
		past := len(s.tokens)
		n := min(s.model.MaxRows(), len(ids)-past)
		err := s.model.ForwardAll(ctx, s.cache, ids[past:past+n], past, func(i int, logits []float32) error {
			return each(past+i, logits)
		})
		if err != nil {
			return err
		}
		s.tokens = append(s.tokens, ids[past:past+n]...)
	}
	return nil
}

// check refuses ids outside the vocabulary, which would read past the embedding.
func (s *Session) check(ids []int32) error {
	for _, id := range ids {
		if id < 0 || int(id) >= s.model.Vocab {
			return fmt.Errorf("token %d is outside the model's vocabulary of %d", id, s.model.Vocab)
		}
	}
	return nil
}

// ContextFullError says that a conversation is longer than the context.
type ContextFullError struct {
	Need int // tokens
	Size int // tokens the context holds
}

func (e *ContextFullError) Error() string {
	return fmt.Sprintf("the conversation has %d tokens and the context holds %d: choose a larger context in the settings, "+
		"let the oldest turns be dropped, or start a new chat", e.Need, e.Size)
}

// finite reports whether logits can be sampled from. A model whose logits are all NaN is broken, and says so.
func finite(logits []float32) bool {
	for _, v := range logits {
		if !math.IsNaN(float64(v)) {
			return true
		}
	}
	return false
}
