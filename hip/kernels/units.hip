// Weight formats. A weight [m, k] lies in planes, so that every load is aligned and 16 bytes wide where it can be; the
// host splits GGUF blocks into planes while it uploads (see package gpu, layout.go). The block formats themselves are
// those of the GGUF specification.
//
// A thread works on a unit: 32 weights of a row, as two halves of 16 that lie at pos0(u) and pos1(u). Half h has the
// values scale[h] · q + offset[h], with the q's packed in quads of bytes. Unit u of a row of k weights: u < k/32.
#pragma once
#include "common.hip"

// Planes of a weight, advanced to its first block.
struct Planes { const u8 *q, *s, *e; };

struct Scales { float d0, m0, d1, m1; };

// Formats whose unit is a block of 32 in order.
struct WholeUnits {
	static const bool SPLIT = false; // halves lie in different groups of 32
	static const bool HALF_OFFSETS = false; // halves of one group have offsets of their own
	static const int GROUP_STEP = 32; // from the first to the second group of a slab of two
	DEVICE int pos0(int u) { return u * 32; }
	DEVICE int pos1(int u) { return u * 32 + 16; }
	DEVICE int slab_base(int slab) { return slab * 64; }
};

struct Q8_0 : WholeUnits {
	static const bool OFFSET = false;
	struct Raw { I4 a, b; u16 d; };
	DEVICE Raw load(Planes w, i64 u) {
		return Raw{load_once(w.q + u * 32), load_once(w.q + u * 32 + 16), ((const u16 *)w.s)[u]};
	}
	DEVICE Scales scales(const Raw &r, int) { float d = half_to_float(r.d); return Scales{d, 0, d, 0}; }
	template <int I> DEVICE int quad(const Raw &r, int) {
		return I == 0 ? r.a.x : I == 1 ? r.a.y : I == 2 ? r.a.z : I == 3 ? r.a.w : I == 4 ? r.b.x : I == 5 ? r.b.y : I == 6 ? r.b.z : r.b.w;
	}
};

template <int I> DEVICE int word(const I4 &v) { return (I & 3) == 0 ? v.x : (I & 3) == 1 ? v.y : (I & 3) == 2 ? v.z : v.w; }
template <int I> DEVICE int nibbles(const I4 &v) { return (word<I>(v) >> (I < 4 ? 0 : 4)) & 0x0f0f0f0f; }
// Four bits become the fifth bits of four bytes.
DEVICE int fifth_bits(u32 bits) { return (int)((((bits & 15) * 0x00204081u) & 0x01010101u) << 4); }

struct Q4_0 : WholeUnits {
	static const bool OFFSET = true;
	struct Raw { I4 q; u16 d; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), ((const u16 *)w.s)[u]}; }
	DEVICE Scales scales(const Raw &r, int) { float d = half_to_float(r.d); return Scales{d, -8 * d, d, -8 * d}; }
	template <int I> DEVICE int quad(const Raw &r, int) { return nibbles<I>(r.q); }
};

struct Q4_1 : WholeUnits {
	static const bool OFFSET = true;
	struct Raw { I4 q; u32 dm; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), ((const u32 *)w.s)[u]}; }
	DEVICE Scales scales(const Raw &r, int) {
		float d = half_to_float((u16)r.dm), m = half_to_float((u16)(r.dm >> 16));
		return Scales{d, m, d, m};
	}
	template <int I> DEVICE int quad(const Raw &r, int) { return nibbles<I>(r.q); }
};

struct Q5_0 : WholeUnits {
	static const bool OFFSET = true;
	struct Raw { I4 q; u32 h; u16 d; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), ((const u32 *)w.e)[u], ((const u16 *)w.s)[u]}; }
	DEVICE Scales scales(const Raw &r, int) { float d = half_to_float(r.d); return Scales{d, -16 * d, d, -16 * d}; }
	template <int I> DEVICE int quad(const Raw &r, int) { return nibbles<I>(r.q) | fifth_bits(r.h >> (4 * I)); }
};

