package gpu

import (
	"burble/gguf"
	"burble/hip"
	"burble/inference/compute"
)

// Codes of elementwise.hip.
const (
	opAdd = iota
	opMul
	opScale
	opSoftCap
	opActivate
	opGLU
)

// collapsed is an elementwise operation over up to three outer dimensions and an inner one. Neighbouring dimensions that
// lie in memory like one, for every operand, are one.
type collapsed struct {
	dims    [compute.MaxDims]int    // the last is the inner one
	strides [3][compute.MaxDims]int // of out, a and b
	n       int
	fits    bool
}

// collapse lays out out, a and b (which may be nil). b may have the innermost dimensions only.
func collapse(out, a, b *compute.Tensor) collapsed {
	var c collapsed
	all := [3]*compute.Tensor{out, a, b}
	for i := range out.Dims() {
		size := out.Dim(i)
		if size == 1 && out.Dims() > 1 && i < out.Dims()-1 {
			continue // a stride nobody takes
		}
		var step [3]int
		for j, t := range all {
			if t == nil {
				continue
			}
			if k := i - (out.Dims() - t.Dims()); k >= 0 {
				step[j] = t.Stride(k)
			}
		}
		if c.n > 0 {
			merge := true
			for j := range all {
				merge = merge && (all[j] == nil || c.strides[j][c.n-1] == step[j]*size)
			}
			if merge {
				c.dims[c.n-1] *= size
				for j := range all {
					c.strides[j][c.n-1] = step[j]
				}
				continue
			}
		}
		c.dims[c.n] = size
		for j := range all {
			c.strides[j][c.n] = step[j]
		}
		c.n++
	}
	c.fits = true
	return c
}

// outer gives the three outer dimensions, padded with ones.
func (c *collapsed) outer() (dims [3]int, strides [3][3]int) {
	for i := range dims {
		dims[i] = 1
		if k := i - (4 - c.n); k >= 0 {
			dims[i] = c.dims[k]
			for j := range strides {
				strides[j][i] = c.strides[j][k]
			}
		}
	}
	return dims, strides
}

func (c *collapsed) inner() int { return c.dims[c.n-1] }

// elementwise checks the operands and launches.
func (q *Queue) elementwise(op string, code int, out, a, b *compute.Tensor, act compute.Activation, s float32) {
	if !q.ready(op) || !q.floats(op, "out", out) || !q.floats(op, "operand", a) || b != nil && !q.floats(op, "operand", b) {
		return
	}
	if !sameShape(out, a) || b != nil && !innerShape(out, b) {
		q.fail(op, "out %s, a %s and b %s don't fit", out, a, b)
		return
	}
	if act > compute.Softplus && (code != opGLU || act != compute.SwiGLUClamped) {
		q.fail(op, "%s is no activation of this operation", act)
		return
	}
	if out.Len() == 0 {
		return
	}
	c := collapse(out, a, b)
	d, st := c.outer()
	chunks := ceilDiv(c.inner(), 1024)
	args := q.s.Args().I32(code).I32(int(act)).F32(s).I32(c.inner()).I32(chunks).I32(d[1]).I32(d[2])
	args.Span(q.span(out)).I64(int64(st[0][0])).I64(int64(st[0][1])).I64(int64(st[0][2]))
	args.Span(q.span(a)).I64(int64(st[1][0])).I64(int64(st[1][1])).I64(int64(st[1][2]))
	args.Span(q.optional(b)).I64(int64(st[2][0])).I64(int64(st[2][1])).I64(int64(st[2][2]))
	q.label(op, out)
	q.wrote(out)
	q.launch(q.kernel("elementwise", "elementwise"), hip.Dim{X: uint32(d[0] * d[1] * d[2] * chunks)}, 256, args)
}

// innerShape says whether b has out's shape or that of its innermost dimensions.
func innerShape(out, b *compute.Tensor) bool {
	if b.Dims() > out.Dims() {
		return false
	}
	for i := 1; i <= b.Dims(); i++ {
		if b.Dim(-i) != out.Dim(-i) {
			return false
		}
	}
	return true
}

// GLU computes out = act(gate) · up.
func (q *Queue) GLU(out, gate, up *compute.Tensor, act compute.Activation) {
	if up != nil && out != nil && up.Dims() != out.Dims() {
		q.fail("GLU", "out %s doesn't fit up %s", out, up)
		return
	}
	q.elementwise("GLU", opGLU, out, gate, up, act, 0)
}

// Activate computes out = act(x).
func (q *Queue) Activate(out, x *compute.Tensor, act compute.Activation) {
	q.elementwise("Activate", opActivate, out, x, nil, act, 0)
}

// Add computes out = a + b.
func (q *Queue) Add(out, a, b *compute.Tensor) { q.elementwise("Add", opAdd, out, a, b, 0, 0) }

// Mul computes out = a · b.
func (q *Queue) Mul(out, a, b *compute.Tensor) { q.elementwise("Mul", opMul, out, a, b, 0, 0) }

// Scale computes out = s · x.
func (q *Queue) Scale(out, x *compute.Tensor, s float32) {
	q.elementwise("Scale", opScale, out, x, nil, 0, s)
}

// SoftCap computes out = limit · tanh(x / limit).
func (q *Queue) SoftCap(out, x *compute.Tensor, limit float32) {
	q.elementwise("SoftCap", opSoftCap, out, x, nil, 0, limit)
}

