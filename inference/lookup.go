package inference

import (
	"context"
	"slices"

	"burble/inference/sample"
)

// Prompt lookup decoding (Saxena 2023, "Prompt Lookup Decoding") guesses that what follows the last few tokens now is what
// followed them earlier in the conversation: true of answers that quote, edit or translate their prompt. A guess is
// checked by a single pass over several tokens, which costs little more than a pass over one, because a pass waits for
// the weights. The tokens are the same as without it: every one is sampled from its own logits.

// decoding produces the tokens of an answer, one at a time.
type decoding struct {
	model *LoadedModel
	chain *sample.Chain
	ahead []int32 // sampled already
	draft int     // how many tokens to guess next
	most  int     // at most so many; 0: no guessing
}

// first samples the token that follows the prompt.
func (d *decoding) first() (int32, error) { return d.model.choose(d.chain) }

// after appends token to the timeline and returns the one that follows it.
func (d *decoding) after(ctx context.Context, token int32) (int32, error) {
	if len(d.ahead) > 0 { // the timeline has token already
		next := d.ahead[0]
		d.ahead = d.ahead[1:]
		return next, nil
	}
	d.chain.Accept(token)
	s := d.model.session
	if guess := d.guess(token); len(guess) > 0 {
		return d.verify(ctx, token, guess)
	}
	if err := s.Step(ctx, token); err != nil {
		return 0, err
	}
	return d.model.choose(d.chain)
}

// guess returns what followed the latest earlier occurrence of the last tokens: three of them, or else two.
func (d *decoding) guess(token int32) []int32 {
	s := d.model.session
	most := min(d.draft, d.model.model.HeadRows()-1, s.Size()-s.Len()-2)
	if most < 1 || !s.CanVerify() {
		return nil
	}
	seen := s.tokens
	for n := 3; n >= 2; n-- {
		if len(seen) < n {
			continue
		}
		last := append(slices.Clone(seen[len(seen)-(n-1):]), token)
		for i := len(seen) - n; i >= 0; i-- {
			if slices.Equal(seen[i:i+n], last) {
				return seen[i+n : min(i+n+most, len(seen))]
			}
		}
	}
	return nil
}

// verify runs token and the guess through the model at once, and samples as long as the guess holds.
func (d *decoding) verify(ctx context.Context, token int32, guess []int32) (int32, error) {
	guess = slices.Clone(guess) // it lies in the timeline that is about to grow
	var sampled []int32
	err := d.model.session.Verify(ctx, token, guess, func(logits []float32) (int32, error) {
		next, err := sampleFrom(d.chain, logits)
		if err == nil && len(sampled) < len(guess) && next == guess[len(sampled)] {
			d.chain.Accept(next)
		}
		sampled = append(sampled, next)
		return next, err
	})
	if err != nil {
		return 0, err
	}
	switch held := len(sampled) - 1; { // the last one is not of the guess
	case held == len(guess):
		d.draft = min(2*d.draft, d.most)
	case held == 0:
		d.draft = max(d.draft/2, 1)
	}
	d.ahead = sampled[1:]
	return sampled[0], nil
}
