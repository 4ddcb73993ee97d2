package computetest

import (
	"math"
	"strings"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

func testRMSNorm(b *bench)   { testNorm(b, false) }
func testLayerNorm(b *bench) { testNorm(b, true) }

func testNorm(b *bench, layer bool) {
	for _, d := range []int{1, 2, 3, 8, 15, 16, 31, 64, 100, 128, 512, 1000, 4096} {
		n, heads := b.pick(1, 2, 5, 40), b.pick(1, 1, 3)
		x := b.normal(n * heads * d)
		size := math.Pow(10, float64(b.between(-3, 3)))
		for i := range x {
			x[i] = float32(float64(x[i])*size + 0.3*size)
		}
		eps := float32(math.Pow(10, -float64(b.between(5, 6))))
		w, bias := b.normal(d), b.normal(d)
		withW, withB, inPlace := layer || b.coin(), b.coin(), b.coin()
		want := make([]float64, len(x))
		for r := range n * heads {
			row := wide(x[r*d : (r+1)*d])
			var mean, sum float64
			if layer {
				for _, v := range row {
					mean += v / float64(d)
				}
			}
			for _, v := range row {
				sum += (v - mean) * (v - mean)
			}
			s := 1 / math.Sqrt(sum/float64(d)+float64(eps))
			for j, v := range row {
				y := (v - mean) * s
				if withW {
					y *= float64(w[j])
				}
				if layer && withB {
					y += float64(bias[j])
				}
				want[r*d+j] = y
			}
		}
		in := b.strided("x", x, n, heads*d).Heads(heads)
		out := in
		if !inPlace {
			out = b.output("out", n, heads*d).Heads(heads)
		}
		var wt, bt *compute.Tensor
		if withW {
			wt = b.floats("w", w, d)
		}
		if withB {
			bt = b.floats("b", bias, d)
		}
		tolerance := b.options.Float
		if layer {
			tolerance *= 8 // the mean is subtracted
			b.queue.LayerNorm(out, in, wt, bt, eps)
		} else {
			b.queue.RMSNorm(out, in, wt, eps)
		}
		if layer && d == 1 {
			size := 1.0
			b.check(out, want, size, 1e-3, "norm layer=%v n=%d heads=%d d=%d", layer, n, heads, d)
		} else {
			b.check(out, want, 0, tolerance, "norm layer=%v n=%d heads=%d d=%d", layer, n, heads, d)
		}
		b.free()
	}
}

var activations = map[compute.Activation]func(x float64) float64{
	compute.SiLU: func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	compute.GELU: func(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) },
	compute.GELUTanh: func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	},
	compute.ReLU:     func(x float64) float64 { return math.Max(x, 0) },
	compute.ReLU2:    func(x float64) float64 { return math.Max(x, 0) * math.Max(x, 0) },
	compute.Sigmoid:  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	compute.Tanh:     math.Tanh,
	compute.Softplus: func(x float64) float64 { return math.Log1p(math.Exp(-math.Abs(x))) + math.Max(x, 0) },
}

// spread is values from tiny to far beyond where exponentials overflow.
func (b *bench) spread(n int) []float32 {
	v := b.normal(n)
	for i := range v {
		switch b.rng.IntN(8) {
		case 0:
			v[i] *= 100
		case 1:
			v[i] *= 10
		case 2:
			v[i] *= 1e-3
		}
	}
	return v
}

func testActivate(b *bench) {
	for act := compute.SiLU; act <= compute.Softplus; act++ {
		for _, d := range []int{1, 7, 16, 100, 3000} {
			n := b.between(1, 4)
			x := b.spread(n * d)
			want := wide(x)
			for i, v := range want {
				want[i] = activations[act](v)
			}
			in := b.strided("x", x, n, d)
			out := in
			if b.coin() {
				out = b.output("out", n, d)
			}
			b.queue.Activate(out, in, act)
			b.check(out, want, 1, b.options.Float*2*math.Max(1, rms(want)), "%s n=%d d=%d", act, n, d)
			b.free()
		}
	}
}

