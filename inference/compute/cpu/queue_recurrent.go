package cpu

import "burble/inference/compute"

// numbers is operand for n contiguous F32 numbers of whatever shape; the view is a row of n.
func (q *queue) numbers(name, role string, t *compute.Tensor, n int64) view {
	v := q.f32(name, role, t)
	if q.err == nil && (int64(t.Len()) != n || !t.Contiguous()) {
		q.fail(name, "%s %s must be %d numbers", role, t, n)
	}
	v.dim, v.stride = [4]int64{1, 1, 1, n}, [4]int64{}
	return v
}

// Conv1D: out, a = x, b = w, c = bias, e = state.
func (q *queue) Conv1D(out, x, w, b, state *compute.Tensor) {
	if !q.begin("Conv1D") {
		return
	}
	q.elementwise("Conv1D", out, x)
	o := &q.o
	o.b, o.e = q.f32("Conv1D", "w", w), q.f32("Conv1D", "state", state)
	if b != nil {
		o.c = q.numbers("Conv1D", "bias", b, o.out.dim[3])
	}
	if q.err != nil {
		return
	}
	channels := o.out.dim[3]
	if out.Dims() != 2 || w.Dims() != 2 || state.Dims() != 2 || o.b.dim[2] != channels || o.b.dim[3] < 2 ||
		o.e.dim[3] != channels || o.e.dim[2] != o.b.dim[3]-1 {
		q.fail("Conv1D", "out %s, w %s and state %s don't fit", out, w, state)
	}
	q.done(opConv1D)
}

// SelectiveScan: out, a = x, b = dt, c = A, d = B, e = state, g = C, h = D; mode 1 where A is [heads, dim].
func (q *queue) SelectiveScan(s compute.SelectiveScan) {
	const name = "SelectiveScan"
	if !q.begin(name) {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32(name, "out", s.Out), q.f32(name, "x", s.X), q.f32(name, "dt", s.Dt)
	o.c, o.d, o.g, o.e = q.f32(name, "A", s.A), q.f32(name, "B", s.B), q.f32(name, "C", s.C), q.f32(name, "state", s.State)
	if q.err != nil {
		return
	}
	n, heads, p, groups, dim := o.out.dim[1], o.out.dim[2], o.out.dim[3], o.d.dim[2], o.e.dim[3]
	if s.D != nil {
		o.h = q.numbers(name, "D", s.D, heads)
	}
	if s.Out.Dims() != 3 || !sameDims(&o.out, &o.a) || s.Dt.Dims() != 2 || o.b.dim[2] != n || o.b.dim[3] != heads ||
		s.B.Dims() != 3 || !sameDims(&o.d, &o.g) || o.d.dim[1] != n || o.d.dim[3] != dim || heads%groups != 0 ||
		s.State.Dims() != 3 || o.e.dim[1] != heads || o.e.dim[2] != p {
		q.fail(name, "out %s, x %s, dt %s, B %s, C %s and state %s don't fit", s.Out, s.X, s.Dt, s.B, s.C, s.State)
		return
	}
	if s.A.Dims() == 2 && o.c.dim[2] == heads && o.c.dim[3] == dim && (dim > 1 || heads == 1) {
		o.mode = 1
	} else {
		o.c = q.numbers(name, "A", s.A, heads)
	}
	q.done(opSelectiveScan)
}

// DeltaScan: out, a = q, b = k, c = v, d = g, e = state, g = beta; mode 1 for tiled.
func (q *queue) DeltaScan(s compute.DeltaScan) {
	const name = "DeltaScan"
	if !q.begin(name) {
		return
	}
	o := &q.o
	o.out, o.a, o.b, o.c = q.f32(name, "out", s.Out), q.f32(name, "q", s.Q), q.f32(name, "k", s.K), q.f32(name, "v", s.V)
	o.d, o.g, o.e = q.f32(name, "g", s.G), q.f32(name, "beta", s.Beta), q.f32(name, "state", s.State)
	if q.err != nil {
		return
	}
	n, heads := o.out.dim[1], o.out.dim[2]
	if s.Out.Dims() != 3 || !sameDims(&o.out, &o.c) || s.Q.Dims() != 3 || !sameDims(&o.a, &o.b) || o.a.dim[1] != n || heads%o.a.dim[2] != 0 ||
		s.G.Dims() != 2 || o.d.dim != [4]int64{1, 1, n, heads} || !sameDims(&o.d, &o.g) ||
		o.e.dim != [4]int64{1, heads, o.a.dim[3], o.out.dim[3]} {
		q.fail(name, "out %s, q %s, k %s, v %s, g %s, beta %s and state %s don't fit", s.Out, s.Q, s.K, s.V, s.G, s.Beta, s.State)
	}
	if s.Tiled {
		o.mode = 1
	}
	q.done(opDeltaScan)
}
