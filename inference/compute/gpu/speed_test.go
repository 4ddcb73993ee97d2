package gpu

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/gguf"
	"burble/hip"
	"burble/inference/compute"
)

// TestSpeed measures synthetic models of the shapes in BURBLE_SPEED, such as "llama-8b:Q4_K_M,llama-1b:Q4_K_M", on the
// machine's GPU: tokens/s of a prompt of 512 and of 128 answered tokens, and what a token costs outside the kernels.
func TestSpeed(t *testing.T) {
	list := os.Getenv("BURBLE_SPEED")
	if list == "" || realGPU() == "" {
		t.Skip("set BURBLE_TEST_GPU and BURBLE_SPEED=llama-8b:Q4_K_M,… to measure")
	}
	dir := os.Getenv("BURBLE_SPEED_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	for _, name := range strings.Split(list, ",") {
		t.Run(name, func(t *testing.T) {
			shape, mix, _ := strings.Cut(name, ":")
			path := filepath.Join(dir, shape+"-"+mix+".gguf")
			if _, err := os.Stat(path); err != nil {
				if err := gguf.Synth(path, shape, mix, 1); err != nil {
					t.Fatal(err)
				}
			}
			d := real(t, Options{})
			start := time.Now()
			l := loadModel(t, d, path, 512, 1024, gguf.F16)
			defer l.close(t)
			loading := time.Since(start)
			measure(t, name, l, loading)
		})
	}
}

