package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// BenchmarkExperts multiplies by 8 of 64 experts as Qwen3 30B-A3B has them: one token, and 256.
func BenchmarkExperts(b *testing.B) {
	for _, typ := range []gguf.Type{gguf.Q4_K, gguf.MXFP4, gguf.F16} {
		for _, n := range []int{1, 256} {
			b.Run(fmt.Sprintf("%s/n=%d", typ, n), func(b *testing.B) {
				d, q := benchDevice(b, "", 0)
				const experts, used, m, k = 64, 8, 768, 2048
				flat := benchWeight(b, d, typ, experts*m, k)
				w := compute.NewTensor("w", typ, flat.Storage, experts, m, k)
				x, out := benchTensor(b, d, q, gguf.F32, n, k), benchTensor(b, d, q, gguf.F32, n, used, m)
				ids, err := d.New("ids", gguf.I32, n, used)
				if err != nil {
					b.Fatal(err)
				}
				r := rand.New(rand.NewPCG(5, 6))
				best := benchLoop(b, q, func() {
					var list []int32
					for range n {
						for _, id := range r.Perm(experts)[:used] {
							list = append(list, int32(id))
						}
					}
					q.Write(ids, unsafe.Slice((*byte)(unsafe.Pointer(&list[0])), 4*len(list)))
					q.MatMulExperts(out, x, w, nil, ids)
				})
				size, _ := typ.RowBytes(k)
				if n == 1 {
					b.ReportMetric(float64(used*m*size)/1e9/best.Seconds(), "best-GB/s")
				} else {
					b.ReportMetric(2*used*m*k*float64(n)/1e9/best.Seconds(), "best-GFLOP/s")
				}
				benchEnd(b, d, q, flat, x, out, ids)
			})
		}
	}
}

// BenchmarkScans runs the recurrent layers of models in use: one token, and 256.
func BenchmarkScans(b *testing.B) {
	for _, n := range []int{1, 256} {
		tensor := func(d *Device, q compute.Queue, shape ...int) *compute.Tensor {
			x := benchTensor(b, d, q, gguf.F32, shape...)
			q.Scale(x, x, 0.05)
			return x
		}
		b.Run(fmt.Sprintf("DeltaScan/n=%d", n), func(b *testing.B) { // Qwen3.5's
			d, q := benchDevice(b, "", 0)
			const kHeads, heads, dim = 16, 32, 128
			s := compute.DeltaScan{
				Out: tensor(d, q, n, heads, dim), Q: tensor(d, q, n, kHeads, dim), K: tensor(d, q, n, kHeads, dim), V: tensor(d, q, n, heads, dim),
				G: tensor(d, q, n, heads), Beta: tensor(d, q, n, heads), State: tensor(d, q, heads, dim, dim),
			}
			q.Scale(s.G, s.G, 0)
			benchLoop(b, q, func() { q.DeltaScan(s) })
			benchEnd(b, d, q, s.Out, s.Q, s.K, s.V, s.G, s.Beta, s.State)
		})
		b.Run(fmt.Sprintf("SelectiveScan/n=%d", n), func(b *testing.B) { // Granite 4's
			d, q := benchDevice(b, "", 0)
			const heads, p, dim = 64, 64, 128
			s := compute.SelectiveScan{
				Out: tensor(d, q, n, heads, p), X: tensor(d, q, n, heads, p), Dt: tensor(d, q, n, heads), A: tensor(d, q, heads),
				B: tensor(d, q, n, 1, dim), C: tensor(d, q, n, 1, dim), State: tensor(d, q, heads, p, dim),
			}
			q.Scale(s.A, s.A, 0)
			benchLoop(b, q, func() { q.SelectiveScan(s) })
			benchEnd(b, d, q, s.Out, s.X, s.Dt, s.A, s.B, s.C, s.State)
		})
		b.Run(fmt.Sprintf("Conv1D/n=%d", n), func(b *testing.B) {
			d, q := benchDevice(b, "", 0)
			const channels, taps = 8192, 4
			x, out, w, state := tensor(d, q, n, channels), tensor(d, q, n, channels), tensor(d, q, channels, taps), tensor(d, q, taps-1, channels)
			benchLoop(b, q, func() { q.Conv1D(out, x, w, nil, state) })
			benchEnd(b, d, q, x, out, w, state)
		})
		b.Run(fmt.Sprintf("Route/n=%d", n), func(b *testing.B) {
			d, q := benchDevice(b, "", 0)
			scores, weights := tensor(d, q, n, 128), tensor(d, q, n, 8)
			ids, err := d.New("ids", gguf.I32, n, 8)
			if err != nil {
				b.Fatal(err)
			}
			benchLoop(b, q, func() { q.Route(ids, weights, scores, compute.Routing{Normalise: true}) })
			benchEnd(b, d, q, scores, weights, ids)
		})
	}
}
