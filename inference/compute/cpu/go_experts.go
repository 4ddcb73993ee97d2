package cpu

import (
	"math"

	"burble/gguf"
	"burble/inference/compute"
)

// route chooses and weighs experts, row by row.
func (e *goEngine) route(o *op) {
	experts := o.a.cols()
	e.parallel(o.a.rows(), func(thread, lo, hi int) {
		gated, biased := make([]float32, experts), make([]float32, experts)
		for r := lo; r < hi; r++ {
			routeRow(o, r, gated, biased)
		}
	})
}

func routeRow(o *op, r int, gated, biased []float32) {
	scores, weights, ids := o.a.floats(r), o.out.floats(r), o.b.ints(r)
	gate := compute.Gate(o.mode &^ normalise)
	switch gate {
	case compute.GateSigmoid:
		for j, s := range scores {
			gated[j] = float32(1 / (1 + math.Exp(-float64(s))))
		}
	case compute.GateSoftmax:
		softmax(gated, scores)
	default:
		copy(gated, scores)
	}
	copy(biased, gated)
	if o.c.p != nil {
		for j, b := range o.c.floats(0) {
			biased[j] += b
		}
	}
	limitGroups(biased, int(o.i[0]), int(o.i[1]), int(o.i[2]))
	for i := range ids {
		best := largestOf(biased)
		ids[i], weights[i] = int32(best), gated[best]
		biased[best] = float32(math.NaN()) // taken
	}
	if gate == compute.GateSoftmaxChosen {
		softmax(weights, weights)
	}
	factor := o.f[1]
	if o.mode&normalise != 0 {
		sum := o.f[0]
		for _, w := range weights {
			sum += w
		}
		factor /= sum
	}
	for i := range weights {
		weights[i] *= factor
	}
}

// limitGroups marks the experts of all but the best groups as not to be chosen.
func limitGroups(biased []float32, groups, used, top int) {
	if groups <= 1 {
		return
	}
	size := len(biased) / groups
	values := make([]float32, groups)
	sorted := make([]float32, size)
	for g := range values {
		copy(sorted, biased[g*size:])
		for range top {
			best := largestOf(sorted)
			values[g] += sorted[best]
			sorted[best] = float32(math.NaN())
		}
	}
	keep := make([]bool, groups)
	for range used {
		best := largestOf(values)
		keep[best] = true
		values[best] = float32(math.NaN())
	}
	for j := range biased {
		if !keep[j/size] {
			biased[j] = float32(math.NaN())
		}
	}
}

// largestOf is the first index of the largest value that is a number, or 0.
func largestOf(v []float32) int {
	best, top := 0, float32(math.NaN())
	for j, x := range v {
		if x > top || x == x && top != top {
			best, top = j, x
		}
	}
	return best
}

// softmax writes the softmax of x to out, which may be x.
func softmax(out, x []float32) {
	top := float64(x[0])
	for _, v := range x {
		top = max(top, float64(v))
	}
	var sum float64
	for j, v := range x {
		p := math.Exp(float64(v) - top)
		out[j] = float32(p)
		sum += p
	}
	for j := range out {
		out[j] = float32(float64(out[j]) / sum)
	}
}

// matMulExperts decodes a row of a chosen expert once and multiplies every row of x that chose it.
func (e *goEngine) matMulExperts(o *op) {
	k, m, experts, used := o.a.cols(), int(o.b.dim[2]), int(o.b.dim[1]), int(o.out.dim[2])
	chosen := make([][]int32, experts) // rows of out by expert
	for i := range int(o.out.dim[1]) {
		for j, id := range o.d.ints(i) {
			if id < 0 || int(id) >= experts {
				clear(o.out.floats(i*used + j))
				continue
			}
			chosen[id] = append(chosen[id], int32(i*used+j))
		}
	}
	e.parallel(m, func(thread, lo, hi int) {
		w := e.buffer(thread, k)
		for id, rows := range chosen {
			if len(rows) == 0 {
				continue
			}
			for r := lo; r < hi; r++ {
				dequantize(gguf.Type(o.b.typ), w, o.b.raw(id*m+r))
				var bias float32
				if o.c.p != nil {
					bias = o.c.floats(id)[r]
				}
				for _, u := range rows {
					o.out.floats(int(u))[r] = dot(o.a.floats(int(u)), w) + bias
				}
			}
		}
	})
}

// combine sums the weighted rows of one token.
func combine(o *op, r int) {
	out, weights := o.out.floats(r), o.b.floats(r)
	for j, w := range weights {
		x := o.a.floats(r*len(weights) + j)
		if j == 0 {
			for l := range out {
				out[l] = w * x[l]
			}
			continue
		}
		for l := range out {
			out[l] += w * x[l]
		}
	}
}
