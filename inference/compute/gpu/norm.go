package gpu

import (
	"burble/hip"
	"burble/inference/compute"
)

// shortRow is up to how many elements a row is normalised by a block of 64 threads.
const shortRow = 1024

// RMSNorm computes out = x / sqrt(mean(x²) + eps) · w.
func (q *Queue) RMSNorm(out, x, w *compute.Tensor, eps float32) {
	q.norm("RMSNorm", "rms_norm", out, nil, x, nil, w, nil, eps)
}

// LayerNorm computes out = (x − mean) / sqrt(var + eps) · w + b.
func (q *Queue) LayerNorm(out, x, w, b *compute.Tensor, eps float32) {
	q.norm("LayerNorm", "layer_norm", out, nil, x, nil, w, b, eps)
}

// AddRMSNorm computes sum = a + b and out = RMSNorm(sum) · w. See compute.AddRMSNorm.
func (q *Queue) AddRMSNorm(out, sum, a, b, w *compute.Tensor, eps float32) {
	const op = "AddRMSNorm"
	if !q.ready(op) || !q.floats(op, "sum", sum) || !q.floats(op, "b", b) {
		return
	}
	if sum.Dims() != 2 || !sameShape(sum, a) || !sameShape(b, a) {
		q.fail(op, "sum %s, a %s and b %s don't fit", sum, a, b)
		return
	}
	q.norm(op, "rms_norm", out, sum, a, b, w, nil, eps)
}

func (q *Queue) norm(op, kernel string, out, sum, x, add, w, bias *compute.Tensor, eps float32) {
	if !q.ready(op) || !q.floats(op, "out", out) || !q.floats(op, "x", x) {
		return
	}
	if !sameShape(out, x) || x.Dims() > 3 {
		q.fail(op, "out %s doesn't fit x %s", out, x)
		return
	}
	d := x.Dim(-1)
	if !q.vector(op, "weight", w, d) || !q.vector(op, "bias", bias, d) {
		return
	}
	rows, heads := x.Len()/max(d, 1), 1
	var o0, o1, x0, x1 int
	switch x.Dims() {
	case 2:
		o0, x0 = out.Stride(0), x.Stride(0)
	case 3:
		heads = x.Dim(1)
		o0, o1, x0, x1 = out.Stride(0), out.Stride(1), x.Stride(0), x.Stride(1)
	}
	if rows == 0 || d == 0 {
		return
	}
	if w != nil {
		q.labelWeight(op, out, w)
	} else {
		q.label(op, out)
	}
	q.wrote(out)
	var s0, a0 int
	if sum != nil {
		q.wrote(sum)
		s0, a0 = sum.Stride(0), add.Stride(0)
	}
	// The next product of a few rows takes them as signed bytes: better made here than read again for it.
	var bytes, scales hip.Span
	if x.Dims() == 2 && rows <= matvecRows && d%32 == 0 {
		bytes, scales = q.byteRoom(rows, d)
		q.bytes = preparedFrom(out)
	}
	threads := 512
	if d <= shortRow && rows > 1 || d <= 256 {
		kernel, threads = kernel+"_short", 64
	}
	args := q.s.Args().Span(q.span(out)).I64(int64(o0)).I64(int64(o1)).Span(q.optional(sum)).I64(int64(s0)).
		Span(q.span(x)).I64(int64(x0)).I64(int64(x1)).Span(q.optional(add)).I64(int64(a0)).
		Span(q.optional(w)).Span(q.optional(bias)).Span(bytes).Span(scales).I32(heads).I32(d).F32(eps)
	q.launch(q.kernel("norm", kernel), hip.Dim{X: uint32(rows)}, threads, args)
}

// preparedFrom describes t as what lies in scratch memory.
func preparedFrom(t *compute.Tensor) prepared {
	return prepared{true, t.Storage.(*storage), t.Offset, t.Dim(0), t.Dim(1), t.Stride(0)}
}

// holds says whether p is t.
func (p *prepared) holds(t *compute.Tensor) bool {
	return p.valid && *p == preparedFrom(t)
}

// byteRoom is scratch memory for n rows of k elements as signed bytes and scales.
func (q *Queue) byteRoom(n, k int) (bytes, scales hip.Span) {
	return q.room("activations as bytes", int64(n*k)), q.room("scales of activations", int64(n*k/32*8))
}
