package gguf

import "encoding/binary"

// The simple formats hold 32 values under one half-precision scale d, some with
// an offset m. Where a value's low four bits q are in a nibble, byte j holds
// value j in its low half and value j+16 in its high half; a fifth bit of value
// j is bit j of a 32-bit word. Layouts: ggml-common.h.

// decodeQ4_0: d, nibbles; x = d·(q−8).
func decodeQ4_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[18:] {
		d := half(src)
		for j, b := range src[2:18] {
			dst[j] = d * float32(int(b&15)-8)
			dst[j+16] = d * float32(int(b>>4)-8)
		}
	}
}

func encodeQ4_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[18:], src[32:] {
		d := putHalf(dst, fitScale(src[:32], -8, 7))
		clear(dst[2:18])
		for i, x := range src[:32] {
			q := nearest(divide(x, d), -8, 7) + 8
			dst[2+i%16] |= byte(q << (i / 16 * 4))
		}
	}
}

// decodeQ4_1: d, m, nibbles; x = d·q + m.
func decodeQ4_1(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[20:] {
		d, m := half(src), half(src[2:])
		for j, b := range src[4:20] {
			dst[j] = float32(d*float32(b&15)) + m
			dst[j+16] = float32(d*float32(b>>4)) + m
		}
	}
}

func encodeQ4_1(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[20:], src[32:] {
		d, m := fitAffine(src[:32], 15, false)
		d, m = putHalf(dst, d), putHalf(dst[2:], m)
		clear(dst[4:20])
		for i, x := range src[:32] {
			q := nearest(divide(x-m, d), 0, 15)
			dst[4+i%16] |= byte(q << (i / 16 * 4))
		}
	}
}

// fifth returns bit i of word, as the fifth bit of a number.
func fifth(word uint32, i int) uint32 { return word >> i & 1 << 4 }

// decodeQ5_0: d, word of fifth bits, nibbles; x = d·(q−16).
func decodeQ5_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[22:] {
		d, high := half(src), binary.LittleEndian.Uint32(src[2:])
		for j, b := range src[6:22] {
			dst[j] = d * float32(int32(uint32(b&15)|fifth(high, j))-16)
			dst[j+16] = d * float32(int32(uint32(b>>4)|fifth(high, j+16))-16)
		}
	}
}

func encodeQ5_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[22:], src[32:] {
		d := putHalf(dst, fitScale(src[:32], -16, 15))
		clear(dst[2:22])
		for i, x := range src[:32] {
			putFive(dst[2:22], i, nearest(divide(x, d), -16, 15)+16)
		}
	}
}

// putFive stores the five bits of value i in a zeroed word of fifth bits
// followed by nibbles.
func putFive(b []byte, i, q int) {
	b[i/8] |= byte(q >> 4 << (i % 8))
	b[4+i%16] |= byte(q & 15 << (i / 16 * 4))
}

// decodeQ5_1: d, m, word of fifth bits, nibbles; x = d·q + m.
func decodeQ5_1(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[24:] {
		d, m, high := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:])
		for j, b := range src[8:24] {
			dst[j] = float32(d*float32(uint32(b&15)|fifth(high, j))) + m
			dst[j+16] = float32(d*float32(uint32(b>>4)|fifth(high, j+16))) + m
		}
	}
}

func encodeQ5_1(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[24:], src[32:] {
		d, m := fitAffine(src[:32], 31, false)
		d, m = putHalf(dst, d), putHalf(dst[2:], m)
		clear(dst[4:24])
		for i, x := range src[:32] {
			putFive(dst[4:24], i, nearest(divide(x-m, d), 0, 31))
		}
	}
}

// decodeQ8_0: d, 32 signed bytes; x = d·q.
func decodeQ8_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[34:] {
		d := half(src)
		for j, b := range src[2:34] {
			dst[j] = d * float32(int8(b))
		}
	}
}

func encodeQ8_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[34:], src[32:] {
		// With 127 steps the plain maximum is as good as a search.
		d := putHalf(dst, magnitude(peak(src[:32]))/127)
		for j, x := range src[:32] {
			dst[2+j] = byte(nearest(divide(x, d), -127, 127))
		}
	}
}

// decodeQ8_1: d, a half with d·Σq that kernels use, 32 signed bytes; x = d·q.
func decodeQ8_1(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[32:], src[36:] {
		d := half(src)
		for j, b := range src[4:36] {
			dst[j] = d * float32(int8(b))
		}
	}
}

// decodeQ1_0: d, 128 bits; x = +d for a set bit, else −d.
func decodeQ1_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[128:], src[18:] {
		d := half(src)
		for i := range 128 {
			dst[i] = -d
			if src[2+i/8]>>(i%8)&1 != 0 {
				dst[i] = d
			}
		}
	}
}

// encodeQ1_0 keeps the signs; the mean magnitude is then the best d.
func encodeQ1_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[18:], src[128:] {
		clear(dst[:18])
		var sum float32
		for i, x := range src[:128] {
			sum += magnitude(x)
			if x >= 0 {
				dst[2+i/8] |= 1 << (i % 8)
			}
		}
		putHalf(dst, sum/128)
	}
}

// decodeQ2_0: d, 64 bit pairs q; x = d·(q−1).
func decodeQ2_0(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[64:], src[18:] {
		d := half(src)
		for i := range 64 {
			dst[i] = d * float32(int(src[2+i/4]>>(i%4*2)&3)-1)
		}
	}
}

func encodeQ2_0(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[18:], src[64:] {
		d := putHalf(dst, fitScale(src[:64], -1, 2))
		clear(dst[2:18])
		for i, x := range src[:64] {
			dst[2+i/4] |= byte((nearest(divide(x, d), -1, 2) + 1) << (i % 4 * 2))
		}
	}
}
