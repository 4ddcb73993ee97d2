// Products of quantised weights with VPDPBUSD on 64 bytes.

enum { WEAVES = 1, ROWS = 16, COLS = 8, SLAB = 4 }; // rows and columns of a tile, groups of a slab

#include "codebook.h"

#include "matvec.h"

INLINE void group_of_plain(group *g, const plain *b) {
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_xor_si512(_mm512_load_si512(b->w + 64 * j), _mm512_set1_epi8((char)0x80)); // plus 128
	g->s = _mm512_load_ps(b->f);
	g->m = g->s * _mm512_set1_ps(-128);
}

// Products, and the part of the offsets.
typedef struct {
	__m512 s[2], o;
} sums;

// Adds a group's product with 256 numbers of an activation.
INLINE void dot_group(const group *g, const int8_t *q, const float *scale, sums *sum, int kind) {
	__m512 *s = sum->s, *o = &sum->o;
	__m512 f;
	if (kind) {
		__m512 d = _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), _mm512_loadu_ps(scale));
		f = g->s * d;
		*o = _mm512_fmadd_ps(kind == SIXTEENS ? g->s : g->m, _mm512_loadu_ps(scale + 16), *o);
	} else {
		f = g->s * _mm512_loadu_ps(scale);
		*o = *o + f; // the lower half means nothing
	}
	for (int j = 0; j < 4; j++) {
		__m512i index = kind
			? _mm512_setr_epi32(4 * j, 4 * j, 4 * j, 4 * j, 4 * j + 1, 4 * j + 1, 4 * j + 1, 4 * j + 1,
				4 * j + 2, 4 * j + 2, 4 * j + 2, 4 * j + 2, 4 * j + 3, 4 * j + 3, 4 * j + 3, 4 * j + 3)
			: _mm512_setr_epi32(2 * j, 2 * j, 2 * j, 2 * j, 2 * j, 2 * j, 2 * j, 2 * j,
				2 * j + 1, 2 * j + 1, 2 * j + 1, 2 * j + 1, 2 * j + 1, 2 * j + 1, 2 * j + 1, 2 * j + 1);
		__m512i i = _mm512_dpbusd_epi32(_mm512_setzero_si512(), g->w[j], _mm512_loadu_si512(q + 64 * j));
		s[j & 1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(i), _mm512_permutexvar_ps(index, f), s[j & 1]);
	}
}

INLINE float dot_end(const sums *sum, int kind) {
	const __m512 *s = sum->s;
	__m512 o = sum->o;
	if (kind == SIXTEENS) o = o * _mm512_set1_ps(-32);
	else if (kind == THIRTY_TWOS) o = _mm512_maskz_mov_ps(0xff00, o);
	return _mm512_reduce_add_ps(s[0] + s[1] + o);
}

// The same with woven activations, for the types of THIRTY_TWOS whose weights are easily woven too.
INLINE void dot_woven(const group *g, const int8_t *q, const float *scale, sums *s, int kind) {
	const __m512i order = _mm512_setr_epi32(0, 0, 4, 4, 1, 1, 5, 5, 2, 2, 6, 6, 3, 3, 7, 7);
	__m512 f = g->s * _mm512_loadu_ps(scale);
	s->o = s->o + f; // the lower half means nothing
	__m512i i = _mm512_setzero_si512();
	for (int j = 0; j < 4; j++) i = _mm512_dpbusd_epi32(i, g->w[j], _mm512_loadu_si512(q + 64 * j));
	s->s[0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(i), _mm512_permutexvar_ps(order, f), s->s[0]);
}

INLINE float dot_woven_end(const sums *s, int kind) { return _mm512_reduce_add_ps(s->s[0] + _mm512_maskz_mov_ps(0xff00, s->o)); }

// A slab of a tile: bytes with four elements of 16 rows in each vector, then the factors and offsets of 16 rows.
typedef struct {
	__m512i w[SLAB][64];
	__m512 s[SLAB][16];
	__m512 m[SLAB][16];
} tile;

// Transposes a 16 × 16 matrix of 4 bytes.
INLINE void transpose16(__m512i *v) {
	__m512i t[16];
	for (int i = 0; i < 16; i += 4) {
		__m512i a = _mm512_unpacklo_epi32(v[i], v[i + 1]), b = _mm512_unpackhi_epi32(v[i], v[i + 1]);
		__m512i c = _mm512_unpacklo_epi32(v[i + 2], v[i + 3]), d = _mm512_unpackhi_epi32(v[i + 2], v[i + 3]);
		t[i] = _mm512_unpacklo_epi64(a, c);
		t[i + 1] = _mm512_unpackhi_epi64(a, c);
		t[i + 2] = _mm512_unpacklo_epi64(b, d);
		t[i + 3] = _mm512_unpackhi_epi64(b, d);
	}
	for (int i = 0; i < 4; i++) {
		__m512i a = _mm512_shuffle_i32x4(t[i], t[4 + i], 0x88), b = _mm512_shuffle_i32x4(t[i], t[4 + i], 0xdd);
		__m512i c = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0x88), d = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0xdd);
		v[i] = _mm512_shuffle_i32x4(a, c, 0x88);
		v[8 + i] = _mm512_shuffle_i32x4(a, c, 0xdd);
		v[4 + i] = _mm512_shuffle_i32x4(b, d, 0x88);
		v[12 + i] = _mm512_shuffle_i32x4(b, d, 0xdd);
	}
}

