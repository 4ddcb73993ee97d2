package gpu

import (
	"encoding/binary"
	"fmt"

	"burble/gguf"
	"burble/hip"
)

// format is how a weight lies in device memory. Kernels want aligned loads of 16 bytes, which most GGUF blocks do not
// allow: a block of Q8_0 is a scale of two bytes and 32 bytes of quants. So a block's parts go to planes of their own,
// one after the other in the weight's buffer. units.hip describes the same layouts from the kernels' side.
type format struct {
	name      string    // as the kernels call it
	stored    gguf.Type // the type whose blocks are stored
	elements  int       // of a block
	block     int       // bytes of a GGUF block
	planes    []part    // the order of the kernels' pointers: quants, scales, extra bits
	quantised bool      // products use the activation's signed bytes
	matrix    bool      // the matrix kernels read it
}

// part is a run of bytes of every block.
type part struct{ from, to int }

func (p part) bytes() int { return p.to - p.from }

// formats are the layouts that kernels read. Whatever else a file holds is stored as one of the float types: that
// takes more memory, and is otherwise right.
var formats = [...]format{
	{"F32", gguf.F32, 1, 4, []part{{0, 4}}, false, false},
	{"F16", gguf.F16, 1, 2, []part{{0, 2}}, false, true},
	{"BF16", gguf.BF16, 1, 2, []part{{0, 2}}, false, true},
	{"Q8_0", gguf.Q8_0, 32, 34, []part{{2, 34}, {0, 2}}, true, true},
	{"Q4_0", gguf.Q4_0, 32, 18, []part{{2, 18}, {0, 2}}, true, true},
	{"Q4_1", gguf.Q4_1, 32, 20, []part{{4, 20}, {0, 4}}, true, true},
	{"Q5_0", gguf.Q5_0, 32, 22, []part{{6, 22}, {0, 2}, {2, 6}}, true, true},
	{"Q5_1", gguf.Q5_1, 32, 24, []part{{8, 24}, {0, 4}, {4, 8}}, true, true},
	{"Q4_K", gguf.Q4_K, 256, 144, []part{{0, 144}}, true, true},
	{"Q5_K", gguf.Q5_K, 256, 176, []part{{0, 176}}, true, true},
	{"Q6_K", gguf.Q6_K, 256, 210, []part{{0, 208}, {208, 210}}, true, true},
	{"Q2_K", gguf.Q2_K, 256, 84, []part{{16, 80}, {0, 16}, {80, 84}}, true, true},
	{"Q3_K", gguf.Q3_K, 256, 110, []part{{0, 96}, {96, 108}, {108, 110}}, true, true},
	{"IQ4_NL", gguf.IQ4_NL, 32, 18, []part{{2, 18}, {0, 2}}, true, true},
	{"IQ4_XS", gguf.IQ4_XS, 256, 136, []part{{8, 136}, {0, 8}}, true, true},
	{"MXFP4", gguf.MXFP4, 32, 17, []part{{1, 17}, {0, 1}}, true, true},
	{"NVFP4", gguf.NVFP4, 64, 36, []part{{4, 36}, {0, 4}}, true, true},
	{"TQ2_0", gguf.TQ2_0, 256, 66, []part{{0, 64}, {64, 66}}, true, true},
	{"TQ1_0", gguf.TQ1_0, 256, 54, []part{{0, 52}, {52, 54}}, true, true},
	{"IQ3_S", gguf.IQ3_S, 256, 110, []part{{2, 110}, {0, 2}}, true, true},
	{"IQ3_XXS", gguf.IQ3_XXS, 256, 98, []part{{2, 98}, {0, 2}}, true, true},
	{"IQ2_S", gguf.IQ2_S, 256, 82, []part{{2, 82}, {0, 2}}, true, true},
	{"IQ2_XS", gguf.IQ2_XS, 256, 74, []part{{2, 66}, {66, 74}, {0, 2}}, true, true},
	{"IQ2_XXS", gguf.IQ2_XXS, 256, 66, []part{{2, 66}, {0, 2}}, true, true},
	{"IQ1_S", gguf.IQ1_S, 256, 50, []part{{2, 50}, {0, 2}}, true, true},
	{"IQ1_M", gguf.IQ1_M, 256, 56, []part{{0, 56}}, true, true},
}

