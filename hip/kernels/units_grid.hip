// Formats that store indices into a codebook of four or eight values, for 256 weights under one half. The codebook comes from
// package gguf, as grid.hip: words of four signed bytes (see package gpu, Source). units.hip says what a format is.
#pragma once

#if defined(GRID_WIDE) || defined(GRID_NARROW)
#include "grid.hip"

// A unit looks its weights up while it is loaded.
struct GridRaw { int q[8]; float d0, d1; };

struct GridUnits : WholeUnits {
	static const bool OFFSET = false;
	typedef GridRaw Raw;
	DEVICE Scales scales(const Raw &r, int) { return Scales{r.d0, 0, r.d1, 0}; }
	template <int I> DEVICE int quad(const Raw &r, int) { return r.q[I]; }
};

// Negates the bytes of v, none of them zero, that have a bit among the low four of signs.
DEVICE int negate(u32 v, u32 signs) {
	u32 m = ((signs & 15) * 0x00204081u & 0x01010101u) * 255;
	return (int)((v ^ m) + (m & 0x01010101u));
}

// Seven stored signs become eight: the number of minus signs is even.
DEVICE u32 eight_signs(u32 seven) {
	u32 p = seven ^ seven >> 4;
	p ^= p >> 2, p ^= p >> 1;
	return seven | (p & 1) << 7;
}

DEVICE float half_at(const u8 *p) { return half_to_float(*(const u16 *)p); }
#endif

#if defined(GRID_WIDE)
// Eight weights: entry i of a codebook of eights, signed.
DEVICE void put_eight(int *q, int i, u32 signs) { q[0] = negate(grid[2 * i], signs), q[1] = negate(grid[2 * i + 1], signs >> 4); }

// Per 32 weights four indices, and a word of four times seven signs under a scale of four bits.
struct IQ2_XXS : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		I2 v = ((const I2 *)w.q)[u];
		u32 word = (u32)v.y;
		Raw r;
		r.d0 = r.d1 = half_at(w.s + (u >> 3) * 2) * (0.5f + (float)(word >> 28)) * 0.25f;
#pragma unroll
		for (int l = 0; l < 4; l++) put_eight(r.q + 2 * l, v.x >> 8 * l & 255, eight_signs(word >> 7 * l & 127));
		return r;
	}
};

// Per 32 weights four words of nine bits of index and seven signs; two scales of four bits in another plane; the half in a third.
struct IQ2_XS : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		I2 v = ((const I2 *)w.q)[u];
		float d = half_at(w.e + (u >> 3) * 2) * 0.25f;
		Raw r;
		r.d0 = d * (0.5f + (float)(w.s[u] & 15)), r.d1 = d * (0.5f + (float)(w.s[u] >> 4));
#pragma unroll
		for (int l = 0; l < 4; l++) {
			u32 word = (u32)(l < 2 ? v.x : v.y) >> 16 * (l & 1) & 0xffff;
			put_eight(r.q + 2 * l, word & 511, eight_signs(word >> 9));
		}
		return r;
	}
};

// 32 low bytes of indices, 32 bytes of signs, eight with the indices' upper pairs, eight of two scales; the half.
struct IQ2_S : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		int c = (int)u & 7;
		const u8 *b = w.q + (u >> 3) * 80;
		u32 low = ((const u32 *)b)[c], signs = ((const u32 *)b)[8 + c], high = b[64 + c];
		float d = half_at(w.s + (u >> 3) * 2) * 0.25f;
		Raw r;
		r.d0 = d * (0.5f + (float)(b[72 + c] & 15)), r.d1 = d * (0.5f + (float)(b[72 + c] >> 4));
#pragma unroll
		for (int l = 0; l < 4; l++) put_eight(r.q + 2 * l, (low >> 8 * l & 255) | (high >> 2 * l & 3) << 8, signs >> 8 * l & 255);
		return r;
	}
};

