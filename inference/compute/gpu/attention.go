package gpu

import (
	"burble/hip"
	"burble/inference/compute"
)

// heads checks an F32 operand [n, heads, d].
func (q *Queue) heads(op, what string, t *compute.Tensor) bool {
	if !q.floats(op, what, t) {
		return false
	}
	if t.Dims() != 3 {
		q.fail(op, "%s %s must be [n, heads, headDim]", what, t)
		return false
	}
	return true
}

// scalar checks an I32 tensor of one element.
func (q *Queue) scalar(op, what string, t *compute.Tensor) bool {
	if !q.ints(op, what, t) {
		return false
	}
	if t.Len() != 1 {
		q.fail(op, "%s %s must have one element", what, t)
		return false
	}
	return true
}

// caches checks a pair of KV caches.
func (q *Queue) caches(op string, k, v *compute.Tensor) bool {
	if q.storage(op, k) == nil || q.storage(op, v) == nil {
		return false
	}
	if _, ok := kvCode(k.Type); !ok || v.Type != k.Type || k.Dims() != 3 || v.Dims() != 3 ||
		k.Dim(0) != v.Dim(0) || k.Dim(1) != v.Dim(1) || k.Dim(0) == 0 || !inBlocks(k) || !inBlocks(v) {
		q.fail(op, "caches %s and %s must be F32, F16, BF16, Q8_0 or Q4_0, of as many slots and heads, and of whole blocks", k, v)
		return false
	}
	return true
}

// rope checks what a rotation needs, for heads of d elements.
func (q *Queue) rope(op string, r compute.Rope, d int) bool {
	if !q.floats(op, "inverse frequencies", r.InvFreq) {
		return false
	}
	if r.InvFreq.Dims() != 1 || 2*r.InvFreq.Len() > d {
		q.fail(op, "inverse frequencies %s are more than half a head of %d", r.InvFreq, d)
		return false
	}
	return true
}

// Rope rotates x in place.
func (q *Queue) Rope(x, past *compute.Tensor, r compute.Rope) {
	const op = "Rope"
	if !q.ready(op) || !q.heads(op, "x", x) || !q.scalar(op, "past", past) || !q.rope(op, r, x.Dim(2)) {
		return
	}
	q.label(op, x)
	q.ropeStore(compute.RopeStore{Q: x, Past: past, Rope: r})
}

// StoreKV writes keys and values into the caches.
func (q *Queue) StoreKV(kCache, vCache, k, v, past *compute.Tensor) {
	const op = "StoreKV"
	s := compute.RopeStore{K: k, V: v, KCache: kCache, VCache: vCache, Past: past}
	if !q.ready(op) || !q.storable(op, s) {
		return
	}
	q.label(op, k)
	q.ropeStore(s)
}

// storable checks keys and values against their caches.
func (q *Queue) storable(op string, s compute.RopeStore) bool {
	if !q.heads(op, "k", s.K) || !q.heads(op, "v", s.V) || !q.scalar(op, "past", s.Past) || !q.caches(op, s.KCache, s.VCache) {
		return false
	}
	if s.K.Dim(0) != s.V.Dim(0) || s.K.Dim(1) != s.KCache.Dim(1) || s.V.Dim(1) != s.KCache.Dim(1) ||
		s.K.Dim(2) != s.KCache.Dim(2) || s.V.Dim(2) != s.VCache.Dim(2) {
		q.fail(op, "k %s and v %s don't fit caches %s and %s", s.K, s.V, s.KCache, s.VCache)
		return false
	}
	return true
}

// RopeStoreKV normalises and rotates queries and keys, and stores keys and values. See compute.RopeStoreKV.
func (q *Queue) RopeStoreKV(s compute.RopeStore) {
	const op = "RopeStoreKV"
	if !q.ready(op) || !q.heads(op, "q", s.Q) || !q.storable(op, s) || !q.rope(op, s.Rope, s.K.Dim(2)) {
		return
	}
	d := s.K.Dim(2)
	if s.Q.Dim(2) != d || s.Q.Dim(0) != s.K.Dim(0) || (s.QNorm == nil) != (s.KNorm == nil) {
		q.fail(op, "q %s doesn't fit k %s, or one of the norms is missing", s.Q, s.K)
		return
	}
	if !q.vector(op, "query norm", s.QNorm, d) || !q.vector(op, "key norm", s.KNorm, d) {
		return
	}
	q.label(op, s.Q)
	q.ropeStore(s)
}

