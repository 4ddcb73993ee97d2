package gpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/hip/softhip"
	"burble/inference/compute"
)

// plain hides a queue's fused operations.
type plain struct{ compute.Queue }

// fixture makes tensors on a device and frees them when the test ends.
type fixture struct {
	t   testing.TB
	d   *Device
	q   compute.Queue
	rng *rand.Rand
	all []*compute.Tensor
}

func newFixture(t testing.TB, d *Device) *fixture {
	t.Helper()
	q, err := d.NewQueue()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, d: d, q: q, rng: rand.New(rand.NewPCG(7, 11))}
	t.Cleanup(func() {
		if err := q.Sync(); err != nil {
			t.Error(err)
		}
		for _, x := range f.all {
			d.Free(x)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *fixture) make(typ gguf.Type, shape ...int) *compute.Tensor {
	f.t.Helper()
	x, err := f.d.New(fmt.Sprint(len(f.all)), typ, shape...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.all = append(f.all, x)
	return x
}

func (f *fixture) normal(shape ...int) *compute.Tensor {
	f.t.Helper()
	x := f.make(gguf.F32, shape...)
	v := make([]float32, x.Len())
	for i := range v {
		v[i] = float32(f.rng.NormFloat64())
	}
	f.q.Write(x, bytesOf(v))
	return x
}

func (f *fixture) ints(v ...int32) *compute.Tensor {
	f.t.Helper()
	x := f.make(gguf.I32, len(v))
	f.q.Write(x, unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)))
	return x
}

func (f *fixture) weight(typ gguf.Type, m, k int) *compute.Tensor {
	f.t.Helper()
	v := make([]float32, m*k)
	for i := range v {
		v[i] = float32(f.rng.NormFloat64() / math.Sqrt(float64(k)))
	}
	size, err := typ.RowBytes(k)
	if err != nil {
		f.t.Fatal(err)
	}
	data := make([]byte, size*int64(m))
	if err := gguf.Quantize(typ, data, v); err != nil {
		f.t.Fatal(err)
	}
	x, err := f.d.Load(&gguf.Tensor{Name: "blk.3.w", Type: typ, Shape: []int{m, k}, Data: data})
	if err != nil {
		f.t.Fatal(err)
	}
	f.all = append(f.all, x)
	return x
}

func (f *fixture) copyOf(x *compute.Tensor) *compute.Tensor {
	f.t.Helper()
	y := f.make(x.Type, x.Shape()...)
	f.q.Copy(y, x)
	return y
}

func (f *fixture) read(x *compute.Tensor) []float32 {
	f.t.Helper()
	v := make([]float32, x.Len())
	f.q.Read(bytesOf(v), x)
	if err := f.q.Sync(); err != nil {
		f.t.Fatal(err)
	}
	return v
}

func (f *fixture) halves(x *compute.Tensor) []float32 {
	f.t.Helper()
	h := make([]uint16, x.Len())
	f.q.Read(unsafe.Slice((*byte)(unsafe.Pointer(&h[0])), 2*len(h)), x)
	if err := f.q.Sync(); err != nil {
		f.t.Fatal(err)
	}
	v := make([]float32, len(h))
	for i := range h {
		v[i] = gguf.F16ToF32(h[i])
	}
	return v
}

func bytesOf(v []float32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)) }

// close asserts that two results differ by rounding only.
func (f *fixture) close(what string, got, want []float32, tolerance float64) {
	f.t.Helper()
	var d, w float64
	for i := range want {
		d += math.Pow(float64(got[i])-float64(want[i]), 2)
		w += math.Pow(float64(want[i]), 2)
	}
	if e := math.Sqrt(d / w); !(e <= tolerance) || w == 0 {
		f.t.Errorf("%s: relative error %.2e, allowed %.2e", what, e, tolerance)
	}
}

// onEach runs a test on the software device with both widths of a warp, and on the machine's GPU where asked for.
func onEach(t *testing.T, test func(t *testing.T, f *fixture)) {
	for _, warp := range []int{32, 64} {
		t.Run(fmt.Sprintf("warp%d", warp), func(t *testing.T) {
			d, _ := soft(t, softhip.Config{Warp: warp, Seed: 5}, Options{})
			test(t, newFixture(t, d))
		})
	}
	t.Run("gpu", func(t *testing.T) { test(t, newFixture(t, real(t, Options{}))) })
}

