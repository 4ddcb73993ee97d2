package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"burble/gguf"
	"burble/inference/compute"
)

// Report is what a self-test found. It says which GPU, driver and kernels it is true of, so that it can be remembered.
type Report struct {
	GPU, Target, Driver string
	Kernels             string // a hash of the kernels' sources and their options
	Checks              []Check
}

// Check is one kernel's result.
type Check struct {
	Name     string // "gemm Q4_K"
	Error    float64
	Allowed  float64
	Time     time.Duration // of one launch, waiting included
	Failure  string        // why it could not run or was wrong; empty when it is right
	Fallback string        // what to put into Options.Disabled to do without it; empty where there is nothing else
}

// Failed lists the checks that did not pass.
func (r *Report) Failed() []Check {
	var list []Check
	for _, c := range r.Checks {
		if c.Failure != "" {
			list = append(list, c)
		}
	}
	return list
}

// Disabled is what Options.Disabled should hold on this GPU.
func (r *Report) Disabled() []string {
	var list []string
	seen := map[string]bool{}
	for _, c := range r.Failed() {
		if c.Fallback != "" && !seen[c.Fallback] {
			seen[c.Fallback] = true
			list = append(list, c.Fallback)
		}
	}
	return list
}

// Err is an error naming a kernel that failed and that nothing stands in for: the GPU can't be used. It is nil otherwise.
func (r *Report) Err() error {
	for _, c := range r.Failed() {
		if c.Fallback == "" {
			return fmt.Errorf("gpu: %s (%s) failed the self-test: %s: %s", r.GPU, r.Target, c.Name, c.Failure)
		}
	}
	return nil
}

// selfTest is a self-test that is running.
type selfTest struct {
	d      *Device
	q      compute.Queue
	rng    *rand.Rand
	owned  []*compute.Tensor
	report *Report
	err    error
}

// SelfTest holds the kernels to references computed on the CPU in float64, on random data. It needs the device's queue to
// be closed, and leaves it closed. The error is of the GPU itself, such as a hang; wrong results are in the report.
func SelfTest(ctx context.Context, d *Device) (*Report, error) {
	hash, err := kernelsHash(d.warp)
	if err != nil {
		return nil, err
	}
	if err := d.compile(ctx, testedModules()); err != nil { // together, which is faster than one after the other
		return nil, err
	}
	q, err := d.NewQueue()
	if err != nil {
		return nil, err
	}
	t := &selfTest{d: d, q: q, rng: rand.New(rand.NewPCG(1, 2)),
		report: &Report{GPU: d.info.Name, Target: d.info.Target, Driver: d.rt.Version(), Kernels: hash}}
	for i := range formats {
		if t.err = ctx.Err(); t.err != nil {
			break
		}
		t.products(&formats[i])
	}
	for _, f := range []func(){t.norms, t.rope, t.attention, t.elementwise, t.topK, t.experts, t.routing, t.scans} {
		if t.err == nil {
			t.err = ctx.Err()
		}
		if t.err == nil {
			f()
		}
	}
	t.free()
	if err := q.Close(); t.err == nil {
		t.err = err
	}
	return t.report, t.err
}

func (t *selfTest) free() {
	for _, x := range t.owned {
		t.d.Free(x)
	}
	t.owned = nil
}

// values is n normally distributed numbers.
func (t *selfTest) values(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(t.rng.NormFloat64())
	}
	return v
}

// tensor makes a tensor; after an error it is nil, and nothing more is done with it.
func (t *selfTest) tensor(typ gguf.Type, shape ...int) *compute.Tensor {
	if t.err != nil {
		return nil
	}
	x, err := t.d.New("self-test", typ, shape...)
	if err != nil {
		t.err = err
		return nil
	}
	t.owned = append(t.owned, x)
	return x
}

func (t *selfTest) upload(v []float32, shape ...int) *compute.Tensor {
	x := t.tensor(gguf.F32, shape...)
	if x != nil {
		b := make([]byte, 0, 4*len(v))
		for _, f := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
		t.q.Write(x, b)
	}
	return x
}

