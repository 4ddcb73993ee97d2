package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Candidate is a token that could have been chosen.
type Candidate struct {
	ID    int32
	Logit float32 // after bias and penalties, and divided by the temperature
	P     float32 // probability among the candidates
}

// Chain turns logits into tokens for one request. Its steps, in this order:
//
//  1. logit bias
//  2. repetition, frequency and presence penalty
//  3. DRY
//  4. at temperature 0: the token with the highest logit, the lowest id of equals. That ends the chain
//  5. top-k
//  6. typical
//  7. top-p
//  8. min-p
//  9. XTC
//  10. temperature
//  11. a draw from what is left
//
// Each of 5 to 9 looks at the probabilities of what the steps before it left, at temperature 1. With mirostat, 10
// comes next after 3, and mirostat 2 takes the place of 5 to 9.
//
// NaN counts as forbidden. Where every token is forbidden, the lowest id that isn't NaN is chosen, or 0. A Chain is
// for one goroutine. After the first tokens it doesn't allocate, but for what history takes up as it grows.
type Chain struct {
	p     Params
	vocab int
	seed  uint64
	rng   *rand.Rand

	bias    []Candidate // ID and Logit, ascending
	counts  *counts     // nil without penalties
	dry     *dry        // nil without DRY
	cands   []Candidate
	sorted  bool // cands are in descending order
	scratch massBuckets
	mu      float64 // mirostat's bound on the surprise, in bits
}

// New makes a chain for logits of vocab tokens. Without a seed it picks one. Call p.Validate before where the
// parameters come from outside.
func New(p Params, vocab int) *Chain {
	if p.PenaltyWindow == 0 {
		p.PenaltyWindow = 64
	}
	if p.DRYBase == 0 {
		p.DRYBase = 1.75
	}
	if p.DRYAllowedLength == 0 {
		p.DRYAllowedLength = 2
	}
	if p.XTCThreshold == 0 {
		p.XTCThreshold = 0.1
	}
	if p.MirostatEta == 0 {
		p.MirostatEta = 0.1
	}
	c := &Chain{p: p, vocab: vocab, mu: 2 * float64(p.MirostatTau)}
	if p.Seed != nil {
		c.seed = *p.Seed
	} else {
		c.seed = rand.Uint64()
	}
	c.rng = rand.New(rand.NewPCG(c.seed, 0x427572626c65))
	for id, b := range p.LogitBias {
		if id >= 0 && int(id) < vocab {
			c.bias = append(c.bias, Candidate{ID: id, Logit: b})
		}
	}
	slices.SortFunc(c.bias, func(a, b Candidate) int { return int(a.ID) - int(b.ID) })
	if c.penalises() {
		c.counts = newCounts(vocab, p.PenaltyWindow)
	}
	if p.DRYMultiplier > 0 {
		c.dry = newDRY(p, vocab)
	}
	return c
}

func (c *Chain) penalises() bool {
	return c.p.RepeatPenalty != 0 && c.p.RepeatPenalty != 1 || c.p.PresencePenalty != 0 || c.p.FrequencyPenalty != 0
}

// Seed returns the seed in use. The same seed, parameters and logits give the same tokens.
func (c *Chain) Seed() uint64 { return c.seed }

// Greedy says that the answer is the arg-max of the raw logits, so that it can be computed where they are.
func (c *Chain) Greedy() bool {
	return c.p.Temperature <= 0 && c.counts == nil && c.dry == nil && len(c.bias) == 0
}

// Breakers names the tokens that end a repetition for DRY, such as newlines and those of the chat format: what
// comes before one is not compared.
func (c *Chain) Breakers(ids []int32) {
	if c.dry != nil {
		c.dry.setBreakers(ids)
	}
}

// Accept adds a token, of the prompt or of the answer, to what penalties and DRY look back on.
func (c *Chain) Accept(id int32) {
	if id < 0 || int(id) >= c.vocab {
		return
	}
	if c.counts != nil {
		c.counts.add(id)
	}
	if c.dry != nil {
		c.dry.add(id)
	}
}

