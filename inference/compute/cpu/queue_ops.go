package cpu

import (
	"burble/gguf"
	"burble/inference/compute"
)

// done hands the op to the engine if it passed the checks.
func (q *queue) done(k kind) {
	if q.err != nil {
		return
	}
	q.o.kind = k
	q.engine.issue(&q.o)
}

func (q *queue) Copy(dst, src *compute.Tensor) {
	if !q.begin("Copy") {
		return
	}
	o := &q.o
	o.out, o.a = q.operand("Copy", "destination", dst), q.operand("Copy", "source", src)
	if q.err == nil && (dst.Type != src.Type || !sameDims(&o.out, &o.a)) {
		q.fail("Copy", "%s and %s differ", dst, src)
	}
	q.done(opCopy)
}

// Embed: out, a = table, b = ids.
func (q *queue) Embed(out, table, ids *compute.Tensor) {
	q.gather("Embed", opEmbed, out, table, ids, false)
}

// Rows: out, a = x, b = ids.
func (q *queue) Rows(out, x, ids *compute.Tensor) { q.gather("Rows", opRows, out, x, ids, true) }

func (q *queue) gather(name string, k kind, out, table, ids *compute.Tensor, floats bool) {
	if !q.begin(name) {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32(name, "out", out), q.weight(name, "table", table), q.typed(name, "ids", ids, gguf.I32)
	if q.err != nil {
		return
	}
	if floats && table.Type != gguf.F32 {
		q.fail(name, "%s must be F32", table)
	}
	if out.Dims() != 2 || table.Dims() != 2 || o.b.rows() != 1 || out.Dim(0) != ids.Len() || out.Dim(1) != table.Dim(1) {
		q.fail(name, "out %s doesn't fit table %s and ids %s", out, table, ids)
	}
	q.done(k)
}

// MatMul: out, a = x, b = w.
func (q *queue) MatMul(out, x, w *compute.Tensor) {
	if !q.begin("MatMul") {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32("MatMul", "out", out), q.f32("MatMul", "x", x), q.weight("MatMul", "w", w)
	if q.err != nil {
		return
	}
	if out.Dims() != 2 || x.Dims() != 2 || w.Dims() != 2 || out.Dim(0) != x.Dim(0) || out.Dim(1) != w.Dim(0) || x.Dim(1) != w.Dim(1) {
		q.fail("MatMul", "out %s doesn't fit x %s and w %s", out, x, w)
	}
	if q.device.options.FloatActivations {
		o.mode = 1
	}
	q.done(opMatMul)
}

// RMSNorm: out, a = x, b = w; f[0] = eps.
func (q *queue) RMSNorm(out, x, w *compute.Tensor, eps float32) {
	if !q.begin("RMSNorm") {
		return
	}
	o := &q.o
	o.out, o.a = q.f32("RMSNorm", "out", out), q.f32("RMSNorm", "x", x)
	o.b = q.vector("RMSNorm", "weight", w, o.a.dim[3], true)
	o.f[0] = eps
	if q.err == nil && !sameDims(&o.out, &o.a) {
		q.fail("RMSNorm", "out %s doesn't fit x %s", out, x)
	}
	q.done(opRMSNorm)
}

// LayerNorm: out, a = x, b = w, c = bias; f[0] = eps.
func (q *queue) LayerNorm(out, x, w, b *compute.Tensor, eps float32) {
	if !q.begin("LayerNorm") {
		return
	}
	o := &q.o
	o.out, o.a = q.f32("LayerNorm", "out", out), q.f32("LayerNorm", "x", x)
	o.b = q.vector("LayerNorm", "weight", w, o.a.dim[3], false)
	o.c = q.vector("LayerNorm", "bias", b, o.a.dim[3], true)
	o.f[0] = eps
	if q.err == nil && !sameDims(&o.out, &o.a) {
		q.fail("LayerNorm", "out %s doesn't fit x %s", out, x)
	}
	q.done(opLayerNorm)
}

// Rope: out = x [n, heads, d], b = past, c = inverse frequencies; f[0] = magnitude; mode 1 for interleaved.
func (q *queue) Rope(x, past *compute.Tensor, r compute.Rope) {
	if !q.begin("Rope") {
		return
	}
	o := &q.o
	o.out, o.b, o.c = q.f32("Rope", "x", x), q.scalar("Rope", "past", past), q.f32("Rope", "inverse frequencies", r.InvFreq)
	if q.err != nil {
		return
	}
	if x.Dims() != 3 || o.c.rows() != 1 || 2*o.c.dim[3] > o.out.dim[3] {
		q.fail("Rope", "x %s must be [n, heads, headDim], and inverse frequencies %s at most half a head", x, r.InvFreq)
	}
	o.f[0] = r.Magnitude
	if r.Magnitude == 0 {
		o.f[0] = 1
	}
	if r.Interleaved {
		o.mode = 1
	}
	q.done(opRope)
}

// StoreKV: out = key cache, e = value cache, a = k, b = v, c = past.
func (q *queue) StoreKV(kCache, vCache, k, v, past *compute.Tensor) {
	if !q.begin("StoreKV") {
		return
	}
	o := &q.o
	o.out, o.e = q.cache("StoreKV", "key cache", kCache), q.cache("StoreKV", "value cache", vCache)
	o.a, o.b, o.c = q.f32("StoreKV", "k", k), q.f32("StoreKV", "v", v), q.scalar("StoreKV", "past", past)
	if q.err != nil {
		return
	}
	if k.Dims() != 3 || v.Dims() != 3 || k.Dim(0) != v.Dim(0) || k.Dim(1) != kCache.Dim(1) || k.Dim(2) != kCache.Dim(2) ||
		v.Dim(1) != vCache.Dim(1) || v.Dim(2) != vCache.Dim(2) || kCache.Dim(0) != vCache.Dim(0) {
		q.fail("StoreKV", "k %s and v %s don't fit the caches %s and %s", k, v, kCache, vCache)
	}
	q.done(opStoreKV)
}

// Attend: out, a = q, b = key cache, c = value cache, d = past, e = sinks; f = scale, soft cap, temperature; i = window,
// length of the temperature.
func (q *queue) Attend(out, x, kCache, vCache, past *compute.Tensor, p compute.Attention) {
	if !q.begin("Attend") {
		return
	}
	o := &q.o
	o.out, o.a, o.d = q.f32("Attend", "out", out), q.f32("Attend", "q", x), q.scalar("Attend", "past", past)
	o.b, o.c = q.cache("Attend", "key cache", kCache), q.cache("Attend", "value cache", vCache)
	if q.err != nil {
		return
	}
	if out.Dims() != 3 || x.Dims() != 3 || out.Dim(0) != x.Dim(0) || out.Dim(1) != x.Dim(1) || x.Dim(2) != kCache.Dim(2) ||
		out.Dim(2) != vCache.Dim(2) || kCache.Dim(0) != vCache.Dim(0) || kCache.Dim(1) != vCache.Dim(1) ||
		x.Dim(1)%kCache.Dim(1) != 0 || kCache.Type != vCache.Type {
		q.fail("Attend", "out %s, q %s, keys %s and values %s don't fit", out, x, kCache, vCache)
	}
	o.e = q.vector("Attend", "sinks", p.Sinks, o.a.dim[2], true)
	if p.Window < 0 {
		q.fail("Attend", "a window of %d", p.Window)
	}
	if p.TemperatureLength < 0 {
		q.fail("Attend", "a temperature length of %d", p.TemperatureLength)
	}
	o.f[0], o.f[1], o.i[0] = p.Scale, p.SoftCap, int64(p.Window)
	if p.TemperatureLength > 0 {
		o.f[2], o.i[1] = p.Temperature, int64(p.TemperatureLength)
	}
	q.done(opAttend)
}

func (q *queue) cache(name, role string, t *compute.Tensor) view {
	v := q.typed(name, role, t, gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0, gguf.Q4_0)
	if q.err == nil && t.Dims() != 3 {
		q.fail(name, "%s %s must be [slots, kvHeads, dim]", role, t)
	}
	return v
}

// GLU: out, a = gate, b = up; mode = activation.
func (q *queue) GLU(out, gate, up *compute.Tensor, act compute.Activation) {
	if !q.begin("GLU") {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32("GLU", "out", out), q.f32("GLU", "gate", gate), q.f32("GLU", "up", up)
	if q.err == nil && (!sameDims(&o.out, &o.a) || !sameDims(&o.out, &o.b)) {
		q.fail("GLU", "out %s, gate %s and up %s differ in shape", out, gate, up)
	}
	q.activation("GLU", act, compute.SwiGLUClamped)
	q.done(opGLU)
}

// Activate: out, a = x; mode = activation.
func (q *queue) Activate(out, x *compute.Tensor, act compute.Activation) {
	if !q.begin("Activate") {
		return
	}
	q.elementwise("Activate", out, x)
	q.activation("Activate", act, compute.Softplus)
	q.done(opActivate)
}

func (q *queue) activation(name string, act, last compute.Activation) {
	if act > last {
		q.fail(name, "%s is no activation of this operation", act)
	}
	q.o.mode = int32(act)
}

// elementwise fills in out and a, which have the same shape.
func (q *queue) elementwise(name string, out, x *compute.Tensor) {
	o := &q.o
	o.out, o.a = q.f32(name, "out", out), q.f32(name, "x", x)
	if q.err == nil && !sameDims(&o.out, &o.a) {
		q.fail(name, "out %s and x %s differ in shape", out, x)
	}
}

// Add: out, a, b.
func (q *queue) Add(out, a, b *compute.Tensor) { q.binary("Add", opAdd, out, a, b) }

// Mul: out, a, b.
func (q *queue) Mul(out, a, b *compute.Tensor) { q.binary("Mul", opMul, out, a, b) }

func (q *queue) binary(name string, k kind, out, a, b *compute.Tensor) {
	if !q.begin(name) {
		return
	}
	q.elementwise(name, out, a)
	o := &q.o
	o.b = q.f32(name, "b", b)
	if q.err != nil {
		return
	}
	// b repeats along the outer dimensions it lacks: they become a's, with a stride of nothing.
	lacks := 4 - b.Dims()
	for i := 0; i < 4; i++ {
		if i < lacks {
			o.b.dim[i], o.b.stride[i] = o.a.dim[i], 0
		} else if o.b.dim[i] != o.a.dim[i] {
			q.fail(name, "b %s is neither of the shape of %s nor of its innermost dimensions", b, a)
			return
		}
	}
	q.done(k)
}

// Scale: out, a = x; f[0] = s.
func (q *queue) Scale(out, x *compute.Tensor, s float32) {
	if !q.begin("Scale") {
		return
	}
	q.elementwise("Scale", out, x)
	q.o.f[0] = s
	q.done(opScale)
}

// SoftCap: out, a = x; f[0] = limit.
func (q *queue) SoftCap(out, x *compute.Tensor, limit float32) {
	if !q.begin("SoftCap") {
		return
	}
	q.elementwise("SoftCap", out, x)
	if q.err == nil && !(limit > 0) {
		q.fail("SoftCap", "a limit of %g; it must be positive", limit)
	}
	q.o.f[0] = limit
	q.done(opSoftCap)
}

// maxTopK is the largest k of TopK.
const maxTopK = 1024

// TopK: out = values, a = x, b = ids.
func (q *queue) TopK(values, ids, x *compute.Tensor) {
	if !q.begin("TopK") {
		return
	}
	o := &q.o
	o.out, o.a, o.b = q.f32("TopK", "values", values), q.f32("TopK", "x", x), q.typed("TopK", "ids", ids, gguf.I32)
	if q.err != nil {
		return
	}
	if o.out.rows() != o.a.rows() || !sameDims(&o.out, &o.b) || o.out.dim[3] > o.a.dim[3] || o.out.dim[3] > maxTopK {
		q.fail("TopK", "values %s and ids %s don't fit x %s (k is at most %d)", values, ids, x, maxTopK)
	}
	q.done(opTopK)
}