struct Q5_1 : WholeUnits {
	static const bool OFFSET = true;
	struct Raw { I4 q; u32 h, dm; };
	DEVICE Raw load(Planes w, i64 u) {
		return Raw{load_once(w.q + u * 16), ((const u32 *)w.e)[u], ((const u32 *)w.s)[u]};
	}
	DEVICE Scales scales(const Raw &r, int) {
		float d = half_to_float((u16)r.dm), m = half_to_float((u16)(r.dm >> 16));
		return Scales{d, m, d, m};
	}
	template <int I> DEVICE int quad(const Raw &r, int) { return nibbles<I>(r.q) | fifth_bits(r.h >> (4 * I)); }
};

// Q4_K and Q5_K keep GGUF's blocks of 256, which are aligned: d, dmin, 12 bytes of 6-bit scales and minima, then the
// bits. 16 bytes of nibbles hold half of two neighbouring groups of 32: unit c of a block has half c%2 of groups
// 2(c/2) (low nibbles) and 2(c/2)+1 (high ones).
struct SplitUnits {
	static const bool SPLIT = true, HALF_OFFSETS = false;
	static const int GROUP_STEP = 32;
	DEVICE int pos0(int u) { return (u >> 1) * 64 + (u & 1) * 16; }
	DEVICE int pos1(int u) { return pos0(u) + 32; }
	DEVICE int slab_base(int slab) { return slab * 64; }
	// head is the first 16 bytes of the block. Scale and minimum of group i: six bits each, the first four groups in
	// the low bits of bytes i and 4+i, the others in nibbles of byte 4+i with their top bits in bytes i−4 and i.
	DEVICE Scales k_scales(const I4 &head, int u) {
		int j = (u >> 1) & 3, shift = (j & 1) * 16;
		u32 a = (u32)head.y >> shift, b = (u32)head.z >> shift, c = (u32)head.w >> shift;
		u32 later = 0u - (u32)(j >> 1); // a mask, since threads of a warp differ
		u32 sc = (a & 0x3f3f & ~later) | (((c & 0x0f0f) | (a & 0xc0c0) >> 2) & later);
		u32 mn = (b & 0x3f3f & ~later) | (((c >> 4 & 0x0f0f) | (b & 0xc0c0) >> 2) & later);
		float d = half_to_float((u16)head.x), m = -half_to_float((u16)((u32)head.x >> 16));
		return Scales{d * (float)(sc & 255), m * (float)(mn & 255), d * (float)(sc >> 8), m * (float)(mn >> 8)};
	}
};

struct Q4_K : SplitUnits {
	static const bool OFFSET = true;
	struct Raw { I4 head, q; };
	DEVICE Raw load(Planes w, i64 u) {
		const u8 *b = w.q + (u >> 3) * 144;
		return Raw{*(const I4 *)b, load_once(b + 16 + (u & 7) * 16)};
	}
	DEVICE Scales scales(const Raw &r, int u) { return k_scales(r.head, u); }
	template <int I> DEVICE int quad(const Raw &r, int) { return nibbles<I>(r.q); }
};

struct Q5_K : SplitUnits {
	static const bool OFFSET = true;
	struct Raw { I4 head, q, h; };
	DEVICE Raw load(Planes w, i64 u) {
		const u8 *b = w.q + (u >> 3) * 176;
		return Raw{*(const I4 *)b, load_once(b + 48 + (u & 7) * 16), *(const I4 *)(b + 16 + (u & 1) * 16)};
	}
	DEVICE Scales scales(const Raw &r, int u) { return k_scales(r.head, u); }
	template <int I> DEVICE int quad(const Raw &r, int u) {
		int bit = (u & 6) + (I < 4 ? 0 : 1);
		return nibbles<I>(r.q) | (word<I>(r.h) >> bit & 0x01010101) << 4;
	}
};

