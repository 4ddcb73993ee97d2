package gguf

// K-quants hold 256 values in sub-blocks of 16 or 32, whose own scales are
// quantised under one or two half-precision super-block scales. Layouts:
// ggml-common.h; the order of the values: ggml-quants.c.

// scaleMin unpacks the 6-bit scale and minimum of sub-block j from the 12 bytes
// that Q4_K and Q5_K share. The first four pairs take the low six bits of
// bytes 0–3 and 4–7; the last four have their low nibbles in bytes 8–11 and
// their upper two bits on top of the first eight bytes.
func scaleMin(j int, s []byte) (scale, minimum float32) {
	if j < 4 {
		return float32(s[j] & 63), float32(s[j+4] & 63)
	}
	return float32(s[j+4]&15 | s[j-4]>>6<<4), float32(s[j+4]>>4 | s[j]>>6<<4)
}

// putScaleMin packs what scaleMin unpacks, into zeroed bytes.
func putScaleMin(j int, s []byte, scale, minimum int) {
	if j < 4 {
		s[j] |= byte(scale)
		s[j+4] |= byte(minimum)
		return
	}
	s[j+4] = byte(scale&15 | minimum&15<<4)
	s[j-4] |= byte(scale >> 4 << 6)
	s[j] |= byte(minimum >> 4 << 6)
}

// crumb is where the bit pair of value i is in the 64 bytes that Q2_K, Q3_K,
// TQ2_0 and, for its upper bits, Q6_K use: each run of 32 bytes holds 128
// values, the first 32 of them in the lowest pairs.
func crumb(i int) (at int, shift uint) { return i/128*32 + i%32, uint(i % 128 / 32 * 2) }

// nibble is where the low four bits of value i are in the 128 bytes of Q4_K and
// Q5_K: each run of 32 bytes holds 64 values, the first 32 of them in the low
// halves.
func nibble(i int) (at int, shift uint) { return i/64*32 + i%32, uint(i % 64 / 32 * 4) }

// decodeQ2_K: 16 bytes with a 4-bit scale (low) and minimum (high) per 16
// values, 64 bytes of bit pairs, half d, half dmin; x = d·scale·q − dmin·min.
func decodeQ2_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[84:] {
		d, dmin := half(src[80:]), half(src[82:])
		for i := range 256 {
			sm := src[i/16]
			scale, minimum := d*float32(sm&15), dmin*float32(sm>>4)
			at, shift := crumb(i)
			dst[i] = float32(scale*float32(src[16+at]>>shift&3)) - minimum
		}
	}
}

func encodeQ2_K(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[84:], src[256:] {
		clear(dst[:80])
		g := fitGroups(src[:256], 16, 3, 15)
		putHalf(dst[80:], g.d)
		putHalf(dst[82:], g.dmin)
		for j := range 16 {
			dst[j] = byte(g.scales[j] | g.mins[j]<<4)
		}
		for i, x := range src[:256] {
			at, shift := crumb(i)
			dst[16+at] |= byte(g.quant(i/16, x, 3) << shift)
		}
	}
}

// scalesQ3_K unpacks 16 six-bit scales from 12 bytes: bytes 0–7 hold the low
// nibbles of scales 0–7 (low halves) and 8–15 (high halves), bytes 8–11 the
// upper bit pairs, four to a byte with scales j, j+4, j+8, j+12 together.
func scalesQ3_K(s []byte) (scales [16]int) {
	for j := range scales {
		low := s[j%8] >> (j / 8 * 4) & 15
		high := s[8+j%4] >> (j / 4 * 2) & 3
		scales[j] = int(low|high<<4) - 32
	}
	return scales
}

