package gguf

// K-quants hold 256 values in sub-blocks of 16 or 32, whose own scales are
// quantised under one or two half-precision super-block scales.

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

// decodeQ4_K: half d, half dmin, 12 bytes of scales, 128 bytes of nibbles q;
// x = d·scale·q − dmin·min. Each run of 32 bytes holds a sub-block in its low
// nibbles and the next one in its high ones.
func decodeQ4_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[144:] {
		d, dmin := half(src), half(src[2:])
		scales, qs := src[4:16], src[16:144]
		for sub := range 8 {
			sc, mn := scaleMin(sub, scales)
			scale, minimum := d*sc, dmin*mn
			shift := uint(sub % 2 * 4)
			for l := range 32 {
				q := qs[sub/2*32+l] >> shift & 15
				dst[sub*32+l] = float32(scale*float32(q)) - minimum
			}
		}
	}
}

// decodeQ6_K: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed
// scales, half d; x = d·scale·(q−32). Each half of the block holds 128 values as
// four runs of 32.
func decodeQ6_K(dst []float32, src []byte) {
	for ; len(dst) > 0; dst, src = dst[256:], src[210:] {
		d := half(src[208:])
		for i := range 256 {
			part, run, l := i/128, i/32%4, i%32
			low := src[part*64+run%2*32+l] >> (run / 2 * 4) & 15
			high := src[128+part*32+l] >> (run * 2) & 3
			scale := d * float32(int8(src[192+i/16]))
			dst[i] = scale * float32(int(low|high<<4)-32)
		}
	}
}
