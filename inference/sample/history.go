package sample

import "math"

// counts holds how often each token occurs in the window that penalties look back on.
type counts struct {
	window  int     // -1: all
	ring    []int32 // the last window tokens
	at      int
	of      []int32 // count by token
	present []int32 // the tokens with a count, in no order
	where   []int32 // position in present by token
}

func newCounts(vocab, window int) *counts {
	c := &counts{window: window, of: make([]int32, vocab), where: make([]int32, vocab)}
	if window > 0 {
		c.ring = make([]int32, 0, window)
	}
	return c
}

func (c *counts) add(id int32) {
	if c.window > 0 {
		if len(c.ring) < c.window {
			c.ring = append(c.ring, id)
		} else {
			c.remove(c.ring[c.at])
			c.ring[c.at] = id
			c.at = (c.at + 1) % c.window
		}
	}
	if c.of[id] == 0 {
		c.where[id] = int32(len(c.present))
		c.present = append(c.present, id)
	}
	c.of[id]++
}

func (c *counts) remove(id int32) {
	if c.of[id]--; c.of[id] > 0 {
		return
	}
	last := c.present[len(c.present)-1]
	c.present[c.where[id]] = last
	c.where[last] = c.where[id]
	c.present = c.present[:len(c.present)-1]
}

// apply penalises the tokens of the window. The repetition penalty divides positive logits and multiplies negative
// ones (Keskar et al. 2019, arXiv:1909.05858); the frequency penalty is subtracted for each occurrence and the
// presence penalty once (as in OpenAI's API).
func (c *counts) apply(logits []float32, p Params) {
	repeat := p.RepeatPenalty
	if repeat == 0 {
		repeat = 1
	}
	for _, id := range c.present {
		if int(id) >= len(logits) {
			continue
		}
		x := logits[id]
		if x > 0 {
			x /= repeat
		} else {
			x *= repeat
		}
		logits[id] = x - float32(c.of[id])*p.FrequencyPenalty - p.PresencePenalty
	}
}

// dry penalises tokens that would go on with a repetition of earlier text, exponentially in its length: don't
// repeat yourself, by p-e-w (oobabooga/text-generation-webui pull request 5677).
type dry struct {
	p       Params
	history []int32
	breaker []bool  // by token; nil: none
	since   int     // tokens since the last breaker
	z       []int32 // working memory
	match   []int32 // by token: longest repetition it would go on with
	touched []int32 // tokens with a match
}

func newDRY(p Params, vocab int) *dry {
	return &dry{p: p, match: make([]int32, vocab)}
}

func (d *dry) setBreakers(ids []int32) {
	d.breaker = make([]bool, len(d.match))
	for _, id := range ids {
		if id >= 0 && int(id) < len(d.breaker) {
			d.breaker[id] = true
		}
	}
	d.since = 0
	for _, id := range d.history {
		d.count(id)
	}
}

func (d *dry) count(id int32) {
	d.since++
	if d.breaker != nil && d.breaker[id] {
		d.since = 0
	}
}

func (d *dry) add(id int32) {
	d.history = append(d.history, id)
	d.count(id)
}

func (d *dry) apply(logits []float32) {
	h := d.history
	if w := d.p.DRYWindow; w > 0 && len(h) > w {
		h = h[len(h)-w:]
	}
	allowed := int32(d.p.DRYAllowedLength)
	if d.since < int(allowed) || len(h) < 2 {
		return
	}
	d.matches(h)
	for _, id := range d.touched {
		n := d.match[id]
		d.match[id] = 0
		if n >= allowed && int(id) < len(logits) {
			// The bound keeps long repetitions finite.
			penalty := float64(d.p.DRYMultiplier) * math.Pow(float64(d.p.DRYBase), float64(n-allowed))
			logits[id] -= float32(min(penalty, 1e30))
		}
	}
	d.touched = d.touched[:0]
}

// matches finds, for each earlier place, how many tokens up to it are the same as up to the end, and notes the
// longest such match for the token that followed. That is the Z-function of the reversed history (Gusfield,
// Algorithms on Strings, Trees and Sequences, 1.3), in linear time.
func (d *dry) matches(h []int32) {
	n := len(h)
	if cap(d.z) < n {
		d.z = make([]int32, n+n/2)
	}
	z := d.z[:n]
	back := func(i int) int32 { return h[n-1-i] }
	for i, left, right := 1, 0, 0; i < n; i++ {
		k := 0
		if i < right {
			k = min(right-i, int(z[i-left]))
		}
		for i+k < n && back(k) == back(i+k) {
			k++
		}
		z[i] = int32(k)
		if i+k > right {
			left, right = i, i+k
		}
		// A breaker within the match would be within the end of the history as well.
		if k = min(k, d.since); k == 0 {
			continue
		}
		next := back(i - 1)
		if d.match[next] == 0 {
			d.touched = append(d.touched, next)
		}
		d.match[next] = max(d.match[next], int32(k))
	}
}
