package gpu

import (
	"fmt"

	"burble/hip"
	"burble/inference/compute"
)

// matvecRows is up to how many rows of x a product reads the weights as they are, row by row; above it the matrix
// units take over.
const matvecRows = 8

// planes are a weight's pointers, advanced to its first row.
type planes [3]hip.Span

func (p planes) add(a *hip.Args) *hip.Args { return a.Span(p[0]).Span(p[1]).Span(p[2]) }

// weight checks a weight operand [m, k] and finds its planes.
func (q *Queue) weight(op string, w *compute.Tensor) (*storage, planes, bool) {
	var p planes
	s := q.storage(op, w)
	if s == nil {
		return nil, p, false
	}
	f := s.format
	if f == nil { // an activation serves as a weight of its own type
		f = formatFor(w.Type)
		if f.quantised || f.stored != w.Type {
			q.fail(op, "%s is no weight", w)
			return nil, p, false
		}
	}
	if w.Dims() != 2 {
		q.fail(op, "weight %s must have two dimensions", w)
		return nil, p, false
	}
	if f.elements > 1 && (w.Stride(0) != w.Dim(1) || w.Offset%f.elements != 0 || w.Dim(1)%f.elements != 0) {
		q.fail(op, "weight %s must be whole rows", w)
		return nil, p, false
	}
	block := int64(w.Offset / f.elements)
	all := s.buffer.Span()
	for i, part := range f.planes {
		at := s.offsets[i] + block*int64(part.bytes())
		p[i] = all.Slice(at, all.Len()-at)
	}
	return s, p, true
}

func (s *storage) layout(w *compute.Tensor) *format {
	if s.format != nil {
		return s.format
	}
	return formatFor(w.Type)
}

// MatMul computes out = x · wᵀ.
func (q *Queue) MatMul(out, x, w *compute.Tensor) {
	q.project("MatMul", x, compute.Projection{Out: out, W: w})
}

// Project computes several products of x. See compute.Project.
func (q *Queue) Project(x *compute.Tensor, to ...compute.Projection) {
	const op = "Project"
	// Up to three neighbours of one layout share a launch, where there are few rows.
	for len(to) > 0 {
		n := 1
		if q.shares(x, to[0]) {
			for n < len(to) && n < 3 && q.shares(x, to[n]) && sameLayout(to[0].W, to[n].W) {
				n++
			}
		}
		if n == 1 {
			q.project(op, x, to[0])
		} else {
			q.matvec(op, x, to[:n]...)
		}
		to = to[n:]
	}
}

// shares says whether a product is one that matvec does.
func (q *Queue) shares(x *compute.Tensor, p compute.Projection) bool {
	if x == nil || p.W == nil || x.Dims() != 2 || x.Dim(0) > matvecRows {
		return false
	}
	s, ok := p.W.Storage.(*storage)
	return ok && s.d == q.d && s.format != nil && s.format.quantised
}

func sameLayout(a, b *compute.Tensor) bool {
	return a.Storage.(*storage).format == b.Storage.(*storage).format
}

// fits checks the shapes of a product.
func (q *Queue) fits(op string, x *compute.Tensor, p compute.Projection) bool {
	if !q.floats(op, "out", p.Out) || !q.floats(op, "x", x) || q.storage(op, p.W) == nil {
		return false
	}
	if p.Out.Dims() != 2 || x.Dims() != 2 || p.W.Dims() != 2 || p.Out.Dim(0) != x.Dim(0) || p.Out.Dim(1) != p.W.Dim(0) || x.Dim(1) != p.W.Dim(1) {
		q.fail(op, "out %s doesn't fit x %s and w %s", p.Out, x, p.W)
		return false
	}
	return q.vector(op, "bias", p.Bias, p.W.Dim(0))
}