// TestFused holds the fused operations to the plain ones.
func TestFused(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		for _, n := range []int{1, 3, 8, 20} {
			const d, m, ffn = 256, 72, 96
			a, b, w := f.normal(n, d), f.normal(n, d), f.normal(d)
			sum, out := f.make(gguf.F32, n, d), f.make(gguf.F32, n, d)
			wantSum, want := f.make(gguf.F32, n, d), f.make(gguf.F32, n, d)
			compute.AddRMSNorm(plain{f.q}, want, wantSum, a, b, w, 1e-5)
			compute.AddRMSNorm(f.q, out, sum, a, b, w, 1e-5)
			f.close("AddRMSNorm", f.read(out), f.read(want), 1e-6)
			f.close("AddRMSNorm's sum", f.read(sum), f.read(wantSum), 1e-7)
			inPlace, residual := f.copyOf(b), f.copyOf(a)
			compute.AddRMSNorm(f.q, inPlace, residual, residual, inPlace, w, 1e-5)
			f.close("AddRMSNorm in place", f.read(inPlace), f.read(want), 1e-6)

			for _, types := range [][3]gguf.Type{{gguf.Q4_K, gguf.Q4_K, gguf.Q6_K}, {gguf.Q8_0, gguf.Q8_0, gguf.Q8_0}, {gguf.F16, gguf.F16, gguf.F16}} {
				var fast, slow []compute.Projection
				for i, typ := range types {
					p := compute.Projection{Out: f.make(gguf.F32, n, m+i), W: f.weight(typ, m+i, d)}
					if i == 1 {
						p.Bias = f.normal(m + i)
					}
					fast = append(fast, p)
					p.Out = f.make(gguf.F32, n, m+i)
					slow = append(slow, p)
				}
				// In place of the normalised row, which the norm has left in scratch memory as bytes.
				compute.Project(f.q, inPlace, fast...)
				compute.Project(plain{f.q}, want, slow...)
				for i := range fast {
					f.close(fmt.Sprintf("Project %s n=%d", types[i], n), f.read(fast[i].Out), f.read(slow[i].Out), 1e-5)
				}
				gate, up := f.weight(types[0], ffn, d), f.weight(types[0], ffn, d)
				g, u := f.make(gguf.F32, n, ffn), f.make(gguf.F32, n, ffn)
				x, y := f.make(gguf.F32, n, ffn), f.make(gguf.F32, n, ffn)
				compute.ProjectGLU(f.q, x, g, u, inPlace, gate, up, compute.SiLU)
				compute.ProjectGLU(plain{f.q}, y, g, u, want, gate, up, compute.SiLU)
				f.close(fmt.Sprintf("ProjectGLU %s n=%d", types[0], n), f.read(x), f.read(y), 1e-5)
			}
		}
	})
}

// TestRopeStoreKV holds the fused step before attention to the plain ones.
// TestGatedUnitsAsBytes holds the kernel that also quantises its result, and the product that takes it, to the plain operations.
func TestGatedUnitsAsBytes(t *testing.T) {
	test := func(t *testing.T, f *fixture) {
		for _, typ := range []gguf.Type{gguf.Q4_K, gguf.Q6_K, gguf.Q8_0} {
			const k, m = 512, 256
			x, wGate, wUp, wDown := f.normal(1, k), f.weight(typ, m, k), f.weight(typ, m, k), f.weight(typ, k, m)
			run := func(n int) (down []float32) { // n rows of the same x; only a single one is quantised on the way
				rows, out := f.make(gguf.F32, n, k), f.make(gguf.F32, n, k)
				for i := range n {
					f.q.Copy(rows.Slice(0, i, i+1), x)
				}
				wide, gate, up := f.make(gguf.F32, n, m), f.make(gguf.F32, n, m), f.make(gguf.F32, n, m)
				compute.ProjectGLU(f.q, wide, gate, up, rows, wGate, wUp, compute.SiLU)
				f.q.MatMul(out, wide, wDown)
				// A change of the result must not meet the bytes made before it.
				f.q.Scale(wide, wide, 2)
				twice := f.make(gguf.F32, n, k)
				f.q.MatMul(twice, wide, wDown)
				return append(f.read(out)[:k:k], f.read(twice)[:k]...)
			}
			one := run(1)
			f.close(typ.String(), one, run(2), 1e-5)
			for i := range k {
				if d := math.Abs(float64(one[k+i] - 2*one[i])); d > 1e-4 {
					t.Fatalf("%s: element %d is %g, and %g after doubling", typ, i, one[i], one[k+i])
				}
			}
		}
	}
	t.Run("soft", func(t *testing.T) {
		d, _ := soft(t, softhip.Config{}, Options{})
		test(t, newFixture(t, d))
		if d.modules["weight_Q4_K"].functions["matvec_glu_bytes"] == nil {
			t.Error("the kernel was not used")
		}
	})
	t.Run("gpu", func(t *testing.T) { test(t, newFixture(t, real(t, Options{}))) })
}

