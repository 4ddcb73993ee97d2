// Products of quantised weights on 32 bytes: VPDPBUSD where HAVE_VNNI is set, else multiplications of pairs.
// DEPTH says how many sums of two products fit into 16 bits, side by side: 8 of weights of up to 4 bits, 4 of 5 bits, 2 of 6
// bits; 1 stands for signed bytes, without offsets.

enum { WEAVES = 0, ROWS = 8, COLS = 4, SLAB = 4 }; // rows and columns of a tile, groups of a slab

#include "codebook.h"

#include "matvec.h"

INLINE void group_of_plain(group *g, const plain *b) {
	for (int j = 0; j < 8; j++) g->w[j] = load32(b->w + 32 * j);
	g->s[0] = _mm256_load_ps(b->f);
	g->s[1] = _mm256_load_ps(b->f + 8);
}

// Sums of four products each of bytes w and x, added to s.
INLINE __m256i dot4(__m256i s, __m256i w, __m256i x, int depth) {
	if (depth == 1) {
		x = _mm256_sign_epi8(x, w);
		w = _mm256_abs_epi8(w);
	}
#if defined(HAVE_VNNI)
	return _mm256_dpbusd_avx_epi32(s, w, x);
#else
	return _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)));
#endif
}

// Products, and the part of the offsets.
typedef struct {
	__m256 s[2], o;
} sums;

// Adds a group's product with 256 numbers of an activation.
INLINE void dot_group(const group *g, const int8_t *q, const float *scale, sums *sum, int kind, int depth) {
	__m256 *s = sum->s, *o = &sum->o;
	if (kind) {
		__m256 d = _mm256_loadu_ps(scale);
		__m256 f[2] = {
			g->s[0] * _mm256_permutevar8x32_ps(d, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)),
			g->s[1] * _mm256_permutevar8x32_ps(d, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)),
		};
		const __m256 *offset = kind == SIXTEENS ? g->s : g->m;
		if (depth != 1) {
			*o = _mm256_fmadd_ps(offset[0], _mm256_loadu_ps(scale + 16), *o);
			*o = _mm256_fmadd_ps(offset[1], _mm256_loadu_ps(scale + 24), *o);
		}
		for (int j = 0; j < 8; j++) {
			int a = 2 * (j & 3);
			__m256i i = dot4(_mm256_setzero_si256(), g->w[j], load32(q + 32 * j), depth);
			__m256 t = _mm256_permutevar8x32_ps(f[j >> 2], _mm256_setr_epi32(a, a, a, a, a + 1, a + 1, a + 1, a + 1));
			s[j & 1] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(i), t, s[j & 1]);
		}
		return;
	}
	float f[8];
	_mm256_storeu_ps(f, g->s[0] * _mm256_loadu_ps(scale));
	if (depth != 1) *o = _mm256_fmadd_ps(g->s[1], _mm256_loadu_ps(scale + 8), *o);
	for (int j = 0; j < 8; j++) {
		__m256i i = dot4(_mm256_setzero_si256(), g->w[j], load32(q + 32 * j), depth);
		s[j & 1] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(i), _mm256_broadcast_ss(f + j), s[j & 1]);
	}
}

INLINE float dot_end(const sums *s, int kind, int depth) {
	__m256 o = s->o;
	if (kind == SIXTEENS) o = o * _mm256_set1_ps(-32);
	return v_sum(s->s[0] + s->s[1] + o);
}

// A slab of a tile: bytes with four elements of 8 rows in each vector, then the factors and offsets of 8 rows.
typedef struct {
	__m256i w[SLAB][64];
	__m256 s[SLAB][16];
	__m256 m[SLAB][16];
} tile;

// Transposes an 8 × 8 matrix of 4 bytes.
INLINE void transpose8(__m256i *v) {
	__m256i t[8];
	for (int i = 0; i < 8; i += 4) {
		__m256i a = _mm256_unpacklo_epi32(v[i], v[i + 1]), b = _mm256_unpackhi_epi32(v[i], v[i + 1]);
		__m256i c = _mm256_unpacklo_epi32(v[i + 2], v[i + 3]), d = _mm256_unpackhi_epi32(v[i + 2], v[i + 3]);
		t[i] = _mm256_unpacklo_epi64(a, c);
		t[i + 1] = _mm256_unpackhi_epi64(a, c);
		t[i + 2] = _mm256_unpacklo_epi64(b, d);
		t[i + 3] = _mm256_unpackhi_epi64(b, d);
	}
	for (int i = 0; i < 4; i++) {
		v[i] = _mm256_permute2x128_si256(t[i], t[4 + i], 0x20);
		v[4 + i] = _mm256_permute2x128_si256(t[i], t[4 + i], 0x31);
	}
}

