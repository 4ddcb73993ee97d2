package gguf

import (
	"encoding/binary"
	"math/bits"
)

// IQ formats store indices into codebooks of four or eight values, with signs
// apart, for 256 values under one half-precision scale. Layouts and formulas:
// ggml-common.h and ggml-quants.c.

// signs8 expands seven stored sign bits to eight: the number of minus signs in a
// group is always even, so the last bit is the parity of the others.
func signs8(seven uint32) byte {
	return byte(seven) | byte(bits.OnesCount8(byte(seven))&1<<7)
}

// putSigned stores scale·grid[i] with the sign of bit i.
func putSigned(dst []float32, scale float32, grid []int8, signs byte) {
	for i, g := range grid {
		dst[i] = scale * float32(g)
		if signs>>i&1 != 0 {
			dst[i] = -dst[i]
		}
	}
}

// decodeIQ2_XXS: half d, then per 32 values four grid indices (8 bits each) and
// a word with four groups of seven sign bits under a 4-bit scale s;
// x = ±d·(s+½)/4·grid.
func decodeIQ2_XXS(dst []float32, src []byte) {
	grid := codebooks().iq2xxs
	for ; len(dst) > 0; dst, src = dst[256:], src[66:] {
		d := half(src)
		for sub := range 8 {
			b := src[2+8*sub:]
			word := binary.LittleEndian.Uint32(b[4:])
			scale := d * (0.5 + float32(word>>28)) * 0.25
			for l := range 4 {
				putSigned(dst[sub*32+l*8:], scale, grid[int(b[l])*8:][:8], signs8(word>>(7*l)&127))
			}
		}
	}
}

// decodeIQ2_XS: half d, 32 words of a 9-bit grid index and seven sign bits, 8
// bytes of two 4-bit scales s for 16 values each; x = ±d·(s+½)/4·grid.
func decodeIQ2_XS(dst []float32, src []byte) {
	grid := codebooks().iq2xs
	for ; len(dst) > 0; dst, src = dst[256:], src[74:] {
		d := half(src)
		for l := range 32 {
			word := uint32(binary.LittleEndian.Uint16(src[2+2*l:]))
			scale := d * (0.5 + float32(src[66+l/4]>>(l%4/2*4)&15)) * 0.25
			putSigned(dst[l*8:], scale, grid[word&511*8:][:8], signs8(word>>9))
		}
	}
}

// decodeIQ2_S: half d, 32 low bytes of grid indices, 32 bytes of signs, 8 bytes
// with the indices' upper bit pairs, 8 bytes of two 4-bit scales s for 16 values
// each; x = ±d·(s+½)/4·grid.
func decodeIQ2_S(dst []float32, src []byte) {
	grid := codebooks().iq2s
	for ; len(dst) > 0; dst, src = dst[256:], src[82:] {
		d := half(src)
		for l := range 32 {
			index := int(src[2+l]) | int(src[66+l/4]>>(l%4*2)&3)<<8
			scale := d * (0.5 + float32(src[74+l/4]>>(l%4/2*4)&15)) * 0.25
			putSigned(dst[l*8:], scale, grid[index*8:][:8], src[34+l])
		}
	}
}

// decodeIQ3_XXS: half d, 64 grid indices for four values each, then per 32
// values a word with four groups of seven sign bits under a 4-bit scale s;
// x = ±d·(s+½)/2·grid.
func decodeIQ3_XXS(dst []float32, src []byte) {
	grid := codebooks().iq3xxs
	for ; len(dst) > 0; dst, src = dst[256:], src[98:] {
		d := half(src)
		for i := range 64 {
			word := binary.LittleEndian.Uint32(src[66+i/8*4:])
			scale := d * (0.5 + float32(word>>28)) * 0.5
			signs := signs8(word >> (i % 8 / 2 * 7) & 127)
			putSigned(dst[i*4:], scale, grid[int(src[2+i])*4:][:4], signs>>(i%2*4))
		}
	}
}

// decodeIQ3_S: half d, 64 low bytes of grid indices for four values each, 8
// bytes of the indices' ninth bits, 32 bytes of signs, 4 bytes of two 4-bit
// scales s for 32 values each; x = ±d·(2s+1)·grid.
func decodeIQ3_S(dst []float32, src []byte) {
	grid := codebooks().iq3s
	for ; len(dst) > 0; dst, src = dst[256:], src[110:] {
		d := half(src)
		for i := range 64 {
			index := int(src[2+i]) | int(src[66+i/8]>>(i%8)&1)<<8
			scale := d * float32(1+2*(src[106+i/16]>>(i%16/8*4)&15))
			putSigned(dst[i*4:], scale, grid[index*4:][:4], src[74+i/2]>>(i%2*4))
		}
	}
}

// shiftIQ1 is the offset δ of the IQ1 formats' grid values.
const shiftIQ1 = 0.125

// putShifted stores scale·(grid[i]±δ).
func putShifted(dst []float32, scale float32, grid []int8, minus bool) {
	shift := float32(shiftIQ1)
	if minus {
		shift = -shift
	}
	for i, g := range grid {
		dst[i] = scale * (float32(g) + shift)
	}
}

// decodeIQ1_S: half d, 32 low bytes of grid indices, then per 32 values a word
// of four times three upper index bits, a 3-bit scale s and the sign of δ;
// x = d·(2s+1)·(grid±δ).
func decodeIQ1_S(dst []float32, src []byte) {
	grid := codebooks().iq1s
	for ; len(dst) > 0; dst, src = dst[256:], src[50:] {
		d := half(src)
		for l := range 32 {
			word := binary.LittleEndian.Uint16(src[34+l/4*2:])
			scale := d * float32(2*(word>>12&7)+1)
			index := int(src[2+l]) | int(word>>(l%4*3)&7)<<8
			putShifted(dst[l*8:], scale, grid[index*8:][:8], word&0x8000 != 0)
		}
	}
}

// decodeIQ1_M: 32 low bytes of grid indices, 16 bytes with per index three
// upper bits and the sign of δ, four words of four 3-bit scales s for 16 values
// each, whose upper nibbles together are the half d; x = d·(2s+1)·(grid±δ).
func decodeIQ1_M(dst []float32, src []byte) {
	grid := codebooks().iq1s
	for ; len(dst) > 0; dst, src = dst[256:], src[56:] {
		var words [4]uint16
		var dbits uint16
		for i := range words {
			words[i] = binary.LittleEndian.Uint16(src[48+2*i:])
			dbits |= words[i] >> 12 << (4 * i)
		}
		d := F16ToF32(dbits)
		for l := range 32 {
			high := src[32+l/2] >> (l % 2 * 4)
			scale := d * float32(2*(words[l/8]>>(l%8/2*3)&7)+1)
			index := int(src[l]) | int(high&7)<<8
			putShifted(dst[l*8:], scale, grid[index*8:][:8], high&8 != 0)
		}
	}
}
