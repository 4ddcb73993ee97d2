package gguf

import (
	"math"
	"testing"
)

func TestTypes(t *testing.T) {
	for _, typ := range Types() {
		if back, err := ParseType(typ.String()); err != nil || back != typ {
			t.Errorf("%v: parsed as %v (%v)", typ, back, err)
		}
		n := typ.BlockElements()
		if got, err := typ.RowBytes(3 * n); err != nil || got != int64(3*typ.BlockBytes()) {
			t.Errorf("%v: 3 blocks take %d bytes (%v)", typ, got, err)
		}
		if _, err := typ.RowBytes(n + 1); err == nil && n > 1 {
			t.Errorf("%v: part of a block accepted", typ)
		}
		if _, err := typ.RowBytes(-n); err == nil {
			t.Errorf("%v: a negative size accepted", typ)
		}
	}
	if _, err := ParseType("Q5_Z"); err == nil {
		t.Error("Q5_Z accepted")
	}
	for _, gap := range []Type{4, 5, 31, 36, 43, 1 << 31} {
		if gap.Valid() || gap.BlockElements() != 0 || gap.BlockBytes() != 0 {
			t.Errorf("%v counts as a type", gap)
		}
		if _, err := gap.RowBytes(32); err == nil {
			t.Errorf("%v has rows", gap)
		}
		if err := Dequantize(gap, make([]float32, 1), nil); err == nil {
			t.Errorf("%v is decoded", gap)
		}
	}
	if _, err := Q8_K.RowBytes(math.MaxInt &^ 255); err == nil && math.MaxInt == math.MaxInt64 {
		t.Error("an overflowing size accepted")
	}
}

// TestHalf compares every binary16 value with its definition, and the rounding
// at and beside every midpoint between two of them.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		exponent, fraction := h>>10&31, float64(h&1023)
		var want float64
		switch exponent {
		case 0:
			want = math.Ldexp(fraction, -24)
		case 31:
			want = math.Inf(1)
			if fraction != 0 {
				want = math.NaN()
			}
		default:
			want = math.Ldexp(1024+fraction, exponent-25)
		}
		if h>>15 == 1 {
			want = -want
		}
		got := F16ToF32(uint16(h))
		if math.IsNaN(want) {
			if got == got || F32ToF16(got)&0x7c00 != 0x7c00 || F32ToF16(got)&0x3ff == 0 {
				t.Fatalf("%#x is %v and back %#x, want NaN", h, got, F32ToF16(got))
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != (h>>15 == 1) {
			t.Fatalf("%#x is %v, want %v", h, got, want)
		}
		if back := F32ToF16(got); back != uint16(h) {
			t.Fatalf("%v becomes %#x, want %#x", got, back, h)
		}
		if exponent == 31 || h&0x7fff == 0x7bff {
			continue
		}
		middle := (got + F16ToF32(uint16(h+1))) / 2 // exact
		even := uint16(h + h&1)
		outward := math.Nextafter32(middle, float32(math.Inf(int(1-h>>15*2))))
		inward := math.Nextafter32(middle, 0)
		if a, b, c := F32ToF16(inward), F32ToF16(middle), F32ToF16(outward); a != uint16(h) || b != even || c != uint16(h+1) {
			t.Fatalf("around %v: %#x %#x %#x, want %#x %#x %#x", middle, a, b, c, h, even, h+1)
		}
	}
	for x, want := range map[float32]uint16{65504: 0x7bff, 65519.996: 0x7bff, 65520: 0x7c00, -1e30: 0xfc00, 1e-30: 0} {
		if got := F32ToF16(x); got != want {
			t.Errorf("%v becomes %#x, want %#x", x, got, want)
		}
	}
}

func TestBF16(t *testing.T) {
	for h := range 1 << 16 {
		x := BF16ToF32(uint16(h))
		if x != x {
			if back := F32ToBF16(x); BF16ToF32(back) == BF16ToF32(back) {
				t.Fatalf("NaN %#x becomes %#x", h, back)
			}
			continue
		}
		if back := F32ToBF16(x); back != uint16(h) {
			t.Fatalf("%#x becomes %#x", h, back)
		}
	}
	for bits, want := range map[uint32]uint16{0x3f808000: 0x3f80, 0x3f818000: 0x3f82, 0x3f808001: 0x3f81, 0x3f807fff: 0x3f80, 0x7f7fffff: 0x7f80} {
		if got := F32ToBF16(math.Float32frombits(bits)); got != want {
			t.Errorf("%#x becomes %#x, want %#x", bits, got, want)
		}
	}
}
