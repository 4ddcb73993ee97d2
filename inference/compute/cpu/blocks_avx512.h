// Quantised weights, 256 elements of a row at a time, as unsigned bytes with scales (formats: ggml-common.h,
// ggml-quants.c of ggml; package gguf has them in plain Go). Types with blocks of 32 take 8 blocks at once.

typedef struct {
	__m512i w[4]; // 256 bytes: element e is factor · byte + offset
	__m512 s;     // 8 factors and 8 offsets of blocks of 32; Q6_K: 16 factors of blocks of 16, the offset being -32 of each
} group;

INLINE __m512i bcast32(const void *p) { return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p)); }

INLINE __m512 halves8(uint16_t a, uint16_t b, uint16_t c, uint16_t d, uint16_t e, uint16_t f, uint16_t g, uint16_t h) {
	return _mm512_castps256_ps512(_mm256_cvtph_ps(_mm_setr_epi16(a, b, c, d, e, f, g, h)));
}

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

INLINE float half_at(const char *p) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(u16_at(p)))); }

// The two halves of eight floats each.
INLINE __m512 join(__m512 lo, __m512 hi) {
	return _mm512_shuffle_f32x4(lo, hi, 0x44);
}

// The eight 16-bit floats that lie stride bytes apart.
#define HALVES(p, stride) \
	halves8(u16_at(p), u16_at((p) + (stride)), u16_at((p) + 2 * (stride)), u16_at((p) + 3 * (stride)), \
		u16_at((p) + 4 * (stride)), u16_at((p) + 5 * (stride)), u16_at((p) + 6 * (stride)), u16_at((p) + 7 * (stride)))

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits in 12 bytes, times two 16-bit floats.
INLINE __m512 scales_k(const char *p) {
	uint32_t a = u32_at(p + 4), b = u32_at(p + 8), c = u32_at(p + 12);
	__m128i bytes = _mm_setr_epi32(a & 0x3f3f3f3f, (c & 0x0f0f0f0f) | ((a >> 2) & 0x30303030),
		b & 0x3f3f3f3f, ((c >> 4) & 0x0f0f0f0f) | ((b >> 2) & 0x30303030));
	__m512 factors = _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(half_at(p)), _mm512_set1_ps(-half_at(p + 2)));
	return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)) * factors;
}

// The low four bits of 32 bytes and then the high ones, as 64 bytes.
INLINE __m512i nibbles32(const char *p) {
	const __m512i shift = _mm512_setr_epi64(0, 0, 0, 0, 4, 4, 4, 4);
	return _mm512_and_si512(_mm512_srlv_epi64(bcast32(p), shift), _mm512_set1_epi8(15));
}

INLINE void load_q4_k(group *g, const char *p) {
	g->s = scales_k(p);
	for (int j = 0; j < 4; j++) g->w[j] = nibbles32(p + 16 + 32 * j);
}

INLINE void load_q5_k(group *g, const char *p) {
	g->s = scales_k(p);
	__m512i h = bcast32(p + 16);
	for (int j = 0; j < 4; j++) {
		// Bits 2j and 2j+1 of h become bit 4.
		__m512i turn = _mm512_setr_epi64(4 - 2 * j, 4 - 2 * j, 4 - 2 * j, 4 - 2 * j, 3 - 2 * j, 3 - 2 * j, 3 - 2 * j, 3 - 2 * j);
		__m512i bit = _mm512_rolv_epi64(h, _mm512_and_si512(turn, _mm512_set1_epi64(63)));
		// nibble | (bit & 16)
		g->w[j] = _mm512_ternarylogic_epi64(nibbles32(p + 48 + 32 * j), bit, _mm512_set1_epi8(16), 0xf8);
	}
}

INLINE void load_q6_k(group *g, const char *p) {
	const __m512i low = _mm512_set1_epi8(15), high = _mm512_set1_epi8(0x30);
	for (int half = 0; half < 2; half++) {
		__m512i l = _mm512_loadu_si512(p + 64 * half), h = bcast32(p + 128 + 32 * half);
		__m512i a = _mm512_rolv_epi64(h, _mm512_setr_epi64(4, 4, 4, 4, 2, 2, 2, 2));
		__m512i b = _mm512_rolv_epi64(h, _mm512_setr_epi64(0, 0, 0, 0, 62, 62, 62, 62));
		g->w[2 * half] = _mm512_ternarylogic_epi64(_mm512_and_si512(l, low), a, high, 0xf8);
		g->w[2 * half + 1] = _mm512_ternarylogic_epi64(_mm512_and_si512(_mm512_srli_epi64(l, 4), low), b, high, 0xf8);
	}
	g->s = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p + 192)))) * _mm512_set1_ps(half_at(p + 208));
}

// The low four bits of 16 bytes at a and then the high ones, and the same at b.
INLINE __m512i nibbles16(const char *a, const char *b) {
	const __m512i shift = _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4);
	__m512i v = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)a));
	v = _mm512_mask_broadcast_i32x4(v, 0xff00, _mm_loadu_si128((const __m128i *)b));
	return _mm512_and_si512(_mm512_srlv_epi64(v, shift), _mm512_set1_epi8(15));
}

// Sets bit 4 of the bytes whose bit is set in the 32 bits at a, and of the next 32 at b.
INLINE __m512i fifth(__m512i v, const char *a, const char *b) {
	__mmask64 m = (uint64_t)u32_at(b) << 32 | u32_at(a);
	return _mm512_mask_add_epi8(v, m, v, _mm512_set1_epi8(16));
}

INLINE void load_q4_0(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = nibbles16(p + 36 * j + 2, p + 36 * j + 20);
	__m512 d = HALVES(p, 18);
	g->s = join(d, d * _mm512_set1_ps(-8));
}

INLINE void load_q4_1(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = nibbles16(p + 40 * j + 4, p + 40 * j + 24);
	g->s = join(HALVES(p, 20), HALVES(p + 2, 20));
}

INLINE void load_q5_0(group *g, const char *p) {
	for (int j = 0; j < 4; j++)
		g->w[j] = fifth(nibbles16(p + 44 * j + 6, p + 44 * j + 28), p + 44 * j + 2, p + 44 * j + 24);
	__m512 d = HALVES(p, 22);
	g->s = join(d, d * _mm512_set1_ps(-16));
}

INLINE void load_q5_1(group *g, const char *p) {
	for (int j = 0; j < 4; j++)
		g->w[j] = fifth(nibbles16(p + 48 * j + 8, p + 48 * j + 32), p + 48 * j + 4, p + 48 * j + 28);
	g->s = join(HALVES(p, 24), HALVES(p + 2, 24));
}

INLINE void load_q8_0(group *g, const char *p) {
	for (int j = 0; j < 4; j++) {
		__m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(p + 68 * j + 2)));
		v = _mm512_inserti64x4(v, _mm256_loadu_si256((const __m256i *)(p + 68 * j + 36)), 1);
		g->w[j] = _mm512_xor_si512(v, _mm512_set1_epi8((char)0x80)); // signed, plus 128
	}
	__m512 d = HALVES(p, 34);
	g->s = join(d, d * _mm512_set1_ps(-128));
}
