package gpu

import (
	"testing"
	"time"

	"burble/gguf"
	"burble/hip/softhip"
	"burble/inference/compute"
)

// TestBLAS holds the vendor's library to Burble's own kernels.
func TestBLAS(t *testing.T) {
	test := func(t *testing.T, plain, with *Device) {
		if on, err := with.BLAS(); !on {
			t.Skip(err)
		}
		own, blas := newFixture(t, plain), newFixture(t, with)
		for _, typ := range []gguf.Type{gguf.F16, gguf.BF16, gguf.F32} {
			const n, m, k = 20, 48, 64
			var got, want []float32
			for _, f := range []*fixture{own, blas} {
				x, w, bias := f.normal(n, k), f.weight(typ, m, k), f.normal(m)
				out, biased := f.make(gguf.F32, n, m), f.make(gguf.F32, n, m)
				f.q.MatMul(out, x, w)
				compute.Project(f.q, x, compute.Projection{Out: biased, W: w, Bias: bias})
				f.q.MatMul(f.make(gguf.F32, 3, m), x.Slice(0, 0, 3), w) // few rows are not for it
				got, want = append(f.read(out), f.read(biased)...), got
			}
			// Activations are rounded to bfloat16, or both to halves.
			blas.close(typ.String(), got, want, map[gguf.Type]float64{gguf.F16: 2e-3, gguf.BF16: 2e-2, gguf.F32: 1e-5}[typ])
		}
	}
	t.Run("soft", func(t *testing.T) {
		s := softhip.New(t, softhip.Config{Devices: 2})
		open2 := func(o Options) *Device { return open(t, s.Library, -1, o) }
		with := open2(Options{BLAS: true, Library: s.Library})
		test(t, open2(Options{}), with)
	})
	t.Run("gpu", func(t *testing.T) { test(t, real(t, Options{}), real(t, Options{BLAS: true})) })
	t.Run("missing", func(t *testing.T) {
		d, _ := soft(t, softhip.Config{}, Options{BLAS: true, Library: "/nonexistent/libblas.so"})
		if on, err := d.BLAS(); on || err == nil {
			t.Errorf("used %v, error %v", on, err)
		}
		f := newFixture(t, d)
		out := f.make(gguf.F32, 20, 32)
		f.q.MatMul(out, f.normal(20, 64), f.weight(gguf.F16, 32, 64)) // by Burble's own kernel
		f.read(out)
	})
}

// TestBLASSpeed compares the vendor's library with Burble's own kernels, in shapes of an 8B model.
func TestBLASSpeed(t *testing.T) {
	for _, blas := range []bool{false, true} {
		d := real(t, Options{BLAS: blas})
		if on, err := d.BLAS(); blas && !on {
			t.Log(err)
		}
		f := newFixture(t, d)
		for _, typ := range []gguf.Type{gguf.F16, gguf.BF16, gguf.F32} {
			for _, n := range []int{32, 512} {
				const k, m = 4096, 14336
				data := f.randomWeight(typ, m, k)
				w, err := d.Load(&gguf.Tensor{Name: "w", Type: typ, Shape: []int{m, k}, Data: data})
				if err != nil {
					t.Fatal(err)
				}
				x, out := f.normal(n, k), f.make(gguf.F32, n, m)
				took := timed(t, f, 8, func(int) { f.q.MatMul(out, x, w) })
				d.Free(w)
				t.Logf("BLAS %-5v %-5s %3d rows: %8v %5.0f TFLOP/s", blas, typ, n, took.Round(time.Microsecond), 2*float64(n)*float64(m)*k/took.Seconds()/1e12)
			}
		}
	}
}
