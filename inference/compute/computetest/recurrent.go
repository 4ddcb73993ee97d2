package computetest

import (
	"math"

	"burble/inference/compute"
)

// passes cuts n rows into the passes of a few ways to read them: all at once, one by one, and at random. State that is
// carried from pass to pass must make no difference.
func (b *bench) passes(n int) [][]int {
	ways := [][]int{{n}}
	if n == 1 {
		return ways
	}
	ones := make([]int, n)
	for i := range ones {
		ones[i] = 1
	}
	var random []int
	for rest := n; rest > 0; rest -= random[len(random)-1] {
		random = append(random, b.between(1, min(rest, max(2, n/3))))
	}
	return append(ways, ones, random)
}

// rowsOf is rows [lo, hi).
func rowsOf(x *compute.Tensor, lo, hi int) *compute.Tensor { return x.Slice(0, lo, hi) }

func testConv1D(b *bench) {
	for _, n := range []int{1, 2, 3, 10, 300} {
		for _, taps := range []int{2, 3, 4, 9} {
			channels := b.pick(1, 5, 16, 33, 100)
			if n < 10 {
				channels = b.pick(1, 7, 64, 1000, 3000)
			}
			x, w, bias, before := b.normal(n*channels), b.normal(channels*taps), b.normal(channels), b.normal((taps-1)*channels)
			biased := b.coin()
			all := append(wide(before), wide(x)...) // [taps − 1 + n, channels]
			want := make([]float64, n*channels)
			for i := range n {
				for c := range channels {
					if biased {
						want[i*channels+c] = float64(bias[c])
					}
					for j := range taps {
						want[i*channels+c] += float64(w[c*taps+j]) * all[(i+j)*channels+c]
					}
				}
			}
			for _, way := range b.passes(n) {
				in := b.strided("x", x, n, channels)
				out := in
				if b.coin() {
					out = b.output("out", n, channels)
				}
				wt, state := b.floats("w", w, channels, taps), b.strided("state", before, taps-1, channels)
				var bt *compute.Tensor
				if biased {
					bt = b.floats("b", bias, channels)
				}
				at := 0
				for _, rows := range way {
					b.queue.Conv1D(rowsOf(out, at, at+rows), rowsOf(in, at, at+rows), wt, bt, state)
					at += rows
				}
				b.check(out, want, 0, b.options.Float, "Conv1D n=%d taps=%d channels=%d in %d passes", n, taps, channels, len(way))
				b.check(state, all[n*channels:], 0, 1e-12, "Conv1D's state, n=%d taps=%d channels=%d in %d passes", n, taps, channels, len(way))
				b.free()
			}
		}
	}
}

func testSelectiveScan(b *bench) {
	for _, n := range []int{1, 2, 17, 300} {
		for range 4 {
			groups := b.pick(1, 2, 8)
			b.selectiveScan(n, groups, groups*b.between(1, 4), b.pick(1, 8, 20, 64), b.pick(1, 16, 33, 128), false)
		}
		for range 3 { // Mamba 1
			b.selectiveScan(n, 1, b.pick(1, 9, 70), 1, b.pick(2, 8, 16, 20), true)
		}
	}
}

func (b *bench) selectiveScan(n, groups, heads, p, dim int, matrix bool) {
	b.t.Helper()
	x, before := b.normal(n*heads*p), b.normal(heads*p*dim)
	bs, cs, d := b.normal(n*groups*dim), b.normal(n*groups*dim), b.normal(heads)
	dt := b.normal(n * heads)
	for i, v := range dt {
		dt[i] = float32(math.Log1p(math.Exp(float64(v))))
	}
	a := b.normal(heads)
	if matrix {
		a = b.normal(heads * dim)
	}
	for i, v := range a {
		a[i] = -float32(math.Exp(float64(v)))
	}
	withD := b.coin()
	state := wide(before)
	want := make([]float64, len(x))
	for i := range n {
		for h := range heads {
			g := h / (heads / groups)
			for j := range p {
				in := float64(x[(i*heads+h)*p+j])
				var y float64
				for s := range dim {
					av := a[h%len(a)]
					if matrix {
						av = a[h*dim+s]
					}
					st := &state[(h*p+j)*dim+s]
					step := float64(dt[i*heads+h])
					*st = math.Exp(step*float64(av))**st + step*in*float64(bs[(i*groups+g)*dim+s])
					y += *st * float64(cs[(i*groups+g)*dim+s])
				}
				if withD {
					y += float64(d[h]) * in
				}
				want[(i*heads+h)*p+j] = y
			}
		}
	}
	for _, way := range b.passes(n) {
		xt := b.strided("x", x, n, heads*p).Heads(heads)
		out := xt
		if b.coin() {
			out = b.output("out", n, heads*p).Heads(heads)
		}
		s := compute.SelectiveScan{State: b.floats("state", before, heads, p, dim)}
		if matrix {
			s.A = b.floats("A", a, heads, dim)
		} else {
			s.A = b.floats("A", a, heads)
		}
		if withD {
			s.D = b.floats("D", d, heads)
		}
		dts, bt, ct := b.strided("dt", dt, n, heads), b.strided("B", bs, n, groups*dim).Heads(groups), b.strided("C", cs, n, groups*dim).Heads(groups)
		at := 0
		for _, rows := range way {
			s.Out, s.X, s.Dt = rowsOf(out, at, at+rows), rowsOf(xt, at, at+rows), rowsOf(dts, at, at+rows)
			s.B, s.C = rowsOf(bt, at, at+rows), rowsOf(ct, at, at+rows)
			b.queue.SelectiveScan(s)
			at += rows
		}
		const format = "SelectiveScan%s n=%d groups=%d heads=%d p=%d dim=%d matrix=%v in %d passes"
		b.check(out, want, 0, 2*b.options.Float, format, "", n, groups, heads, p, dim, matrix, len(way))
		b.check(s.State, state, 0, 2*b.options.Float, format, "'s state", n, groups, heads, p, dim, matrix, len(way))
		b.free()
	}
}

