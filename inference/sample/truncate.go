package sample

import (
	"math"
	"slices"
)

// truncate fills c.cands with the tokens that top-k, typical, top-p, min-p and XTC leave, at least one unless all
// are forbidden. Where top-k is off, the next step that is on looks at the logits in place, because sorting a
// vocabulary takes longer than some models' whole pass.
func (c *Chain) truncate(logits []float32) {
	p := c.p
	switch {
	case p.TopK > 0 && p.TopK < len(logits):
		c.topK(logits, p.TopK)
	case on(p.TypicalP):
		c.gather(logits, negInf)
	case on(p.TopP):
		c.gather(logits, c.massCut(logits, p.TopP))
	case p.MinP > 0:
		c.gather(logits, minPCut(highest(logits), p.MinP))
	default:
		c.gather(logits, negInf)
	}
	if len(c.cands) < 2 {
		return
	}
	if on(p.TypicalP) {
		c.typical(p.TypicalP)
	}
	if on(p.TopP) {
		c.topP(p.TopP, logits)
	}
	if p.MinP > 0 {
		c.minP(p.MinP)
	}
	if p.XTCProbability > 0 {
		c.xtc()
	}
}

var negInf = float32(math.Inf(-1))

// finite bounds logits so that the difference of any two is finite.
func finite(x float32) float32 { return max(min(x, 1e30), -1e30) }

// gather collects the tokens whose logits are at least cut, in the order of their ids. Minus infinity and NaN never
// are.
func (c *Chain) gather(logits []float32, cut float32) {
	c.sorted = false
	if cut == negInf {
		cut = -math.MaxFloat32
	}
	i := 0
	for ; i+4 <= len(logits); i += 4 {
		q := logits[i : i+4 : i+4]
		if q[0] >= cut || q[1] >= cut || q[2] >= cut || q[3] >= cut {
			for j, x := range q {
				if x >= cut {
					c.cands = append(c.cands, Candidate{ID: int32(i + j), Logit: finite(x)})
				}
			}
		}
	}
	for ; i < len(logits); i++ {
		if x := logits[i]; x >= cut {
			c.cands = append(c.cands, Candidate{ID: int32(i), Logit: finite(x)})
		}
	}
}

// highest returns the highest logit, minus infinity where there is none.
func highest(logits []float32) float32 {
	x := logits[ArgMax(logits)]
	if x != x {
		return negInf
	}
	return finite(x)
}

// worse orders candidates: lower logits are worse, and of equals higher ids.
func worse(a, b Candidate) bool {
	return a.Logit < b.Logit || a.Logit == b.Logit && a.ID > b.ID
}

func descending(a, b Candidate) int {
	if worse(b, a) {
		return -1
	}
	return 1
}

func (c *Chain) sort() {
	if !c.sorted {
		slices.SortFunc(c.cands, descending)
		c.sorted = true
	}
}

// topK collects the k tokens of the highest logits in descending order. It keeps the best so far in a heap with the
// worst of them on top; few tokens get past that one.
func (c *Chain) topK(logits []float32, k int) {
	c.cands = selectTop(c.cands, logits, k)
	c.sorted = true
}

func selectTop(heap []Candidate, logits []float32, k int) []Candidate {
	heap = heap[:0]
	i := 0
	for ; i < len(logits) && len(heap) < k; i++ {
		if x := logits[i]; x > negInf {
			heap = append(heap, Candidate{ID: int32(i), Logit: finite(x)})
		}
	}
	if len(heap) == k {
		for j := k/2 - 1; j >= 0; j-- {
			siftDown(heap, j)
		}
		floor := heap[0].Logit
		enter := func(i int) {
			if x := finite(logits[i]); x > floor {
				heap[0] = Candidate{ID: int32(i), Logit: x}
				siftDown(heap, 0)
				floor = heap[0].Logit
			}
		}
		for ; i+4 <= len(logits); i += 4 {
			q := logits[i : i+4 : i+4]
			if q[0] > floor || q[1] > floor || q[2] > floor || q[3] > floor {
				for j := range 4 {
					enter(i + j)
				}
			}
		}
		for ; i < len(logits); i++ {
			enter(i)
		}
	}
	slices.SortFunc(heap, descending)
	return heap
}

