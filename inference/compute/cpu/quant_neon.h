// Quantised weights and their products on 16 bytes: SDOT where HAVE_DOTPROD is set, else multiplications to 16 bits.
// (Formats: ggml-common.h, ggml-quants.c of ggml; package gguf has them in plain Go.)

enum { WEAVES = 0, ROWS = 4, COLS = 8, SLAB = 4 }; // rows and columns of a tile, groups of a slab

// 256 elements of a row. Types with blocks of 32 take 8 blocks at once.
typedef struct {
	int8x16_t w[16]; // element e is factor · byte + offset
	float f[16];     // factors of blocks of 16
	float o[16];     // offsets, where a type has any: of blocks of 32 or of 16
} group;

enum { NO_OFFSETS, OFFSETS_32, OFFSETS_16 };

INLINE uint16_t u16_at(const char *p) {
	uint16_t v;
	memcpy(&v, p, 2);
	return v;
}

INLINE uint32_t u32_at(const char *p) {
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}

INLINE float half_at(const char *p) {
	__fp16 v;
	memcpy(&v, p, 2);
	return v;
}

INLINE uint8x16_t load16(const char *p) { return vld1q_u8((const uint8_t *)p); }
INLINE uint8x16_t low4(uint8x16_t v) { return vandq_u8(v, vdupq_n_u8(15)); }
INLINE uint8x16_t high4(uint8x16_t v) { return vshrq_n_u8(v, 4); }
INLINE int8x16_t less(uint8x16_t v, int offset) { return vsubq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(offset)); }

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits in 12 bytes, times two 16-bit floats.
INLINE void scales_k(group *g, const char *p) {
	uint32_t a = u32_at(p + 4), b = u32_at(p + 8), c = u32_at(p + 12);
	uint32_t packed[4] = {a & 0x3f3f3f3f, (c & 0x0f0f0f0f) | ((a >> 2) & 0x30303030),
		b & 0x3f3f3f3f, ((c >> 4) & 0x0f0f0f0f) | ((b >> 2) & 0x30303030)};
	uint8_t bytes[16];
	memcpy(bytes, packed, 16);
	float d = half_at(p), m = half_at(p + 2);
	for (int j = 0; j < 8; j++) {
		g->f[2 * j] = g->f[2 * j + 1] = d * bytes[j];
		g->o[j] = -m * bytes[8 + j];
	}
}

INLINE void load_q4_k(group *g, const char *p) {
	scales_k(g, p);
	for (int j = 0; j < 4; j++)
		for (int h = 0; h < 2; h++) {
			uint8x16_t v = load16(p + 16 + 32 * j + 16 * h);
			g->w[4 * j + h] = less(low4(v), 0);
			g->w[4 * j + 2 + h] = less(high4(v), 0);
		}
}

INLINE void load_q5_k(group *g, const char *p) {
	scales_k(g, p);
	for (int h = 0; h < 2; h++) {
		uint8x16_t bits = load16(p + 16 + 16 * h);
		for (int j = 0; j < 4; j++) { // bits 2j and 2j+1
			uint8x16_t v = load16(p + 48 + 32 * j + 16 * h);
			uint8x16_t a = vandq_u8(vshlq_u8(bits, vdupq_n_s8(4 - 2 * j)), vdupq_n_u8(16));
			uint8x16_t b = vandq_u8(vshlq_u8(bits, vdupq_n_s8(3 - 2 * j)), vdupq_n_u8(16));
			g->w[4 * j + h] = less(vorrq_u8(low4(v), a), 0);
			g->w[4 * j + 2 + h] = less(vorrq_u8(high4(v), b), 0);
		}
	}
}

INLINE void load_q6_k(group *g, const char *p) {
	const uint8x16_t two = vdupq_n_u8(0x30);
	for (int half = 0; half < 2; half++)
		for (int h = 0; h < 2; h++) {
			uint8x16_t a = load16(p + 64 * half + 16 * h), b = load16(p + 64 * half + 32 + 16 * h);
			uint8x16_t c = load16(p + 128 + 32 * half + 16 * h);
			int8x16_t *w = g->w + 8 * half + h;
			w[0] = less(vorrq_u8(low4(a), vandq_u8(vshlq_n_u8(c, 4), two)), 32);
			w[2] = less(vorrq_u8(low4(b), vandq_u8(vshlq_n_u8(c, 2), two)), 32);
			w[4] = less(vorrq_u8(high4(a), vandq_u8(c, two)), 32);
			w[6] = less(vorrq_u8(high4(b), vandq_u8(vshrq_n_u8(c, 2), two)), 32);
		}
	float d = half_at(p + 208);
	for (int j = 0; j < 16; j++) g->f[j] = d * ((const int8_t *)p)[192 + j];
}

