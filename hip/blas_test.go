package hip

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"burble/hip/softhip"
)

// testGemm multiplies small integers, which every type holds exactly, and compares with plain loops.
func testGemm(t *testing.T, g *rig, b *BLAS) {
	t.Helper()
	const n, m, k = 3, 5, 64
	for _, e := range []Element{F32, F16, BF16} {
		size := int(e.bytes())
		x, w, out := g.buffer("x", int64(n*k*size)), g.buffer("w", int64(m*k*size)), g.buffer("out", 4*n*m)
		hx, hw, ho := g.pinned(n*k*size), g.pinned(m*k*size), g.pinned(4*n*m)
		value := func(i int) float32 { return float32(i*7%11 - 5) }
		put := func(p []byte, i int, v float32) {
			switch bits := math.Float32bits(v); e {
			case F32:
				binary.LittleEndian.PutUint32(p[4*i:], bits)
			case BF16:
				binary.LittleEndian.PutUint16(p[2*i:], uint16(bits>>16))
			case F16: // a small integer is normal in half precision, or zero
				h := uint16(0)
				if v != 0 {
					h = uint16(bits>>16&0x8000) | uint16(bits>>23&0xff-112)<<10 | uint16(bits>>13&0x3ff)
				}
				binary.LittleEndian.PutUint16(p[2*i:], h)
			}
		}
		for i := range n * k {
			put(hx.Bytes(), i, value(i))
		}
		for i := range m * k {
			put(hw.Bytes(), i, value(i+3))
		}
		g.s.Upload(x.Span(), hx.Span())
		g.s.Upload(w.Span(), hw.Span())
		b.Gemm(out.Span(), x.Span(), w.Span(), n, m, k, e)
		g.s.Download(ho.Span(), out.Span())
		g.sync()
		for i := range n {
			for j := range m {
				want := float32(0)
				for c := range k {
					want += value(i*k+c) * value(j*k+c+3)
				}
				if got := getFloat(ho.Bytes(), i*m+j); got != want {
					t.Fatalf("element %d: out[%d,%d] = %g, want %g", e, i, j, got, want)
				}
			}
		}
	}
}

func TestBLAS(t *testing.T) {
	g := newRig(t, softhip.Config{}, Options{})
	b, err := g.s.NewBLAS(g.soft.Library)
	if err != nil {
		t.Fatal(err)
	}
	testGemm(t, g, b)
	x := g.buffer("x", 64)
	g.s.Label(Op{Layer: 4, Tensor: "ffn_up", Name: "matmul", Shape: [4]int32{8, 8}})
	b.Gemm(x.Span(), x.Span(), x.Span(), 8, 8, 8, F32)
	if err := g.s.Sync(context.Background()); err == nil || !strings.Contains(err.Error(), "layer 4 · ffn_up matmul [8×8]: a product [8×8] · [8×8]ᵀ does not fit") {
		t.Errorf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b.Gemm(x.Span(), x.Span(), x.Span(), 1, 1, 1, F32)
	if err := g.s.Sync(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := g.s.NewBLAS("/nonexistent/libhipblas.so"); err == nil {
		t.Error("a library that is not there was loaded")
	}
}

func TestCUDABLAS(t *testing.T) {
	g := openCUDA(t, Options{})
	b, err := g.s.NewBLAS("")
	if err != nil {
		t.Skip(err)
	}
	testGemm(t, g, b)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