func testDeltaScan(b *bench) {
	for _, n := range []int{1, 2, 17, 64, 300} {
		for range 4 {
			kHeads := b.pick(1, 2, 4)
			b.deltaScan(n, kHeads, kHeads*b.between(1, 3), b.pick(8, 16, 33, 128), b.pick(8, 20, 64, 128), b.coin())
		}
	}
	b.deltaScan(130, 2, 4, 128, 128, true)
}

func (b *bench) deltaScan(n, kHeads, heads, kDim, vDim int, tiled bool) {
	b.t.Helper()
	q, k, v, before := b.normal(n*kHeads*kDim), b.normal(n*kHeads*kDim), b.normal(n*heads*vDim), b.normal(heads*kDim*vDim)
	for r := range n * kHeads { // keys and queries of length 1, queries scaled
		for i, rows := range [][]float32{q, k} {
			row := rows[r*kDim : (r+1)*kDim]
			size := rms(wide(row)) * math.Sqrt(float64(kDim))
			if i == 0 {
				size *= math.Sqrt(float64(kDim))
			}
			for j := range row {
				row[j] = float32(float64(row[j]) / size)
			}
		}
	}
	g, beta := b.normal(n*heads), b.normal(n*heads)
	for i := range g {
		g[i] = -float32(math.Exp(2*float64(g[i]) - 3))
		beta[i] = float32(1 / (1 + math.Exp(-2*float64(beta[i]))))
	}
	state := wide(before)
	want := make([]float64, n*heads*vDim)
	held := make([]float64, vDim)
	for i := range n {
		for h := range heads {
			kh := h / (heads / kHeads)
			if tiled {
				kh = h % kHeads
			}
			at := i*heads + h
			s := state[h*kDim*vDim:][:kDim*vDim]
			clear(held)
			for j := range s {
				s[j] *= math.Exp(float64(g[at]))
				held[j%vDim] += s[j] * float64(k[(i*kHeads+kh)*kDim+j/vDim])
			}
			for j := range s {
				s[j] += float64(k[(i*kHeads+kh)*kDim+j/vDim]) * float64(beta[at]) * (float64(v[at*vDim+j%vDim]) - held[j%vDim])
				want[at*vDim+j%vDim] += float64(q[(i*kHeads+kh)*kDim+j/vDim]) * s[j]
			}
		}
	}
	for _, way := range b.passes(n) {
		s := compute.DeltaScan{Tiled: tiled, State: b.floats("state", before, heads, kDim, vDim)}
		out := b.output("out", n, heads*vDim).Heads(heads)
		qt, kt := b.strided("q", q, n, kHeads*kDim).Heads(kHeads), b.strided("k", k, n, kHeads*kDim).Heads(kHeads)
		vt, gt, bt := b.strided("v", v, n, heads*vDim).Heads(heads), b.strided("g", g, n, heads), b.strided("beta", beta, n, heads)
		at := 0
		for _, rows := range way {
			s.Out, s.Q, s.K, s.V = rowsOf(out, at, at+rows), rowsOf(qt, at, at+rows), rowsOf(kt, at, at+rows), rowsOf(vt, at, at+rows)
			s.G, s.Beta = rowsOf(gt, at, at+rows), rowsOf(bt, at, at+rows)
			b.queue.DeltaScan(s)
			at += rows
		}
		const format = "DeltaScan%s n=%d key heads=%d value heads=%d %d×%d tiled=%v in %d passes"
		b.check(out, want, 0, 2*b.options.Float, format, "", n, kHeads, heads, kDim, vDim, tiled, len(way))
		b.check(s.State, state, 0, 2*b.options.Float, format, "'s state", n, kHeads, heads, kDim, vDim, tiled, len(way))
		b.free()
	}
}
