package gpu

import (
	"burble/gguf"
	"burble/hip"
	"burble/inference/compute"
)

// What moe.hip has room for.
const (
	mostExperts = 1024
	mostGroups  = 256
	mostChosen  = 256
)

// Route chooses and weighs experts.
func (q *Queue) Route(ids, weights, scores *compute.Tensor, r compute.Routing) {
	const op = "Route"
	if !q.ready(op) || !q.floats(op, "weights", weights) || !q.floats(op, "scores", scores) || !q.choices(op, ids) {
		return
	}
	if ids.Dims() != 2 || scores.Dims() != 2 || !sameShape(ids, weights) || scores.Dim(0) != ids.Dim(0) || ids.Dim(1) > scores.Dim(1) {
		q.fail(op, "ids %s and weights %s don't fit scores %s", ids, weights, scores)
		return
	}
	n, experts, used := scores.Dim(0), scores.Dim(1), ids.Dim(1)
	if !q.vector(op, "bias", r.Bias, experts) {
		return
	}
	if experts > mostExperts || used > mostChosen || r.Groups > mostGroups {
		q.fail(op, "%d of %d experts in %d groups: the GPU kernels take at most %d of %d in %d", used, experts, r.Groups, mostChosen, mostExperts, mostGroups)
		return
	}
	groups := max(r.Groups, 1)
	if size := experts / groups; r.Gate > compute.GateSoftmaxChosen || experts%groups != 0 || groups > 1 &&
		(r.GroupsUsed < 1 || r.GroupsUsed > groups || r.GroupTop < 1 || r.GroupTop > size || used > r.GroupsUsed*size) {
		q.fail(op, "%d of %d experts with routing %+v", used, experts, r)
		return
	}
	if n == 0 || used == 0 {
		return
	}
	scale, normalise := r.Scale, 0
	if scale == 0 {
		scale = 1
	}
	if r.Normalise {
		normalise = 1
	}
	q.label(op, weights)
	q.wrote(ids)
	q.wrote(weights)
	args := q.s.Args().Span(q.span(ids)).I64(int64(ids.Stride(0))).Span(q.span(weights)).I64(int64(weights.Stride(0))).
		Span(q.span(scores)).I64(int64(scores.Stride(0))).Span(q.optional(r.Bias)).I32(experts).I32(used).
		I32(int(r.Gate)).I32(groups).I32(r.GroupsUsed).I32(r.GroupTop).I32(normalise).F32(r.Eps).F32(scale)
	q.launch(q.kernel("moe", "route"), hip.Dim{X: uint32(n)}, 256, args)
}

// choices checks the experts chosen for each row, I32 with rows of any stride.
func (q *Queue) choices(op string, ids *compute.Tensor) bool {
	if q.storage(op, ids) == nil {
		return false
	}
	if ids.Type != gguf.I32 {
		q.fail(op, "ids %s must be I32", ids)
		return false
	}
	return true
}

// experts is a checked MatMulExperts.
type experts struct {
	out, x, w, bias, ids *compute.Tensor
	format               *format
	planes               planes
	n, used, m, k, count int
	idStride             int // between the ids of rows; 0 where all rows have the same
}

func (e *experts) pairs() int { return e.n * e.used }

// expertsPrefix begins the names of modules with products of experts, one for each format: "experts_Q4_K".
const expertsPrefix = "experts_"

func expertsModule(f *format) string { return expertsPrefix + f.name }

// MatMulExperts multiplies each row with the weights of the experts chosen for it.
func (q *Queue) MatMulExperts(out, x, w, b, ids *compute.Tensor) {
	const op = "MatMulExperts"
	if !q.ready(op) || !q.floats(op, "out", out) || !q.floats(op, "x", x) || !q.choices(op, ids) || b != nil && !q.floats(op, "bias", b) {
		return
	}
	e := experts{out: out, x: x, w: w, bias: b, ids: ids}
	if !q.expertWeight(op, &e) {
		return
	}
	if out.Dims() != 3 || x.Dims() < 2 || x.Dims() > 3 || ids.Dims() > 2 {
		q.fail(op, "out %s, x %s, w %s and ids %s don't fit", out, x, w, ids)
		return
	}
	e.n, e.used, e.m, e.k, e.count = out.Dim(0), out.Dim(1), w.Dim(1), w.Dim(2), w.Dim(0)
	if ids.Dims() == 2 {
		e.idStride = ids.Stride(0)
	}
	if out.Dim(2) != e.m || x.Dim(-1) != e.k || x.Dim(0) != e.n || x.Dims() == 3 && x.Dim(1) != e.used || ids.Dim(-1) != e.used ||
		ids.Dims() == 2 && ids.Dim(0) != e.n || b != nil && (b.Dims() != 2 || b.Dim(0) != e.count || b.Dim(1) != e.m || !b.Contiguous()) || e.k == 0 {
		q.fail(op, "out %s, x %s, w %s, bias %s and ids %s don't fit", out, x, w, b, ids)
		return
	}
	if out.Len() == 0 || !q.compileNow(expertsModule(e.format)) {
		return
	}
	matrix := e.format.matrix && e.k%32 == 0 && w.Offset%8 == 0 && e.count <= mostExperts
	switch {
	case matrix && e.n > matvecRows && !q.d.disabled["gemm"]:
		q.expertsGemm(op, &e)
	case e.format.quantised:
		q.expertsMatvec(op, &e)
	default:
		q.expertsFloat(op, &e)
	}
}