// project computes one product, by the kernel for its type and rows.
func (q *Queue) project(op string, x *compute.Tensor, p compute.Projection) {
	if !q.ready(op) || !q.fits(op, x, p) {
		return
	}
	s, pl, ok := q.weight(op, p.W)
	if !ok || p.Out.Len() == 0 {
		return
	}
	f, n, k := s.layout(p.W), x.Dim(0), x.Dim(1)
	wholeRows := p.W.Stride(0) == k
	switch {
	case f.quantised && (n <= matvecRows || q.d.disabled["gemm"]):
		for lo := 0; lo < n; lo += matvecRows {
			hi := min(lo+matvecRows, n)
			q.matvec(op, x.Slice(0, lo, hi), compute.Projection{Out: p.Out.Slice(0, lo, hi), W: p.W, Bias: p.Bias})
		}
	case q.blasFits(f, x, p):
		q.gemmBLAS(op, f, pl, x, p)
	case f.quantised, f.matrix && n > matvecRows && k%32 == 0 && wholeRows && p.W.Offset%8 == 0 && !q.d.disabled["gemm"]:
		q.gemm(op, f, pl, x, p)
	default:
		q.matvecFloat(op, f, pl, x, p)
	}
}

// rowsUp rounds a number of rows up to one that kernels are made for.
func rowsUp(n int) int {
	for _, r := range [...]int{1, 2, 4} {
		if n <= r {
			return r
		}
	}
	return matvecRows
}

// matvec multiplies up to eight rows of x, as signed bytes, with up to three weights of one layout.
func (q *Queue) matvec(op string, x *compute.Tensor, to ...compute.Projection) {
	if !q.ready(op) {
		return
	}
	var ends [3]int
	var pl [3]planes
	blocks, m := 0, 0
	for _, p := range to {
		if p.W != nil {
			m += p.W.Dim(0)
		}
	}
	shares := q.shareRows(m, x.Dim(1))
	perBlock := 128 / q.d.warp * 2 / shares // rows of w: each warp does two
	for i := range ends {
		if i < len(to) {
			if !q.fits(op, x, to[i]) {
				return
			}
			var ok bool
			if _, pl[i], ok = q.weight(op, to[i].W); !ok {
				return
			}
			blocks += ceilDiv(to[i].W.Dim(0), perBlock)
		}
		ends[i] = blocks
	}
	n, k := x.Dim(0), x.Dim(1)
	if n == 0 || blocks == 0 {
		return
	}
	bytes, scales := q.asBytes(x)
	args := q.s.Args().Span(bytes).Span(scales).I32(k).I32(n).I32(shares).I32(ends[0]).I32(ends[1])
	for i := range ends {
		if i >= len(to) {
			args.Span(hip.Span{}).Span(hip.Span{}).Span(hip.Span{}).Span(hip.Span{}).Span(hip.Span{}).I32(0).I32(0)
			continue
		}
		p := to[i]
		pl[i].add(args).Span(q.span(p.Out)).Span(q.optional(p.Bias)).I32(p.W.Dim(0)).I32(p.Out.Stride(0))
		q.wrote(p.Out)
	}
	q.labelWeight(op, to[0].Out, to[0].W)
	name := matvecNames[rowsUp(n)]
	q.launch(q.kernel(moduleOf(to[0].W.Storage.(*storage).format), name), hip.Dim{X: uint32(blocks)}, 128, args)
}

// shareRows is how many warps of a block share two rows of a weight [m, k]. Where the rows are too few to keep the memory busy
// and long enough that a warp would ask for a row in several goes, more of them ask at once.
func (q *Queue) shareRows(m, k int) int {
	const busy = 32 // warps of a multiprocessor
	warps, shares := ceilDiv(m, 2), 1
	for shares < 128/q.d.warp && warps*shares*2 <= busy*q.d.info.Multiprocessors && k/32 > 2*q.d.warp*shares {
		shares *= 2
	}
	return shares
}

// Names by rows, so that none is put together on the way.
var (
	matvecNames    = [...]string{1: "matvec_1", 2: "matvec_2", 4: "matvec_4", 8: "matvec_8"}
	matvecGLUNames = [...]string{1: "matvec_glu_1", 2: "matvec_glu_2", 4: "matvec_glu_4", 8: "matvec_glu_8"}
	floatNames     = [...]string{1: "matvec_float_1", 2: "matvec_float_2", 4: "matvec_float_4", 8: "matvec_float_8"}
)

