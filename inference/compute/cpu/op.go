package cpu

import (
	"unsafe"

	"burble/gguf"
)

// kind says what an op does. The numbers are shared with op.h.
type kind int32

const (
	opCopy kind = iota + 1
	opEmbed
	opRows
	opMatMul
	opRMSNorm
	opLayerNorm
	opRope
	opStoreKV
	opAttend
	opGLU
	opActivate
	opAdd
	opMul
	opScale
	opSoftCap
	opTopK
	opRoute
	opMatMulExperts
	opCombine
	opConv1D
	opSelectiveScan
	opDeltaScan
)

// view is a tensor as kernels see it. Dimensions are aligned to the right: a row of d is {1, 1, 1, d}. Strides are
// in bytes; the innermost dimension is contiguous. The layout is shared with op.h.
type view struct {
	p      unsafe.Pointer // first element; nil for an operand that is not there
	typ    int64          // gguf.Type
	dim    [4]int64
	stride [4]int64
}

// op is one operation, checked. The layout is shared with op.h.
type op struct {
	kind kind
	mode int32 // see the queue's methods
	out  view
	a    view
	b    view
	c    view
	d    view
	e    view
	g    view
	h    view
	f    [4]float32 // see the queue's methods
	i    [4]int64
}

// rows is the number of innermost rows.
func (v *view) rows() int { return int(v.dim[0] * v.dim[1] * v.dim[2]) }

func (v *view) cols() int { return int(v.dim[3]) }

// at is the address of innermost row r, counted over all outer dimensions.
func (v *view) at(r int) unsafe.Pointer {
	i2 := int64(r) % v.dim[2]
	rest := int64(r) / v.dim[2]
	i1 := rest % v.dim[1]
	i0 := rest / v.dim[1]
	return unsafe.Add(v.p, i0*v.stride[0]+i1*v.stride[1]+i2*v.stride[2])
}

// floats is innermost row r of an F32 view.
func (v *view) floats(r int) []float32 { return unsafe.Slice((*float32)(v.at(r)), v.dim[3]) }

// ints is innermost row r of an I32 view.
func (v *view) ints(r int) []int32 { return unsafe.Slice((*int32)(v.at(r)), v.dim[3]) }

// raw is innermost row r as bytes.
func (v *view) raw(r int) []byte {
	t := gguf.Type(v.typ)
	return unsafe.Slice((*byte)(v.at(r)), int(v.dim[3])/t.BlockElements()*t.BlockBytes())
}