// expertWeight finds the planes of a weight [experts, m, k].
func (q *Queue) expertWeight(op string, e *experts) bool {
	s := q.storage(op, e.w)
	if s == nil {
		return false
	}
	w := e.w
	if w.Dims() != 3 || w.Stride(1) != w.Dim(2) || w.Stride(0) != w.Dim(1)*w.Dim(2) {
		q.fail(op, "weight %s must be [experts, m, k], all of it", w)
		return false
	}
	f := s.layout(w)
	if s.format == nil && (f.quantised || f.stored != w.Type) || w.Offset%f.elements != 0 || w.Dim(2)%f.elements != 0 {
		q.fail(op, "%s is no weight of whole rows", w)
		return false
	}
	e.format = f
	block := int64(w.Offset / f.elements)
	all := s.buffer.Span()
	for i, part := range f.planes {
		at := s.offsets[i] + block*int64(part.bytes())
		e.planes[i] = all.Slice(at, all.Len()-at)
	}
	return true
}

// rows gives x as one row for every row of the pass, or for every pair of one and an expert.
func (e *experts) rows(q *Queue) (x *compute.Tensor, shared int) {
	x = e.x
	if x.Dims() == 2 {
		return x, 1
	}
	if x.Stride(0) == e.used*x.Stride(1) || e.n == 1 {
		wide := compute.NewTensor(x.Label, x.Type, x.Storage, e.pairs(), x.Stride(1))
		wide.Offset = x.Offset
		return wide.Slice(1, 0, e.k), 0
	}
	q.room("rows of experts", int64(e.pairs()*e.k*4))
	buffer := q.scratch["rows of experts"]
	if buffer == nil {
		return nil, 0
	}
	s := &storage{d: q.d, buffer: buffer, label: x.Label, typ: gguf.F32, layer: -1}
	q.Copy(compute.NewTensor(x.Label, gguf.F32, s, e.n, e.used, e.k), x)
	return compute.NewTensor(x.Label, gguf.F32, s, e.pairs(), e.k), 0
}

// where adds the operands that all products of experts have.
func (e *experts) where(q *Queue, a *hip.Args) *hip.Args {
	return a.Span(q.optional(e.bias)).Span(q.span(e.out)).I64(int64(e.out.Stride(0))).I64(int64(e.out.Stride(1)))
}

// grid is a launch over rows of the weight and pairs.
func (e *experts) grid(rowsOfBlock int) hip.Dim {
	const across = 32768 // as in experts.hip
	return hip.Dim{X: uint32(ceilDiv(e.m, rowsOfBlock)), Y: uint32(min(e.pairs(), across)), Z: uint32(ceilDiv(e.pairs(), across))}
}

// expertsMatvec multiplies pair by pair, which reads the weights of chosen experts only.
func (q *Queue) expertsMatvec(op string, e *experts) {
	x, shared := e.rows(q)
	if x == nil {
		return
	}
	bytes, scales := q.asBytes(x)
	q.wrote(e.out)
	q.labelWeight(op, e.out, e.w)
	args := e.where(q, e.planes.add(q.s.Args().Span(bytes).Span(scales).I32(e.k))).Span(q.span(e.ids)).I64(int64(e.idStride)).
		I32(e.used).I32(shared).I32(e.m).I32(e.count).I32(e.pairs())
	q.launch(q.kernel(expertsModule(e.format), "experts_matvec"), e.grid(128/q.d.warp*2), 128, args)
}