// asBytes gives x as signed bytes, made now unless they are there.
func (q *Queue) asBytes(x *compute.Tensor) (bytes, scales hip.Span) {
	n, k := x.Dim(0), x.Dim(1)
	if q.gated.holds(x) {
		return q.room("gated units as bytes", int64(n*k)), q.room("scales of gated units", int64(n*k/32*8))
	}
	bytes, scales = q.byteRoom(n, k)
	if q.bytes.holds(x) {
		return bytes, scales
	}
	q.label("quantise", x)
	args := q.s.Args().Span(bytes).Span(scales).Span(q.span(x)).I32(k).I64(int64(x.Stride(0))).I64(int64(n * k))
	q.launch(q.kernel("quantize", "quantize"), hip.Dim{X: uint32(ceilDiv(n*k, 128))}, 128, args)
	q.bytes = preparedFrom(x)
	return bytes, scales
}

// asHalves gives x as halves, and what undoes the scaling of each row.
func (q *Queue) asHalves(x *compute.Tensor) (halves, unscale hip.Span) {
	n, k := x.Dim(0), x.Dim(1)
	halves, unscale = q.room("activations as halves", int64(n*k*2)), q.room("scales of rows", int64(n*4))
	if q.halves.holds(x) {
		return halves, unscale
	}
	q.label("halve", x)
	args := q.s.Args().Span(halves).Span(unscale).Span(q.span(x)).I32(k).I64(int64(x.Stride(0)))
	q.launch(q.kernel("quantize", "halve"), hip.Dim{X: uint32(n)}, 256, args)
	q.halves = preparedFrom(x)
	return halves, unscale
}

// gemm multiplies on the matrix units.
func (q *Queue) gemm(op string, f *format, pl planes, x *compute.Tensor, p compute.Projection) {
	n, k, m := x.Dim(0), x.Dim(1), p.W.Dim(0)
	halves, unscale := q.asHalves(x)
	rows, name := 128, "gemm_128"
	if n <= 64 {
		rows, name = 32, "gemm_32"
	}
	args := pl.add(q.s.Args()).Span(q.optional(p.Bias)).Span(q.span(p.Out)).I32(p.Out.Stride(0)).Span(halves).Span(unscale).
		I32(k).I32(m).I32(n)
	q.wrote(p.Out)
	q.labelWeight(op, p.Out, p.W)
	q.launch(q.kernel(moduleOf(f), name), hip.Dim{X: uint32(ceilDiv(m, 128)), Y: uint32(ceilDiv(n, rows))}, 256, args)
}

// matvecFloat multiplies float weights with x as it is, a few rows of x at a time.
func (q *Queue) matvecFloat(op string, f *format, pl planes, x *compute.Tensor, p compute.Projection) {
	n, k, m := x.Dim(0), x.Dim(1), p.W.Dim(0)
	if k == 0 {
		q.fail(op, "x %s has no columns", x)
		return
	}
	rows := rowsUp(n)
	name := floatNames[rows]
	per := 16 / f.block
	if k%per != 0 || p.W.Offset%per != 0 || p.W.Stride(0)%per != 0 || x.Offset%4 != 0 || x.Stride(0)%4 != 0 && n > 1 {
		rows, name = 4, "matvec_narrow"
	}
	if q.d.modules[moduleOf(f)] == nil {
		q.keep(fmt.Errorf("gpu: %s: %s: kernels for %s are not loaded", op, p.W, f.name))
		return
	}
	args := q.s.Args().Span(pl[0]).I64(int64(p.W.Stride(0))).Span(q.optional(p.Bias)).Span(q.span(p.Out)).I32(p.Out.Stride(0)).
		Span(q.span(x)).I64(int64(x.Stride(0))).I32(k).I32(m).I32(n)
	q.wrote(p.Out)
	q.labelWeight(op, p.Out, p.W)
	q.launch(q.kernel(moduleOf(f), name), hip.Dim{X: uint32(ceilDiv(m, 128/q.d.warp)), Y: uint32(ceilDiv(n, rows))}, 128, args)
}

