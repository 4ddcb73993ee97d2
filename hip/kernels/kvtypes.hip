// Types of the KV cache: how eight neighbouring elements of a head are read, and how a head is written. place finds an element
// by its number in the cache, a multiple of eight where eight are loaded. The blocks of Q8_0 and Q4_0 are those of the GGUF specification and hold 32 of them, so they
// are aligned to two bytes only.
#pragma once
#include "common.hip"

// Codes of the types, as package gpu counts them.
enum { KV_F32, KV_F16, KV_BF16, KV_Q8_0, KV_Q4_0 };

// Eight floats as halves.
DEVICE I4 pack_eight(const float (&f)[8]) {
	return I4{(int)pack_halves(f[0], f[1]), (int)pack_halves(f[2], f[3]), (int)pack_halves(f[4], f[5]), (int)pack_halves(f[6], f[7])};
}

struct KvF16 {
	typedef const u16 *Place;
	DEVICE Place place(const u8 *c, i64 i) { return (const u16 *)c + i; }
	DEVICE float value(Place p, int i) { return half_to_float(p[i]); }
	DEVICE void load(float (&f)[8], Place p) {
		I4 v = *(const I4 *)p;
		int w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
		for (int j = 0; j < 4; j++) f[2 * j] = half_to_float((u16)w[j]), f[2 * j + 1] = half_to_float((u16)((u32)w[j] >> 16));
	}
	DEVICE I4 halves(Place p) { return *(const I4 *)p; }
};

struct KvF32 {
	typedef const float *Place;
	DEVICE Place place(const u8 *c, i64 i) { return (const float *)c + i; }
	DEVICE float value(Place p, int i) { return p[i]; }
	DEVICE void load(float (&f)[8], Place p) {
		F4 a = ((const F4 *)p)[0], b = ((const F4 *)p)[1];
		f[0] = a.x, f[1] = a.y, f[2] = a.z, f[3] = a.w, f[4] = b.x, f[5] = b.y, f[6] = b.z, f[7] = b.w;
	}
};

struct KvBF16 {
	typedef const u16 *Place;
	DEVICE Place place(const u8 *c, i64 i) { return (const u16 *)c + i; }
	DEVICE float value(Place p, int i) { return bfloat_to_float(p[i]); }
	DEVICE void load(float (&f)[8], Place p) {
		I4 v = *(const I4 *)p;
		int w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
		for (int j = 0; j < 4; j++) f[2 * j] = bits_float((int)((u32)w[j] << 16)), f[2 * j + 1] = bits_float((int)((u32)w[j] & 0xffff0000u));
	}
	DEVICE I4 halves(Place p) {
		float f[8];
		load(f, p);
		return pack_eight(f);
	}
};

// An element of a block.
struct KvBlock { const u8 *b; int j; };

struct KvQ8_0 {
	typedef KvBlock Place;
	DEVICE Place place(const u8 *c, i64 i) { return KvBlock{c + (i >> 5) * 34, (int)i & 31}; }
	DEVICE float value(Place p, int i) { return half_to_float(*(const u16 *)p.b) * (float)(i8)p.b[2 + p.j + i]; }
	DEVICE void load(float (&f)[8], Place p) {
		float d = half_to_float(*(const u16 *)p.b);
		const u16 *q = (const u16 *)(p.b + 2 + p.j);
#pragma unroll
		for (int j = 0; j < 4; j++) {
			u16 w = q[j];
			f[2 * j] = d * (float)(i8)w, f[2 * j + 1] = d * (float)(i8)(w >> 8);
		}
	}
	DEVICE I4 halves(Place p) {
		float f[8];
		load(f, p);
		return pack_eight(f);
	}
};

struct KvQ4_0 {
	typedef KvBlock Place;
	DEVICE Place place(const u8 *c, i64 i) { return KvBlock{c + (i >> 5) * 18, (int)i & 31}; }
	DEVICE float value(Place p, int i) {
		int j = p.j + i;
		return half_to_float(*(const u16 *)p.b) * (float)((p.b[2 + (j & 15)] >> (j >> 4) * 4 & 15) - 8);
	}
	DEVICE void load(float (&f)[8], Place p) {
		float d = half_to_float(*(const u16 *)p.b);
		int shift = (p.j >> 4) * 4;
		const u16 *q = (const u16 *)(p.b + 2 + (p.j & 15));
#pragma unroll
		for (int l = 0; l < 4; l++) {
			int w = q[l] >> shift;
			f[2 * l] = d * (float)((w & 15) - 8), f[2 * l + 1] = d * (float)((w >> 8 & 15) - 8);
		}
	}
	DEVICE I4 halves(Place p) {
		float f[8];
		load(f, p);
		return pack_eight(f);
	}
};

// Writes element i of a cache of a plain type.
DEVICE void kv_put(void *c, i64 i, float v, int type) {
	if (type == KV_F32) ((float *)c)[i] = v;
	else ((u16 *)c)[i] = type == KV_F16 ? float_to_half(v) : float_to_bfloat(v);
}

// Writes a head of d elements to a cache of a quantised type from element at on: all threads of a warp together, 32 of
// them a block. Q4_0 makes the element of the largest magnitude exactly −8 steps, Q8_0 ±127.
DEVICE void kv_put_blocks(void *c, i64 at, const float *x, int d, int type) {
	for (int base = 0; base < d; base += WARP) {
		int i = base + lane(), j = lane() & 31;
		bool inside = i < d;
		float v = inside ? x[i] : 0;
		float top = group_max<32>(abs32(v));
		u8 *block = (u8 *)c + ((at + base + (lane() & ~31)) >> 5) * (type == KV_Q8_0 ? 34 : 18);
		float steps = 127;
		if (type == KV_Q4_0) {
			// The first of the largest decides the sign.
			int first = abs32(v) == top ? j * 2 + (v < 0) : 64;
#pragma unroll
			for (int m = 16; m > 0; m /= 2) first = min_int(first, shuffle_xor(first, m));
			steps = first & 1 ? 8 : -8;
		}
		u16 half = float_to_half(top / steps);
		float step = half_to_float(half), q = step != 0 ? round32(v / step) : 0;
		if (type == KV_Q8_0) {
			q = q > 127 ? 127 : q < -127 ? -127 : q;
			if (inside) block[2 + j] = (u8)(int)q;
		} else {
			int n = (int)(q > 7 ? 7 : q < -8 ? -8 : q) + 8;
			n |= shuffle_xor(n, 16) << 4;
			if (inside && j < 16) block[2 + j] = (u8)n;
		}
		if (inside && j == 0) *(u16 *)block = half;
	}
}

// What the logits of a query at a position are multiplied by (see compute.Attention).
DEVICE float attend_temperature(int position, float temperature, int length) {
	return 1 + temperature * LN2 * log2_32(1 + (float)(position / length));
}
