// Quantised weights, 256 elements of a row at a time, as unsigned bytes with scales (formats: ggml-common.h,
// ggml-quants.c of ggml; package gguf has them in plain Go). Types with blocks of 32 take 8 blocks at once.

typedef struct {
	__m512i w[4]; // 256 bytes: element e is factor · byte + offset
	__m512 s;     // 8 factors and 8 offsets of blocks of 32; or, as the kind says, 16 factors of blocks of 16
	__m512 m;     // offsets of blocks of 16
} group;

// Blocks of 32 with offsets; blocks of 16 whose offset is -32 times the factor; blocks of 16 with offsets.
enum { THIRTY_TWOS, SIXTEENS, SIXTEENS_OFFSET };

INLINE __m512i bcast32(const void *p) { return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p)); }

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

INLINE uint64_t u64_at(const char *p) {
	uint64_t v;
	memcpy(&v, p, 8);
	return v;
}

INLINE float half_at(const char *p) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(u16_at(p)))); }

// The two halves of eight floats each.
INLINE __m512 join(__m512 lo, __m512 hi) {
	return _mm512_shuffle_f32x4(lo, hi, 0x44);
}

// Two and four 16-bit floats that lie stride bytes apart. Put together in general registers: the vectors' ports are busy.
INLINE uint64_t halves2(const char *p, int stride) { return (u32_at(p + stride - 2) & 0xffff0000) | u16_at(p); }
INLINE uint64_t halves4(const char *p, int stride) { return halves2(p, stride) | halves2(p + 2 * stride, stride) << 32; }

// Eight of them, as floats.
INLINE __m512 halves8(const char *p, int stride) {
	return _mm512_castps256_ps512(_mm256_cvtph_ps(_mm_set_epi64x((long long)halves4(p + 4 * stride, stride), (long long)halves4(p, stride))));
}

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits in 12 bytes, times two 16-bit floats.
INLINE __m512 scales_k(const char *p) {
	__m128i v = _mm_loadu_si128((const __m128i *)(p + 4));
	__m128i low = _mm_shuffle_epi8(v, _mm_setr_epi32(0x03020100, 0x0b0a0908, 0x07060504, 0x0b0a0908));
	low = _mm_and_si128(_mm_srlv_epi32(low, _mm_setr_epi32(0, 0, 0, 4)), _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
	__m128i high = _mm_srli_epi32(_mm_shuffle_epi8(v, _mm_setr_epi32(-1, 0x03020100, -1, 0x07060504)), 2);
	__m128i bytes = _mm_ternarylogic_epi32(high, _mm_set1_epi8(0x30), low, 0xea); // (high & 0x30) | low
	__m128 d = _mm_xor_ps(_mm_cvtph_ps(_mm_cvtsi32_si128((int)u32_at(p))), _mm_setr_ps(0, -0.0f, 0, 0));
	__m512 factors = _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1), _mm512_castps128_ps512(d));
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
	__m512 d = halves8(p, 18);
	g->s = join(d, d * _mm512_set1_ps(-8));
}

INLINE void load_q4_1(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = nibbles16(p + 40 * j + 4, p + 40 * j + 24);
	g->s = join(halves8(p, 20), halves8(p + 2, 20));
}

INLINE void load_q5_0(group *g, const char *p) {
	for (int j = 0; j < 4; j++)
		g->w[j] = fifth(nibbles16(p + 44 * j + 6, p + 44 * j + 28), p + 44 * j + 2, p + 44 * j + 24);
	__m512 d = halves8(p, 22);
	g->s = join(d, d * _mm512_set1_ps(-16));
}

INLINE void load_q5_1(group *g, const char *p) {
	for (int j = 0; j < 4; j++)
		g->w[j] = fifth(nibbles16(p + 48 * j + 8, p + 48 * j + 32), p + 48 * j + 4, p + 48 * j + 28);
	g->s = join(halves8(p, 24), halves8(p + 2, 24));
}

INLINE void load_q8_0(group *g, const char *p) {
	for (int j = 0; j < 4; j++) {
		__m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(p + 68 * j + 2)));
		v = _mm512_inserti64x4(v, _mm256_loadu_si256((const __m256i *)(p + 68 * j + 36)), 1);
		g->w[j] = _mm512_xor_si512(v, _mm512_set1_epi8((char)0x80)); // signed, plus 128
	}
	__m512 d = halves8(p, 34);
	g->s = join(d, d * _mm512_set1_ps(-128));
}

// The levels of IQ4_NL and IQ4_XS, and twice those of the 4-bit float E2M1, plus what keeps them positive.
#define LEVELS_IQ4 _mm512_broadcast_i32x4(_mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, (char)129, (char)141, (char)153, \
	(char)166, (char)181, (char)197, (char)217, (char)241))
#define LEVELS_FP4(plus) _mm512_add_epi8(_mm512_set1_epi8(plus), \
	_mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)))