func TestRopeStoreKV(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		for _, norms := range []bool{false, true} {
			for _, interleaved := range []bool{false, true} {
				const n, heads, kv, d, slots = 3, 6, 2, 64, 10
				freq := make([]float32, d/2)
				for i := range freq {
					freq[i] = float32(math.Pow(10000, -2*float64(i)/d))
				}
				inv := f.make(gguf.F32, d/2)
				f.q.Write(inv, bytesOf(freq))
				s := compute.RopeStore{Q: f.normal(n, heads, d), K: f.normal(n, kv, d), V: f.normal(n, kv, d),
					KCache: f.make(gguf.F16, slots, kv, d), VCache: f.make(gguf.F16, slots, kv, d), Past: f.ints(8),
					Rope: compute.Rope{InvFreq: inv, Interleaved: interleaved, Magnitude: 1.1}, Eps: 1e-6}
				if norms {
					s.QNorm, s.KNorm = f.normal(d), f.normal(d)
				}
				p := s
				p.Q, p.K = f.copyOf(s.Q), f.copyOf(s.K)
				p.KCache, p.VCache = f.make(gguf.F16, slots, kv, d), f.make(gguf.F16, slots, kv, d)
				compute.RopeStoreKV(f.q, s)
				compute.RopeStoreKV(plain{f.q}, p)
				name := fmt.Sprintf("norms=%v interleaved=%v", norms, interleaved)
				f.close("queries "+name, f.read(s.Q), f.read(p.Q), 1e-6)
				f.close("keys "+name, f.read(s.K), f.read(p.K), 1e-6)
				f.close("key cache "+name, f.halves(s.KCache), f.halves(p.KCache), 1e-4)
				f.close("value cache "+name, f.halves(s.VCache), f.halves(p.VCache), 1e-7)
			}
		}
	})
}

// TestReplay runs a pass with the same key three times: issued, captured, replayed. Each must see the data of its time,
// and the same operations without a key must agree.
func TestReplay(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		const d = 256
		x, w, h, out := f.normal(1, d), f.normal(d), f.make(gguf.F32, 1, d), f.make(gguf.F32, 1, d)
		wq, past := f.weight(gguf.Q4_K, d, d), f.ints(0)
		best, bestValue := f.make(gguf.I32, 1, 1), f.make(gguf.F32, 1, 1)
		kc, vc := f.make(gguf.F16, 300, 2, 64), f.make(gguf.F16, 300, 2, 64)
		pass := func(q compute.Queue) {
			q.RMSNorm(h, x, w, 1e-6)
			q.MatMul(out, h, wq)
			q.StoreKV(kc, vc, out.Slice(1, 0, 128).Heads(2), out.Slice(1, 128, 256).Heads(2), past)
			q.Attend(h.Heads(4), out.Heads(4), kc, vc, past, compute.Attention{Scale: 0.125, Bound: 256})
			q.MatMul(out, h, wq)
			q.Add(out, out, x)
			q.TopK(bestValue, best, out)
		}
		key := compute.Key{Segment: 1, Rows: 1, Bound: 256}
		for round := range 5 {
			v := make([]float32, d)
			for i := range v {
				v[i] = float32(f.rng.NormFloat64())
			}
			f.q.Write(x, bytesOf(v))
			p := []int32{int32(round)}
			f.q.Write(past, unsafe.Slice((*byte)(unsafe.Pointer(&p[0])), 4))
			f.q.Run(key, pass)
			got := f.read(out)
			f.q.Run(compute.Key{}, pass)
			want := f.read(out)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("round %d: element %d is %g, without a graph %g", round, i, got[i], want[i])
				}
			}
		}
		q := f.q.(*Queue)
		if q.GraphsOff() != nil || q.graphs[key] == nil || q.graphs[key].graph == nil {
			t.Errorf("the pass was not captured: %v", q.GraphsOff())
		}
	})
}

// TestWithoutMatrixKernels holds the fallbacks to the kernels they stand in for.
func TestWithoutMatrixKernels(t *testing.T) {
	d, _ := soft(t, softhip.Config{}, Options{Disabled: []string{"gemm", "attend_tile"}})
	f := newFixture(t, d)
	x, w := f.normal(20, 256), f.weight(gguf.Q4_K, 40, 256)
	out, rows := f.make(gguf.F32, 20, 40), f.make(gguf.F32, 20, 40)
	f.q.MatMul(out, x, w)
	for i := range 20 {
		f.q.MatMul(rows.Slice(0, i, i+1), x.Slice(0, i, i+1), w)
	}
	f.close("MatMul in groups of rows", f.read(out), f.read(rows), 1e-6)
	if d.modules["weight_Q4_K"].functions["gemm_32"] != nil || d.modules["weight_Q4_K"].functions["gemm_128"] != nil {
		t.Error("a disabled kernel was used")
	}
	kc, vc := f.make(gguf.F16, 32, 1, 64), f.make(gguf.F16, 32, 1, 64)
	q := f.normal(20, 2, 64)
	f.q.StoreKV(kc, vc, f.normal(20, 1, 64), f.normal(20, 1, 64), f.ints(0))
	f.q.Attend(f.make(gguf.F32, 20, 2, 64), q, kc, vc, f.ints(0), compute.Attention{Scale: 0.1, Bound: 32})
	f.read(x)
	if d.modules["attention_tile"].functions["attend_tile_64"] != nil {
		t.Error("a disabled kernel was used")
	}
}
