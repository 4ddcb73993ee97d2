package gguf

import (
	"encoding/binary"
	"math"
)

// Fitting of block scales: small searches that minimise the squared error.

// half reads a little-endian binary16, the form of nearly all block scales.
func half(b []byte) float32 { return F16ToF32(binary.LittleEndian.Uint16(b)) }

// putHalf stores x as binary16 and returns the value it was rounded to, which
// is what the quants must be chosen for.
func putHalf(b []byte, x float32) float32 {
	h := F32ToF16(x)
	binary.LittleEndian.PutUint16(b, h)
	return F16ToF32(h)
}

// magnitude is |x|.
func magnitude(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// peak returns the value of largest magnitude, with its sign.
func peak(x []float32) float32 {
	var p float32
	for _, v := range x {
		if magnitude(v) > magnitude(p) {
			p = v
		}
	}
	return p
}

// divide is x/d, and 0 for a scale of 0, where every quant decodes to 0.
func divide(x, d float32) float32 {
	if d == 0 {
		return 0
	}
	return x / d
}

// nearest rounds x to an integer between lo and hi.
func nearest(x float32, lo, hi int) int {
	switch {
	case x >= float32(hi):
		return hi
	case x > float32(lo):
		return int(math.RoundToEven(float64(x)))
	}
	return lo
}

// tiny is the magnitude below which a block is stored as zeros: its scale would
// not be a normal number.
const tiny = 1e-15

// fitScale finds the scale s with the least Σ(x − s·q)² for integers q between
// lo and hi. It tries ways to map the peak near the end of the longer side, and
// for each takes the least-squares scale s = Σxq / Σq², which lowers the error
// by (Σxq)² / Σq².
func fitScale(x []float32, lo, hi int) float32 {
	p := peak(x)
	if magnitude(p) < tiny {
		return 0
	}
	end := float32(lo)
	if hi > -lo {
		end = float32(hi)
	}
	var scale, best float32
	for step := -9; step <= 9; step++ {
		inverse := end * (1 + float32(step)*0.1/max(magnitude(end), 2)) / p
		var xq, qq float32
		for _, v := range x {
			q := float32(nearest(v*inverse, lo, hi))
			xq += v * q
			qq += q * q
		}
		if qq > 0 && xq*xq > best*qq {
			best, scale = xq*xq/qq, xq/qq
		}
	}
	return scale
}

// fitAffine finds the scale and offset with the least Σ(x − s·q − o)² for
// integers q between 0 and hi. Where negative is set, the offset must not be
// above 0, as formats with an unsigned minimum want it.
func fitAffine(x []float32, hi int, negative bool) (scale, offset float32) {
	low, high := x[0], x[0]
	for _, v := range x[1:] {
		low, high = min(low, v), max(high, v)
	}
	if negative {
		low = min(low, 0)
	}
	if high-low < tiny {
		return 0, low
	}
	best := float32(math.Inf(1))
	n := float32(len(x))
	for step := -10; step <= 10; step++ {
		inverse := (float32(hi) + 0.1*float32(step)*min(1, float32(hi)/8)) / (high - low)
		// Least squares over (q, 1): the two normal equations.
		var sx, sq, sqq, sxq float32
		for _, v := range x {
			q := float32(nearest((v-low)*inverse, 0, hi))
			sx, sq, sqq, sxq = sx+v, sq+q, sqq+q*q, sxq+v*q
		}
		det := n*sqq - sq*sq
		if det <= 0 {
			continue
		}
		s, o := (n*sxq-sx*sq)/det, (sqq*sx-sq*sxq)/det
		if negative && o > 0 {
			s, o = sxq/sqq, 0
		}
		if s <= 0 {
			continue
		}
		var e float32
		for _, v := range x {
			d := v - o - s*float32(nearest((v-o)/s, 0, hi))
			e += d * d
		}
		if e < best {
			best, scale, offset = e, s, o
		}
	}
	if best > math.MaxFloat32 { // no candidate: values too large to square
		return (high - low) / float32(hi), low
	}
	return scale, offset
}
