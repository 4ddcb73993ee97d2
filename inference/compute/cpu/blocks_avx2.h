// Quantised weights, 256 elements of a row at a time, as bytes with scales, in 256-bit vectors (formats: ggml-common.h,
// ggml-quants.c of ggml; package gguf has them in plain Go). Types with blocks of 32 take 8 blocks at once.

typedef struct {
	__m256i w[8]; // blocks of 32: element e is factor · byte + offset; bytes are signed where the depth is 1, without offsets
	__m256 s[2];  // 8 factors and 8 offsets of blocks of 32; or, as the kind says, 16 factors of blocks of 16
	__m256 m[2];  // offsets of blocks of 16
} group;

// Blocks of 32 with offsets; blocks of 16 whose offset is -32 times the factor; blocks of 16 with offsets.
enum { THIRTY_TWOS, SIXTEENS, SIXTEENS_OFFSET };

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

INLINE __m256 halves8(const char *p, int stride) {
	return _mm256_cvtph_ps(_mm_setr_epi16(u16_at(p), u16_at(p + stride), u16_at(p + 2 * stride), u16_at(p + 3 * stride),
		u16_at(p + 4 * stride), u16_at(p + 5 * stride), u16_at(p + 6 * stride), u16_at(p + 7 * stride)));
}

INLINE __m256i load32(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE __m256i low4(__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
INLINE __m256i high4(__m256i v) { return low4(_mm256_srli_epi16(v, 4)); }

// Q4_K and Q5_K: 8 scales and 8 minima of 6 bits in 12 bytes, times two 16-bit floats.
INLINE void scales_k(group *g, const char *p) {
	uint32_t a = u32_at(p + 4), b = u32_at(p + 8), c = u32_at(p + 12);
	__m128i bytes = _mm_setr_epi32(a & 0x3f3f3f3f, (c & 0x0f0f0f0f) | ((a >> 2) & 0x30303030),
		b & 0x3f3f3f3f, ((c >> 4) & 0x0f0f0f0f) | ((b >> 2) & 0x30303030));
	g->s[0] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)) * _mm256_set1_ps(half_at(p));
	g->s[1] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))) * _mm256_set1_ps(-half_at(p + 2));
}

INLINE void load_q4_k(group *g, const char *p) {
	scales_k(g, p);
	for (int j = 0; j < 4; j++) {
		__m256i v = load32(p + 16 + 32 * j);
		g->w[2 * j] = low4(v);
		g->w[2 * j + 1] = high4(v);
	}
}

INLINE void load_q5_k(group *g, const char *p) {
	scales_k(g, p);
	__m256i h = load32(p + 16);
	const __m256i bit = _mm256_set1_epi8(16);
	for (int j = 0; j < 4; j++) {
		__m256i v = load32(p + 48 + 32 * j);
		// Bits 2j and 2j+1 of h become bit 4.
		__m256i a = j < 2 ? _mm256_slli_epi16(h, 4 - 2 * j) : _mm256_srli_epi16(h, 2 * j - 4);
		__m256i b = j < 2 ? _mm256_slli_epi16(h, 3 - 2 * j) : _mm256_srli_epi16(h, 2 * j - 3);
		g->w[2 * j] = _mm256_or_si256(low4(v), _mm256_and_si256(a, bit));
		g->w[2 * j + 1] = _mm256_or_si256(high4(v), _mm256_and_si256(b, bit));
	}
}

INLINE void load_q6_k(group *g, const char *p) {
	const __m256i two = _mm256_set1_epi8(0x30);
	for (int half = 0; half < 2; half++) {
		__m256i a = load32(p + 64 * half), b = load32(p + 64 * half + 32), h = load32(p + 128 + 32 * half);
		g->w[4 * half] = _mm256_or_si256(low4(a), _mm256_and_si256(_mm256_slli_epi16(h, 4), two));
		g->w[4 * half + 1] = _mm256_or_si256(low4(b), _mm256_and_si256(_mm256_slli_epi16(h, 2), two));
		g->w[4 * half + 2] = _mm256_or_si256(high4(a), _mm256_and_si256(h, two));
		g->w[4 * half + 3] = _mm256_or_si256(high4(b), _mm256_and_si256(_mm256_srli_epi16(h, 2), two));
	}
	__m128i s = _mm_loadu_si128((const __m128i *)(p + 192));
	__m256 d = _mm256_set1_ps(half_at(p + 208));
	g->s[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(s)) * d;
	g->s[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(s, 8))) * d;
}

