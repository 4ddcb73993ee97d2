// Formats of two and three bits, and those whose nibbles stand for levels that are not evenly spaced. units.hip says what a
// format is.
#pragma once

// Sixteen levels, four signed bytes to a word, for nibbles that lie in bytes.
struct Levels { u32 a, b, c, d; };

DEVICE int levels_of(int nibbles, Levels t) {
#if defined(ON_AMD)
	u32 v = (u32)nibbles, low = v & 0x07070707u, high = (v >> 3 & 0x01010101u) * 255;
	u32 x = __builtin_amdgcn_perm(t.b, t.a, low), y = __builtin_amdgcn_perm(t.d, t.c, low);
	return (int)((x & ~high) | (y & high));
#elif defined(ON_NVIDIA)
	u32 v = (u32)nibbles, low = v & 0x07070707u, high = (v >> 3 & 0x01010101u) * 255, x, y;
	low |= low >> 4; // prmt takes its four numbers from neighbouring nibbles
	low = (low & 0xff) | (low >> 8 & 0xff00);
	asm("prmt.b32 %0, %1, %2, %3;" : "=r"(x) : "r"(t.a), "r"(t.b), "r"(low));
	asm("prmt.b32 %0, %1, %2, %3;" : "=r"(y) : "r"(t.c), "r"(t.d), "r"(low));
	return (int)((x & ~high) | (y & high));
#else
	const u32 words[4] = {t.a, t.b, t.c, t.d};
	u32 r = 0;
	for (int i = 0; i < 32; i += 8) {
		int n = nibbles >> i & 15;
		r |= (words[n >> 2] >> (n & 3) * 8 & 255) << i;
	}
	return (int)r;
#endif
}

// −127 −104 −83 −65 −49 −35 −22 −10 1 13 25 38 53 69 89 113
DEVICE int levels_iq4(int nibbles) { return levels_of(nibbles, Levels{0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u}); }
// Twice the values of E2M1: 0 1 2 3 4 6 8 12 and their negatives (OCP Microscaling Formats 1.0, table 5).
DEVICE int levels_fp4(int nibbles) { return levels_of(nibbles, Levels{0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu}); }

struct IQ4_NL : WholeUnits {
	static const bool OFFSET = false;
	struct Raw { I4 q; u16 d; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), ((const u16 *)w.s)[u]}; }
	DEVICE Scales scales(const Raw &r, int) { float d = half_to_float(r.d); return Scales{d, 0, d, 0}; }
	template <int I> DEVICE int quad(const Raw &r, int) { return levels_iq4(nibbles<I>(r.q)); }
};

// Per 256 weights 128 bytes of nibbles, and in another plane d, eight upper bit pairs of scales and eight low nibbles.
struct IQ4_XS : WholeUnits {
	static const bool OFFSET = false;
	struct Raw { I4 q; I2 head; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), ((const I2 *)w.s)[u >> 3]}; }
	DEVICE Scales scales(const Raw &r, int u) {
		int c = u & 7, s = ((u32)r.head.y >> 4 * c & 15) | ((u32)r.head.x >> (16 + 2 * c) & 3) << 4;
		float d = half_to_float((u16)r.head.x) * (float)(s - 32);
		return Scales{d, 0, d, 0};
	}
	template <int I> DEVICE int quad(const Raw &r, int) { return levels_iq4(nibbles<I>(r.q)); }
};

// One exponent for 32 weights: 2^(e − 128), halved since levels are doubled.
struct MXFP4 : WholeUnits {
	static const bool OFFSET = false;
	struct Raw { I4 q; int e; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), w.s[u]}; }
	DEVICE Scales scales(const Raw &r, int) {
		float d = bits_float(r.e > 1 ? (r.e - 1) << 23 : 0x00200000 << r.e);
		return Scales{d, 0, d, 0};
	}
	template <int I> DEVICE int quad(const Raw &r, int) { return levels_fp4(nibbles<I>(r.q)); }
};

// Per 64 weights four E4M3 scales and 32 bytes of nibbles, eight for each 16.
struct NVFP4 : WholeUnits {
	static const bool OFFSET = false;
	struct Raw { I4 q; int s; };
	DEVICE Raw load(Planes w, i64 u) { return Raw{load_once(w.q + u * 16), ((const u16 *)w.s)[u]}; }
	DEVICE float scale(int b) {
		int exponent = b >> 3 & 15, fraction = b & 7;
		if ((b & 127) == 127) return 0;
		return exponent == 0 ? (float)fraction * 0x1p-10f : (float)(8 + fraction) * bits_float((exponent - 11 + 127) << 23);
	}
	DEVICE Scales scales(const Raw &r, int) { return Scales{scale(r.s), 0, scale(r.s >> 8), 0}; }
	template <int I> DEVICE int quad(const Raw &r, int) {
		u32 w = (u32)((I < 4 ? (I & 1 ? r.q.y : r.q.x) : (I & 1 ? r.q.w : r.q.z)));
		return levels_fp4((int)(w >> (I & 2 ? 4 : 0) & 0x0f0f0f0fu));
	}
};