// decodeQ3_K: 32 bytes with the third bits (bit i/32 of byte i%32), 64 bytes of
// bit pairs, 12 bytes of scales, half d; x = d·scale·(q−4).
func decodeQ3_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[110:] {
		d, scales := half(src[108:]), scalesQ3_K(src[96:108])
		for i := range 256 {
			at, shift := crumb(i)
			q := int(src[32+at]>>shift&3) | int(src[i%32]>>(i/32)&1)<<2
			dst[i] = d * float32(scales[i/16]) * float32(q-4)
		}
	}
}

func encodeQ3_K(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[110:], src[256:] {
		clear(dst[:110])
		g := fitSigned(src[:256], 16, -4, 3, -32, 31)
		putHalf(dst[108:], g.d)
		for j := range 16 {
			s := g.scales[j] + 32
			dst[96+j%8] |= byte(s & 15 << (j / 8 * 4))
			dst[104+j%4] |= byte(s >> 4 << (j / 4 * 2))
		}
		for i, x := range src[:256] {
			q := nearest(divide(x, g.d*float32(g.scales[i/16])), -4, 3) + 4
			at, shift := crumb(i)
			dst[32+at] |= byte(q & 3 << shift)
			dst[i%32] |= byte(q >> 2 << (i / 32))
		}
	}
}

// decodeQ4_K: half d, half dmin, 12 bytes of scales and minimums per 32 values,
// 128 bytes of nibbles; x = d·scale·q − dmin·min.
func decodeQ4_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[144:] {
		d, dmin := half(src), half(src[2:])
		for sub := range 8 {
			sc, mn := scaleMin(sub, src[4:16])
			scale, minimum := d*sc, dmin*mn
			for i := sub * 32; i < sub*32+32; i++ {
				at, shift := nibble(i)
				dst[i] = float32(scale*float32(src[16+at]>>shift&15)) - minimum
			}
		}
	}
}

func encodeQ4_K(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[144:], src[256:] {
		clear(dst[:144])
		g := fitGroups(src[:256], 32, 15, 63)
		g.putHeader(dst)
		for i, x := range src[:256] {
			at, shift := nibble(i)
			dst[16+at] |= byte(g.quant(i/32, x, 15) << shift)
		}
	}
}

// decodeQ5_K: as Q4_K, with 32 bytes of fifth bits before the nibbles (bit i/32
// of byte i%32).
func decodeQ5_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[176:] {
		d, dmin := half(src), half(src[2:])
		for sub := range 8 {
			sc, mn := scaleMin(sub, src[4:16])
			scale, minimum := d*sc, dmin*mn
			for i := sub * 32; i < sub*32+32; i++ {
				at, shift := nibble(i)
				q := src[48+at]>>shift&15 | src[16+i%32]>>sub&1<<4
				dst[i] = float32(scale*float32(q)) - minimum
			}
		}
	}
}

func encodeQ5_K(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[176:], src[256:] {
		clear(dst[:176])
		g := fitGroups(src[:256], 32, 31, 63)
		g.putHeader(dst)
		for i, x := range src[:256] {
			q := g.quant(i/32, x, 31)
			at, shift := nibble(i)
			dst[48+at] |= byte(q & 15 << shift)
			dst[16+i%32] |= byte(q >> 4 << (i / 32))
		}
	}
}

// nibbleQ6_K is where the low four bits of value i are in Q6_K's 128 bytes: each
// run of 64 bytes holds 128 values, the first 64 of them in the low halves.
func nibbleQ6_K(i int) (at int, shift uint) { return i/128*64 + i%64, uint(i % 128 / 64 * 4) }

// decodeQ6_K: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed
// scales, half d; x = d·scale·(q−32).
func decodeQ6_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[210:] {
		d := half(src[208:])
		for i := range 256 {
			at, shift := nibbleQ6_K(i)
			high, highShift := crumb(i)
			q := src[at]>>shift&15 | src[128+high]>>highShift&3<<4
			dst[i] = d * float32(int8(src[192+i/16])) * float32(int(q)-32)
		}
	}
}