// The low four bits of 16 bytes and then the high ones.
INLINE __m256i nibbles16(const char *p) {
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	return low4(_mm256_inserti128_si256(_mm256_castsi128_si256(v), _mm_srli_epi16(v, 4), 1));
}

// Sets bit 4 of the bytes whose bit is set in the 32 bits at p.
INLINE __m256i fifth(__m256i v, const char *p) {
	const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	const __m256i bits = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i b = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(u32_at(p)), spread), bits);
	return _mm256_or_si256(v, _mm256_and_si256(_mm256_cmpeq_epi8(b, bits), _mm256_set1_epi8(16)));
}

INLINE void load_q4_0(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = nibbles16(p + 18 * j + 2);
	g->s[0] = halves8(p, 18);
	g->s[1] = g->s[0] * _mm256_set1_ps(-8);
}

INLINE void load_q4_1(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = nibbles16(p + 20 * j + 4);
	g->s[0] = halves8(p, 20);
	g->s[1] = halves8(p + 2, 20);
}

INLINE void load_q5_0(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = fifth(nibbles16(p + 22 * j + 6), p + 22 * j + 2);
	g->s[0] = halves8(p, 22);
	g->s[1] = g->s[0] * _mm256_set1_ps(-16);
}

INLINE void load_q5_1(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = fifth(nibbles16(p + 24 * j + 8), p + 24 * j + 4);
	g->s[0] = halves8(p, 24);
	g->s[1] = halves8(p + 2, 24);
}

INLINE void load_q8_0(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = load32(p + 34 * j + 2);
	g->s[0] = halves8(p, 34);
	g->s[1] = _mm256_setzero_ps();
}

// The levels of IQ4_NL and IQ4_XS, and twice those of the 4-bit float E2M1, plus what keeps them positive.
#define LEVELS_IQ4 _mm256_broadcastsi128_si256(_mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113))
#define LEVELS_FP4(plus) _mm256_add_epi8(_mm256_set1_epi8(plus), \
	_mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)))

INLINE void load_iq4_nl(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = _mm256_shuffle_epi8(LEVELS_IQ4, nibbles16(p + 18 * j + 2));
	g->s[0] = halves8(p, 18);
	g->s[1] = _mm256_setzero_ps();
}

// The 8 scales have four bits of each together, and then the two above them.
INLINE void load_iq4_xs(group *g, const char *p) {
	uint64_t low = u32_at(p + 4), high = u16_at(p + 2);
	low = (low | low << 16) & 0x0000ffff0000ffff;
	low = (low | low << 8) & 0x00ff00ff00ff00ff;
	low = (low | low << 4) & 0x0f0f0f0f0f0f0f0f;
	high = (high | high << 24) & 0x000000ff000000ff;
	high = (high | high << 12) & 0x000f000f000f000f;
	high = (high | high << 6) & 0x0303030303030303;
	__m128i scales = _mm_sub_epi8(_mm_cvtsi64_si128((long long)(low | high << 4)), _mm_set1_epi8(32));
	for (int j = 0; j < 8; j++) g->w[j] = _mm256_shuffle_epi8(LEVELS_IQ4, nibbles16(p + 8 + 16 * j));
	g->s[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(scales)) * _mm256_set1_ps(half_at(p));
	g->s[1] = _mm256_setzero_ps();
}