// Q6_K: per 256 weights 128 bytes of low nibbles, 64 of upper bits and 16 scales in one plane, d in another. Unit c of a
// block: n = c/4, s = c/2%2, half h = c%2: 16 low nibbles of group 4n+s, 16 high ones of group 4n+s+2.
struct Q6_K {
	static const bool SPLIT = true, OFFSET = false, HALF_OFFSETS = false;
	static const int GROUP_STEP = 64;
	struct Raw { I4 q, h; int sc; u16 d; };
	DEVICE int pos0(int u) { return (u >> 2) * 128 + (u >> 1 & 1) * 32 + (u & 1) * 16; }
	DEVICE int pos1(int u) { return pos0(u) + 64; }
	DEVICE int slab_base(int slab) { return (slab >> 1) * 128 + (slab & 1) * 32; }
	DEVICE Raw load(Planes w, i64 u) {
		i64 block = u >> 3;
		int c = (int)u & 7, n = c >> 2, s = c >> 1 & 1, h = c & 1;
		const u8 *b = w.q + block * 208;
		const i8 *sc = (const i8 *)(b + 192 + n * 8 + s * 2 + h);
		return Raw{load_once(b + c * 16), *(const I4 *)(b + 128 + n * 32 + h * 16), (int)(u8)sc[0] | (int)sc[4] << 8, ((const u16 *)w.s)[block]};
	}
	DEVICE Scales scales(const Raw &r, int) {
		float d = half_to_float(r.d);
		return Scales{d * (float)(i8)r.sc, 0, d * (float)(r.sc >> 8), 0};
	}
	template <int I> DEVICE int quad(const Raw &r, int u) {
		int shift = (u & 2) + (I < 4 ? 0 : 4);
		u32 v = (u32)nibbles<I>(r.q) | ((u32)word<I>(r.h) >> shift & 0x03030303u) << 4;
		return (int)(((v | 0x80808080u) - 0x20202020u) ^ 0x80808080u); // each byte minus 32
	}
};

#include "units_low.hip"
#include "units_grid.hip"

// Float weights. unpack gives the floats in 16 bytes.
struct F16 {
	static const int BYTES = 2;
	DEVICE float value(const u8 *p, i64 i) { return half_to_float(((const u16 *)p)[i]); }
	DEVICE u32 as_halves(int w) { return (u32)w; }
	DEVICE void pair(float *f, int w) { f[0] = half_to_float((u16)w), f[1] = half_to_float((u16)((u32)w >> 16)); }
	DEVICE void unpack(float (&f)[8], const I4 &v) { pair(f, v.x), pair(f + 2, v.y), pair(f + 4, v.z), pair(f + 6, v.w); }
};
struct BF16 {
	static const int BYTES = 2;
	DEVICE float value(const u8 *p, i64 i) { return bfloat_to_float(((const u16 *)p)[i]); }
	DEVICE void pair(float *f, int w) { f[0] = bits_float((int)((u32)w << 16)), f[1] = bits_float((int)((u32)w & 0xffff0000u)); }
	DEVICE u32 as_halves(int w) { float f[2]; pair(f, w); return pack_halves(f[0], f[1]); }
	DEVICE void unpack(float (&f)[8], const I4 &v) { pair(f, v.x), pair(f + 2, v.y), pair(f + 4, v.z), pair(f + 6, v.w); }
};
struct F32 {
	static const int BYTES = 4;
	DEVICE float value(const u8 *p, i64 i) { return ((const float *)p)[i]; }
	DEVICE void unpack(float (&f)[4], const I4 &v) {
		f[0] = bits_float(v.x), f[1] = bits_float(v.y), f[2] = bits_float(v.z), f[3] = bits_float(v.w);
	}
};

// Byte I of a quad as a signed number.
template <int I> DEVICE float byte_float(int quad) { return (float)(i8)(quad >> (8 * I)); }