// Copy copies src to dst elementwise.
func (q *Queue) Copy(dst, src *compute.Tensor) {
	const op = "Copy"
	if !q.ready(op) || q.storage(op, dst) == nil || q.storage(op, src) == nil {
		return
	}
	size := 2 // of the words that are copied
	block, words := dst.Type.BlockElements(), 1
	switch dst.Type {
	case gguf.F32, gguf.I32:
		size = 4
	case gguf.Q8_0, gguf.Q4_0: // of KV caches; blocks of 34 and 18 bytes
		words = dst.Type.BlockBytes() / size
	case gguf.F16, gguf.BF16:
	default:
		block = 0
	}
	if dst.Type != src.Type || !sameShape(dst, src) || block == 0 || block > 1 && (dst.Storage.(*storage).format != nil || src.Storage.(*storage).format != nil) {
		q.fail(op, "%s and %s differ, or are neither plain numbers nor parts of KV caches", dst, src)
		return
	}
	if !inBlocks(dst) || !inBlocks(src) {
		q.fail(op, "%s and %s must be whole blocks", dst, src)
		return
	}
	if dst.Len() == 0 {
		return
	}
	q.label(op, dst)
	q.wrote(dst)
	if dst.Contiguous() && src.Contiguous() && dst.Storage != src.Storage {
		if q.rehearsing {
			return
		}
		n := int64(dst.Len() / block * words * size)
		q.s.Copy(q.span(dst).Slice(0, n), q.span(src).Slice(0, n))
		return
	}
	c := collapse(dst, src, nil)
	if block > 1 { // in words
		for i := range c.n {
			if i == c.n-1 {
				c.dims[i] = c.dims[i] / block * words
				break
			}
			c.strides[0][i], c.strides[1][i] = c.strides[0][i]/block*words, c.strides[1][i]/block*words
		}
	}
	d, st := c.outer()
	chunks := ceilDiv(c.inner(), 1024)
	name := "copy_32"
	if size == 2 {
		name = "copy_16"
	}
	args := q.s.Args().I32(c.inner()).I32(chunks).I32(d[1]).I32(d[2])
	args.Span(q.span(dst)).I64(int64(st[0][0])).I64(int64(st[0][1])).I64(int64(st[0][2]))
	args.Span(q.span(src)).I64(int64(st[1][0])).I64(int64(st[1][1])).I64(int64(st[1][2]))
	q.launch(q.kernel("elementwise", name), hip.Dim{X: uint32(d[0] * d[1] * d[2] * chunks)}, 256, args)
}

// inBlocks says whether a view of a type in blocks begins with one, and its rows too.
func inBlocks(t *compute.Tensor) bool {
	b := t.Type.BlockElements()
	ok := t.Offset%b == 0 && t.Dim(-1)%b == 0
	for i := range t.Dims() - 1 {
		ok = ok && t.Stride(i)%b == 0
	}
	return ok
}

// Rows gathers rows of an activation.
func (q *Queue) Rows(out, x, ids *compute.Tensor) {
	const op = "Rows"
	if !q.ready(op) || !q.floats(op, "out", out) || !q.floats(op, "x", x) || !q.ints(op, "ids", ids) {
		return
	}
	if out.Dims() != 2 || x.Dims() != 2 || out.Dim(0) != ids.Len() || out.Dim(1) != x.Dim(1) {
		q.fail(op, "out %s doesn't fit x %s and ids %s", out, x, ids)
		return
	}
	if out.Len() == 0 {
		return
	}
	q.label(op, out)
	q.wrote(out)
	args := q.s.Args().Span(q.span(out)).I64(int64(out.Stride(0))).Span(q.span(x)).I64(int64(x.Stride(0))).Span(q.span(ids)).
		I32(x.Dim(1)).I32(x.Dim(0))
	q.launch(q.kernel("elementwise", "rows"), hip.Dim{X: uint32(ceilDiv(x.Dim(1), 256)), Y: uint32(out.Dim(0))}, 256, args)
}

// TopK finds the k largest of each row.
func (q *Queue) TopK(values, ids, x *compute.Tensor) {
	const op = "TopK"
	if !q.ready(op) || !q.floats(op, "values", values) || !q.floats(op, "x", x) || q.storage(op, ids) == nil {
		return
	}
	if ids.Type != gguf.I32 || x.Dims() != 2 || values.Dims() != 2 || !sameShape(values, ids) || values.Dim(0) != x.Dim(0) ||
		values.Dim(1) > x.Dim(1) || values.Dim(1) > 1024 || values.Dim(1) < 1 {
		q.fail(op, "values %s and ids %s don't fit x %s", values, ids, x)
		return
	}
	rows, d, k := x.Dim(0), x.Dim(1), values.Dim(1)
	q.label(op, values)
	q.wrote(values)
	q.wrote(ids)
	if k > 1 {
		args := q.s.Args().Span(q.span(values)).I64(int64(values.Stride(0))).Span(q.span(ids)).I64(int64(ids.Stride(0))).
			Span(q.span(x)).I64(int64(x.Stride(0))).I32(d).I32(k)
		q.launch(q.kernel("topk", "topk"), hip.Dim{X: uint32(rows)}, 256, args)
		return
	}
	parts := min(ceilDiv(d, 1024), 128)
	partValues := q.room("arg-max values", int64(rows*parts*4))
	partIDs := q.room("arg-max places", int64(rows*parts*4))
	args := q.s.Args().Span(partValues).Span(partIDs).Span(q.span(x)).I64(int64(x.Stride(0))).I32(d).I32(parts)
	q.launch(q.kernel("topk", "argmax_parts"), hip.Dim{X: uint32(parts), Y: uint32(rows)}, 256, args)
	args = q.s.Args().Span(q.span(values)).I64(int64(values.Stride(0))).Span(q.span(ids)).I64(int64(ids.Stride(0))).
		Span(partValues).Span(partIDs).I32(parts).I32(d)
	q.launch(q.kernel("topk", "argmax_finish"), hip.Dim{X: uint32(rows)}, 256, args)
}