// Interleaves the bytes and factors of 8 rows, of which each group is stored row by row.
static __attribute__((noinline)) void interleave(tile *t, int64_t b, const group *g, int kind) {
	__m256i v[8];
	for (int j = 0; j < 8; j++) {
		for (int r = 0; r < ROWS; r++) v[r] = g[r].w[j];
		transpose8(v);
		for (int r = 0; r < ROWS; r++) t->w[b][8 * j + r] = v[r];
	}
	for (int j = 0; j < 2; j++) {
		for (int r = 0; r < ROWS; r++) v[r] = _mm256_castps_si256(g[r].s[j]);
		transpose8(v);
		for (int r = 0; r < ROWS; r++) t->s[b][8 * j + r] = _mm256_castsi256_ps(v[r]);
		if (kind != SIXTEENS_OFFSET) continue;
		for (int r = 0; r < ROWS; r++) v[r] = _mm256_castps_si256(g[r].m[j]);
		transpose8(v);
		for (int r = 0; r < ROWS; r++) t->m[b][8 * j + r] = _mm256_castsi256_ps(v[r]);
	}
}

// The sums of count vectors of the weight, each with four bytes of cols rows of x.
INLINE void dots_block(__m256i *sum, const __m256i *w, const int8_t *q, int64_t q_stride, int cols, int count, int depth) {
	for (int c = 0; c < cols; c++) sum[c] = _mm256_setzero_si256();
#if !defined(HAVE_VNNI)
	if (depth > 1) {
		for (int l = 0; l < count; l += depth) {
			__m256i pair[COLS];
			for (int d = 0; d < depth && l + d < count; d++)
				for (int c = 0; c < cols; c++) {
					__m256i y = _mm256_maddubs_epi16(w[l + d], _mm256_set1_epi32((int)u32_at((const char *)q + c * q_stride + 4 * (l + d))));
					pair[c] = d ? _mm256_add_epi16(pair[c], y) : y;
				}
			for (int c = 0; c < cols; c++)
				sum[c] = _mm256_add_epi32(sum[c], _mm256_madd_epi16(pair[c], _mm256_set1_epi16(1)));
		}
		return;
	}
#endif
	for (int l = 0; l < count; l++)
		for (int c = 0; c < cols; c++)
			sum[c] = dot4(sum[c], w[l], _mm256_set1_epi32((int)u32_at((const char *)q + c * q_stride + 4 * l)), depth);
}

// 8 rows of the weight times cols rows of x, over groups of 256 elements. Writes to t: [cols][8].
INLINE void micro(const tile *t, const int8_t *q, int64_t q_stride, const float *scale, int64_t scale_stride, int64_t groups,
	__m256 *s, int cols, int kind, int depth) {
	for (int64_t b = 0; b < groups; b++) {
		for (int j = 0; j < 8; j++) {
			const int8_t *x = q + 256 * b + 32 * j;
			__m256i sum[COLS];
			if (kind) {
				for (int h = 0; h < 2; h++) {
					dots_block(sum, t->w[b] + 8 * j + 4 * h, x + 16 * h, q_stride, cols, 4, depth);
					for (int c = 0; c < cols; c++) {
						const float *f = scale + c * scale_stride + 32 * b;
						if (kind == SIXTEENS && depth != 1) {
							__m256 y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[c]), _mm256_set1_ps(f[j]), _mm256_set1_ps(-32) * _mm256_set1_ps(f[16 + 2 * j + h]));
							s[c] = _mm256_fmadd_ps(y, t->s[b][2 * j + h], s[c]);
						} else {
							s[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[c]), t->s[b][2 * j + h] * _mm256_set1_ps(f[j]), s[c]);
							if (depth != 1) s[c] = _mm256_fmadd_ps(t->m[b][2 * j + h], _mm256_set1_ps(f[16 + 2 * j + h]), s[c]);
						}
					}
				}
			} else {
				dots_block(sum, t->w[b] + 8 * j, x, q_stride, cols, 8, depth);
				for (int c = 0; c < cols; c++) {
					const float *f = scale + c * scale_stride + 32 * b;
					s[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[c]), t->s[b][j] * _mm256_set1_ps(f[j]), s[c]);
					if (depth != 1) s[c] = _mm256_fmadd_ps(t->s[b][8 + j], _mm256_set1_ps(f[8 + j]), s[c]);
				}
			}
		}
	}
}

