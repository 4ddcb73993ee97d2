package gguf

import (
	"encoding/binary"
	"math"
)

// Formats whose 4-bit quants index a table of 16 levels, and the ternary ones.
// Layouts: ggml-common.h; nibbles are arranged as in Q4_0 within each run of 16
// (NVFP4: 8) bytes.

// levelsIQ4 are the levels of IQ4_NL and IQ4_XS (kvalues_iq4nl).
var levelsIQ4 = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// levelsFP4 are twice the values of the E2M1 float format: OCP Microscaling
// Formats (MX) Specification 1.0, table 5.
var levelsFP4 = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// putLevels stores scale·level for the nibbles in qs; dst has twice their number.
func putLevels(dst []float32, scale float32, levels *[16]int8, qs []byte) {
	for j, b := range qs {
		dst[j] = scale * float32(levels[b&15])
		dst[j+len(qs)] = scale * float32(levels[b>>4])
	}
}

// chooseLevels stores the nearest levels for the values of x, the inverse of
// putLevels.
func chooseLevels(qs []byte, x []float32, scale float32, levels *[16]int8) {
	for j := range qs {
		low := level(divide(x[j], scale), levels)
		high := level(divide(x[j+len(qs)], scale), levels)
		qs[j] = byte(low | high<<4)
	}
}

// level is the index of the level nearest to x.
func level(x float32, levels *[16]int8) int {
	best, distance := 0, magnitude(x-float32(levels[0]))
	for i, l := range levels {
		if d := magnitude(x - float32(l)); d < distance {
			best, distance = i, d
		}
	}
	return best
}

// fitLevels finds the scale with the least squared error, as fitScale does.
func fitLevels(x []float32, levels *[16]int8) float32 {
	p := peak(x)
	if magnitude(p) < tiny {
		return 0
	}
	var scale, best float32
	for _, end := range [2]float32{float32(levels[0]), float32(levels[15])} {
		for step := -7; step <= 7; step++ {
			inverse := end * (1 + 0.02*float32(step)) / p
			var xq, qq float32
			for _, v := range x {
				q := float32(levels[level(v*inverse, levels)])
				xq += v * q
				qq += q * q
			}
			if qq > 0 && xq*xq > best*qq {
				best, scale = xq*xq/qq, xq/qq
			}
		}
	}
	return scale
}

// decodeIQ4_NL: half d, 16 bytes of nibbles; x = d·level.
func decodeIQ4_NL(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[18:] {
		putLevels(dst, half(src), &levelsIQ4, src[2:18])
	}
}

func encodeIQ4_NL(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[18:], src[32:] {
		d := putHalf(dst, fitLevels(src[:32], &levelsIQ4))
		chooseLevels(dst[2:18], src, d, &levelsIQ4)
	}
}

// decodeIQ4_XS: half d, a word of the scales' upper bit pairs, 4 bytes of their
// low nibbles, 128 bytes of nibbles; x = d·(s−32)·level for 32 values each.
func decodeIQ4_XS(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[136:] {
		d, high := half(src), binary.LittleEndian.Uint16(src[2:])
		for sub := range 8 {
			s := int(src[4+sub/2]>>(sub%2*4)&15) | int(high>>(2*sub)&3)<<4
			putLevels(dst[sub*32:], d*float32(s-32), &levelsIQ4, src[8+sub*16:][:16])
		}
	}
}

func encodeIQ4_XS(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[136:], src[256:] {
		clear(dst[:136])
		var scales [8]float32
		for sub := range scales {
			scales[sub] = fitLevels(src[sub*32:][:32], &levelsIQ4)
		}
		d := putHalf(dst, peak(scales[:])/-32)
		var high uint16
		for sub := range scales {
			s := nearest(divide(scales[sub], d), -32, 31)
			dst[4+sub/2] |= byte((s + 32) & 15 << (sub % 2 * 4))
			high |= uint16((s+32)>>4) << (2 * sub)
			chooseLevels(dst[8+sub*16:][:16], src[sub*32:], d*float32(s), &levelsIQ4)
		}
		binary.LittleEndian.PutUint16(dst[2:], high)
	}
}

// halfE8M0 is half the power of two that an E8M0 exponent stands for: 2^(e−128).
// The halving makes up for levelsFP4 being doubled.
func halfE8M0(e byte) float32 { return float32(math.Ldexp(1, int(e)-128)) }