func siftDown(heap []Candidate, p int) {
	for {
		child := 2*p + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && worse(heap[child+1], heap[child]) {
			child++
		}
		if !worse(heap[child], heap[p]) {
			return
		}
		heap[p], heap[child] = heap[child], heap[p]
		p = child
	}
}

// softmax sets the probabilities of the candidates and returns the logarithm of their sum before normalising.
func (c *Chain) softmax() (logSum float32) {
	top := c.cands[0].Logit
	if !c.sorted {
		for _, x := range c.cands {
			top = max(top, x.Logit)
		}
	}
	sum := 0.0
	for i := range c.cands {
		e := decay(top - c.cands[i].Logit)
		c.cands[i].P = e
		sum += float64(e)
	}
	scale := float32(1 / sum)
	for i := range c.cands {
		c.cands[i].P *= scale
	}
	return top + float32(math.Log(sum))
}

// topP keeps the most probable tokens that together have the share p (nucleus sampling, Holtzman et al. 2020,
// arXiv:1904.09751). Where the candidates are a part of the vocabulary by massCut, their share of the whole counts.
func (c *Chain) topP(p float32, logits []float32) {
	c.sort()
	c.softmax()
	goal := float64(p)
	if c.scratch.kept > 0 {
		goal /= c.scratch.kept
		c.scratch.kept = 0
	}
	sum := 0.0
	for i := range c.cands {
		if sum += float64(c.cands[i].P); sum >= goal {
			c.cands = c.cands[:i+1]
			return
		}
	}
}

// massBuckets sorts probability mass by distance from the top, an eighth of a nat apart.
type massBuckets struct {
	mass [decaySteps]float64
	kept float64 // share of the mass that massCut's logits have; 0 when it was not used
}

// nearEnd is the distance up to which massCut expects the tokens that top-p keeps.
const nearEnd = 12

// bucket returns the bucket of a distance, which is not negative.
func bucket(distance float32) int {
	if distance >= decayEnd {
		return decaySteps - 1
	}
	return int(distance * decayPerNat)
}

// massCut returns a logit such that the tokens at or above it hold at least the share p of the probability of all,
// and not many more tokens than needed do.
func (c *Chain) massCut(logits []float32, p float32) float32 {
	top := highest(logits)
	if top == negInf {
		return negInf
	}
	b := &c.scratch
	clear(b.mass[:])
	// Most of a vocabulary is far below the top: that part needs no buckets, and summing it in turns keeps one
	// addition from waiting for the one before.
	var far [4]float64
	for i, x := range logits {
		d := top - x
		if d < nearEnd {
			d = max(d, 0) // top is finite where x may not be
			b.mass[int(d*decayPerNat)] += float64(decay(d))
		} else if d < decayEnd { // not NaN, nor without any mass
			far[i&3] += float64(decay(d))
		}
	}
	total := far[0] + far[1] + far[2] + far[3]
	for _, m := range b.mass {
		total += m
	}
	// The margin covers the rounding at the buckets' edges.
	goal := float64(p) * total * (1 + 1e-6)
	sum := 0.0
	for i := range b.mass[:decaySteps-1] {
		if i == nearEnd*decayPerNat {
			b.addFar(logits, top)
		}
		if sum += b.mass[i]; sum >= goal {
			return b.exact(logits, top, top-float32(i+1)/decayPerNat, total)
		}
	}
	b.kept = 1
	return negInf
}

// addFar fills the buckets from nearEnd on.
func (b *massBuckets) addFar(logits []float32, top float32) {
	for _, x := range logits {
		if d := top - x; d >= nearEnd && d < decayEnd {
			b.mass[int(d*decayPerNat)] += float64(decay(d))
		}
	}
}

// exact sets kept to the share that the logits from cut on have, because a logit at a bucket's edge may be counted
// on either side.
func (b *massBuckets) exact(logits []float32, top, cut float32, total float64) float32 {
	sum := 0.0
	for _, x := range logits {
		if x >= cut {
			sum += float64(decay(top - finite(x)))
		}
	}
	b.kept = sum / total
	return cut
}