// ropeStore launches what is there of s, which is checked.
func (q *Queue) ropeStore(s compute.RopeStore) {
	a := q.s.Args().Span(q.span(s.Past))
	if s.Rope.InvFreq != nil {
		a.Span(q.span(s.Rope.InvFreq)).I32(s.Rope.InvFreq.Len())
	} else {
		a.Span(hip.Span{}).I32(0)
	}
	magnitude, interleaved := s.Rope.Magnitude, 0
	if magnitude == 0 {
		magnitude = 1
	}
	if s.Rope.Interleaved {
		interleaved = 1
	}
	a.I32(interleaved).F32(magnitude).F32(s.Eps)
	n, heads, d := 0, 0, 0
	operand := func(t *compute.Tensor) int {
		if t == nil {
			a.Span(hip.Span{}).I64(0).I64(0)
			return 0
		}
		q.wrote(t)
		n = t.Dim(0)
		a.Span(q.span(t)).I64(int64(t.Stride(0))).I64(int64(t.Stride(1)))
		return t.Dim(1)
	}
	hq := operand(s.Q)
	a.I32(hq).Span(q.optional(s.QNorm))
	if s.Q != nil {
		d = s.Q.Dim(2)
	}
	hk := operand(s.K)
	a.I32(hk).Span(q.optional(s.KNorm))
	if s.K != nil {
		d = s.K.Dim(2)
	}
	a.I32(d)
	heads = hq + hk + operand(s.V)
	vd, slots, code := 0, 0, 0
	if s.V != nil {
		vd, slots = s.V.Dim(2), s.KCache.Dim(0)
		code, _ = kvCode(s.KCache.Type)
	}
	a.I32(vd)
	rows := n
	operand(s.KCache)
	operand(s.VCache)
	if heads == 0 || rows == 0 {
		return
	}
	a.I32(slots).I32(code).I32(rows)
	q.launch(q.kernel("rope", "rope_store"), hip.Dim{X: uint32(heads), Y: uint32(rows)}, q.d.warp, a)
}

// tileQueries is from how many queries on the tile kernel is used.
const tileQueries = 16

