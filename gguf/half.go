package gguf

import "math"

// F16ToF32 widens an IEEE 754 binary16 value; every value is representable.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h & 0x3ff)
	switch exponent {
	case 0: // zero and subnormals: fraction · 2⁻²⁴, exact in binary32
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// F32ToF16 rounds to IEEE 754 binary16, ties to even. Values beyond 65504
// become infinity; a NaN stays a (quiet) NaN.
func F32ToF16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits>>16) & 0x8000
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00 | uint16(bits>>13)&0x1ff
	case bits >= 0x47800000: // 2¹⁶ and above
		return sign | 0x7c00
	case bits < 0x38800000: // below 2⁻¹⁴: subnormal, in units of 2⁻²⁴
		// Adding 0.5 aligns the unit with the last bit of the sum's
		// fraction, so the hardware does the rounding.
		sum := math.Float32bits(math.Float32frombits(bits) + 0.5)
		return sign | uint16(sum-0x3f000000)
	}
	bits += 0xfff + bits>>13&1 // ties to even
	return sign | uint16((bits-0x38000000)>>13)
}

// BF16ToF32 widens a bfloat16 value, the upper half of a binary32.
func BF16ToF32(b uint16) float32 {
	return math.Float32frombits(uint32(b) << 16)
}

// F32ToBF16 rounds to bfloat16, ties to even; a NaN stays a quiet NaN.
func F32ToBF16(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