// The 16 bytes of ones and zeros that are bits of v, 16 from the lowest, times 16.
INLINE uint8x16_t fifth(uint32_t v) {
	const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t bytes = vcombine_u8(vdup_n_u8(v & 255), vdup_n_u8(v >> 8 & 255));
	return vandq_u8(vtstq_u8(bytes, bit), vdupq_n_u8(16));
}

// Blocks of 32 with SIZE bytes: a factor, an offset where it has one, the fifth bits where it has them, four bits.
#define LOAD_32(NAME, SIZE, FIFTH, NIBBLES, BIAS, OFFSET) \
	INLINE void load_##NAME(group *g, const char *p) { \
		for (int j = 0; j < 8; j++, p += SIZE) { \
			uint8x16_t v = load16(p + NIBBLES), a = low4(v), b = high4(v); \
			if (FIFTH) { \
				a = vorrq_u8(a, fifth(u32_at(p + FIFTH) & 0xffff)); \
				b = vorrq_u8(b, fifth(u32_at(p + FIFTH) >> 16)); \
			} \
			g->w[2 * j] = less(a, BIAS); \
			g->w[2 * j + 1] = less(b, BIAS); \
			g->f[2 * j] = g->f[2 * j + 1] = half_at(p); \
			if (OFFSET) g->o[j] = half_at(p + 2); \
		} \
	}
LOAD_32(q4_0, 18, 0, 2, 8, 0)
LOAD_32(q4_1, 20, 0, 4, 0, 1)
LOAD_32(q5_0, 22, 2, 6, 16, 0)
LOAD_32(q5_1, 24, 4, 8, 0, 1)

INLINE void load_q8_0(group *g, const char *p) {
	for (int j = 0; j < 8; j++, p += 34) {
		g->w[2 * j] = vld1q_s8((const int8_t *)p + 2);
		g->w[2 * j + 1] = vld1q_s8((const int8_t *)p + 18);
		g->f[2 * j] = g->f[2 * j + 1] = half_at(p);
	}
}

// The levels of IQ4_NL and IQ4_XS, and twice those of the 4-bit float E2M1.
static const int8_t levels_iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
static const int8_t levels_fp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

INLINE void levels16(group *g, int j, const char *p, const int8_t *levels) {
	int8x16_t table = vld1q_s8(levels);
	uint8x16_t v = load16(p);
	g->w[2 * j] = vqtbl1q_s8(table, low4(v));
	g->w[2 * j + 1] = vqtbl1q_s8(table, high4(v));
}

INLINE void load_iq4_nl(group *g, const char *p) {
	for (int j = 0; j < 8; j++, p += 18) {
		levels16(g, j, p + 2, levels_iq4);
		g->f[2 * j] = g->f[2 * j + 1] = half_at(p);
	}
}

INLINE void load_iq4_xs(group *g, const char *p) {
	for (int j = 0; j < 8; j++) {
		int scale = ((uint8_t)p[4 + j / 2] >> (j % 2 * 4) & 15) | (u16_at(p + 2) >> (2 * j) & 3) << 4;
		levels16(g, j, p + 8 + 16 * j, levels_iq4);
		g->f[2 * j] = g->f[2 * j + 1] = half_at(p) * (scale - 32);
	}
}

// The factor is half of a power of two, 2^(e-128). The two least ones, too small to matter in a sum of floats, become 0.
INLINE void load_mxfp4(group *g, const char *p) {
	for (int j = 0; j < 8; j++, p += 17) {
		uint32_t e = (uint8_t)p[0], bits = (e > 0 ? e - 1 : 0) << 23;
		levels16(g, j, p + 1, levels_fp4);
		memcpy(&g->f[2 * j], &bits, 4);
		g->f[2 * j + 1] = g->f[2 * j];
	}
}