// Bit pairs as Q2_K, Q3_K and TQ2_0 keep them: 32 bytes hold 128 weights, the first 32 of them in the lowest pairs. Unit c of a
// block of 256 finds its own in bytes 32·(c/4)…, c%4 pairs up.
struct PairUnits : WholeUnits {
	template <int I> DEVICE int pairs(const I4 &a, const I4 &b, int u) { return word<I>(I < 4 ? a : b) >> 2 * (u & 3) & 0x03030303; }
};

struct Q2_K : PairUnits {
	static const bool OFFSET = true, HALF_OFFSETS = true;
	struct Raw { I4 a, b; int sm; u32 d; };
	DEVICE Raw load(Planes w, i64 u) {
		i64 block = u >> 3;
		int c = (int)u & 7;
		const u8 *q = w.q + block * 64 + (c >> 2) * 32;
		return Raw{*(const I4 *)q, *(const I4 *)(q + 16), ((const u16 *)(w.s + block * 16))[c], ((const u32 *)w.e)[block]};
	}
	DEVICE Scales scales(const Raw &r, int) {
		float d = half_to_float((u16)r.d), m = -half_to_float((u16)(r.d >> 16));
		return Scales{d * (float)(r.sm & 15), m * (float)(r.sm >> 4 & 15), d * (float)(r.sm >> 8 & 15), m * (float)(r.sm >> 12)};
	}
	template <int I> DEVICE int quad(const Raw &r, int u) { return pairs<I>(r.a, r.b, u); }
};

// Per 256 weights 32 bytes of third bits and 64 of pairs; 12 bytes of scales, six bits each: low nibbles of scales 0–7 and 8–15
// in the halves of bytes 0–7, upper pairs of scales j, j+4, j+8, j+12 in byte 8+j; d.
struct Q3_K : PairUnits {
	static const bool OFFSET = false;
	struct Raw { I4 a, b, ha, hb; int sc; u16 d; };
	DEVICE Raw load(Planes w, i64 u) {
		i64 block = u >> 3;
		int c = (int)u & 7;
		const u8 *h = w.q + block * 96, *q = h + 32 + (c >> 2) * 32;
		const u16 *s = (const u16 *)(w.s + block * 12);
		int low = s[c & 3] >> (c >> 2) * 4 & 0x0f0f, high = s[4 + (c & 1)] >> (c >> 1) * 2 & 0x0303;
		return Raw{*(const I4 *)q, *(const I4 *)(q + 16), *(const I4 *)h, *(const I4 *)(h + 16), low | high << 4, ((const u16 *)w.e)[block]};
	}
	DEVICE Scales scales(const Raw &r, int) {
		float d = half_to_float(r.d);
		return Scales{d * (float)((r.sc & 255) - 32), 0, d * (float)((r.sc >> 8) - 32), 0};
	}
	template <int I> DEVICE int quad(const Raw &r, int u) {
		u32 v = (u32)pairs<I>(r.a, r.b, u) | ((u32)word<I>(I < 4 ? r.ha : r.hb) >> (u & 7) & 0x01010101u) << 2;
		return (int)(((v | 0x80808080u) - 0x04040404u) ^ 0x80808080u); // each byte minus 4
	}
};

struct TQ2_0 : PairUnits {
	static const bool OFFSET = true;
	struct Raw { I4 a, b; u16 d; };
	DEVICE Raw load(Planes w, i64 u) {
		const u8 *q = w.q + (u >> 3) * 64 + ((int)u >> 2 & 1) * 32;
		return Raw{*(const I4 *)q, *(const I4 *)(q + 16), ((const u16 *)w.s)[u >> 3]};
	}
	DEVICE Scales scales(const Raw &r, int) { float d = half_to_float(r.d); return Scales{d, -d, d, -d}; }
	template <int I> DEVICE int quad(const Raw &r, int u) { return pairs<I>(r.a, r.b, u); }
};

// Ternary digits, five to a byte: digit n of a byte is the top of its product with 3ⁿ⁺¹. 32 bytes hold the first 160 weights, digit
// by digit, 16 bytes the next 80, and four bytes the last 16.
struct TQ1_0 : WholeUnits {
	static const bool OFFSET = true;
	struct Raw { int q[8]; u16 d; };
	DEVICE int digits(u32 bytes, int n) {
		u32 power = n == 0 ? 1 : n == 1 ? 3 : n == 2 ? 9 : n == 3 ? 27 : 81, r = 0;
#pragma unroll
		for (int i = 0; i < 32; i += 8) r |= ((bytes >> i & 255) * power & 255) * 3 >> 8 << i;
		return (int)r;
	}
	DEVICE Raw load(Planes w, i64 u) {
		int c = (int)u & 7;
		const u32 *b = (const u32 *)(w.q + (u >> 3) * 52);
		Raw r;
		r.d = ((const u16 *)w.s)[u >> 3];
#pragma unroll
		for (int i = 0; i < 8; i++) {
			int at = c < 5 ? i : c < 7 || i < 4 ? 8 + (i & 3) : 12;
			int n = c < 5 ? c : c < 7 ? (c - 5) * 2 + (i >> 2) : i < 4 ? 4 : i - 4;
			r.q[i] = digits(b[at], n);
		}
		return r;
	}
	DEVICE Scales scales(const Raw &r, int) { float d = half_to_float(r.d); return Scales{d, -d, d, -d}; }
	template <int I> DEVICE int quad(const Raw &r, int) { return r.q[I]; }
};