func encodeQ6_K(dst []byte, src []float32) {
	for ; len(src) > 0; dst, src = dst[210:], src[256:] {
		clear(dst[:210])
		g := fitSigned(src[:256], 16, -32, 31, -128, 127)
		putHalf(dst[208:], g.d)
		for j := range 16 {
			dst[192+j] = byte(g.scales[j])
		}
		for i, x := range src[:256] {
			q := nearest(divide(x, g.d*float32(g.scales[i/16])), -32, 31) + 32
			at, shift := nibbleQ6_K(i)
			high, highShift := crumb(i)
			dst[at] |= byte(q & 15 << shift)
			dst[128+high] |= byte(q >> 4 << highShift)
		}
	}
}

// decodeQ8_K: float32 d, 256 signed bytes, 16 sums that kernels use; x = d·q.
// It is a format for activations and does not occur in files.
func decodeQ8_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[292:] {
		var d [1]float32
		decodeF32(d[:], src)
		for i := range 256 {
			dst[i] = d[0] * float32(int8(src[4+i]))
		}
	}
}

// groups are the quantised scales of a super-block: sub-block j decodes as
// x = d·scales[j]·q − dmin·mins[j]. d and dmin are already rounded to halves.
type groups struct {
	d, dmin      float32
	scales, mins [16]int
}

// fitGroups fits sub-blocks of size values, with quants up to hi and scale and
// minimum codes up to most.
func fitGroups(x []float32, size, hi, most int) groups {
	var g groups
	var scales, mins [16]float32
	n := len(x) / size
	for j := range n {
		s, o := fitAffine(x[j*size:(j+1)*size], hi, true)
		scales[j], mins[j] = s, -o
		g.d, g.dmin = max(g.d, s), max(g.dmin, -o)
	}
	g.d = F16ToF32(F32ToF16(g.d / float32(most)))
	g.dmin = F16ToF32(F32ToF16(g.dmin / float32(most)))
	for j := range n {
		g.refine(j, x[j*size:(j+1)*size], nearest(divide(scales[j], g.d), 0, most), nearest(divide(mins[j], g.dmin), 0, most), hi, most)
	}
	return g
}

// refine tries the codes around a sub-block's rounded scale and minimum and
// keeps the best pair: rounding the two together can be better than each alone.
func (g *groups) refine(j int, x []float32, scale, minimum, hi, most int) {
	best := float32(-1)
	for s := max(scale-1, 0); s <= min(scale+1, most); s++ {
		for m := max(minimum-1, 0); m <= min(minimum+1, most); m++ {
			ds, dm := g.d*float32(s), g.dmin*float32(m)
			var e float32
			for _, v := range x {
				r := v + dm - ds*float32(nearest(divide(v+dm, ds), 0, hi))
				e += r * r
			}
			if best < 0 || e < best {
				best, g.scales[j], g.mins[j] = e, s, m
			}
		}
	}
}

// quant is the quant of x in sub-block j.
func (g *groups) quant(j int, x float32, hi int) int {
	return nearest(divide(x+g.dmin*float32(g.mins[j]), g.d*float32(g.scales[j])), 0, hi)
}

// putHeader stores the first 16 bytes of a Q4_K or Q5_K block.
func (g *groups) putHeader(dst []byte) {
	putHalf(dst, g.d)
	putHalf(dst[2:], g.dmin)
	for j := range 8 {
		putScaleMin(j, dst[4:16], g.scales[j], g.mins[j])
	}
}

// fitSigned fits sub-blocks without a minimum: quants in [lo, hi], signed scale
// codes in [least, most].
func fitSigned(x []float32, size, lo, hi, least, most int) groups {
	var g groups
	var scales [16]float32
	n := len(x) / size
	for j := range n {
		scales[j] = fitScale(x[j*size:(j+1)*size], lo, hi)
	}
	g.d = F16ToF32(F32ToF16(peak(scales[:n]) / float32(least)))
	for j := range n {
		g.scales[j] = nearest(divide(scales[j], g.d), least, most)
	}
	return g
}