// Interleaves the bytes and factors of 16 rows, of which each group is stored row by row.
static __attribute__((noinline)) void interleave(tile *t, int64_t b, const group *g, int kind) {
	__m512i v[16];
	for (int j = 0; j < 4; j++) {
		for (int r = 0; r < ROWS; r++) v[r] = g[r].w[j];
		transpose16(v);
		for (int r = 0; r < ROWS; r++) t->w[b][16 * j + r] = v[r];
	}
	for (int r = 0; r < ROWS; r++) v[r] = _mm512_castps_si512(g[r].s);
	transpose16(v);
	for (int r = 0; r < ROWS; r++) t->s[b][r] = _mm512_castsi512_ps(v[r]);
	if (kind != SIXTEENS_OFFSET) return;
	for (int r = 0; r < ROWS; r++) v[r] = _mm512_castps_si512(g[r].m);
	transpose16(v);
	for (int r = 0; r < ROWS; r++) t->m[b][r] = _mm512_castsi512_ps(v[r]);
}

// Adds products of w with the same four bytes at x in every lane. The compiler, given the intrinsics, would load the
// bytes into general registers and spend the port of the products on moving them.
INLINE __m512i dot_broadcast(__m512i s, __m512i w, const int8_t *x) {
	__asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(s) : "v"(w), "m"(*(const int32_t __attribute__((may_alias, aligned(1))) *)x));
	return s;
}

// 16 rows of the weight times cols rows of x, over groups of 256 elements.
INLINE void micro(const tile *t, const int8_t *q, int64_t q_stride, const float *scale, int64_t scale_stride, int64_t groups,
	char *out, int64_t out_stride, int cols, __mmask16 rows, int first, int kind) {
	__m512 s[COLS];
	for (int c = 0; c < cols; c++)
		s[c] = first ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(rows, out + c * out_stride);
	for (int64_t b = 0; b < groups; b++) {
		for (int j = 0; j < 8; j++) {
			const __m512i *w = t->w[b] + 8 * j;
			__m512i v[8];
			for (int l = 0; l < 8; l++) v[l] = w[l];
#pragma GCC unroll 8
			for (int c = 0; c < cols; c++) {
				const int8_t *x = q + c * q_stride + 256 * b + 32 * j;
				const float *f = scale + c * scale_stride + 32 * b;
				if (kind) {
					for (int h = 0; h < 2; h++) {
						__m512i i = _mm512_setzero_si512();
						for (int l = 0; l < 4; l++) i = dot_broadcast(i, v[4 * h + l], x + 16 * h + 4 * l);
						if (kind == SIXTEENS) {
							__m512 y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(i), _mm512_set1_ps(f[j]), _mm512_set1_ps(-32) * _mm512_set1_ps(f[16 + 2 * j + h]));
							s[c] = _mm512_fmadd_ps(y, t->s[b][2 * j + h], s[c]);
						} else {
							s[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(i), t->s[b][2 * j + h] * _mm512_set1_ps(f[j]), s[c]);
							s[c] = _mm512_fmadd_ps(t->m[b][2 * j + h], _mm512_set1_ps(f[16 + 2 * j + h]), s[c]);
						}
					}
				} else {
					__m512i i = _mm512_setzero_si512();
					for (int l = 0; l < 8; l++) i = dot_broadcast(i, v[l], x + 4 * l);
					s[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(i), t->s[b][j] * _mm512_set1_ps(f[j]), s[c]);
					s[c] = _mm512_fmadd_ps(t->s[b][8 + j], _mm512_set1_ps(f[8 + j]), s[c]);
				}
			}
		}
	}
	for (int c = 0; c < cols; c++) _mm512_mask_storeu_ps(out + c * out_stride, rows, s[c]);
}