func testGLU(b *bench) {
	for act := compute.SiLU; act <= compute.Softplus; act++ {
		for _, d := range []int{1, 9, 64, 333, 3000} {
			n := b.pick(1, 3, 20)
			gate, up := b.spread(n*d), b.normal(n*d)
			want := make([]float64, n*d)
			for i := range want {
				want[i] = activations[act](float64(gate[i])) * float64(up[i])
			}
			g := b.strided("gate", gate, n, d)
			out := g
			if b.coin() {
				out = b.output("out", n, d)
			}
			b.queue.GLU(out, g, b.strided("up", up, n, d), act)
			b.check(out, want, 1, b.options.Float*2*math.Max(1, rms(want)), "GLU %s n=%d d=%d", act, n, d)
			b.free()
		}
	}
}

func testGLUClamped(b *bench) {
	for _, d := range []int{1, 9, 64, 333, 3000} {
		n := b.pick(1, 3, 20)
		gate, up := b.spread(n*d), b.spread(n*d)
		want := make([]float64, n*d)
		for i := range want {
			g, u := math.Min(float64(gate[i]), 7), math.Max(math.Min(float64(up[i]), 7), -7)
			want[i] = g / (1 + math.Exp(-float64(float32(1.702))*g)) * (u + 1)
		}
		g := b.strided("gate", gate, n, d)
		out := g
		if b.coin() {
			out = b.output("out", n, d)
		}
		b.queue.GLU(out, g, b.strided("up", up, n, d), compute.SwiGLUClamped)
		b.check(out, want, 1, b.options.Float*2*math.Max(1, rms(want)), "GLU clamped n=%d d=%d", n, d)
		b.free()
	}
}

func testAdd(b *bench) {
	testBinary(b, func(x, y float64) float64 { return x + y }, b.queue.Add)
}

func testMul(b *bench) {
	testBinary(b, func(x, y float64) float64 { return x * y }, b.queue.Mul)
}

func testBinary(b *bench, f func(x, y float64) float64, op func(out, a, b *compute.Tensor)) {
	for round := range 16 {
		n, heads, d := b.between(1, 20), b.between(1, 6), b.pick(1, 3, 16, 64, 100)
		x := b.normal(n * heads * d)
		a := b.strided("a", x, n, heads*d).Heads(heads)
		out := a
		if b.coin() {
			out = b.output("out", n, heads*d).Heads(heads)
		}
		var y []float32
		var t *compute.Tensor
		switch round % 4 {
		case 0: // the same shape
			y = b.normal(n * heads * d)
			t = b.strided("b", y, n, heads*d).Heads(heads)
		case 1: // a row for each head
			y = b.normal(heads * d)
			t = b.strided("b", y, heads, d)
		case 2: // one row
			y = b.normal(d)
			t = b.floats("b", y, d)
		case 3: // itself
			y, t = x, a
		}
		want := make([]float64, len(x))
		for i := range want {
			want[i] = f(float64(x[i]), float64(y[i%len(y)]))
		}
		op(out, a, t)
		b.check(out, want, 0, 1e-7, "n=%d heads=%d d=%d b=%v", n, heads, d, t.Shape())
		b.free()
	}
}

func testScale(b *bench) {
	for _, d := range []int{1, 17, 2000} {
		n := b.between(1, 5)
		x := b.normal(n * d)
		want := wide(x)
		for i := range want {
			want[i] *= float64(float32(0.3))
		}
		out := b.output("out", n, d)
		b.queue.Scale(out, b.strided("x", x, n, d), 0.3)
		b.check(out, want, 0, 1e-7, "Scale n=%d d=%d", n, d)
		b.free()
	}
}

func testSoftCap(b *bench) {
	for _, d := range []int{1, 17, 2000} {
		n := b.between(1, 5)
		x := b.spread(n * d)
		want := wide(x)
		for i := range want {
			want[i] = 30 * math.Tanh(want[i]/30)
		}
		out := b.output("out", n, d)
		b.queue.SoftCap(out, b.strided("x", x, n, d), 30)
		b.check(out, want, 0, b.options.Float, "SoftCap n=%d d=%d", n, d)
		b.free()
	}
}

