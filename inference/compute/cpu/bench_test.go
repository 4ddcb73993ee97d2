package cpu

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// benchWeight makes a quantised weight of random values, 64 rows of them repeated.
func benchWeight(b *testing.B, d *Device, typ gguf.Type, rows, cols int) *compute.Tensor {
	b.Helper()
	size, err := typ.RowBytes(cols)
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, int64(rows)*size)
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float32, cols)
	const different = 64
	for i := range min(rows, different) {
		for j := range v {
			v[j] = float32(r.NormFloat64())
		}
		row := data[int64(i)*size : int64(i+1)*size]
		if err := gguf.Quantize(typ, row, v); err != nil { // types that only others write: any bits will do
			for j := range row {
				row[j] = byte(r.Uint32())
			}
		}
	}
	for i := different; i < rows; i++ {
		copy(data[int64(i)*size:int64(i+1)*size], data[int64(i%different)*size:])
	}
	w, err := d.Load(&gguf.Tensor{Name: "w", Type: typ, Shape: []int{rows, cols}, Data: data})
	if err != nil {
		b.Fatal(err)
	}
	return w
}

func benchTensor(b *testing.B, d *Device, q compute.Queue, typ gguf.Type, shape ...int) *compute.Tensor {
	b.Helper()
	x, err := d.New("x", typ, shape...)
	if err != nil {
		b.Fatal(err)
	}
	if typ == gguf.F32 {
		v := make([]float32, x.Len())
		r := rand.New(rand.NewPCG(3, 4))
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		q.Write(x, unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v)))
	}
	return x
}

func benchDevice(b *testing.B, level string, threads int) (*Device, compute.Queue) {
	b.Helper()
	d, err := New(Options{Kernels: level, Threads: threads})
	if err != nil {
		b.Fatal(err)
	}
	q, err := d.NewQueue()
	if err != nil {
		b.Fatal(err)
	}
	return d, q
}

// benchLoop runs step and reports the fastest of its runs: others may be using the machine.
func benchLoop(b *testing.B, q compute.Queue, step func()) (best time.Duration) {
	for b.Loop() {
		start := time.Now()
		step()
		if err := q.Sync(); err != nil {
			b.Fatal(err)
		}
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	b.ReportMetric(float64(best.Nanoseconds()), "best-ns")
	return best
}

// weightTypes are the ones that benchmarks take: the usual ones first.
var weightTypes = []gguf.Type{
	gguf.Q4_K, gguf.Q6_K, gguf.Q4_0, gguf.Q8_0, gguf.F16, gguf.BF16, gguf.Q2_K, gguf.Q3_K, gguf.Q5_K, gguf.IQ4_NL, gguf.IQ4_XS,
	gguf.MXFP4, gguf.NVFP4, gguf.IQ3_S, gguf.IQ3_XXS, gguf.IQ2_XS, gguf.IQ1_S, gguf.TQ1_0, gguf.TQ2_0,
}

// BenchmarkDecode multiplies one row by weights larger than most caches: GB/s of weights read.
func BenchmarkDecode(b *testing.B) {
	for _, level := range Levels()[:max(1, len(Levels())-1)] {
		for _, typ := range weightTypes {
			b.Run(fmt.Sprintf("%s/%s", level, typ), func(b *testing.B) {
				d, q := benchDevice(b, level, 0)
				const cols = 4096
				size, _ := typ.RowBytes(cols)
				rows := int((256 << 20) / size)
				w := benchWeight(b, d, typ, rows, cols)
				x, out := benchTensor(b, d, q, gguf.F32, 1, cols), benchTensor(b, d, q, gguf.F32, 1, rows)
				best := benchLoop(b, q, func() { q.MatMul(out, x, w) })
				b.ReportMetric(float64(int64(rows)*size)/1e9/best.Seconds(), "best-GB/s")
				b.ReportMetric(float64(rows*cols)/1e9/best.Seconds(), "best-Gweights/s")
				benchEnd(b, d, q, w, x, out)
			})
		}
	}
}

// BenchmarkPrefill multiplies 512 rows by a weight: GFLOP/s.
func BenchmarkPrefill(b *testing.B) {
	for _, level := range Levels()[:max(1, len(Levels())-1)] {
		for _, typ := range weightTypes {
			b.Run(fmt.Sprintf("%s/%s", level, typ), func(b *testing.B) {
				d, q := benchDevice(b, level, 0)
				const rows, cols, n = 2048, 2048, 512
				w := benchWeight(b, d, typ, rows, cols)
				x, out := benchTensor(b, d, q, gguf.F32, n, cols), benchTensor(b, d, q, gguf.F32, n, rows)
				best := benchLoop(b, q, func() { q.MatMul(out, x, w) })
				b.ReportMetric(2*rows*cols*n/1e9/best.Seconds(), "best-GFLOP/s")
				benchEnd(b, d, q, w, x, out)
			})
		}
	}
}

// BenchmarkAttend attends to 4096 positions, as Llama 3.2 1B does: one token, and 512.
func BenchmarkAttend(b *testing.B) {
	for _, level := range Levels()[:max(1, len(Levels())-1)] {
		for _, typ := range []gguf.Type{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0, gguf.Q4_0} {
			for _, n := range []int{1, 512} {
				b.Run(fmt.Sprintf("%s/%s/n=%d", level, typ, n), func(b *testing.B) {
					d, q := benchDevice(b, level, 0)
					const slots, heads, kvHeads, dim, layers = 4096, 32, 8, 64, 16
					k, v := benchTensor(b, d, q, typ, slots*layers, kvHeads, dim), benchTensor(b, d, q, typ, slots*layers, kvHeads, dim)
					x, out := benchTensor(b, d, q, gguf.F32, n, heads, dim), benchTensor(b, d, q, gguf.F32, n, heads, dim)
					past, err := d.New("past", gguf.I32, 1)
					if err != nil {
						b.Fatal(err)
					}
					at := int32(slots - n)
					q.Write(past, unsafe.Slice((*byte)(unsafe.Pointer(&at)), 4))
					layer := 0
					benchLoop(b, q, func() { // every time another layer, as the caches of a model don't stay in the processor's
						lo := layer % layers * slots
						layer++
						q.Attend(out, x, k.Slice(0, lo, lo+slots), v.Slice(0, lo, lo+slots), past, compute.Attention{Scale: 0.125, Bound: slots})
					})
					benchEnd(b, d, q, k, v, x, out, past)
				})
			}
		}
	}
}

// BenchmarkBarrier issues ops just large enough to be shared: the time of one is mostly that of waiting for the others.
func BenchmarkBarrier(b *testing.B) {
	d, q := benchDevice(b, "", runtime.NumCPU())
	x := benchTensor(b, d, q, gguf.F32, 2, 8192)
	const ops = 1000
	for b.Loop() {
		for range ops {
			q.Scale(x, x, 1)
		}
		if err := q.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ops, "ns/barrier")
	benchEnd(b, d, q, x)
}

func benchEnd(b *testing.B, d *Device, q compute.Queue, tensors ...*compute.Tensor) {
	b.Helper()
	for _, t := range tensors {
		d.Free(t)
	}
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	if err := d.Close(); err != nil {
		b.Fatal(err)
	}
}