// The factors are half of E4M3 floats, which have the bits of a 16-bit float's upper exponent and fraction. 127 is no number
// and counts as 0.
INLINE void load_nvfp4(group *g, const char *p) {
	int8x16_t table = vld1q_s8(levels_fp4);
	for (int j = 0; j < 16; j++) {
		const char *block = p + 36 * (j / 4);
		uint16_t e = block[j % 4] & 127, half = e == 127 ? 0 : e << 7;
		uint8x8_t v = vld1_u8((const uint8_t *)block + 4 + 8 * (j % 4));
		g->w[j] = vqtbl1q_s8(table, vcombine_u8(vand_u8(v, vdup_n_u8(15)), vshr_n_u8(v, 4)));
		g->f[j] = half_at((const char *)&half) * 128;
	}
}

// Bit pairs: of each run of 32 bytes the lowest are the first 32 elements. Elements 16j to 16j + 15.
INLINE uint8x16_t pairs16(const char *p, int j) {
	uint8x16_t v = load16(p + 32 * (j / 8) + 16 * (j % 2));
	return vandq_u8(vshlq_u8(v, vdupq_n_s8(-2 * (j / 2 % 4))), vdupq_n_u8(3));
}

INLINE void load_q2_k(group *g, const char *p) {
	float d = half_at(p + 80), m = half_at(p + 82);
	for (int j = 0; j < 16; j++) {
		g->w[j] = less(pairs16(p + 16, j), 0);
		g->f[j] = d * (p[j] & 15);
		g->o[j] = -m * ((uint8_t)p[j] >> 4);
	}
}

// The third bits of 32 elements each are in one bit of 32 bytes. 16 scales of 6 bits are in 12 bytes.
INLINE void load_q3_k(group *g, const char *p) {
	const uint8_t *s = (const uint8_t *)p + 96;
	float d = half_at(p + 108);
	for (int j = 0; j < 16; j++) {
		uint8x16_t bit = vandq_u8(vshlq_u8(load16(p + 16 * (j % 2)), vdupq_n_s8(2 - j / 2)), vdupq_n_u8(4));
		g->w[j] = less(vorrq_u8(pairs16(p + 32, j), bit), 4);
		g->f[j] = d * (((s[j % 8] >> (j / 8 * 4) & 15) | (s[8 + j % 4] >> (j / 4 * 2) & 3) << 4) - 32);
	}
}

#include "codebook.h"

#include "matvec.h"

INLINE void group_of_plain(group *g, const plain *b) {
	memcpy(g->w, b->w, sizeof b->w);
	memcpy(g->f, b->f, sizeof b->f);
}

// Sums of four products each, added to s.
INLINE int32x4_t dot4(int32x4_t s, int8x16_t w, int8x16_t x) {
#if defined(HAVE_DOTPROD)
	return vdotq_s32(s, w, x);
#else
	int16x8_t lo = vmull_s8(vget_low_s8(w), vget_low_s8(x)), hi = vmull_s8(vget_high_s8(w), vget_high_s8(x));
	return vaddq_s32(s, vpaddq_s32(vpaddlq_s16(lo), vpaddlq_s16(hi)));
#endif
}

// Products and offsets.
typedef struct {
	vf s[2];
} sums;

// Adds a group's product with 256 numbers of an activation.
INLINE void dot_group(const group *g, const int8_t *q, const float *scale, sums *sum, int sixteens, int offsets) {
	vf *s = sum->s;
	for (int j = 0; j < 8; j++) {
		int32x4_t zero = vdupq_n_s32(0);
		int8x16_t a = vld1q_s8(q + 32 * j), b = vld1q_s8(q + 32 * j + 16);
		if (sixteens) {
			s[0] = vfmaq_n_f32(s[0], vcvtq_f32_s32(dot4(zero, g->w[2 * j], a)), g->f[2 * j] * scale[j]);
			s[1] = vfmaq_n_f32(s[1], vcvtq_f32_s32(dot4(zero, g->w[2 * j + 1], b)), g->f[2 * j + 1] * scale[j]);
		} else {
			int32x4_t i = dot4(dot4(zero, g->w[2 * j], a), g->w[2 * j + 1], b);
			s[j & 1] = vfmaq_n_f32(s[j & 1], vcvtq_f32_s32(i), g->f[2 * j] * scale[j]);
		}
	}
	if (offsets == OFFSETS_32) {
		s[0] = vfmaq_f32(s[0], vld1q_f32(g->o), vld1q_f32(scale + 8));
		s[1] = vfmaq_f32(s[1], vld1q_f32(g->o + 4), vld1q_f32(scale + 12));
	} else if (offsets == OFFSETS_16) {
		for (int j = 0; j < 4; j++) s[j & 1] = vfmaq_f32(s[j & 1], vld1q_f32(g->o + 4 * j), vld1q_f32(scale + 16 + 4 * j));
	}
}

