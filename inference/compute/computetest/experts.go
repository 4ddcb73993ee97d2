package computetest

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"burble/gguf"
	"burble/inference/compute"
)

func testRoute(b *bench) {
	for _, gate := range []compute.Gate{compute.GateSoftmax, compute.GateSigmoid, compute.GateSoftmaxChosen} {
		for range 24 {
			r := compute.Routing{Gate: gate, Normalise: b.coin()}
			experts := b.pick(2, 4, 8, 32, 60, 64, 128, 256, 512)
			used := min(b.pick(1, 2, 4, 6, 8, 10, 22), experts)
			if b.rng.IntN(3) == 0 && experts >= 8 { // groups
				r.Groups = 4
				if experts%8 == 0 && b.coin() {
					r.Groups = 8
				}
				size := experts / r.Groups
				r.GroupTop = b.between(1, min(2, size))
				used = min(used, r.Groups*size)
				r.GroupsUsed = b.between((used+size-1)/size, r.Groups)
			}
			if b.coin() {
				r.Scale = 2.5
			}
			if r.Normalise && b.coin() {
				r.Eps = 1e-3
			}
			b.route(r, b.pick(1, 1, 2, 7, 300), experts, used, b.coin(), b.coin())
		}
	}
	// Every expert is as good as every other: the first ones are taken.
	b.route(compute.Routing{Groups: 4, GroupsUsed: 2, GroupTop: 2}, 3, 16, 4, false, true)
}

// route tests random scores, of which many are equal with ties.
func (b *bench) route(r compute.Routing, n, experts, used int, biased, ties bool) {
	b.t.Helper()
	defer b.free()
	scores := b.normal(n * experts)
	if ties {
		for i := range scores {
			scores[i] = float32(math.Round(float64(scores[i])))
		}
	}
	bias := b.normal(experts)
	if biased {
		if ties {
			clear(bias[experts/2:])
		}
		r.Bias = b.floats("bias", bias, experts)
	}
	name := fmt.Sprintf("Route n=%d experts=%d used=%d biased=%v ties=%v %+v", n, experts, used, biased, ties, r)
	weights := b.output("weights", n, used)
	ids := b.empty("ids", gguf.I32, n, used+3).Slice(1, 2, used+2)
	b.queue.Route(ids, weights, b.strided("scores", scores, n, experts), r)
	chosen := b.readInts(ids)
	var want []float64
	for i := range n {
		row := wide(scores[i*experts : (i+1)*experts])
		gated := gates(row, r.Gate)
		by := slices.Clone(gated)
		if biased {
			for j := range by {
				by[j] += float64(bias[j])
			}
		}
		best := chooseExperts(by, r, used)
		mine := chosen[i*used : (i+1)*used]
		seen := map[int32]bool{}
		for j, id := range mine {
			// Two values that differ by float32's rounding may change places; equal ones must not.
			if id < 0 || int(id) >= experts || seen[id] || id != best[j] && !closeTo(by[id], by[best[j]]) {
				b.t.Errorf("%s: row %d chose %v, want %v", name, i, mine, best)
				return
			}
			seen[id] = true
		}
		w := make([]float64, used)
		for j, id := range mine {
			w[j] = gated[id]
		}
		if r.Gate == compute.GateSoftmaxChosen {
			w = gates(w, compute.GateSoftmax)
		}
		if r.Normalise {
			sum := float64(r.Eps)
			for _, v := range w {
				sum += v
			}
			for j := range w {
				w[j] /= sum
			}
		}
		for j := range w {
			if r.Scale != 0 {
				w[j] *= float64(r.Scale)
			}
		}
		want = append(want, w...)
	}
	// Without a gate that keeps them positive, weights may nearly cancel in the sum they are divided by.
	b.check(weights, want, 0, 2*b.options.Float, "%s", name)
}

// closeTo is whether float32 may take a for b, though they are not equal.
func closeTo(a, b float64) bool { return a != b && math.Abs(a-b) <= 2e-6*(math.Abs(a)+math.Abs(b)) }

// gates applies a gate to scores.
func gates(scores []float64, gate compute.Gate) []float64 {
	out := slices.Clone(scores)
	switch gate {
	case compute.GateSigmoid:
		for j, s := range scores {
			out[j] = 1 / (1 + math.Exp(-s))
		}
	case compute.GateSoftmax:
		top, sum := slices.Max(scores), 0.0
		for _, s := range scores {
			sum += math.Exp(s - top)
		}
		for j, s := range scores {
			out[j] = math.Exp(s-top) / sum
		}
	}
	return out
}

// chooseExperts is the used best by value, of the best groups.
func chooseExperts(by []float64, r compute.Routing, used int) []int32 {
	groups := max(r.Groups, 1)
	size := len(by) / groups
	order := func(n int, value func(i int) float64) []int32 {
		list := make([]int32, n)
		for i := range list {
			list[i] = int32(i)
		}
		sort.SliceStable(list, func(i, j int) bool { return value(int(list[i])) > value(int(list[j])) })
		return list
	}
	allowed := make([]bool, groups)
	if groups == 1 {
		allowed[0] = true
	} else {
		score := make([]float64, groups)
		for g := range score {
			s := slices.Clone(by[g*size : (g+1)*size])
			slices.SortFunc(s, func(x, y float64) int {
				if x > y {
					return -1
				}
				return 1
			})
			for _, v := range s[:r.GroupTop] {
				score[g] += v
			}
		}
		for _, g := range order(groups, func(i int) float64 { return score[i] })[:r.GroupsUsed] {
			allowed[g] = true
		}
	}
	var list []int32
	for _, id := range order(len(by), func(i int) float64 { return by[i] }) {
		if allowed[int(id)/size] && len(list) < used {
			list = append(list, id)
		}
	}
	return list
}

