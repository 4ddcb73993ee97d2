package gpu

import (
	"burble/hip"
	"burble/inference/compute"
)

// mostTaps and mostKeys are the largest convolution and key that scan.hip has kernels for.
const (
	mostTaps = 16
	mostKeys = 256
)

// Conv1D convolves every channel by itself and keeps the last inputs in state.
func (q *Queue) Conv1D(out, x, w, b, state *compute.Tensor) {
	const op = "Conv1D"
	if !q.ready(op) || !q.floats(op, "out", out) || !q.floats(op, "x", x) || !q.floats(op, "w", w) || !q.floats(op, "state", state) {
		return
	}
	if out.Dims() != 2 || w.Dims() != 2 || state.Dims() != 2 || !sameShape(out, x) || w.Dim(0) != x.Dim(1) || w.Dim(1) < 2 ||
		state.Dim(0) != w.Dim(1)-1 || state.Dim(1) != x.Dim(1) {
		q.fail(op, "out %s, x %s, w %s and state %s don't fit", out, x, w, state)
		return
	}
	n, channels, taps := x.Dim(0), x.Dim(1), w.Dim(1)
	if taps > mostTaps {
		q.fail(op, "w %s has %d taps; the GPU kernels take at most %d", w, taps, mostTaps)
		return
	}
	if !q.vector(op, "bias", b, channels) || x.Len() == 0 {
		return
	}
	name := "conv1d_4"
	if taps > 4 {
		name = "conv1d_16"
	}
	q.labelWeight(op, out, w)
	q.wrote(out)
	q.wrote(state)
	args := q.s.Args().Span(q.span(out)).I64(int64(out.Stride(0))).Span(q.span(x)).I64(int64(x.Stride(0))).
		Span(q.span(w)).I64(int64(w.Stride(0))).Span(q.optional(b)).Span(q.span(state)).I64(int64(state.Stride(0))).I32(taps).I32(n).I32(channels)
	q.launch(q.kernel("scan", name), hip.Dim{X: uint32(ceilDiv(channels, 64))}, 64, args)
}

// outer adds an operand of two or three dimensions with its strides.
func (q *Queue) outer(a *hip.Args, t *compute.Tensor) *hip.Args {
	a.Span(q.span(t)).I64(int64(t.Stride(0)))
	if t.Dims() == 3 {
		a.I64(int64(t.Stride(1)))
	}
	return a
}

// shape checks an F32 operand.
func (q *Queue) shape(op, what string, t *compute.Tensor, shape ...int) bool {
	if !q.floats(op, what, t) {
		return false
	}
	ok := t.Dims() == len(shape)
	for i := 0; ok && i < len(shape); i++ {
		ok = t.Dim(i) == shape[i]
	}
	if !ok {
		q.fail(op, "%s %s must be %v", what, t, shape)
	}
	return ok
}

// DeltaScan is the gated delta rule.
func (q *Queue) DeltaScan(s compute.DeltaScan) {
	const op = "DeltaScan"
	if !q.ready(op) || !q.heads(op, "out", s.Out) || !q.heads(op, "q", s.Q) {
		return
	}
	n, heads, vd, kHeads, kd := s.Out.Dim(0), s.Out.Dim(1), s.Out.Dim(2), s.Q.Dim(1), s.Q.Dim(2)
	if !q.shape(op, "q", s.Q, n, kHeads, kd) || !q.shape(op, "k", s.K, n, kHeads, kd) || !q.shape(op, "v", s.V, n, heads, vd) ||
		!q.shape(op, "g", s.G, n, heads) || !q.shape(op, "beta", s.Beta, n, heads) || !q.shape(op, "state", s.State, heads, kd, vd) {
		return
	}
	if kHeads == 0 || heads%kHeads != 0 {
		q.fail(op, "%d value heads can't share %d key heads", heads, kHeads)
		return
	}
	if kd > mostKeys {
		q.fail(op, "keys of %d elements; the GPU kernels take at most %d", kd, mostKeys)
		return
	}
	if s.Out.Len() == 0 || kd == 0 {
		return
	}
	name := "delta_scan_64"
	switch {
	case kd > 128:
		name = "delta_scan_256"
	case kd > 64:
		name = "delta_scan_128"
	}
	tiled := 0
	if s.Tiled {
		tiled = 1
	}
	q.label(op, s.Out)
	q.wrote(s.Out)
	q.wrote(s.State)
	a := q.s.Args()
	for _, t := range [...]*compute.Tensor{s.Out, s.Q, s.K, s.V, s.G, s.Beta, s.State} {
		q.outer(a, t)
	}
	a.I32(n).I32(kHeads).I32(heads).I32(kd).I32(vd).I32(tiled)
	q.launch(q.kernel("scan", name), hip.Dim{X: uint32(ceilDiv(vd, 16)), Y: uint32(heads)}, 128, a)
}

// SelectiveScan is the recurrence of Mamba and Mamba-2.
func (q *Queue) SelectiveScan(s compute.SelectiveScan) {
	const op = "SelectiveScan"
	if !q.ready(op) || !q.heads(op, "out", s.Out) || !q.heads(op, "B", s.B) || !q.floats(op, "A", s.A) {
		return
	}
	n, heads, p, groups, dim := s.Out.Dim(0), s.Out.Dim(1), s.Out.Dim(2), s.B.Dim(1), s.B.Dim(2)
	if !q.shape(op, "x", s.X, n, heads, p) || !q.shape(op, "dt", s.Dt, n, heads) || !q.shape(op, "B", s.B, n, groups, dim) ||
		!q.shape(op, "C", s.C, n, groups, dim) || !q.shape(op, "state", s.State, heads, p, dim) || !q.vector(op, "D", s.D, heads) {
		return
	}
	if groups == 0 || heads%groups != 0 {
		q.fail(op, "%d heads can't share %d groups", heads, groups)
		return
	}
	perHead := 0 // elements of A of a head, where there are several
	if s.A.Dims() == 2 && s.A.Dim(0) == heads && s.A.Dim(1) == dim && (dim > 1 || heads == 1) {
		perHead = s.A.Stride(0)
	} else if !q.vector(op, "A", s.A, heads) {
		return
	}
	if s.Out.Len() == 0 || dim == 0 {
		return
	}
	name := "selective_scan_any"
	switch dim {
	case 16:
		name = "selective_scan_16"
	case 64:
		name = "selective_scan_64"
	case 128:
		name = "selective_scan_128"
	case 256:
		name = "selective_scan_256"
	}
	q.label(op, s.Out)
	q.wrote(s.Out)
	q.wrote(s.State)
	a := q.outer(q.outer(q.outer(q.s.Args(), s.Out), s.X), s.Dt).Span(q.span(s.A)).I64(int64(perHead))
	q.outer(q.outer(a, s.B), s.C).Span(q.optional(s.D))
	q.outer(a, s.State).I32(n).I32(heads).I32(p).I32(groups).I32(dim)
	q.launch(q.kernel("scan", name), hip.Dim{X: uint32(ceilDiv(heads*p, 16))}, 128, a)
}