INLINE float dot_end(const sums *s, int sixteens, int offsets) { return v_sum(s->s[0] + s->s[1]); }

// The group at w, of which only some blocks may be there.
#define LOAD_GROUP(NAME, G, W, BYTES, BLOCKS, COMPLETE) \
	if (BLOCKS > 1 && !(COMPLETE)) { \
		char part[BYTES] = {0}; \
		memcpy(part, W, p->k % 256 / (256 / BLOCKS) * (BYTES / BLOCKS)); \
		load_##NAME(G, part); \
	} else { \
		load_##NAME(G, W); \
	}

// A slab of a tile: bytes with four elements of 4 rows in each vector, and the factors and offsets of 4 rows.
typedef struct {
	int32_t w[SLAB][64][ROWS];
	float f[SLAB][16][ROWS];
	float o[SLAB][16][ROWS];
} tile;

static void interleave(tile *t, int64_t b, int r, const group *g) {
	int32_t words[64];
	memcpy(words, g->w, 256);
	for (int j = 0; j < 64; j++) t->w[b][j][r] = words[j];
	for (int j = 0; j < 16; j++) t->f[b][j][r] = g->f[j];
	for (int j = 0; j < 16; j++) t->o[b][j][r] = g->o[j];
}

#if defined(HAVE_DOTPROD)
#define DOT_LANE(S, W, X, L) vdotq_laneq_s32(S, W, X, L)
#else
#define DOT_LANE(S, W, X, L) dot4(S, W, vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(X), L)))
#endif

// 4 rows of the weight times cols rows of x, over groups of 256 elements, added to s.
INLINE void micro(const tile *t, const int8_t *q, int64_t q_stride, const float *scale, int64_t scale_stride, int64_t groups,
	vf *s, int cols, int sixteens, int offsets) {
	for (int64_t b = 0; b < groups; b++)
		for (int j = 0; j < 8; j++)
			for (int c = 0; c < cols; c++) {
				const int8_t *x = q + c * q_stride + 256 * b + 32 * j;
				const float *f = scale + c * scale_stride + 32 * b;
				int32x4_t i = vdupq_n_s32(0);
				for (int h = 0; h < 2; h++) {
					int8x16_t v = vld1q_s8(x + 16 * h);
					const int8_t *w = (const int8_t *)t->w[b][8 * j + 4 * h];
					i = DOT_LANE(i, vld1q_s8(w), v, 0);
					i = DOT_LANE(i, vld1q_s8(w + 16), v, 1);
					i = DOT_LANE(i, vld1q_s8(w + 32), v, 2);
					i = DOT_LANE(i, vld1q_s8(w + 48), v, 3);
					if (sixteens || h == 1) {
						s[c] = vfmaq_f32(s[c], vcvtq_f32_s32(i), vmulq_n_f32(vld1q_f32(t->f[b][2 * j + h]), f[j]));
						i = vdupq_n_s32(0);
					}
				}
				if (offsets == OFFSETS_32) s[c] = vfmaq_n_f32(s[c], vld1q_f32(t->o[b][j]), f[8 + j]);
				if (offsets == OFFSETS_16)
					for (int h = 0; h < 2; h++) s[c] = vfmaq_n_f32(s[c], vld1q_f32(t->o[b][2 * j + h]), f[16 + 2 * j + h]);
			}
}

