package gpu

import (
	"testing"
	"time"

	"burble/gguf"
	"burble/inference/compute"
)

// TestLayerSpeed measures experts and recurrent layers on the machine's GPU, for one token and for 512, in the shapes of
// models that people run.
func TestLayerSpeed(t *testing.T) {
	f := newFixture(t, real(t, Options{}))
	for _, c := range []struct {
		name              string
		typ               gguf.Type
		count, used, m, k int
		routing           compute.Routing
	}{
		{name: "Qwen3 30B-A3B", typ: gguf.Q4_K, count: 128, used: 8, m: 768, k: 2048, routing: compute.Routing{Normalise: true}},
		{name: "gpt-oss 20B", typ: gguf.MXFP4, count: 32, used: 4, m: 2880, k: 2880, routing: compute.Routing{Gate: compute.GateSoftmaxChosen}},
	} {
		data := f.randomWeight(c.typ, c.count*c.m, c.k)
		var ws []*compute.Tensor
		for range 3 {
			w, err := f.d.Load(&gguf.Tensor{Name: "w", Type: c.typ, Shape: []int{c.count, c.m, c.k}, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			f.all = append(f.all, w)
			ws = append(ws, w)
		}
		bytes := float64(len(data)) / float64(c.count) * float64(c.used)
		for _, n := range []int{1, 512} {
			scores, ids, weights := f.normal(n, c.count), f.make(gguf.I32, n, c.used), f.make(gguf.F32, n, c.used)
			x, out, sum := f.normal(n, c.k), f.make(gguf.F32, n, c.used, c.m), f.make(gguf.F32, n, c.m)
			route := timed(t, f, 8, func(int) { f.q.Route(ids, weights, scores, c.routing) })
			product := timed(t, f, 12, func(i int) {
				for _, w := range ws {
					f.q.MatMulExperts(out, x, w, nil, ids)
				}
			}) / 3
			combine := timed(t, f, 8, func(int) { f.q.Combine(sum, out, weights) })
			t.Logf("LAYER %s, %d tokens: route %v, product %v (%.0f GB/s, %.1f TFLOP/s), combine %v", c.name, n, route, product,
				bytes/product.Seconds()/1e9, 2*float64(n*c.used)*float64(c.m)*float64(c.k)/product.Seconds()/1e12, combine)
		}
	}
	report := func(name string, n int, d time.Duration) { t.Logf("LAYER %s, %d tokens: %v", name, n, d) }
	for _, n := range []int{1, 512} {
		s := compute.DeltaScan{Out: f.make(gguf.F32, n, 32, 128), Q: f.normal(n, 16, 128), K: f.normal(n, 16, 128), V: f.normal(n, 32, 128),
			G: f.make(gguf.F32, n, 32), Beta: f.make(gguf.F32, n, 32), State: f.make(gguf.F32, 32, 128, 128)}
		report("delta rule of Qwen3-Next", n, timed(t, f, 8, func(int) { f.q.DeltaScan(s) }))
		m := compute.SelectiveScan{Out: f.make(gguf.F32, n, 80, 64), X: f.normal(n, 80, 64), Dt: f.make(gguf.F32, n, 80), A: f.make(gguf.F32, 80),
			B: f.normal(n, 1, 128), C: f.normal(n, 1, 128), State: f.make(gguf.F32, 80, 64, 128)}
		report("selective scan of Mamba-2 2.7B", n, timed(t, f, 8, func(int) { f.q.SelectiveScan(m) }))
		x, w, state := f.normal(n, 8192), f.normal(8192, 4), f.make(gguf.F32, 3, 8192)
		report("convolution of 8192 channels", n, timed(t, f, 8, func(int) { f.q.Conv1D(x, x, w, nil, state) }))
	}
}