func (t *selfTest) ints(v ...int32) *compute.Tensor {
	x := t.tensor(gguf.I32, len(v))
	if x != nil {
		b := make([]byte, 0, 4*len(v))
		for _, n := range v {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		t.q.Write(x, b)
	}
	return x
}

// check runs a kernel twice, times the second run, and compares out with what it should be.
func (t *selfTest) check(name, fallback string, allowed float64, out *compute.Tensor, want []float64, issue func()) {
	if t.err != nil {
		return
	}
	c := Check{Name: name, Allowed: allowed, Fallback: fallback}
	issue()
	err := t.q.Sync()
	if err == nil {
		start := time.Now()
		issue()
		err = t.q.Sync()
		c.Time = time.Since(start)
	}
	if err == nil {
		got := make([]byte, 4*out.Len())
		t.q.Read(got, out)
		if err = t.q.Sync(); err == nil {
			c.Error = difference(got, want)
			if !(c.Error <= allowed) { // NaN is not
				c.Failure = fmt.Sprintf("its results are off by %.2g, %.2g are allowed", c.Error, allowed)
			}
		}
	}
	if err != nil {
		c.Failure = err.Error()
		if t.d.stream.Err() != nil {
			t.err = err // the GPU is lost
		}
	}
	t.report.Checks = append(t.report.Checks, c)
}

// difference is ‖got − want‖ / ‖want‖ of floats in memory.
func difference(got []byte, want []float64) float64 {
	var d, w float64
	for i, x := range want {
		g := float64(math.Float32frombits(binary.LittleEndian.Uint32(got[4*i:])))
		d += (g - x) * (g - x)
		w += x * x
	}
	return math.Sqrt(d / max(w, math.SmallestNonzeroFloat64))
}

// products checks everything that reads weights of one format.
func (t *selfTest) products(f *format) {
	const m, k = 200, 512
	weight, w := t.weights(f, m, k)
	if t.err != nil {
		return
	}
	defer t.free()
	for _, n := range []int{1, 2, 4, 8, 40, 150} {
		x := t.values(n * k)
		want := make([]float64, n*m)
		for i := range n {
			for j := range m {
				var s float64
				for l := range k {
					s += float64(x[i*k+l]) * float64(w[j*k+l])
				}
				want[i*m+j] = s
			}
		}
		name, fallback, allowed := "matvec", "", 0.015
		switch {
		case f.quantised && n > matvecRows, f.matrix && n > matvecRows:
			name, fallback, allowed = "gemm", "gemm", 2e-3
		case !f.quantised:
			name, allowed = "matvec_float", 1e-5
		}
		in, out := t.upload(x, n, k), t.tensor(gguf.F32, n, m)
		t.check(fmt.Sprintf("%s %s, %d rows", name, f.name, n), fallback, allowed, out, want, func() { t.q.MatMul(out, in, weight) })
	}
	ids := []int32{3, 0, m - 1}
	var want []float64
	for _, id := range ids {
		for _, v := range w[int(id)*k:][:k] {
			want = append(want, float64(v))
		}
	}
	rows, out := t.ints(ids...), t.tensor(gguf.F32, len(ids), k)
	t.check("embed "+f.name, "", 1e-6, out, want, func() { t.q.Embed(out, weight, rows) })
}

func (t *selfTest) norms() {
	defer t.free()
	for _, d := range []int{128, 4096} {
		const n, eps = 3, 1e-5
		x, y, w := t.values(n*d), t.values(n*d), t.values(d)
		rms, layer := make([]float64, n*d), make([]float64, n*d)
		for r := range n {
			var square, mean, variance float64
			for j := range d {
				s := float64(x[r*d+j]) + float64(y[r*d+j])
				square += s * s / float64(d)
				mean += float64(x[r*d+j]) / float64(d)
			}
			for j := range d {
				variance += math.Pow(float64(x[r*d+j])-mean, 2) / float64(d)
			}
			for j := range d {
				rms[r*d+j] = (float64(x[r*d+j]) + float64(y[r*d+j])) / math.Sqrt(square+eps) * float64(w[j])
				layer[r*d+j] = (float64(x[r*d+j]) - mean) / math.Sqrt(variance+eps) * float64(w[j])
			}
		}
		a, b, wt := t.upload(x, n, d), t.upload(y, n, d), t.upload(w, d)
		sum, out := t.tensor(gguf.F32, n, d), t.tensor(gguf.F32, n, d)
		t.check(fmt.Sprintf("rms_norm after an addition, rows of %d", d), "", 1e-5, out, rms,
			func() { compute.AddRMSNorm(t.q, out, sum, a, b, wt, eps) })
		t.check(fmt.Sprintf("layer_norm, rows of %d", d), "", 1e-5, out, layer, func() { t.q.LayerNorm(out, a, wt, nil, eps) })
	}
}

func (t *selfTest) rope() {
	defer t.free()
	const n, heads, d, past = 2, 3, 64, 12345
	x, freq := t.values(n*heads*d), make([]float32, d/2)
	for j := range freq {
		freq[j] = float32(math.Pow(10000, -2*float64(j)/d))
	}
	inv, at := t.upload(freq, d/2), t.ints(past)
	for _, interleaved := range []bool{false, true} {
		want := make([]float64, len(x))
		for r := range n * heads {
			for j, f := range freq {
				sin, cos := math.Sincos(float64(past+r/heads) * float64(f))
				a, b := r*d+j, r*d+j+d/2
				if interleaved {
					a, b = r*d+2*j, r*d+2*j+1
				}
				want[a], want[b] = float64(x[a])*cos-float64(x[b])*sin, float64(x[a])*sin+float64(x[b])*cos
			}
		}
		in, out := t.upload(x, n, heads, d), t.tensor(gguf.F32, n, heads, d)
		t.check(fmt.Sprintf("rope_store, interleaved %v", interleaved), "", 1e-5, out, want, func() {
			t.q.Copy(out, in) // it works in place
			t.q.Rope(out, at, compute.Rope{InvFreq: inv, Interleaved: interleaved})
		})
	}
}

func (t *selfTest) attention() {
	const slots, past = 256, 150
	for _, c := range []struct {
		typ            gguf.Type
		n, kv, g, d    int
		name, fallback string
	}{
		{gguf.F16, 1, 2, 1, 64, "attend", ""}, {gguf.F16, 2, 2, 4, 128, "attend", ""}, {gguf.F16, 1, 1, 7, 128, "attend", ""},
		{gguf.F16, 1, 2, 2, 256, "attend", ""}, {gguf.F16, 1, 1, 8, 64, "attend", ""}, {gguf.F32, 3, 2, 2, 96, "attend", ""},
		{gguf.F16, 70, 2, 2, 64, "attend_tile", "attend_tile"}, {gguf.F16, 70, 1, 3, 128, "attend_tile", "attend_tile"},
		{gguf.F16, 70, 1, 2, 256, "attend_tile", "attend_tile"}, {gguf.F16, 70, 1, 2, 96, "attend_tile_part", "attend_tile"},
		{gguf.F16, 40, 1, 2, 192, "attend_tile_part", "attend_tile"}, {gguf.F16, 1, 1, 4, 512, "attend", ""}, {gguf.F32, 2, 1, 2, 576, "attend", ""},
		{gguf.BF16, 1, 2, 2, 64, "attend", ""}, {gguf.BF16, 70, 1, 2, 128, "attend_tile", "attend_tile"},
		{gguf.Q8_0, 1, 2, 2, 128, "attend", ""}, {gguf.Q8_0, 70, 1, 2, 64, "attend_tile", "attend_tile"},
		{gguf.Q4_0, 1, 2, 2, 256, "attend", ""}, {gguf.Q4_0, 70, 1, 2, 128, "attend_tile", "attend_tile"},
	} {
		// The references don't round what the cache does.
		allowed := map[gguf.Type]float64{gguf.F32: 2e-3, gguf.F16: 2e-3, gguf.BF16: 8e-3, gguf.Q8_0: 0.02, gguf.Q4_0: 0.2}[c.typ]
		total, heads := past+c.n, c.kv*c.g
		k, v, x := t.values(total*c.kv*c.d), t.values(total*c.kv*c.d), t.values(c.n*heads*c.d)
		want := make([]float64, c.n*heads*c.d)
		scale := 1 / math.Sqrt(float64(c.d))
		for i := range c.n {
			for h := range heads {
				out := want[(i*heads+h)*c.d:][:c.d]
				var sum float64
				for p := range past + i + 1 {
					row := (p*c.kv + h/c.g) * c.d
					var s float64
					for j := range c.d {
						s += float64(x[(i*heads+h)*c.d+j]) * float64(k[row+j])
					}
					e := math.Exp(s * scale)
					sum += e
					for j := range out {
						out[j] += e * float64(v[row+j])
					}
				}
				for j := range out {
					out[j] /= sum
				}
			}
		}
		kc, vc := t.tensor(c.typ, slots, c.kv, c.d), t.tensor(c.typ, slots, c.kv, c.d)
		kt, vt, zero := t.upload(k, total, c.kv, c.d), t.upload(v, total, c.kv, c.d), t.ints(0)
		query, at, out := t.upload(x, c.n, heads, c.d), t.ints(past), t.tensor(gguf.F32, c.n, heads, c.d)
		t.check(fmt.Sprintf("%s %s, %d queries of %d×%d heads of %d", c.name, c.typ, c.n, c.kv, c.g, c.d), c.fallback, allowed, out, want, func() {
			t.q.StoreKV(kc, vc, kt, vt, zero)
			t.q.Attend(out, query, kc, vc, at, compute.Attention{Scale: float32(scale), Bound: slots})
		})
		t.free()
	}
}

func (t *selfTest) elementwise() {
	defer t.free()
	const n, d = 3, 1000
	x, y := t.values(n*d), t.values(n*d)
	want := make([]float64, n*d)
	for i := range want {
		want[i] = float64(x[i]) / (1 + math.Exp(-float64(x[i]))) * float64(y[i])
	}
	a, b, out := t.upload(x, n, d), t.upload(y, n, d), t.tensor(gguf.F32, n, d)
	t.check("elementwise", "", 1e-5, out, want, func() { t.q.GLU(out, a, b, compute.SiLU) })
}

func (t *selfTest) topK() {
	defer t.free()
	const d = 32000
	x := t.values(d)
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	in := t.upload(x, 1, d)
	values, ids := t.tensor(gguf.F32, 1, 1), t.tensor(gguf.I32, 1, 1)
	t.check("argmax", "", 0, values, []float64{float64(x[best])}, func() { t.q.TopK(values, ids, in) })
	many, places := t.tensor(gguf.F32, 1, 40), t.tensor(gguf.I32, 1, 40)
	largest := append([]float32(nil), x...)
	want := make([]float64, 40)
	for i := range want { // forty times the largest of what is left
		at := 0
		for j, v := range largest {
			if v > largest[at] {
				at = j
			}
		}
		want[i] = float64(largest[at])
		largest[at] = float32(math.Inf(-1))
	}
	t.check("topk", "", 0, many, want, func() { t.q.TopK(many, places, in) })
}