// formatFor chooses the layout of a weight. Types without kernels become F16, which holds what they can express to within 2⁻¹¹.
func formatFor(t gguf.Type) *format {
	stored := t
	switch t {
	case gguf.F64:
		stored = gguf.BF16
	case gguf.I32:
		return &formats[0] // four bytes an element, whatever they mean
	}
	for pass := 0; pass < 2; pass++ {
		for i := range formats {
			if formats[i].stored == stored {
				return &formats[i]
			}
		}
		stored = gguf.F16
	}
	panic("gpu: F16 has no layout") // the table above has it
}

// planeOffset aligns every plane like an allocation.
const planeOffset = 256

// size returns the bytes of a weight of n elements, and where its planes begin.
func (f *format) size(n int64) (bytes int64, offsets [3]int64) {
	blocks := n / int64(f.elements)
	for i, p := range f.planes {
		offsets[i] = bytes
		bytes += (blocks*int64(p.bytes()) + planeOffset - 1) / planeOffset * planeOffset
	}
	return bytes, offsets
}

// transfers describes the upload of tensor t into dst.
func (f *format) transfers(t *gguf.Tensor, dst hip.Span) []hip.Transfer {
	n := t.Elements()
	_, offsets := f.size(n)
	blocks := n / int64(f.elements)
	list := make([]hip.Transfer, 0, len(f.planes))
	for i, p := range f.planes {
		width := int64(p.bytes())
		tr := hip.Transfer{Label: t.Name, Dst: dst.Slice(offsets[i], blocks*width), Granule: width}
		switch {
		case t.Type != f.stored && t.Type != gguf.I32:
			tr.Granule = int64(t.Type.BlockElements()) * width
			tr.Read = func(p []byte, offset int64) error { return f.convert(p, t, offset/width) }
		case width == int64(f.block):
			tr.Granule = 0
			tr.Read = func(p []byte, offset int64) error { copy(p, t.Data[offset:]); return nil }
		default:
			from := int64(p.from)
			tr.Read = func(p []byte, offset int64) error {
				gather(p, t.Data[offset/width*int64(f.block)+from:], int(width), f.block)
				return nil
			}
		}
		list = append(list, tr)
	}
	return list
}

// gather copies the first width bytes of every stride to dst, which holds a whole number of them.
func gather(dst, src []byte, width, stride int) {
	switch width { // sizes known to the compiler become single moves
	case 1:
		for i := range dst {
			dst[i] = src[i*stride]
		}
	case 2:
		for ; len(dst) >= 2; dst = dst[2:] {
			*(*[2]byte)(dst) = *(*[2]byte)(src)
			src = src[min(stride, len(src)):]
		}
	case 4:
		for ; len(dst) >= 4; dst = dst[4:] {
			*(*[4]byte)(dst) = *(*[4]byte)(src)
			src = src[min(stride, len(src)):]
		}
	case 16:
		for ; len(dst) >= 16; dst = dst[16:] {
			*(*[16]byte)(dst) = *(*[16]byte)(src)
			src = src[min(stride, len(src)):]
		}
	case 32:
		for ; len(dst) >= 32; dst = dst[32:] {
			*(*[32]byte)(dst) = *(*[32]byte)(src)
			src = src[min(stride, len(src)):]
		}
	default:
		for ; len(dst) >= width; dst = dst[width:] {
			copy(dst[:width], src)
			src = src[min(stride, len(src)):]
		}
	}
}

// convert dequantises elements of t from element first on into p, as f's float type.
func (f *format) convert(p []byte, t *gguf.Tensor, first int64) error {
	n := len(p) / f.block
	values := make([]float32, n)
	per, bytes := int64(t.Type.BlockElements()), int64(t.Type.BlockBytes())
	lo := first / per * bytes
	hi := (first + int64(n)) / per * bytes
	if err := gguf.Dequantize(t.Type, values, t.Data[lo:hi]); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	for i, v := range values {
		switch f.stored {
		case gguf.F32:
			binary.LittleEndian.PutUint32(p[4*i:], floatBits(v))
		case gguf.BF16:
			binary.LittleEndian.PutUint16(p[2*i:], gguf.F32ToBF16(v))
		default:
			binary.LittleEndian.PutUint16(p[2*i:], gguf.F32ToF16(v))
		}
	}
	return nil
}