// Sample chooses a token by its logits, of which there is one for each token of the vocabulary. It changes them.
func (c *Chain) Sample(logits []float32) int32 {
	c.cands = c.cands[:0]
	if len(logits) == 0 {
		return 0
	}
	c.adjust(logits)
	if c.p.Temperature <= 0 || c.p.Temperature != c.p.Temperature {
		id := ArgMax(logits)
		c.cands, c.sorted = append(c.cands, Candidate{ID: id, Logit: logits[id], P: 1}), true
		return id
	}
	if c.p.MirostatTau > 0 {
		return c.mirostat(logits)
	}
	c.truncate(logits)
	if len(c.cands) == 0 {
		return ArgMax(logits)
	}
	c.temper()
	return c.cands[c.draw()].ID
}

// adjust applies the steps that change single logits.
func (c *Chain) adjust(logits []float32) {
	for _, b := range c.bias {
		if int(b.ID) < len(logits) {
			logits[b.ID] += b.Logit
		}
	}
	if c.counts != nil {
		c.counts.apply(logits, c.p)
	}
	if c.dry != nil {
		c.dry.apply(logits)
	}
}

// Candidates returns the tokens that the last Sample chose from, the most probable first; at temperature 0 only the
// one it chose. The slice is valid until the next Sample.
func (c *Chain) Candidates() []Candidate {
	c.sort()
	return c.cands
}

// Describe returns the steps that are switched on, in the order they are taken.
func (c *Chain) Describe() string {
	var steps []string
	add := func(on bool, format string, args ...any) {
		if on {
			steps = append(steps, fmt.Sprintf(format, args...))
		}
	}
	p := c.p
	add(len(c.bias) > 0, "logit bias on %d tokens", len(c.bias))
	window := "all tokens"
	if p.PenaltyWindow > 0 {
		window = fmt.Sprintf("the last %d tokens", p.PenaltyWindow)
	}
	add(p.RepeatPenalty != 0 && p.RepeatPenalty != 1, "repetition penalty %g over %s", p.RepeatPenalty, window)
	add(p.FrequencyPenalty != 0, "frequency penalty %g over %s", p.FrequencyPenalty, window)
	add(p.PresencePenalty != 0, "presence penalty %g over %s", p.PresencePenalty, window)
	add(c.dry != nil, "DRY %g with base %g from %d tokens on", p.DRYMultiplier, p.DRYBase, p.DRYAllowedLength)
	if p.Temperature <= 0 {
		add(true, "arg-max")
		return strings.Join(steps, ", ")
	}
	if p.MirostatTau > 0 {
		add(true, "temperature %g", p.Temperature)
		add(true, "mirostat 2 with tau %g and eta %g", p.MirostatTau, p.MirostatEta)
	} else {
		add(p.TopK > 0, "top-k %d", p.TopK)
		add(on(p.TypicalP), "typical %g", p.TypicalP)
		add(on(p.TopP), "top-p %g", p.TopP)
		add(p.MinP > 0, "min-p %g", p.MinP)
		add(p.XTCProbability > 0, "XTC %g above %g", p.XTCProbability, p.XTCThreshold)
		add(true, "temperature %g", p.Temperature)
	}
	add(true, "draw with seed %d", c.seed)
	return strings.Join(steps, ", ")
}

// on says whether a share of the probability mass cuts anything.
func on(share float32) bool { return share > 0 && share < 1 }

// ArgMax returns the index of the highest value, the lowest of equals. NaN is no value: of nothing but NaN and
// minus infinity the first that isn't NaN counts, and of nothing but NaN index 0. x must not be empty.
func ArgMax(x []float32) int32 {
	best, at := float32(math.Inf(-1)), -1
	i := 0
	for ; i+4 <= len(x); i += 4 {
		q := x[i : i+4 : i+4]
		if q[0] > best || q[1] > best || q[2] > best || q[3] > best {
			for j, v := range q {
				if v > best {
					best, at = v, i+j
				}
			}
		}
	}
	for ; i < len(x); i++ {
		if x[i] > best {
			best, at = x[i], i
		}
	}
	if at >= 0 {
		return int32(at)
	}
	for i, v := range x {
		if v == v {
			return int32(i)
		}
	}
	return 0
}