// Attend computes attention over the caches.
func (q *Queue) Attend(out, query, kCache, vCache, past *compute.Tensor, a compute.Attention) {
	const op = "Attend"
	if !q.ready(op) || !q.heads(op, "out", out) || !q.heads(op, "q", query) || !q.caches(op, kCache, vCache) || !q.scalar(op, "past", past) {
		return
	}
	n, heads, kd, vd, kv := query.Dim(0), query.Dim(1), query.Dim(2), vCache.Dim(2), kCache.Dim(1)
	if out.Dim(0) != n || out.Dim(1) != heads || out.Dim(2) != vd || kCache.Dim(2) != kd || kv == 0 || heads%kv != 0 {
		q.fail(op, "out %s, q %s and caches %s, %s don't fit", out, query, kCache, vCache)
		return
	}
	if largest := attendSizes[len(attendSizes)-1]; max(kd, vd) > largest {
		q.fail(op, "heads of %d elements are not supported by the GPU kernels: at most %d", max(kd, vd), largest)
		return
	}
	if !q.vector(op, "sinks", a.Sinks, heads) || n == 0 || heads == 0 {
		return
	}
	if a.Window < 0 || a.SoftCap < 0 || a.TemperatureLength < 0 {
		q.fail(op, "window %d, soft cap %g or temperature length %d is negative", a.Window, a.SoftCap, a.TemperatureLength)
		return
	}
	q.label(op, out)
	aligned := 1
	for _, c := range []*compute.Tensor{kCache, vCache} {
		if c.Dim(2)%8 != 0 || c.Stride(0)%8 != 0 || c.Stride(1)%8 != 0 || c.Offset%8 != 0 {
			aligned = 0
		}
	}
	cache := func(args *hip.Args) {
		for _, c := range []*compute.Tensor{kCache, vCache} {
			args.Span(q.span(c)).I64(int64(c.Stride(0))).I64(int64(c.Stride(1)))
		}
	}
	if aligned == 0 && max(kd, vd) > 256 {
		q.fail(op, "heads of %d elements must be multiples of eight in caches %s and %s", max(kd, vd), kCache, vCache)
		return
	}
	if tile := tileKernel(kCache.Type, kd, vd); tile.name != "" && n >= tileQueries && aligned == 1 && !q.d.disabled["attend_tile"] {
		if !q.compileNow(tile.module) {
			return
		}
		args := q.s.Args().Span(q.span(out)).I64(int64(out.Stride(0))).I64(int64(out.Stride(1))).
			Span(q.span(query)).I64(int64(query.Stride(0))).I64(int64(query.Stride(1)))
		cache(args)
		args.Span(q.optional(a.Sinks)).Span(q.span(past)).I32(n).I32(heads / kv).I32(kCache.Dim(0)).I32(a.Window).F32(a.Scale).F32(a.SoftCap).
			F32(a.Temperature).I32(a.TemperatureLength).I32(kd).I32(vd)
		q.wrote(out)
		q.launch(q.kernel(tile.module, tile.name), hip.Dim{X: uint32(ceilDiv(n, tile.queries)), Y: uint32(heads)}, 128, args)
		return
	}

	group := heads / kv
	module, kernel, perBlock := attendKernel(kCache.Type, max(kd, vd), group)
	headBlocks := ceilDiv(group, perBlock)
	bound := a.Bound
	if bound <= 0 {
		bound = kCache.Dim(0)
	}
	if a.Window > 0 {
		bound = min(bound, a.Window)
	}
	splits := q.splits(bound, kv*headBlocks*n)
	parts := q.room("parts of attention", int64(n*heads*splits)*int64(vd)*4)
	stats := q.room("sums of attention", int64(n*heads*splits)*8)
	args := q.s.Args().Span(parts).Span(stats).Span(q.span(query)).I64(int64(query.Stride(0))).I64(int64(query.Stride(1)))
	cache(args)
	args.Span(q.span(past)).I32(splits).I32(headBlocks).I32(heads).I32(group).I32(kd).I32(vd).I32(kCache.Dim(0)).I32(a.Window).
		F32(a.Scale).F32(a.SoftCap).I32(aligned).F32(a.Temperature).I32(a.TemperatureLength)
	q.launch(q.kernel(module, kernel), hip.Dim{X: uint32(splits), Y: uint32(kv * headBlocks), Z: uint32(n)}, 128, args)

	q.wrote(out)
	var bytes, scales hip.Span
	if n <= matvecRows && vd%32 == 0 && out.Stride(1) == vd {
		// The output projection takes the result as signed bytes.
		bytes, scales = q.byteRoom(n, heads*vd)
		q.bytes = prepared{true, out.Storage.(*storage), out.Offset, n, heads * vd, out.Stride(0)}
	}
	args = q.s.Args().Span(q.span(out)).I64(int64(out.Stride(0))).I64(int64(out.Stride(1))).Span(parts).Span(stats).
		Span(q.optional(a.Sinks)).I32(splits).I32(vd).Span(bytes).Span(scales).I32(heads)
	q.launch(q.kernel("attention", "attend_combine"), hip.Dim{X: uint32(heads), Y: uint32(n)}, 128, args)
}

// splits is into how many parts the keys are split: enough blocks to fill the GPU, with at least 16 keys each.
func (q *Queue) splits(bound, blocks int) int {
	const fewest, parts = 16, 64 // keys of a part; parts, as many as attend_combine puts together
	most := max(ceilDiv(4*max(q.d.info.Multiprocessors, 8), blocks), 1)
	return max(min(ceilDiv(bound, fewest), most, parts), 1)
}