// Half of a power of two, 2^(e-128). The two least ones, too small to matter in a sum of floats, become 0.
INLINE void load_mxfp4(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = _mm256_shuffle_epi8(LEVELS_FP4(12), nibbles16(p + 17 * j + 1));
	__m128i e = _mm_setr_epi8(p[0], p[17], p[34], p[51], p[68], p[85], p[102], p[119], 0, 0, 0, 0, 0, 0, 0, 0);
	g->s[0] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu8_epi32(_mm_subs_epu8(e, _mm_set1_epi8(1))), 23));
	g->s[1] = g->s[0] * _mm256_set1_ps(-12);
}

// The factors are half of E4M3 floats, which have the bits of a 16-bit float's upper exponent and fraction. 127 is no number
// and counts as 0.
INLINE void load_nvfp4(group *g, const char *p) {
	__m128i bytes = _mm_and_si128(_mm_setr_epi32(u32_at(p), u32_at(p + 36), u32_at(p + 72), u32_at(p + 108)), _mm_set1_epi8(127));
	bytes = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(127)), bytes);
	g->s[0] = _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(bytes), 7)) * _mm256_set1_ps(128);
	g->s[1] = _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(_mm_srli_si128(bytes, 8)), 7)) * _mm256_set1_ps(128);
	for (int j = 0; j < 8; j++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(p + 36 * (j / 2) + 4 + 16 * (j % 2)));
		__m256i twice = _mm256_permute4x64_epi64(_mm256_castsi128_si256(v), 0x50); // each 8 bytes twice
		twice = low4(_mm256_srlv_epi64(twice, _mm256_setr_epi64x(0, 4, 0, 4)));
		g->w[j] = _mm256_shuffle_epi8(LEVELS_FP4(32), twice);
	}
}

// Bit pairs: of each run of 32 bytes the lowest are the first 32 elements.
INLINE __m256i pairs32(const char *p, int j) {
	return _mm256_and_si256(_mm256_srli_epi16(load32(p + 32 * (j / 4)), 2 * (j % 4)), _mm256_set1_epi8(3));
}

INLINE void load_q2_k(group *g, const char *p) {
	for (int j = 0; j < 8; j++) g->w[j] = pairs32(p + 16, j);
	__m128i v = _mm_loadu_si128((const __m128i *)p), low = _mm_set1_epi8(15), a = _mm_and_si128(v, low);
	__m128i b = _mm_and_si128(_mm_srli_epi16(v, 4), low);
	__m256 d = _mm256_set1_ps(half_at(p + 80)), m = _mm256_set1_ps(-half_at(p + 82));
	g->s[0] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(a)) * d;
	g->s[1] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(a, 8))) * d;
	g->m[0] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(b)) * m;
	g->m[1] = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(b, 8))) * m;
}

// The third bits of 32 elements each are in one bit of 32 bytes. The numbers are less 4, the offset is -32: they get 28 more.
INLINE void load_q3_k(group *g, const char *p) {
	__m256i h = load32(p);
	for (int j = 0; j < 8; j++) {
		__m256i bit = j < 2 ? _mm256_slli_epi16(h, 2 - j) : _mm256_srli_epi16(h, j - 2);
		__m256i v = _mm256_or_si256(pairs32(p + 32, j), _mm256_and_si256(bit, _mm256_set1_epi8(4)));
		g->w[j] = _mm256_add_epi8(v, _mm256_set1_epi8(28));
	}
	// 16 scales of 6 bits in 12 bytes, less 32.
	uint32_t a = u32_at(p + 96), b = u32_at(p + 100), c = u32_at(p + 104);
	__m128i low = _mm_and_si128(_mm_setr_epi32(a, b, a >> 4, b >> 4), _mm_set1_epi8(15));
	__m128i high = _mm_and_si128(_mm_setr_epi32(c << 4, c << 2, c, c >> 2), _mm_set1_epi8(0x30));
	__m128i scales = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
	__m256 d = _mm256_set1_ps(half_at(p + 108));
	g->s[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(scales)) * d;
	g->s[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(scales, 8))) * d;
}