INLINE void tiles(const product *p, const tile *t, int64_t count, int64_t r0, int64_t hi, int64_t b0, int64_t groups, int sixteens, int offsets) {
	for (int64_t i = 0; i < p->n;) {
		const int8_t *q = p->xq.q + i * p->xq.q_stride + 256 * b0;
		const float *scale = p->xq.scale + i * p->xq.scale_stride + 32 * b0;
		int64_t cols = p->n - i >= COLS ? COLS : 1;
		for (int64_t l = 0; l < count; l++) {
			int64_t r = r0 + l * ROWS, rows = hi - r < ROWS ? hi - r : ROWS;
			char *out = p->out + i * p->out_stride + 4 * r;
			vf s[COLS];
			for (int c = 0; c < cols; c++) s[c] = b0 == 0 ? v_set(0) : v_load_n((float *)(out + c * p->out_stride), rows);
			if (cols == COLS) micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, s, COLS, sixteens, offsets);
			else micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, s, 1, sixteens, offsets);
			for (int c = 0; c < cols; c++) v_store_n((float *)(out + c * p->out_stride), s[c], rows);
		}
		i += cols;
	}
}

// Sixteen tiles are repacked together, so that a slab of x is read once for 64 rows of the weight.
#define GEMM(NAME, BYTES, BLOCKS, SIXTEENS, OFFSETS) \
	static void gemm_##NAME(const product *p, int64_t lo, int64_t hi, void *scratch) { \
		tile *t = scratch; \
		int64_t full = p->k / 256, all = (p->k + 255) / 256; \
		for (int64_t r0 = lo; r0 < hi; r0 += 16 * ROWS) { \
			int64_t count = (hi - r0 + ROWS - 1) / ROWS; \
			if (count > 16) count = 16; \
			for (int64_t b0 = 0; b0 < all; b0 += SLAB) { \
				int64_t groups = all - b0 < SLAB ? all - b0 : SLAB; \
				for (int64_t l = 0; l < count; l++) for (int64_t b = 0; b < groups; b++) \
					for (int i = 0; i < ROWS; i++) { \
						int64_t r = r0 + l * ROWS + i; \
						if (r >= hi) r = hi - 1; \
						const char *w = p->w + r * p->w_stride + (b0 + b) * BYTES; \
						group g = {0}; \
						LOAD_GROUP(NAME, &g, w, BYTES, BLOCKS, b0 + b < full) \
						interleave(t + l, b, i, &g); \
					} \
				tiles(p, t, count, r0, hi, b0, groups, SIXTEENS, OFFSETS); \
			} \
		} \
	}

#define QUANTISED(NAME, BYTES, BLOCKS, SIXTEENS, OFFSETS) \
	MATVEC(matvec_##NAME, load_##NAME, BYTES, BLOCKS, 0, dot_group, dot_end, SIXTEENS, OFFSETS) \
	GEMM(NAME, BYTES, BLOCKS, SIXTEENS, OFFSETS)

QUANTISED(q2_k, 84, 1, 1, OFFSETS_16)
QUANTISED(q3_k, 110, 1, 1, NO_OFFSETS)
QUANTISED(q4_k, 144, 1, 0, OFFSETS_32)
QUANTISED(q5_k, 176, 1, 0, OFFSETS_32)
QUANTISED(q6_k, 210, 1, 1, NO_OFFSETS)
QUANTISED(q4_0, 144, 8, 0, NO_OFFSETS)
QUANTISED(q4_1, 160, 8, 0, OFFSETS_32)
QUANTISED(q5_0, 176, 8, 0, NO_OFFSETS)
QUANTISED(q5_1, 192, 8, 0, OFFSETS_32)
QUANTISED(q8_0, 272, 8, 0, NO_OFFSETS)
QUANTISED(iq4_nl, 144, 8, 0, NO_OFFSETS)
QUANTISED(iq4_xs, 136, 1, 0, NO_OFFSETS)
QUANTISED(mxfp4, 136, 8, 0, NO_OFFSETS)
QUANTISED(nvfp4, 144, 4, 1, NO_OFFSETS)

#define QUANTISED_PLAIN(NAME, BYTES, BLOCKS) QUANTISED(NAME, BYTES, BLOCKS, 1, NO_OFFSETS)
PLAIN_TYPES(QUANTISED_PLAIN)