// expertsFloat multiplies float weights with x as it is, pair by pair.
func (q *Queue) expertsFloat(op string, e *experts) {
	x, x0, x1 := e.x, e.x.Stride(0), 0
	if x.Dims() == 3 {
		x1 = x.Stride(1)
	}
	name := "experts_wide"
	if per := 16 / e.format.block; e.k%per != 0 || e.w.Offset%per != 0 || x.Offset%4 != 0 || x0%4 != 0 || x1%4 != 0 {
		name = "experts_narrow"
	}
	q.wrote(e.out)
	q.labelWeight(op, e.out, e.w)
	args := e.where(q, q.s.Args().Span(q.span(x)).I64(int64(x0)).I64(int64(x1)).I32(e.k).Span(e.planes[0])).Span(q.span(e.ids)).I64(int64(e.idStride)).
		I32(e.used).I32(e.m).I32(e.count).I32(e.pairs())
	q.launch(q.kernel(expertsModule(e.format), name), e.grid(128/q.d.warp), 128, args)
}

// expertsGemm sorts the pairs by expert, on the GPU, and multiplies those of an expert together on the matrix units.
func (q *Queue) expertsGemm(op string, e *experts) {
	x, shared := e.rows(q)
	if x == nil {
		return
	}
	halves, unscale := q.asHalves(x)
	rows, name := 32, "experts_gemm_32"
	if e.pairs() >= 64*e.count {
		rows, name = 128, "experts_gemm_128"
	}
	order, tiles, most := q.sortExperts(e, rows)
	q.wrote(e.out)
	q.labelWeight(op, e.out, e.w)
	args := e.where(q, e.planes.add(q.s.Args())).Span(halves).Span(unscale).I32(e.k).I32(e.m).I32(e.count).
		Span(order).Span(tiles).I32(e.used).I32(shared)
	q.launch(q.kernel(expertsModule(e.format), name), hip.Dim{X: uint32(ceilDiv(e.m, 128)), Y: uint32(most)}, 256, args)
}

// sorted says which pairs lie sorted in scratch memory.
type sorted struct {
	valid               bool
	s                   *storage
	offset, stride      int
	n, used, count, row int
}

// sortExperts gives the pairs sorted by expert, in tiles of so many rows. The products of one layer share them.
func (q *Queue) sortExperts(e *experts, rows int) (order, tiles hip.Span, most int) {
	pairs := e.pairs()
	most = pairs/rows + min(pairs, e.count+1) // every expert may have one tile that is not full
	order, tiles = q.room("pairs by expert", int64(pairs*4)), q.room("tiles of experts", int64(most*16))
	now := sorted{true, e.ids.Storage.(*storage), e.ids.Offset, e.idStride, e.n, e.used, e.count, rows}
	if q.sorted == now {
		return order, tiles, most
	}
	q.label("sort experts", e.ids)
	args := q.s.Args().Span(order).Span(tiles).Span(q.span(e.ids)).I64(int64(e.idStride)).I32(e.used).I32(pairs).I32(e.count).I32(rows).I32(most)
	q.launch(q.kernel("moe", "sort_experts"), hip.Dim{X: 1}, 512, args)
	q.sorted = now
	return order, tiles, most
}

// Combine adds up what the experts of each row give, weighted.
func (q *Queue) Combine(out, x, weights *compute.Tensor) {
	const op = "Combine"
	if !q.ready(op) || !q.floats(op, "out", out) || !q.floats(op, "x", x) || !q.floats(op, "weights", weights) {
		return
	}
	if out.Dims() != 2 || x.Dims() != 3 || weights.Dims() != 2 || x.Dim(0) != out.Dim(0) || x.Dim(2) != out.Dim(1) ||
		weights.Dim(0) != out.Dim(0) || weights.Dim(1) != x.Dim(1) {
		q.fail(op, "out %s, x %s and weights %s don't fit", out, x, weights)
		return
	}
	if out.Len() == 0 {
		return
	}
	q.label(op, out)
	q.wrote(out)
	args := q.s.Args().Span(q.span(out)).I64(int64(out.Stride(0))).Span(q.span(x)).I64(int64(x.Stride(0))).I64(int64(x.Stride(1))).
		Span(q.span(weights)).I64(int64(weights.Stride(0))).I32(x.Dim(1)).I32(x.Dim(2))
	q.launch(q.kernel("moe", "combine"), hip.Dim{X: uint32(ceilDiv(x.Dim(2), 256)), Y: uint32(out.Dim(0))}, 256, args)
}
