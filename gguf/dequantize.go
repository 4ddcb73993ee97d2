package gguf

import (
	"encoding/binary"
	"fmt"
)

// codec converts one type's blocks. Both functions handle a whole number of
// blocks: decode fills dst from src, encode fills dst from src.
type codec struct {
	decode func(dst []float32, src []byte)
	encode func(dst []byte, src []float32)
}

// codecFor returns the conversions for a type; nil where there is none.
func codecFor(t Type) codec {
	switch t {
	case F32:
		return codec{decodeF32, encodeF32}
	case F16:
		return codec{decodeF16, encodeF16}
	case BF16:
		return codec{decodeBF16, encodeBF16}
	case Q4_0:
		return codec{decodeQ4_0, nil}
	case Q8_0:
		return codec{decodeQ8_0, encodeQ8_0}
	case Q4_K:
		return codec{decodeQ4_K, nil}
	case Q6_K:
		return codec{decodeQ6_K, nil}
	}
	return codec{}
}

// Dequantize converts blocks of type t to float32. len(dst) must be a multiple
// of the block's elements and src must hold exactly that many blocks.
func Dequantize(t Type, dst []float32, src []byte) error {
	want, err := t.RowBytes(len(dst))
	if err != nil {
		return err
	}
	if int64(len(src)) != want {
		return fmt.Errorf("gguf: %d values of %s take %d bytes, not %d", len(dst), t, want, len(src))
	}
	c := codecFor(t)
	if c.decode == nil {
		return fmt.Errorf("gguf: %s tensors cannot be converted to float32", t)
	}
	c.decode(dst, src)
	return nil
}

// Quantize converts float32 values to blocks of type t. len(src) must be a
// multiple of the block's elements and dst must hold exactly that many blocks.
// The values should be finite.
func Quantize(t Type, dst []byte, src []float32) error {
	want, err := t.RowBytes(len(src))
	if err != nil {
		return err
	}
	if int64(len(dst)) != want {
		return fmt.Errorf("gguf: %d values of %s take %d bytes, not %d", len(src), t, want, len(dst))
	}
	c := codecFor(t)
	if c.encode == nil {
		return fmt.Errorf("gguf: quantising to %s is not supported", t)
	}
	c.encode(dst, src)
	return nil
}

// half reads a little-endian binary16, the form of nearly all block scales.
func half(b []byte) float32 { return F16ToF32(binary.LittleEndian.Uint16(b)) }