func measure(t *testing.T, name string, l *loaded, loading time.Duration) {
	t.Helper()
	ctx := context.Background()
	ids := make([]int32, 512)
	for i := range ids {
		ids[i] = int32(i*37%1000 + 10)
	}
	run := func(ids []int32, past int) time.Duration {
		start := time.Now()
		if err := l.m.Forward(ctx, l.cache, ids, past, true); err != nil {
			t.Fatal(err)
		}
		if _, err := l.m.Best(); err != nil {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	var prefill, decode []time.Duration
	for range 6 {
		prefill = append(prefill, run(ids, 0))
	}
	for i := range 3 {
		run(ids[:1], 100+i) // issued, captured, replayed
	}
	for i := range 128 {
		decode = append(decode, run(ids[i:i+1], 103+i))
	}
	slices.Sort(prefill)
	slices.Sort(decode)
	p, d := prefill[len(prefill)/2], decode[len(decode)/2]
	t.Logf("SPEED %-18s prefill %8.0f t/s (%v)  decode %7.1f t/s (%v, best %v)  read %.0f GB/s  loaded in %v (%.1f GB/s)", name,
		512/p.Seconds(), p.Round(10*time.Microsecond), 1/d.Seconds(), d.Round(time.Microsecond), decode[0].Round(time.Microsecond),
		float64(l.f.Size())/d.Seconds()/1e9, loading.Round(time.Millisecond), float64(l.f.Size())/loading.Seconds()/1e9)
	if q := l.d.queue; q.GraphsOff() != nil {
		t.Logf("graphs are off: %v", q.GraphsOff())
	}
}

// timed is the device's median time of a few operations.
func timed(t *testing.T, f *fixture, rounds int, issue func(i int)) time.Duration {
	t.Helper()
	s := f.d.Stream()
	var times []time.Duration
	for i := range rounds {
		start, err := f.d.dev.NewTimer()
		if err != nil {
			t.Fatal(err)
		}
		end, err := f.d.dev.NewTimer()
		if err != nil {
			t.Fatal(err)
		}
		s.Record(start)
		issue(i)
		s.Record(end)
		if err := f.q.Sync(); err != nil {
			t.Fatal(err)
		}
		d, err := hip.Elapsed(start, end)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, d)
		for _, e := range []*hip.Event{start, end} {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// replayed is the device's median time of a captured pass over what issue issues.
func replayed(t *testing.T, f *fixture, segment int, issue func(compute.Queue)) time.Duration {
	t.Helper()
	key := compute.Key{Segment: segment}
	for range 3 {
		f.q.Run(key, issue)
	}
	if err := f.q.Sync(); err != nil {
		t.Fatal(err)
	}
	return timed(t, f, 12, func(int) { f.q.Run(key, issue) })
}

// TestDecodeProfile measures what every operation of a decoded token takes in a captured pass, in the shapes of Llama 1B and 8B. Each
// is repeated over weights that differ.
func TestDecodeProfile(t *testing.T) {
	f := newFixture(t, real(t, Options{}))
	for module, names := range map[string][]string{"weight_Q4_K": {"matvec_1", "matvec_glu_1", "matvec_glu_bytes"},
		"attention": {"attend_f16_4_8", "attend_f16_4_16"}, "norm": {"rms_norm"}} {
		if err := f.d.compile(context.Background(), []string{module}); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			k, err := f.d.modules[module].function(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("KERNEL %s: %+v", name, k.Info())
		}
	}
	segment := 100
	log := func(name string, n int, bytes int, issue func(q compute.Queue, i int)) {
		segment++
		d := replayed(t, f, segment, func(q compute.Queue) {
			for i := range n {
				issue(q, i)
			}
		}) / time.Duration(n)
		rate := ""
		if bytes > 0 {
			rate = fmt.Sprintf("%6.0f GB/s", float64(bytes)/d.Seconds()/1e9)
		}
		t.Logf("PROFILE %-34s %8v %s", name, d, rate)
	}
	for _, m := range []struct {
		name                             string
		dim, heads, kv, head, ffn, vocab int
	}{{"1B", 2048, 32, 8, 64, 8192, 128256}, {"8B", 4096, 32, 8, 128, 14336, 128256}} {
		const layers = 16
		load := func(typ gguf.Type, rows, cols, n int) (ws []*compute.Tensor, bytes int) {
			data := f.randomWeight(typ, rows, cols)
			for range n {
				w, err := f.d.Load(&gguf.Tensor{Name: "w", Type: typ, Shape: []int{rows, cols}, Data: data})
				if err != nil {
					t.Fatal(err)
				}
				f.all = append(f.all, w)
				ws = append(ws, w)
			}
			return ws, len(data)
		}
		x, y, sum, norm := f.normal(1, m.dim), f.normal(1, m.dim), f.make(gguf.F32, 1, m.dim), f.normal(m.dim)
		log(m.name+" add and norm", 64, 0, func(q compute.Queue, i int) { compute.AddRMSNorm(q, y, sum, x, x, norm, 1e-5) })
		for _, typ := range []gguf.Type{gguf.Q4_K, gguf.Q6_K, gguf.Q8_0} {
			qw, qb := load(typ, m.heads*m.head, m.dim, layers)
			kw, kb := load(typ, m.kv*m.head, m.dim, layers)
			gw, gb := load(typ, m.ffn, m.dim, layers)
			dw, db := load(typ, m.dim, m.ffn, layers)
			qo, ko, vo := f.make(gguf.F32, 1, m.heads*m.head), f.make(gguf.F32, 1, m.kv*m.head), f.make(gguf.F32, 1, m.kv*m.head)
			wide, gate, up := f.normal(1, m.ffn), f.make(gguf.F32, 1, m.ffn), f.make(gguf.F32, 1, m.ffn)
			name := m.name + " " + typ.String() + " "
			log(name+"q, k, v", layers, qb+2*kb, func(q compute.Queue, i int) {
				compute.Project(q, x, compute.Projection{Out: qo, W: qw[i]}, compute.Projection{Out: ko, W: kw[i]}, compute.Projection{Out: vo, W: kw[(i+8)%layers]})
			})
			log(name+"o", layers, qb, func(q compute.Queue, i int) { q.MatMul(y, x, qw[i]) })
			log(name+"gate and up", layers, 2*gb, func(q compute.Queue, i int) {
				compute.ProjectGLU(q, wide, gate, up, x, gw[i], gw[(i+8)%layers], compute.SiLU)
			})
			log(name+"gate and up, not quantised", layers, 2*gb, func(q compute.Queue, i int) { // a width that the other kernel does not take
				m := m.ffn - 16
				compute.ProjectGLU(q, wide.Slice(1, 0, m), gate.Slice(1, 0, m), up.Slice(1, 0, m), x, gw[i].Slice(0, 0, m), gw[(i+8)%layers].Slice(0, 0, m), compute.SiLU)
			})
			log(name+"down", layers, db, func(q compute.Queue, i int) { q.MatMul(y, wide, dw[i]) })
		}
		hw, hb := load(gguf.Q6_K, m.vocab, m.dim, 2)
		logits, best, value := f.normal(1, m.vocab), f.make(gguf.I32, 1, 1), f.make(gguf.F32, 1, 1)
		log(m.name+" head", 4, hb, func(q compute.Queue, i int) { q.MatMul(logits, x, hw[i%2]) })
		log(m.name+" arg-max", 16, 0, func(q compute.Queue, i int) { q.TopK(value, best, logits) })
		freq, past := f.normal(m.head/2), f.ints(100)
		kc, vc := f.make(gguf.F16, 8192, m.kv, m.head), f.make(gguf.F16, 8192, m.kv, m.head)
		q3, k3, v3, o3 := f.normal(1, m.heads, m.head), f.normal(1, m.kv, m.head), f.normal(1, m.kv, m.head), f.make(gguf.F32, 1, m.heads, m.head)
		log(m.name+" rope and store", 32, 0, func(q compute.Queue, i int) {
			compute.RopeStoreKV(q, compute.RopeStore{Q: q3, K: k3, V: v3, KCache: kc, VCache: vc, Past: past, Rope: compute.Rope{InvFreq: freq}})
		})
		for _, at := range []struct{ past, bound int }{{100, 256}, {600, 1024}, {4090, 4096}} {
			p := f.ints(int32(at.past))
			log(fmt.Sprintf("%s attention at %d", m.name, at.past), 32, 0, func(q compute.Queue, i int) {
				q.Attend(o3, q3, kc, vc, p, compute.Attention{Scale: 0.09, Bound: at.bound})
			})
		}
	}
}

// TestKernelSpeed measures single kernels on the machine's GPU, in the shapes of an 8B model. Every launch is part of a run of
// 16 on weights that differ, so that they don't lie in the cache.
func TestKernelSpeed(t *testing.T) {
	f := newFixture(t, real(t, Options{}))
	const k, batch = 4096, 16
	x1, x512 := f.normal(1, k), f.normal(512, k)
	for _, typ := range []gguf.Type{gguf.Q4_K, gguf.Q6_K, gguf.Q8_0, gguf.Q4_0, gguf.Q5_K, gguf.F16} {
		for _, m := range []int{1024, 4096, 14336} {
			data := f.randomWeight(typ, m, k)
			var ws []*compute.Tensor
			for range batch {
				w, err := f.d.Load(&gguf.Tensor{Name: "w", Type: typ, Shape: []int{m, k}, Data: data})
				if err != nil {
					t.Fatal(err)
				}
				f.all = append(f.all, w)
				ws = append(ws, w)
			}
			out1, out512 := f.make(gguf.F32, 1, m), f.make(gguf.F32, 512, m)
			one := timed(t, f, 12, func(int) {
				for _, w := range ws {
					f.q.MatMul(out1, x1, w)
				}
			}) / batch
			many := timed(t, f, 6, func(int) {
				for _, w := range ws[:4] {
					f.q.MatMul(out512, x512, w)
				}
			}) / 4
			t.Logf("KERNEL %-5s %5d×%d  1 row: %8v %6.0f GB/s   512 rows: %8v %5.0f TFLOP/s", typ, m, k, one,
				float64(len(data))/one.Seconds()/1e9, many, 2*512*float64(m)*k/many.Seconds()/1e12)
		}
	}
	for _, past := range []int{0, 500, 4000, 16000} {
		kc, vc, p := f.make(gguf.F16, 16384, 8, 128), f.make(gguf.F16, 16384, 8, 128), f.ints(int32(past))
		for _, n := range []int{1, 256} {
			q, out := f.normal(n, 32, 128), f.make(gguf.F32, n, 32, 128)
			d := timed(t, f, 8, func(int) {
				for range 8 {
					f.q.Attend(out, q, kc, vc, p, compute.Attention{Scale: 0.09, Bound: past + 256})
				}
			}) / 8
			t.Logf("KERNEL attention %3d queries after %5d: %v", n, past, d)
		}
	}
	y, w, s := f.normal(1, k), f.normal(k), f.make(gguf.F32, 1, k)
	d := timed(t, f, 8, func(int) {
		for range 100 {
			compute.AddRMSNorm(f.q, s, y, y, y, w, 1e-5)
		}
	}) / 100
	t.Logf("KERNEL AddRMSNorm %d: %v", k, d)
	logits, best, value := f.normal(1, 128256), f.make(gguf.I32, 1, 1), f.make(gguf.F32, 1, 1)
	d = timed(t, f, 8, func(int) { f.q.TopK(value, best, logits) })
	t.Logf("KERNEL arg-max of 128256: %v", d)
	ids, values := f.make(gguf.I32, 1, 64), f.make(gguf.F32, 1, 64)
	d = timed(t, f, 8, func(int) { f.q.TopK(values, ids, logits) })
	t.Logf("KERNEL top 64 of 128256: %v", d)
}

// randomWeight quantises a few rows and repeats them.
func (f *fixture) randomWeight(typ gguf.Type, m, k int) []byte {
	f.t.Helper()
	const rows = 16
	v := make([]float32, rows*k)
	for i := range v {
		v[i] = float32(f.rng.NormFloat64() / 64)
	}
	size, err := typ.RowBytes(k)
	if err != nil {
		f.t.Fatal(err)
	}
	some := make([]byte, size*rows)
	if err := gguf.Quantize(typ, some, v); err != nil {
		f.t.Fatal(err)
	}
	data := make([]byte, 0, size*int64(m))
	for len(data) < int(size)*m {
		data = append(data, some...)
	}
	return data[:size*int64(m)]
}

// TestLaunchCost measures what a launch and a replayed node cost.
func TestLaunchCost(t *testing.T) {
	f := newFixture(t, real(t, Options{}))
	x, w := f.normal(1, 256), f.normal(256)
	const n = 1000
	issue := func(q compute.Queue) {
		for range n {
			q.RMSNorm(x, x, w, 1e-5)
		}
	}
	issue(f.q)
	if err := f.q.Sync(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	issue(f.q)
	host := time.Since(start)
	if err := f.q.Sync(); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	key := compute.Key{Segment: 9}
	for range 2 {
		f.q.Run(key, issue)
	}
	if err := f.q.Sync(); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	f.q.Run(key, issue)
	if err := f.q.Sync(); err != nil {
		t.Fatal(err)
	}
	t.Logf("COST %s", fmt.Sprintf("a launch: %v on the host, %v with its kernel; a replayed node with its kernel: %v", host/n, whole/n, time.Since(start)/n))
}
