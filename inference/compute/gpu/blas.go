package gpu

import (
	"burble/hip"
	"burble/inference/compute"
)

// blasFits says whether the vendor's library does a product: many rows of x with float weights, nothing with gaps.
func (q *Queue) blasFits(f *format, x *compute.Tensor, p compute.Projection) bool {
	n, k, m := x.Dim(0), x.Dim(1), p.W.Dim(0)
	if q.d.blas == nil || f.quantised || n <= matvecRows || k == 0 || k%2 != 0 || p.W.Stride(0) != k || p.Out.Stride(0) != m {
		return false
	}
	return f.matrix || x.Stride(0) == k // F32 is taken as it is
}

// gemmBLAS multiplies by the vendor's library: halves as for Burble's own kernel, bfloat16, or floats as they are.
func (q *Queue) gemmBLAS(op string, f *format, pl planes, x *compute.Tensor, p compute.Projection) {
	n, k, m := x.Dim(0), x.Dim(1), p.W.Dim(0)
	var in, scale hip.Span
	element := hip.F32
	switch f.name {
	case "F16":
		in, scale = q.asHalves(x)
		element = hip.F16
	case "BF16":
		in = q.room("activations as bfloat16", int64(n*k*2))
		element = hip.BF16
		q.label("bfloat16", x)
		args := q.s.Args().Span(in).Span(q.span(x)).I32(k).I64(int64(x.Stride(0)))
		q.launch(q.kernel("quantize", "bfloat"), hip.Dim{X: uint32(n)}, 256, args)
	default:
		in = q.span(x)
	}
	q.wrote(p.Out)
	q.labelWeight(op, p.Out, p.W)
	if q.err != nil || q.rehearsing {
		return
	}
	q.d.blas.Gemm(q.span(p.Out), in, pl[0], n, m, k, element)
	if p.Bias == nil && element != hip.F16 {
		return
	}
	args := q.s.Args().Span(q.span(p.Out)).Span(scale).Span(q.optional(p.Bias)).I32(m).I64(int64(n * m))
	q.launch(q.kernel("quantize", "finish_product"), hip.Dim{X: uint32(ceilDiv(n*m, 256))}, 256, args)
}
