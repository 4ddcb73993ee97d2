package model

import (
	"fmt"
	"slices"

	"burble/inference/compute"
)

// newOLMo makes the first OLMo (Groeneveld et al. 2024, arXiv:2402.00838): Llama's block with layer norms that have no weights,
// and in the 7B model queries, keys and values that are limited in size.
func newOLMo(l *Loader) Network {
	l.useLayerNorm(bareLayerNorms)
	return l.decoder(interleaved, func(s Scope, rope compute.Rope) block {
		b := s.llamaBlock(rope, compute.SiLU)
		b.attn.clip = s.limit(float32(l.hyper.floatOr("attention.clamp_kqv", 0)))
		return b
	})
}

// limit keeps values within ±size.
type limit struct {
	size float32
	once map[int]*compute.Tensor // vectors of that many times the size
	both map[int]*compute.Tensor // and of twice the size
}

// limit binds a limit of queries, keys and values; a size of 0 is none.
func (s Scope) limit(size float32) limit {
	if size <= 0 || s.l.err != nil { // a refused file may give any number of heads
		return limit{}
	}
	c := limit{size: size, once: map[int]*compute.Tensor{}, both: map[int]*compute.Tensor{}}
	for _, n := range []int{s.l.Heads * s.l.KeyDim, s.l.KVHeads * s.l.KeyDim, s.l.KVHeads * s.l.ValueDim} {
		c.once[n] = s.Const(fmt.Sprintf("%d times %g", n, size), slices.Repeat([]float32{size}, n))
		c.both[n] = s.Const(fmt.Sprintf("%d times %g", n, 2*size), slices.Repeat([]float32{2 * size}, n))
	}
	return c
}

// apply limits rows in place, as size − relu(2·size − relu(x + size)), with the operations there are.
func (c limit) apply(p *Pass, rows ...*compute.Tensor) {
	if c.size <= 0 {
		return
	}
	for _, x := range rows {
		n := x.Dim(1)
		p.Add(x, x, c.once[n])
		p.Activate(x, x, compute.ReLU)
		p.Scale(x, x, -1)
		p.Add(x, x, c.both[n])
		p.Activate(x, x, compute.ReLU)
		p.Scale(x, x, -1)
		p.Add(x, x, c.once[n])
	}
}
