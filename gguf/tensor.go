package gguf

import "fmt"

// Tensor describes one tensor of a file.
type Tensor struct {
	Name string
	Type Type
	// Shape lists the dimensions outermost first: [out, in] for a matrix whose
	// rows are stored one after the other. (The file lists them the other way
	// round.)
	Shape []int
	// Data is a view of the mapped file, valid until File.Close; nil when the
	// file was opened with Parse. It must not be written to.
	Data []byte
	// Path is the file, or the part of a split file, that holds the data; empty
	// when the file was opened with Parse.
	Path string
	// Offset is where the data starts in that file, in bytes.
	Offset int64
}

// Elements is the number of values.
func (t *Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// Bytes is the size of the data.
func (t *Tensor) Bytes() int64 {
	return t.Elements() / int64(t.Type.BlockElements()) * int64(t.Type.BlockBytes())
}

// String describes the tensor, for messages: its name, type and shape.
func (t *Tensor) String() string {
	return fmt.Sprintf("%s %s %v", t.Name, t.Type, t.Shape)
}

// Rows returns a view of the entries [lo, hi) of the outermost dimension. It
// panics, as slicing does, when the range is outside the tensor or, in a
// vector, splits a block.
func (t *Tensor) Rows(lo, hi int) *Tensor {
	if len(t.Shape) == 0 || lo < 0 || hi < lo || hi > t.Shape[0] {
		panic(fmt.Sprintf("gguf: rows [%d:%d) of tensor %v", lo, hi, t))
	}
	view := *t
	view.Shape = append([]int{hi - lo}, t.Shape[1:]...)
	start, err := t.prefix(lo)
	end, err2 := t.prefix(hi)
	if err != nil || err2 != nil {
		panic(fmt.Sprintf("gguf: rows [%d:%d) of tensor %v split a block", lo, hi, t))
	}
	view.Offset += start
	if t.Data != nil {
		view.Data = t.Data[start:end:end]
	}
	return &view
}

// prefix is the size in bytes of the first n entries of the outermost dimension.
func (t *Tensor) prefix(n int) (int64, error) {
	if len(t.Shape) == 1 {
		return t.Type.RowBytes(n)
	}
	return t.Bytes() / int64(t.Shape[0]) * int64(n), nil
}

// Index returns a view of entry i of the outermost dimension, without that
// dimension: one expert's matrix from a stack of them.
func (t *Tensor) Index(i int) *Tensor {
	view := t.Rows(i, i+1)
	view.Shape = view.Shape[1:]
	return view
}