INLINE void load_iq4_nl(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_shuffle_epi8(LEVELS_IQ4, nibbles16(p + 36 * j + 2, p + 36 * j + 20));
	__m512 d = halves8(p, 18);
	g->s = join(d, d * _mm512_set1_ps(-128));
}

// The 8 scales of IQ4_XS: four bits of each, then the two above them.
INLINE __m128i scales_iq4_xs(const char *p) {
	uint64_t low = u32_at(p + 4), high = u16_at(p + 2);
	low = (low | low << 16) & 0x0000ffff0000ffff;
	low = (low | low << 8) & 0x00ff00ff00ff00ff;
	low = (low | low << 4) & 0x0f0f0f0f0f0f0f0f;
	high = (high | high << 24) & 0x000000ff000000ff;
	high = (high | high << 12) & 0x000f000f000f000f;
	high = (high | high << 6) & 0x0303030303030303;
	return _mm_sub_epi8(_mm_cvtsi64_si128((long long)(low | high << 4)), _mm_set1_epi8(32));
}

INLINE __m512 factors_iq4_xs(const char *p) {
	__m512 d = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales_iq4_xs(p))) * _mm512_set1_ps(half_at(p));
	return join(d, d * _mm512_set1_ps(-128));
}

INLINE void load_iq4_xs(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_shuffle_epi8(LEVELS_IQ4, nibbles16(p + 8 + 32 * j, p + 24 + 32 * j));
	g->s = factors_iq4_xs(p);
}

// Half of a power of two, 2^(e-128). The two least ones, too small to matter in a sum of floats, become 0.
INLINE __m512 factors_mxfp4(const char *p) {
	__m128i e = _mm_setr_epi8(p[0], p[17], p[34], p[51], p[68], p[85], p[102], p[119], 0, 0, 0, 0, 0, 0, 0, 0);
	__m512 d = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu8_epi32(_mm_subs_epu8(e, _mm_set1_epi8(1))), 23));
	return join(d, d * _mm512_set1_ps(-12));
}

INLINE void load_mxfp4(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_shuffle_epi8(LEVELS_FP4(12), nibbles16(p + 34 * j + 1, p + 34 * j + 18));
	g->s = factors_mxfp4(p);
}

// Half of the E4M3 floats, which have the bits of a 16-bit float's upper exponent and fraction. 127 is no number and counts as 0.
INLINE __m512 scales_nvfp4(const char *p) {
	__m128i bytes = _mm_and_si128(_mm_setr_epi32(u32_at(p), u32_at(p + 36), u32_at(p + 72), u32_at(p + 108)), _mm_set1_epi8(127));
	bytes = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(127)), bytes);
	return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 7)) * _mm512_set1_ps(128);
}

INLINE void load_nvfp4(group *g, const char *p) {
	const __m512i twice = _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3), shift = _mm512_setr_epi64(0, 4, 0, 4, 0, 4, 0, 4);
	for (int j = 0; j < 4; j++) {
		__m512i v = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(p + 36 * j + 4)));
		v = _mm512_srlv_epi64(_mm512_permutexvar_epi64(twice, v), shift);
		g->w[j] = _mm512_shuffle_epi8(LEVELS_FP4(32), _mm512_and_si512(v, _mm512_set1_epi8(15)));
	}
	g->s = scales_nvfp4(p);
}

// Bit pairs: of each run of 32 bytes the lowest are the first 32 elements. Pairs 2j and 2j + 1 of the run.
INLINE __m512i pairs32(const char *p, int j) {
	const int a = 4 * j, b = a + 2;
	return _mm512_and_si512(_mm512_srlv_epi64(bcast32(p), _mm512_setr_epi64(a, a, a, a, b, b, b, b)), _mm512_set1_epi8(3));
}

INLINE void load_q2_k(group *g, const char *p) {
	for (int j = 0; j < 4; j++) g->w[j] = pairs32(p + 16 + 32 * (j / 2), j % 2);
	__m128i v = _mm_loadu_si128((const __m128i *)p), low = _mm_set1_epi8(15);
	g->s = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(v, low))) * _mm512_set1_ps(half_at(p + 80));
	g->m = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(_mm_srli_epi16(v, 4), low))) * _mm512_set1_ps(-half_at(p + 82));
}

// 16 scales of 6 bits in 12 bytes, less 32.
INLINE __m128i scales_q3_k(const char *p) {
	uint32_t a = u32_at(p), b = u32_at(p + 4), c = u32_at(p + 8);
	__m128i low = _mm_and_si128(_mm_setr_epi32(a, b, a >> 4, b >> 4), _mm_set1_epi8(15));
	__m128i high = _mm_and_si128(_mm_setr_epi32(c << 4, c << 2, c, c >> 2), _mm_set1_epi8(0x30));
	return _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
}

