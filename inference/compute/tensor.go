package compute

import (
	"fmt"
	"strings"

	"burble/gguf"
)

// MaxDims is the largest number of dimensions of a Tensor.
const MaxDims = 4

// Storage is a device's handle on the memory behind a Tensor. Each device has its own type.
type Storage interface {
	// Owner returns the device that made the storage.
	Owner() Device
}

// Tensor is an n-dimensional array on a Device, or a view of one. Tensors are immutable: slicing makes a new one
// over the same storage.
type Tensor struct {
	Label   string // what it holds, for errors and diagnostics: "blk.0.attn_q.weight"
	Type    gguf.Type
	Storage Storage
	Offset  int // of the first element, in elements from the start of the storage

	shape  [MaxDims]int // outermost first; dims of them are used
	stride [MaxDims]int // in elements; stride[dims-1] == 1
	dims   int
}

// NewTensor describes contiguous storage. It is for devices; models use Device.New and Device.Load.
func NewTensor(label string, typ gguf.Type, storage Storage, shape ...int) *Tensor {
	if len(shape) == 0 || len(shape) > MaxDims {
		panic(fmt.Sprintf("compute: %s: %d dimensions", label, len(shape)))
	}
	t := &Tensor{Label: label, Type: typ, Storage: storage, dims: len(shape)}
	copy(t.shape[:], shape)
	step := 1
	for i := t.dims - 1; i >= 0; i-- {
		t.stride[i] = step
		step *= shape[i]
	}
	return t
}

// Dims returns the number of dimensions.
func (t *Tensor) Dims() int { return t.dims }

// Dim returns the size of dimension i, outermost first. A negative i counts from the innermost: Dim(-1) is the
// contiguous one.
func (t *Tensor) Dim(i int) int {
	if i < 0 {
		i += t.dims
	}
	return t.shape[i]
}

// Stride returns the distance in elements between neighbours along dimension i (negative i as in Dim).
func (t *Tensor) Stride(i int) int {
	if i < 0 {
		i += t.dims
	}
	return t.stride[i]
}

// Shape returns a copy of the shape, outermost first.
func (t *Tensor) Shape() []int { return append([]int(nil), t.shape[:t.dims]...) }

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.shape[:t.dims] {
		n *= d
	}
	return n
}

// Contiguous reports whether the elements lie in one run without gaps.
func (t *Tensor) Contiguous() bool {
	step := 1
	for i := t.dims - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.stride[i] != step {
			return false
		}
		step *= t.shape[i]
	}
	return true
}

// Slice returns the view [lo, hi) along dimension i (negative i as in Dim). Slicing the innermost dimension of a
// quantised tensor must fall on block boundaries.
func (t *Tensor) Slice(i, lo, hi int) *Tensor {
	if i < 0 {
		i += t.dims
	}
	if lo < 0 || hi < lo || hi > t.shape[i] {
		panic(fmt.Sprintf("compute: %s: slice [%d:%d] of dimension %d of %v", t.Label, lo, hi, i, t.Shape()))
	}
	v := *t
	v.Offset += lo * t.stride[i]
	v.shape[i] = hi - lo
	return &v
}

// Heads views [n, heads·d] as [n, heads, d].
func (t *Tensor) Heads(heads int) *Tensor {
	if t.dims != 2 || heads <= 0 || t.shape[1]%heads != 0 {
		panic(fmt.Sprintf("compute: %s: %v is not rows of %d heads", t.Label, t.Shape(), heads))
	}
	v := *t
	v.dims = 3
	d := t.shape[1] / heads
	v.shape = [MaxDims]int{t.shape[0], heads, d}
	v.stride = [MaxDims]int{t.stride[0], d, 1}
	return &v
}

// String gives the label, type and shape: "blk.0.ffn_norm.weight F32 [3584]".
func (t *Tensor) String() string {
	if t == nil {
		return "nil"
	}
	return fmt.Sprintf("%s %s %s", t.Label, t.Type, shapeString(t.shape[:t.dims]))
}

func shapeString(shape []int) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range shape {
		if i > 0 {
			b.WriteString("×")
		}
		fmt.Fprint(&b, d)
	}
	b.WriteByte(']')
	return b.String()
}