// ProjectGLU computes out = act(x · wGateᵀ) · (x · wUpᵀ). See compute.ProjectGLU.
func (q *Queue) ProjectGLU(out, gate, up, x, wGate, wUp *compute.Tensor, act compute.Activation) {
	const op = "ProjectGLU"
	g, u := compute.Projection{Out: out, W: wGate}, compute.Projection{Out: out, W: wUp}
	if !q.shares(x, g) || !q.shares(x, u) || !sameLayout(wGate, wUp) {
		q.Project(x, compute.Projection{Out: gate, W: wGate}, compute.Projection{Out: up, W: wUp})
		q.GLU(out, gate, up, act)
		return
	}
	if !q.ready(op) || !q.fits(op, x, g) || !q.fits(op, x, u) {
		return
	}
	s, gp, ok := q.weight(op, wGate)
	_, upl, ok2 := q.weight(op, wUp)
	n, k, m := x.Dim(0), x.Dim(1), wGate.Dim(0)
	if !ok || !ok2 || out.Len() == 0 {
		return
	}
	bytes, scales := q.asBytes(x)
	const resident = 2 // of these large blocks find room on a multiprocessor at once
	if n == 1 && m%32 == 0 && m/32 <= resident*max(q.d.info.Multiprocessors, 8) {
		// The product that follows takes the result as signed bytes. Those of x are still being read: two rooms.
		toBytes, toScales := q.room("gated units as bytes", int64(m)), q.room("scales of gated units", int64(m/32*8))
		args := q.s.Args().Span(bytes).Span(scales).I32(k)
		upl.add(gp.add(args)).Span(q.span(out)).I32(int(act)).Span(toBytes).Span(toScales)
		q.wrote(out)
		q.labelWeight(op, out, wGate)
		q.launch(q.kernel(moduleOf(s.format), "matvec_glu_bytes"), hip.Dim{X: uint32(m / 32)}, 512, args)
		q.gated = preparedFrom(out)
		return
	}
	args := q.s.Args().Span(bytes).Span(scales).I32(k).I32(n)
	upl.add(gp.add(args)).Span(q.span(out)).I32(m).I32(out.Stride(0)).I32(int(act))
	q.wrote(out)
	q.labelWeight(op, out, wGate)
	q.launch(q.kernel(moduleOf(s.format), matvecGLUNames[rowsUp(n)]), hip.Dim{X: uint32(ceilDiv(m, 128/q.d.warp))}, 128, args)
}

// Embed gathers rows of a weight.
func (q *Queue) Embed(out, table, ids *compute.Tensor) {
	const op = "Embed"
	if !q.ready(op) || !q.floats(op, "out", out) || !q.ints(op, "ids", ids) {
		return
	}
	s, pl, ok := q.weight(op, table)
	if !ok {
		return
	}
	if out.Dims() != 2 || out.Dim(0) != ids.Len() || out.Dim(1) != table.Dim(1) {
		q.fail(op, "out %s doesn't fit table %s and ids %s", out, table, ids)
		return
	}
	f, d := s.layout(table), table.Dim(1)
	if table.Stride(0) != d {
		q.fail(op, "table %s must be whole rows", table)
		return
	}
	if out.Len() == 0 {
		return
	}
	q.labelWeight(op, out, table)
	q.wrote(out)
	work := d // threads a row
	if f.quantised {
		work = d / 32
	}
	args := pl.add(q.s.Args().Span(q.span(out)).I64(int64(out.Stride(0)))).Span(q.span(ids)).I32(d).I32(table.Dim(0))
	q.launch(q.kernel(moduleOf(f), "embed"), hip.Dim{X: uint32(ceilDiv(work, 128)), Y: uint32(out.Dim(0))}, 128, args)
}