// typical keeps the tokens whose surprise is nearest to the expected one, until they have the share p of the
// probability (Meister et al. 2023, arXiv:2202.00666).
func (c *Chain) typical(p float32) {
	logSum := c.softmax()
	entropy := 0.0
	for _, x := range c.cands {
		entropy += float64(x.P) * float64(logSum-x.Logit)
	}
	oddness := func(x Candidate) float32 {
		d := logSum - x.Logit - float32(entropy)
		return max(d, -d)
	}
	// Only the candidates of the buckets that are needed get sorted.
	mass := &c.scratch.mass
	clear(mass[:])
	for _, x := range c.cands {
		mass[bucket(oddness(x))] += float64(x.P)
	}
	last, sum := 0, 0.0
	for ; last < len(mass)-1; last++ {
		if sum += mass[last]; sum >= float64(p)*(1+1e-6) {
			break
		}
	}
	kept := c.cands[:0]
	for _, x := range c.cands {
		if bucket(oddness(x)) <= last {
			kept = append(kept, x)
		}
	}
	slices.SortFunc(kept, func(a, b Candidate) int {
		switch x, y := oddness(a), oddness(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return descending(a, b)
	})
	sum = 0
	for i, x := range kept {
		if sum += float64(x.P); sum >= float64(p) {
			kept = kept[:i+1]
			break
		}
	}
	c.cands, c.sorted = kept, false
}

// minPCut returns the logit whose probability is p times the highest one's.
func minPCut(top, p float32) float32 {
	if top == negInf {
		return negInf
	}
	return top + float32(math.Log(float64(min(p, 1))))
}

// minP drops the tokens less than p times as probable as the most probable one (Nguyen et al. 2024,
// arXiv:2407.01082).
func (c *Chain) minP(p float32) {
	top := negInf
	for _, x := range c.cands {
		top = max(top, x.Logit)
	}
	cut := minPCut(top, p)
	kept := c.cands[:0]
	for _, x := range c.cands {
		if x.Logit >= cut {
			kept = append(kept, x)
		}
	}
	c.cands = kept
}

// xtc drops, with its probability, all tokens at or above its threshold but the least probable of them, so that the
// obvious choice gives way to a still likely one (exclude top choices, by p-e-w: oobabooga/text-generation-webui
// pull request 6335).
func (c *Chain) xtc() {
	if float32(c.rng.Float64()) >= c.p.XTCProbability {
		return
	}
	c.sort()
	c.softmax()
	above := 0
	for above < len(c.cands) && c.cands[above].P >= c.p.XTCThreshold {
		above++
	}
	if above > 1 {
		c.cands = append(c.cands[:0], c.cands[above-1:]...)
	}
}

// temper divides the logits by the temperature and sets the final probabilities.
func (c *Chain) temper() {
	if t := c.p.Temperature; t != 1 {
		for i := range c.cands {
			c.cands[i].Logit = finite(c.cands[i].Logit / t)
		}
	}
	c.softmax()
}

// draw returns the position of a candidate by its probability.
func (c *Chain) draw() int {
	u := c.rng.Float64()
	sum := 0.0
	for i := range c.cands {
		if sum += float64(c.cands[i].P); u < sum {
			return i
		}
	}
	// Rounding left the sum just below 1: the last one that is possible.
	for i := len(c.cands) - 1; i > 0; i-- {
		if c.cands[i].P > 0 {
			return i
		}
	}
	return 0
}

// mirostat keeps the tokens with a surprise of at most mu, draws one, and moves mu so that the average surprise
// comes to tau (Basu et al. 2021, arXiv:2007.14966, version 2 of its reference implementation).
func (c *Chain) mirostat(logits []float32) int32 {
	c.gather(logits, negInf)
	if len(c.cands) == 0 {
		return ArgMax(logits)
	}
	c.temper()
	best, floor := 0, float32(math.Exp2(-c.mu))
	for i, x := range c.cands {
		if worse(c.cands[best], x) {
			best = i
		}
	}
	top := c.cands[best]
	kept := c.cands[:0]
	for _, x := range c.cands {
		if x.P >= floor {
			kept = append(kept, x)
		}
	}
	if len(kept) == 0 {
		kept = append(kept, top)
	}
	c.cands = kept
	c.softmax()
	x := c.cands[c.draw()]
	c.mu -= float64(c.p.MirostatEta) * (-math.Log2(float64(x.P)) - float64(c.p.MirostatTau))
	return x.ID
}