INLINE void tiles(const product *p, const tile *t, int64_t count, int64_t r0, int64_t hi, int64_t b0, int64_t groups, int kind, int depth) {
	for (int64_t i = 0; i < p->n;) {
		const int8_t *q = p->xq.q + i * p->xq.q_stride + 256 * b0;
		const float *scale = p->xq.scale + i * p->xq.scale_stride + 32 * b0;
		int64_t cols = p->n - i >= COLS ? COLS : 1;
		for (int64_t l = 0; l < count; l++) {
			int64_t r = r0 + l * ROWS, rows = hi - r < ROWS ? hi - r : ROWS;
			char *out = p->out + i * p->out_stride + 4 * r;
			__m256 s[COLS];
			for (int c = 0; c < cols; c++) {
				if (b0 == 0) s[c] = _mm256_setzero_ps();
				else s[c] = rows == ROWS ? v_load((float *)(out + c * p->out_stride)) : v_load_n((float *)(out + c * p->out_stride), rows);
			}
			if (cols == COLS) micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, s, COLS, kind, depth);
			else micro(t + l, q, p->xq.q_stride, scale, p->xq.scale_stride, groups, s, 1, kind, depth);
			for (int c = 0; c < cols; c++) {
				if (rows == ROWS) v_store((float *)(out + c * p->out_stride), s[c]);
				else v_store_n((float *)(out + c * p->out_stride), s[c], rows);
			}
		}
		i += cols;
	}
}

// Eight tiles are repacked together, so that a slab of x is read once for 64 rows of the weight.
#define GEMM(NAME, BYTES, BLOCKS, KIND, DEPTH) \
	static void gemm_##NAME(const product *p, int64_t lo, int64_t hi, void *scratch) { \
		tile *t = (tile *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63); \
		int64_t full = p->k / 256, all = (p->k + 255) / 256; \
		for (int64_t r0 = lo; r0 < hi; r0 += 8 * ROWS) { \
			int64_t count = (hi - r0 + ROWS - 1) / ROWS; \
			if (count > 8) count = 8; \
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
				tiles(p, t, count, r0, hi, b0, groups, KIND, DEPTH); \
			} \
		} \
	}

#define QUANTISED(NAME, BYTES, BLOCKS, KIND, DEPTH) \
	MATVEC(matvec_##NAME, load_##NAME, BYTES, BLOCKS, 0, dot_group, dot_end, KIND, DEPTH) \
	GEMM(NAME, BYTES, BLOCKS, KIND, DEPTH)

QUANTISED(q2_k, 84, 1, SIXTEENS_OFFSET, 8)
QUANTISED(q3_k, 110, 1, SIXTEENS, 2)
QUANTISED(q4_k, 144, 1, THIRTY_TWOS, 8)
QUANTISED(q5_k, 176, 1, THIRTY_TWOS, 4)
QUANTISED(q6_k, 210, 1, SIXTEENS, 2)
QUANTISED(q4_0, 144, 8, THIRTY_TWOS, 8)
QUANTISED(q4_1, 160, 8, THIRTY_TWOS, 8)
QUANTISED(q5_0, 176, 8, THIRTY_TWOS, 4)
QUANTISED(q5_1, 192, 8, THIRTY_TWOS, 4)
QUANTISED(q8_0, 272, 8, THIRTY_TWOS, 1)
QUANTISED(iq4_nl, 144, 8, THIRTY_TWOS, 1)
QUANTISED(iq4_xs, 136, 1, THIRTY_TWOS, 1)
QUANTISED(mxfp4, 136, 8, THIRTY_TWOS, 4)
QUANTISED(nvfp4, 144, 4, SIXTEENS, 2)

#define QUANTISED_PLAIN(NAME, BYTES, BLOCKS) QUANTISED(NAME, BYTES, BLOCKS, SIXTEENS, 1)
PLAIN_TYPES(QUANTISED_PLAIN)