// IQ1: weights are scale · (g ± ⅛) with g −1, 0 or 1; grid.hip has 8g + 1. Subtracting 2 from each byte makes it 8g − 1.
DEVICE int shifted(u32 v, bool minus) {
	const u32 H = 0x80808080u;
	return (int)(minus ? ((v | H) - 0x02020202u) ^ (~v & H) : v);
}
DEVICE void put_shifted(int *q, int i, bool minus) { q[0] = shifted(grid[2 * i], minus), q[1] = shifted(grid[2 * i + 1], minus); }

// 32 low bytes of indices, then per 32 weights a word: four times three upper bits, a scale of three bits, the sign of the ⅛.
struct IQ1_S : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		int c = (int)u & 7;
		const u8 *b = w.q + (u >> 3) * 48;
		u32 low = ((const u32 *)b)[c], word = ((const u16 *)b)[16 + c];
		Raw r;
		r.d0 = r.d1 = half_at(w.s + (u >> 3) * 2) * (float)(2 * (word >> 12 & 7) + 1) * 0.125f;
#pragma unroll
		for (int l = 0; l < 4; l++) put_shifted(r.q + 2 * l, (low >> 8 * l & 255) | (word >> 3 * l & 7) << 8, word >> 15);
		return r;
	}
};

// 32 low bytes of indices, 16 with three upper bits and the sign of the ⅛ for each, four words of four scales of three bits whose
// upper nibbles are the half.
struct IQ1_M : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		int c = (int)u & 7;
		const u8 *b = w.q + (u >> 3) * 56;
		const u16 *words = (const u16 *)(b + 48);
		u32 low = ((const u32 *)b)[c], high = ((const u16 *)b)[16 + c];
		float d = half_to_float((u16)(words[0] >> 12 | (words[1] >> 12) << 4 | (words[2] >> 12) << 8 | (words[3] >> 12) << 12)) * 0.125f;
		u32 scales = (u32)words[c >> 1] >> 6 * (c & 1);
		Raw r;
		r.d0 = d * (float)(2 * (scales & 7) + 1), r.d1 = d * (float)(2 * (scales >> 3 & 7) + 1);
#pragma unroll
		for (int l = 0; l < 4; l++) {
			u32 h = high >> 4 * l & 15;
			put_shifted(r.q + 2 * l, (low >> 8 * l & 255) | (h & 7) << 8, h >> 3);
		}
		return r;
	}
};
#endif

#if defined(GRID_NARROW)
// 64 indices, and per 32 weights a word of four times seven signs under a scale of four bits.
struct IQ3_XXS : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		int c = (int)u & 7;
		const u8 *b = w.q + (u >> 3) * 96;
		I2 v = ((const I2 *)b)[c];
		u32 word = ((const u32 *)b)[16 + c];
		Raw r;
		r.d0 = r.d1 = half_at(w.s + (u >> 3) * 2) * (0.5f + (float)(word >> 28)) * 0.5f;
#pragma unroll
		for (int l = 0; l < 8; l++)
			r.q[l] = negate(grid[(l < 4 ? v.x : v.y) >> 8 * (l & 3) & 255], eight_signs(word >> 7 * (l >> 1) & 127) >> 4 * (l & 1));
		return r;
	}
};

// 64 low bytes of indices, eight with their ninth bits, 32 of signs, four of two scales of four bits.
struct IQ3_S : GridUnits {
	DEVICE Raw load(Planes w, i64 u) {
		int c = (int)u & 7;
		const u8 *b = w.q + (u >> 3) * 108;
		u32 v[2] = {((const u32 *)b)[2 * c], ((const u32 *)b)[2 * c + 1]}, high = b[64 + c], signs = ((const u32 *)b)[18 + c];
		Raw r;
		r.d0 = r.d1 = half_at(w.s + (u >> 3) * 2) * (float)(1 + 2 * (b[104 + (c >> 1)] >> 4 * (c & 1) & 15));
#pragma unroll
		for (int l = 0; l < 8; l++) r.q[l] = negate(grid[(v[l >> 2] >> 8 * (l & 3) & 255) | (high >> l & 1) << 8], signs >> 4 * l);
		return r;
	}
};
#endif
