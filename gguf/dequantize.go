package gguf

import "fmt"

// codec converts the blocks of one type. Both functions fill dst from src, a
// whole number of blocks.
type codec struct {
	decode func(dst []float32, src []byte)
	encode func(dst []byte, src []float32)
}

// codecFor returns the conversions for a type; a function is nil where there is
// none.
func codecFor(t Type) codec {
	switch t {
	case F32:
		return codec{decodeF32, encodeF32}
	case F64:
		return codec{decodeF64, nil}
	case F16:
		return codec{decodeF16, encodeF16}
	case BF16:
		return codec{decodeBF16, encodeBF16}
	case I8:
		return codec{decodeI8, nil}
	case I16:
		return codec{decodeI16, nil}
	case I32:
		return codec{decodeI32, nil}
	case I64:
		return codec{decodeI64, nil}
	case Q4_0:
		return codec{decodeQ4_0, encodeQ4_0}
	case Q4_1:
		return codec{decodeQ4_1, encodeQ4_1}
	case Q5_0:
		return codec{decodeQ5_0, encodeQ5_0}
	case Q5_1:
		return codec{decodeQ5_1, encodeQ5_1}
	case Q8_0:
		return codec{decodeQ8_0, encodeQ8_0}
	case Q8_1:
		return codec{decodeQ8_1, nil}
	case Q1_0:
		return codec{decodeQ1_0, encodeQ1_0}
	case Q2_0:
		return codec{decodeQ2_0, encodeQ2_0}
	case Q2_K:
		return codec{decodeQ2_K, encodeQ2_K}
	case Q3_K:
		return codec{decodeQ3_K, encodeQ3_K}
	case Q4_K:
		return codec{decodeQ4_K, encodeQ4_K}
	case Q5_K:
		return codec{decodeQ5_K, encodeQ5_K}
	case Q6_K:
		return codec{decodeQ6_K, encodeQ6_K}
	case Q8_K:
		return codec{decodeQ8_K, nil}
	case IQ1_S:
		return codec{decodeIQ1_S, nil}
	case IQ1_M:
		return codec{decodeIQ1_M, nil}
	case IQ2_XXS:
		return codec{decodeIQ2_XXS, nil}
	case IQ2_XS:
		return codec{decodeIQ2_XS, nil}
	case IQ2_S:
		return codec{decodeIQ2_S, nil}
	case IQ3_XXS:
		return codec{decodeIQ3_XXS, nil}
	case IQ3_S:
		return codec{decodeIQ3_S, nil}
	case IQ4_NL:
		return codec{decodeIQ4_NL, encodeIQ4_NL}
	case IQ4_XS:
		return codec{decodeIQ4_XS, encodeIQ4_XS}
	case MXFP4:
		return codec{decodeMXFP4, encodeMXFP4}
	case NVFP4:
		return codec{decodeNVFP4, encodeNVFP4}
	case TQ1_0:
		return codec{decodeTQ1_0, nil}
	case TQ2_0:
		return codec{decodeTQ2_0, encodeTQ2_0}
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