INLINE void tiles(const product *p, const tile *t, int64_t count, int64_t r0, int64_t hi, int64_t b0, int64_t groups, int kind) {
	for (int64_t i = 0; i < p->n;) {
		const int8_t *q = p->xq.q + i * p->xq.q_stride + 256 * b0;
		const float *scale = p->xq.scale + i * p->xq.scale_stride + 32 * b0;
		int64_t cols = p->n - i >= COLS ? COLS : p->n - i >= 4 ? 4 : 1;
		for (int64_t l = 0; l < count; l++) {
			int64_t r = r0 + l * ROWS, rows = hi - r < ROWS ? hi - r : ROWS;
			__mmask16 mask = (__mmask16)((1u << rows) - 1);
			char *out = p->out + i * p->out_stride + 4 * r;
			if (cols == COLS) micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, out, p->out_stride, COLS, mask, b0 == 0, kind);
			else if (cols == 4) micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, out, p->out_stride, 4, mask, b0 == 0, kind);
			else micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, out, p->out_stride, 1, mask, b0 == 0, kind);
		}
		i += cols;
	}
}
// One copy of the tiles for each kind, shared by the types of it.
#define TILES(KIND) \
	static void tiles_##KIND(const product *p, const tile *t, int64_t count, int64_t r0, int64_t hi, int64_t b0, int64_t groups) { \
		tiles(p, t, count, r0, hi, b0, groups, KIND); \
	}
TILES(THIRTY_TWOS)
TILES(SIXTEENS)
TILES(SIXTEENS_OFFSET)

// Four tiles are repacked together, so that a slab of x is read once for 64 rows of the weight.
#define GEMM(NAME, BYTES, BLOCKS, KIND) \
	static void gemm_##NAME(const product *p, int64_t lo, int64_t hi, void *scratch) { \
		tile *t = (tile *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63); \
		int64_t full = p->k / 256, all = (p->k + 255) / 256; \
		for (int64_t r0 = lo; r0 < hi; r0 += 4 * ROWS) { \
			int64_t count = (hi - r0 + ROWS - 1) / ROWS; \
			if (count > 4) count = 4; \
			for (int64_t b0 = 0; b0 < all; b0 += SLAB) { \
				int64_t groups = all - b0 < SLAB ? all - b0 : SLAB; \
				for (int64_t l = 0; l < count; l++) for (int64_t b = 0; b < groups; b++) { \
					group g[ROWS]; \
					for (int64_t i = 0; i < ROWS; i++) { \
						int64_t r = r0 + l * ROWS + i; \
						if (r >= hi) r = hi - 1; \
						const char *w = p->w + r * p->w_stride + (b0 + b) * BYTES; \
						if (BLOCKS > 1 && b0 + b >= full) { \
							char part[BYTES] = {0}; \
							memcpy(part, w, p->k % 256 / (256 / BLOCKS) * (BYTES / BLOCKS)); \
							load_##NAME(&g[i], part); \
						} else { \
							load_##NAME(&g[i], w); \
						} \
					} \
					interleave(t + l, b, g, KIND); \
				} \
				tiles_##KIND(p, t, count, r0, hi, b0, groups); \
			} \
		} \
	}

#define QUANTISED(NAME, BYTES, BLOCKS, KIND) \
	MATVEC(matvec_##NAME, load_##NAME, BYTES, BLOCKS, 0, dot_group, dot_end, KIND) \
	GEMM(NAME, BYTES, BLOCKS, KIND)

// Types that read woven numbers where there are any.
#define QUANTISED_WOVEN(NAME, BYTES, BLOCKS) \
	MATVEC(plain_##NAME, load_##NAME, BYTES, BLOCKS, 0, dot_group, dot_end, THIRTY_TWOS) \
	MATVEC(woven_##NAME, weave_##NAME, BYTES, BLOCKS, 1, dot_woven, dot_woven_end, THIRTY_TWOS) \
	static void matvec_##NAME(const product *p, int64_t lo, int64_t hi) { (p->xq.woven ? woven_##NAME : plain_##NAME)(p, lo, hi); } \
	GEMM(NAME, BYTES, BLOCKS, THIRTY_TWOS)

QUANTISED(q2_k, 84, 1, SIXTEENS_OFFSET)
QUANTISED(q3_k, 110, 1, SIXTEENS)
QUANTISED_WOVEN(q4_k, 144, 1)
QUANTISED_WOVEN(q5_k, 176, 1)
QUANTISED(q6_k, 210, 1, SIXTEENS)
QUANTISED_WOVEN(q4_0, 144, 8)
QUANTISED(q4_1, 160, 8, THIRTY_TWOS)
QUANTISED(q5_0, 176, 8, THIRTY_TWOS)
QUANTISED(q5_1, 192, 8, THIRTY_TWOS)
QUANTISED(q8_0, 272, 8, THIRTY_TWOS)
QUANTISED_WOVEN(iq4_nl, 144, 8)
QUANTISED_WOVEN(iq4_xs, 136, 1)
QUANTISED_WOVEN(mxfp4, 136, 8)
QUANTISED(nvfp4, 144, 4, SIXTEENS)

#define QUANTISED_PLAIN(NAME, BYTES, BLOCKS) QUANTISED(NAME, BYTES, BLOCKS, SIXTEENS_OFFSET)
PLAIN_TYPES(QUANTISED_PLAIN)