func testCombine(b *bench) {
	for _, n := range []int{1, 2, 9, 300} {
		for _, used := range []int{1, 2, 8} {
			m := b.pick(1, 7, 16, 100, 2048)
			if n == 300 {
				m = b.pick(5, 64, 100)
			}
			x, weights := b.normal(n*used*m), b.normal(n*used)
			want := make([]float64, n*m)
			for i := range n {
				for j := range used {
					for l := range m {
						want[i*m+l] += float64(weights[i*used+j]) * float64(x[(i*used+j)*m+l])
					}
				}
			}
			out := b.output("out", n, m)
			b.queue.Combine(out, b.strided("x", x, n, used*m).Heads(used), b.strided("weights", weights, n, used))
			b.check(out, want, 0, b.options.Float, "Combine n=%d used=%d m=%d", n, used, m)
			b.free()
		}
	}
}

func testMatMulExperts(b *bench, typ gguf.Type) {
	block := typ.BlockElements()
	for _, n := range []int{1, 1, 2, 3, 8, 33} {
		k := block * b.between(1, 3)
		if block == 1 {
			k = b.pick(1, 3, 16, 33, 100, 257)
		}
		b.matMulExperts(typ, expertsCase{n: n, used: b.pick(1, 2, 4), m: b.pick(1, 3, 16, 33, 70), k: k, experts: b.pick(4, 8, 32),
			bias: b.coin(), deep: b.coin(), same: b.rng.IntN(3) == 0})
	}
	k := max(block, 32)
	b.matMulExperts(typ, expertsCase{n: 1, used: 8, m: 260, k: 2 * k, experts: 16, bias: true})
	// More rows than experts, so that one gets many; an expert may be named twice for a row, or not exist.
	b.matMulExperts(typ, expertsCase{n: 300, used: 2, m: 35, k: k, experts: 3, bias: true, deep: b.coin(), odd: true})
}

// expertsCase is a case of MatMulExperts.
type expertsCase struct {
	n, used, m, k, experts int
	bias                   bool
	deep                   bool // x is [n, used, k]
	same                   bool // ids are [used]
	odd                    bool // some ids are out of range
}

func (b *bench) matMulExperts(typ gguf.Type, c expertsCase) {
	b.t.Helper()
	defer b.free()
	flat, values := b.weight("w", typ, c.experts*c.m, c.k)
	// The weight as three dimensions, over the same memory.
	w := compute.NewTensor("w", typ, flat.Storage, c.experts, c.m, c.k)
	w.Offset = flat.Offset
	width := 1
	if c.deep {
		width = c.used
	}
	x := b.inputs(c.n*width, c.k)
	in := b.strided("x", x, c.n, width*c.k)
	if c.deep {
		in = in.Heads(c.used)
	}
	var bias []float32
	var bt *compute.Tensor
	if c.bias {
		bias = b.normal(c.experts * c.m)
		bt = b.floats("b", bias, c.experts, c.m)
	}
	ids := make([]int32, c.n*c.used)
	for i := range c.n {
		for j, e := range b.rng.Perm(c.experts + 1) {
			if j < c.used {
				ids[i*c.used+j] = int32(e)
			}
		}
	}
	for i, id := range ids {
		switch {
		case c.same:
			ids[i] = ids[i%c.used] % int32(c.experts)
		case !c.odd:
			ids[i] = id % int32(c.experts)
		case b.rng.IntN(20) == 0:
			ids[i] = -1
		}
	}
	var it *compute.Tensor
	if c.same {
		it = b.ints("ids", ids[:c.used]...)
	} else {
		wide := make([]int32, c.n*(c.used+2))
		for i := range c.n {
			copy(wide[i*(c.used+2)+1:], ids[i*c.used:(i+1)*c.used])
		}
		all := b.empty("ids", gguf.I32, c.n, c.used+2)
		b.queue.Write(all, intBytes(wide))
		it = all.Slice(1, 1, c.used+1)
	}
	out := b.output("out", c.n, c.used*c.m).Heads(c.used)
	b.queue.MatMulExperts(out, in, w, bt, it)
	rows := make([]productRow, c.n*c.used)
	for u := range rows {
		r := productRow{x: x[u/c.used*c.k:][:c.k]}
		if c.deep {
			r.x = x[u*c.k:][:c.k]
		}
		if id := int(ids[u]); id >= 0 && id < c.experts { // others give zeros
			r.w = values[id*c.m*c.k:][:c.m*c.k]
			if c.bias {
				r.bias = bias[id*c.m:][:c.m]
			}
		}
		rows[u] = r
	}
	b.checkProduct(out, typ, rows, c.m, fmt.Sprintf("MatMulExperts %s %+v", typ, c))
}