func testTopK(b *bench) {
	for _, d := range []int{1, 2, 15, 100, 1024, 5000, 151936} {
		for _, k := range []int{1, 2, 40, 1024} {
			if k > d {
				continue
			}
			n := b.between(1, 3)
			x := b.normal(n * d)
			for i := range x { // ties, and infinities as masks leave them
				if b.coin() {
					x[i] = float32(math.Round(float64(x[i])*4) / 4)
				}
				if b.rng.IntN(50) == 0 {
					x[i] = float32(math.Inf(-1))
				}
			}
			values, ids := b.empty("values", gguf.F32, n, k), b.empty("ids", gguf.I32, n, k)
			b.queue.TopK(values, ids, b.strided("x", x, n, d))
			got := b.read(values)
			b.results = append(b.results, result{"TopK", got})
			index := make([]int32, n*k)
			b.queue.Read(unsafe.Slice((*byte)(unsafe.Pointer(&index[0])), 4*len(index)), ids)
			if err := b.queue.Sync(); err != nil {
				b.t.Fatal(err)
			}
			for r := range n {
				row := x[r*d : (r+1)*d]
				want := largest(row, k)
				for j, id := range want {
					if index[r*k+j] != id || got[r*k+j] != row[id] {
						b.t.Errorf("TopK d=%d k=%d: row %d entry %d is (%d, %g), want (%d, %g)",
							d, k, r, j, index[r*k+j], got[r*k+j], id, row[id])
						break
					}
				}
			}
			b.free()
		}
	}
}

// testOrder issues many small operations that depend on each other.
func testOrder(b *bench) {
	d := 300
	v := b.normal(d)
	want := wide(v)
	x, y := b.floats("x", v, 1, d), b.empty("y", gguf.F32, 1, d)
	one := make([]float32, d)
	for i := range one {
		one[i] = 1
	}
	ones := b.floats("ones", one, d)
	for i := range 2000 {
		b.queue.Run(compute.Key{}, func(q compute.Queue) {
			q.Add(y, x, ones)
			q.Scale(x, y, 0.5)
			if i%3 == 0 {
				q.Copy(y, x)
				q.Mul(x, y, ones)
			}
		})
		for j := range want {
			want[j] = (want[j] + 1) * 0.5
		}
	}
	b.check(x, want, 0, b.options.Float, "2000 dependent steps")
}

// testErrors asserts that operands that don't fit give an error that names the operation, and no more than that.
func testErrors(t *testing.T, d compute.Device) {
	b := newBench(t, d, "Errors", Options{})
	x34, x35 := b.empty("three by four", gguf.F32, 3, 4), b.empty("three by five", gguf.F32, 3, 5)
	past := b.ints("past", 0)
	heads := b.empty("heads", gguf.F32, 3, 2, 4)
	for name, f := range map[string]func(){
		"Copy":    func() { b.queue.Copy(x34, x35) },
		"Embed":   func() { b.queue.Embed(x34, x35, past) },
		"Rows":    func() { b.queue.Rows(x34, x34, past) },
		"MatMul":  func() { b.queue.MatMul(x34, x34, x35) },
		"RMSNorm": func() { b.queue.RMSNorm(x34, x34, x35, 1e-5) },
		"Rope":    func() { b.queue.Rope(x34, past, compute.Rope{InvFreq: past}) },
		"StoreKV": func() { b.queue.StoreKV(heads, heads, heads, x34, past) },
		"Attend":  func() { b.queue.Attend(heads, x34, heads, heads, past, compute.Attention{Scale: 1, Bound: 3}) },
		"GLU":     func() { b.queue.GLU(x34, x34, x35, compute.SiLU) },
		"Add":     func() { b.queue.Add(x34, x34, x35) },
		"TopK":    func() { b.queue.TopK(x35, past, x34) },
		"Scale":   func() { b.queue.Scale(x34, x35, 1) },
		"Read":    func() { b.queue.Read(make([]byte, 7), x34) },
		"Write":   func() { b.queue.Write(x34, make([]byte, 7)) },
	} {
		f()
		b.queue.Add(x34, x34, x34) // does nothing after an error
		err := b.queue.Sync()
		if err == nil {
			t.Errorf("%s of tensors that don't fit gave no error", name)
		} else if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error does not name the operation: %v", name, err)
		}
		if err := b.queue.Sync(); err != nil {
			t.Errorf("%s: the error stayed after Sync: %v", name, err)
		}
	}
	b.close()
	if _, err := d.Load(&gguf.Tensor{Name: "short", Type: gguf.Q8_0, Shape: []int{2, 32}, Data: make([]byte, 34)}); err == nil {
		t.Error("loading a tensor with too little data gave no error")
	}
	open, err := d.New("left open", gguf.F32, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), open.Label) {
		t.Errorf("Close did not name the tensor that was left open: %v", err)
	}
}