// decodeMXFP4: an E8M0 exponent, 16 bytes of nibbles; x = 2^(e−127)·E2M1.
func decodeMXFP4(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[17:] {
		putLevels(dst, halfE8M0(src[0]), &levelsFP4, src[1:17])
	}
}

// encodeMXFP4 takes the exponent that maps the peak into the format's range, or
// one of its neighbours where that lowers the squared error.
func encodeMXFP4(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[17:], src[32:] {
		clear(dst[:17])
		p := peak(src[:32])
		if p == 0 {
			continue
		}
		_, exp := math.Frexp(float64(magnitude(p))) // p = f·2^exp, f in [½, 1); 6 = 1.5·2² is the largest E2M1
		best := float32(math.Inf(1))
		for e := exp - 4; e <= exp-2; e++ {
			code := byte(min(max(e+127, 0), 254))
			if err := levelError(src[:32], halfE8M0(code), &levelsFP4); err < best {
				best, dst[0] = err, code
			}
		}
		chooseLevels(dst[1:17], src, halfE8M0(dst[0]), &levelsFP4)
	}
}

func levelError(x []float32, scale float32, levels *[16]int8) float32 {
	var e float32
	for _, v := range x {
		r := v - scale*float32(levels[level(divide(v, scale), levels)])
		e += r * r
	}
	return e
}

// halfE4M3 is half the value of an unsigned E4M3 float (4 exponent bits of bias
// 7, 3 of fraction); the NaN code counts as 0.
func halfE4M3(b byte) float32 {
	exponent, fraction := int(b>>3&15), float64(b&7)
	switch {
	case b&0x7f == 0x7f:
		return 0
	case exponent == 0:
		return float32(math.Ldexp(fraction, -10))
	}
	return float32(math.Ldexp(8+fraction, exponent-11))
}

// decodeNVFP4: 4 bytes of E4M3 scales for 16 values each, 32 bytes of nibbles;
// x = scale·E2M1.
func decodeNVFP4(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[64:], src[36:] {
		for sub := range 4 {
			putLevels(dst[sub*16:], halfE4M3(src[sub]), &levelsFP4, src[4+sub*8:][:8])
		}
	}
}

// encodeNVFP4 tries the scale codes around the one that maps the peak to the
// largest E2M1.
func encodeNVFP4(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[36:], src[64:] {
		clear(dst[:36])
		for sub := range 4 {
			x := src[sub*16:][:16]
			want := magnitude(peak(x)) / 12
			code := 0
			for code < 0x7e && halfE4M3(byte(code)) < want {
				code++
			}
			best := float32(math.Inf(1))
			for c := max(code-4, 0); c <= min(code+2, 0x7e); c++ {
				if err := levelError(x, halfE4M3(byte(c)), &levelsFP4); err < best {
					best, dst[sub] = err, byte(c)
				}
			}
			chooseLevels(dst[4+sub*8:][:8], x, halfE4M3(dst[sub]), &levelsFP4)
		}
	}
}

// trit extracts ternary digit n of a byte that stores five of them as the
// fraction b/256 in base 3, and returns it as −1, 0 or 1.
func trit(b byte, n int) float32 {
	power := [5]byte{1, 3, 9, 27, 81}
	return float32(int(uint16(b*power[n])*3>>8) - 1)
}

// decodeTQ1_0: 48 bytes of five ternary digits, 4 bytes of four, half d;
// x = d·digit. The digits of a run of 32, 16 or 4 bytes are stored digit by digit.
func decodeTQ1_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[54:] {
		d := half(src[52:])
		for i := range 160 {
			dst[i] = d * trit(src[i%32], i/32)
		}
		for i := range 80 {
			dst[160+i] = d * trit(src[32+i%16], i/16)
		}
		for i := range 16 {
			dst[240+i] = d * trit(src[48+i%4], i/4)
		}
	}
}

// decodeTQ2_0: 64 bytes of bit pairs q, half d; x = d·(q−1).
func decodeTQ2_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[66:] {
		d := half(src[64:])
		for i := range 256 {
			at, shift := crumb(i)
			dst[i] = d * float32(int(src[at]>>shift&3)-1)
		}
	}
}

func encodeTQ2_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[66:], src[256:] {
		clear(dst[:66])
		d := putHalf(dst[64:], fitScale(src[:256], -1, 1))
		for i, x := range src[:256] {
			at, shift := crumb(i)
			dst[at] |= byte((nearest(divide(x, d), -1, 1) + 1) << shift)
		}
	}
}
