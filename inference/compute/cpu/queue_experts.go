package cpu

import (
	"burble/gguf"
	"burble/inference/compute"
)

// normalise is the bit of Route's mode above the gate.
const normalise = 1 << 8

// Route: out = weights, a = scores, b = ids, c = bias; mode = gate and normalise; f = eps, scale; i = groups, groups used,
// experts that make a group's score.
func (q *queue) Route(ids, weights, scores *compute.Tensor, r compute.Routing) {
	if !q.begin("Route") {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32("Route", "weights", weights), q.f32("Route", "scores", scores), q.typed("Route", "ids", ids, gguf.I32)
	if q.err != nil {
		return
	}
	experts, used := o.a.dim[3], o.out.dim[3]
	if ids.Dims() != 2 || weights.Dims() != 2 || scores.Dims() != 2 || !sameDims(&o.out, &o.b) || o.out.dim[2] != o.a.dim[2] || used > experts {
		q.fail("Route", "ids %s and weights %s don't fit scores %s", ids, weights, scores)
		return
	}
	if r.Bias != nil {
		o.c = q.numbers("Route", "bias", r.Bias, experts)
	}
	if r.Gate > compute.GateSoftmaxChosen {
		q.fail("Route", "unknown gate %d", r.Gate)
	}
	o.mode = int32(r.Gate)
	if r.Normalise {
		o.mode |= normalise
	}
	if r.Groups > 1 {
		size := int(experts) / r.Groups
		if int(experts)%r.Groups != 0 || r.GroupsUsed < 1 || r.GroupsUsed > r.Groups || r.GroupTop < 1 || r.GroupTop > size || int(used) > r.GroupsUsed*size {
			q.fail("Route", "%d of %d experts in %d of %d groups with the best %d each", used, experts, r.GroupsUsed, r.Groups, r.GroupTop)
		}
		o.i[0], o.i[1], o.i[2] = int64(r.Groups), int64(r.GroupsUsed), int64(r.GroupTop)
	}
	o.f[0], o.f[1] = r.Eps, r.Scale
	if r.Scale == 0 {
		o.f[1] = 1
	}
	q.done(opRoute)
}

// MatMulExperts: out [1, n, used, m], a = x [1, n, used, k], b = w [1, experts, m, k], c = bias [1, 1, experts, m],
// d = ids [1, 1, n, used]; mode 1 for float activations. What x and ids lack is repeated with a stride of nothing.
func (q *queue) MatMulExperts(out, x, w, b, ids *compute.Tensor) {
	const name = "MatMulExperts"
	if !q.begin(name) {
		return
	}
	o := &q.o
	o.out, o.a, o.b, o.d = q.f32(name, "out", out), q.f32(name, "x", x), q.weight(name, "w", w), q.typed(name, "ids", ids, gguf.I32)
	if b != nil {
		o.c = q.f32(name, "bias", b)
	}
	if q.err != nil {
		return
	}
	if out.Dims() != 3 || w.Dims() != 3 || x.Dims() < 2 || x.Dims() > 3 || ids.Dims() > 2 {
		q.fail(name, "out %s, x %s, w %s and ids %s don't fit", out, x, w, ids)
		return
	}
	n, used := o.out.dim[1], o.out.dim[2]
	if x.Dims() == 2 {
		o.a.dim = [4]int64{1, o.a.dim[2], used, o.a.dim[3]}
		o.a.stride[1], o.a.stride[2] = o.a.stride[2], 0
	}
	if ids.Dims() == 1 {
		o.d.dim[2], o.d.stride[2] = n, 0
	}
	if o.out.dim[3] != o.b.dim[2] || o.a.dim != [4]int64{1, n, used, o.b.dim[3]} || o.d.dim != [4]int64{1, 1, n, used} ||
		b != nil && o.c.dim != [4]int64{1, 1, o.b.dim[1], o.b.dim[2]} {
		q.fail(name, "out %s, x %s, w %s, bias %s and ids %s don't fit", out, x, w, b, ids)
	}
	if q.device.options.FloatActivations {
		o.mode = 1
	}
	q.done(opMatMulExperts)
}

// Combine: out [1, 1, n, m], a = x [1, n, used, m], b = weights [1, 1, n, used].
func (q *queue) Combine(out, x, weights *compute.Tensor) {
	if !q.begin("Combine") {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32("Combine", "out", out), q.f32("Combine", "x", x), q.f32("Combine", "weights", weights)
	if q.err != nil {
		return
	}
	if out.Dims() != 2 || x.Dims() != 3 || weights.Dims() != 2 || o.a.dim != [4]int64{1, o.out.dim[2], o.b.dim[3], o.out.dim[3]} ||
		o.b.dim[2] != o.out.dim[2] {
		q.fail("Combine", "out %s, x %s and weights %s don't fit", out, x, weights)
	}
	q.done(opCombine)
}