// The third bits of 32 elements each are in one bit of 32 bytes. The numbers are less 4, the offset is -32: they get 28 more.
INLINE void load_q3_k(group *g, const char *p) {
	__m512i h = bcast32(p);
	for (int j = 0; j < 4; j++) {
		__m512i turn = _mm512_setr_epi64(2 - 2 * j, 2 - 2 * j, 2 - 2 * j, 2 - 2 * j, 1 - 2 * j, 1 - 2 * j, 1 - 2 * j, 1 - 2 * j);
		__m512i bit = _mm512_rolv_epi64(h, _mm512_and_si512(turn, _mm512_set1_epi64(63)));
		__m512i v = _mm512_ternarylogic_epi64(pairs32(p + 32 + 32 * (j / 2), j % 2), bit, _mm512_set1_epi8(4), 0xf8);
		g->w[j] = _mm512_add_epi8(v, _mm512_set1_epi8(28));
	}
	g->s = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales_q3_k(p + 96))) * _mm512_set1_ps(half_at(p + 108));
}

// ---- woven groups (see weave): vector j holds bytes 8j … 8j + 7 of blocks 0, 4, 1, 5, 2, 6, 3, 7 of 32 elements

// Of 128 bytes, each 32 are the low four bits of a block and the high ones of the next. Vectors with both as they lie.
INLINE void weave_pairs(__m512i *w, const char *p) {
	__m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 64);
	for (int j = 0; j < 4; j++)
		w[j] = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(j, 8 + j, j, 8 + j, 4 + j, 12 + j, 4 + j, 12 + j), b);
}

// The high four bits stay where they are, which makes them 16 times as large, and their factors a sixteenth.
INLINE void weave_q4_k(group *g, const char *p) {
	const __m512i odd = _mm512_setr_epi64(0, 0, -1, -1, 0, 0, -1, -1), low = _mm512_set1_epi8(15);
	const float f = 0.0625f;
	g->s = scales_k(p) * _mm512_setr_ps(1, f, 1, f, 1, f, 1, f, 1, 1, 1, 1, 1, 1, 1, 1);
	weave_pairs(g->w, p + 16);
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_and_si512(g->w[j], _mm512_xor_si512(odd, low));
}

INLINE void weave_q5_k(group *g, const char *p) {
	g->s = scales_k(p);
	weave_pairs(g->w, p + 48);
	for (int j = 0; j < 4; j++) {
		__m512i w = _mm512_and_si512(_mm512_srlv_epi64(g->w[j], _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4)), _mm512_set1_epi8(15));
		// Bit b of a byte belongs to block b; it becomes bit 4.
		__m512i h = _mm512_set1_epi64((long long)u64_at(p + 16 + 8 * j));
		h = _mm512_rolv_epi64(h, _mm512_setr_epi64(4, 0, 3, 63, 2, 62, 1, 61));
		g->w[j] = _mm512_ternarylogic_epi64(w, h, _mm512_set1_epi8(16), 0xf8); // w | (h & 16)
	}
}

// Two vectors of four blocks of 16 bytes, whose low four bits are a block's first 16 elements, the high ones the others.
INLINE void weave_nibbles16(__m512i *w, __m512i a, __m512i b) {
	const __m512i low = _mm512_set1_epi8(15);
	__m512i u = _mm512_unpacklo_epi64(a, b), v = _mm512_unpackhi_epi64(a, b);
	w[0] = _mm512_and_si512(u, low);
	w[1] = _mm512_and_si512(v, low);
	w[2] = _mm512_and_si512(_mm512_srli_epi64(u, 4), low);
	w[3] = _mm512_and_si512(_mm512_srli_epi64(v, 4), low);
}

// Four times 16 bytes that lie stride bytes apart.
INLINE __m512i four(const char *p, int stride) {
	__m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)p));
	v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(p + stride)), 1);
	v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(p + 2 * stride)), 2);
	return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(p + 3 * stride)), 3);
}

INLINE void weave_q4_0(group *g, const char *p) {
	weave_nibbles16(g->w, four(p + 2, 18), four(p + 74, 18));
	__m512 d = halves8(p, 18);
	g->s = join(d, d * _mm512_set1_ps(-8));
}

INLINE void weave_iq4_nl(group *g, const char *p) {
	weave_nibbles16(g->w, four(p + 2, 18), four(p + 74, 18));
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_shuffle_epi8(LEVELS_IQ4, g->w[j]);
	__m512 d = halves8(p, 18);
	g->s = join(d, d * _mm512_set1_ps(-128));
}

INLINE void weave_iq4_xs(group *g, const char *p) {
	weave_nibbles16(g->w, _mm512_loadu_si512(p + 8), _mm512_loadu_si512(p + 72));
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_shuffle_epi8(LEVELS_IQ4, g->w[j]);
	g->s = factors_iq4_xs(p);
}

INLINE void weave_mxfp4(group *g, const char *p) {
	weave_nibbles16(g->w, four(p + 1, 17), four(p + 69, 17));
	for (int j = 0; j < 4; j++) g->w[j] = _mm512_shuffle_epi8(LEVELS_FP4(12), g->w[j]);
	g->s = factors_mxfp4(p);
}
