// Vectors of floats, as the templates use them: VW elements in a vf. A level defines VEC_AVX512, VEC_AVX2 or VEC_NEON
// before including this. The operators + - * / are the compiler's own for vector types.
#ifndef BURBLE_VEC_H
#define BURBLE_VEC_H

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(VEC_AVX512)
#include <immintrin.h>
#define VW 16
#define V_TILE 4 // vectors of lanes in attention's tiles, leaving registers for KEYS keys
#define V_FEW 4  // vectors of values that attention adds up for four queries at once
#define V_ROWS 4 // rows of w and x in a tile of a product of floats
#define V_COLS 6
typedef __m512 vf;
INLINE vf v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
INLINE vf v_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
INLINE void v_store_n(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v); }
INLINE vf v_set(float x) { return _mm512_set1_ps(x); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf v_abs(vf a) { return _mm512_abs_ps(a); }
INLINE vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_pow2(vf p, vf n) { return _mm512_scalef_ps(p, n); }
INLINE float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
INLINE float v_top(vf a) { return _mm512_reduce_max_ps(a); }
INLINE vf v_less(vf a, vf b, vf yes, vf no) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes); }
INLINE int v_any_greater(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0; }
INLINE vf v_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE vf v_half_n(const uint16_t *p, int n) {
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p));
}
INLINE void v_store_half(uint16_t *p, vf v) { _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
INLINE vf v_brain(const uint16_t *p) {
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
INLINE vf v_bytes(const int8_t *p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p))); }
INLINE vf v_nibbles(const uint8_t *p, int high) { // of 16 bytes, minus 8
	__m512i v = _mm512_srli_epi32(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)), high ? 4 : 0);
	return _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_and_si512(v, _mm512_set1_epi32(15)), _mm512_set1_epi32(8)));
}
// One, in every lane; 8 bytes at p can be read.
INLINE vf v_half_all(const void *p) { return _mm512_broadcastss_ps(_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)p))); }
INLINE void v_store_bytes(int8_t *p, vf v) {
	_mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
}
// The sums of eight vectors.
INLINE void v_sum8(float *out, const vf *v) {
	vf t[4], u[2];
	for (int i = 0; i < 4; i++) t[i] = _mm512_unpacklo_ps(v[2 * i], v[2 * i + 1]) + _mm512_unpackhi_ps(v[2 * i], v[2 * i + 1]);
	for (int i = 0; i < 2; i++) {
		__m512d a = _mm512_castps_pd(t[2 * i]), b = _mm512_castps_pd(t[2 * i + 1]);
		u[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b)) + _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
	}
	vf w = _mm512_shuffle_f32x4(u[0], u[1], 0x44) + _mm512_shuffle_f32x4(u[0], u[1], 0xee);
	w = _mm512_shuffle_f32x4(w, w, 0x88) + _mm512_shuffle_f32x4(w, w, 0xdd);
	_mm256_storeu_ps(out, _mm512_castps512_ps256(w));
}

#elif defined(VEC_AVX2)
#include <immintrin.h>
#define VW 8
#define V_TILE 2
#define V_FEW 2
#define V_ROWS 2
#define V_COLS 6
typedef __m256 vf;
INLINE vf v_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
INLINE vf v_set(float x) { return _mm256_set1_ps(x); }
INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vf v_pow2(vf p, vf n) {
	return p * _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
INLINE float v_sum(vf a) {
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
INLINE float v_top(vf a) {
	__m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
INLINE vf v_less(vf a, vf b, vf yes, vf no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
INLINE int v_any_greater(vf a, vf b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0; }
INLINE vf v_half(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
INLINE void v_store_half(uint16_t *p, vf v) { _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT)); }
INLINE vf v_brain(const uint16_t *p) {
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
INLINE vf v_bytes(const int8_t *p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p))); }
INLINE vf v_nibbles(const uint8_t *p, int high) { // of 8 bytes, minus 8
	__m256i v = _mm256_srli_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)), high ? 4 : 0);
	return _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_and_si256(v, _mm256_set1_epi32(15)), _mm256_set1_epi32(8)));
}
// One, in every lane; 8 bytes at p can be read.
INLINE vf v_half_all(const void *p) { return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)p))); }
INLINE void v_store_bytes(int8_t *p, vf v) {
	__m256i i = _mm256_cvtps_epi32(v);
	__m128i w = _mm_packs_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
	_mm_storel_epi64((__m128i *)p, _mm_packs_epi16(w, w));
}
// The sums of eight vectors.
INLINE void v_sum8(float *out, const vf *v) {
	vf t[4];
	for (int i = 0; i < 4; i++) t[i] = _mm256_hadd_ps(v[2 * i], v[2 * i + 1]);
	vf a = _mm256_hadd_ps(t[0], t[1]), b = _mm256_hadd_ps(t[2], t[3]);
	_mm256_storeu_ps(out, _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31));
}

#elif defined(VEC_NEON)
#include <arm_neon.h>
#define VW 4
#define V_TILE 4
#define V_FEW 4
#define V_ROWS 4
#define V_COLS 6
typedef float32x4_t vf;
INLINE vf v_load(const float *p) { return vld1q_f32(p); }
INLINE void v_store(float *p, vf v) { vst1q_f32(p, v); }
INLINE vf v_set(float x) { return vdupq_n_f32(x); }
INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
INLINE vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
INLINE vf v_min(vf a, vf b) { return vminq_f32(a, b); }
INLINE vf v_abs(vf a) { return vabsq_f32(a); }
INLINE vf v_round(vf a) { return vrndnq_f32(a); }
INLINE vf v_pow2(vf p, vf n) {
	return p * vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}
INLINE float v_sum(vf a) { return vaddvq_f32(a); }
INLINE float v_top(vf a) { return vmaxvq_f32(a); }
INLINE vf v_less(vf a, vf b, vf yes, vf no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }
INLINE int v_any_greater(vf a, vf b) { return vmaxvq_u32(vcgtq_f32(a, b)) != 0; }
INLINE vf v_half(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
INLINE void v_store_half(uint16_t *p, vf v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
INLINE vf v_brain(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
INLINE vf v_bytes(const int8_t *p) {
	int32_t word;
	memcpy(&word, p, 4);
	return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(word))))));
}
INLINE vf v_nibbles(const uint8_t *p, int high) { // of 4 bytes, minus 8
	uint32_t word;
	memcpy(&word, p, 4);
	word = (high ? word >> 4 : word) & 0x0f0f0f0f;
	uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(word)));
	return vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))) - vdupq_n_f32(8);
}
INLINE vf v_half_all(const void *p) { // one, in every lane
	uint16_t h;
	memcpy(&h, p, 2);
	return vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(h)));
}
INLINE void v_store_bytes(int8_t *p, vf v) {
	int16x4_t i = vmovn_s32(vcvtnq_s32_f32(v));
	vst1_lane_s32((int32_t *)p, vreinterpret_s32_s8(vmovn_s16(vcombine_s16(i, i))), 0);
}
// The sums of eight vectors.
INLINE void v_sum8(float *out, const vf *v) {
	v_store(out, vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])));
	v_store(out + 4, vpaddq_f32(vpaddq_f32(v[4], v[5]), vpaddq_f32(v[6], v[7])));
}
#endif

#if !defined(VEC_AVX512)
// Parts of a vector go through memory.
INLINE vf v_load_n(const float *p, int n) {
	float t[VW] = {0};
	memcpy(t, p, 4 * n);
	return v_load(t);
}
INLINE void v_store_n(float *p, vf v, int n) {
	float t[VW];
	v_store(t, v);
	memcpy(p, t, 4 * n);
}
INLINE vf v_half_n(const uint16_t *p, int n) {
	uint16_t t[VW] = {0};
	memcpy(t, p, 2 * n);
	return v_half(t);
}
#endif
INLINE vf v_brain_n(const uint16_t *p, int n) {
	uint16_t t[VW] = {0};
	memcpy(t, p, 2 * n);
	return v_brain(t);
}
INLINE void v_store_half_n(uint16_t *p, vf v, int n) {
	uint16_t t[VW];
	v_store_half(t, v);
	memcpy(p, t, 2 * n);
}

// The exponential, to 1 part in 10⁷: 2ⁿ times a polynomial in the rest, which is at most ln(2)/2 in size (the method
// and coefficients of Cephes' expf, S. Moshier). Below -87 it is 0.
INLINE vf v_exp(vf x) {
	vf in = x;
	x = v_max(v_min(x, v_set(88.37f)), v_set(-87.0f));
	vf n = v_round(x * v_set(1.44269504088896341f));
	vf r = v_fma(n, v_set(-0.693359375f), x);
	r = v_fma(n, v_set(2.12194440e-4f), r);
	vf p = v_set(1.9875691500e-4f);
	p = v_fma(p, r, v_set(1.3981999507e-3f));
	p = v_fma(p, r, v_set(8.3334519073e-3f));
	p = v_fma(p, r, v_set(4.1665795894e-2f));
	p = v_fma(p, r, v_set(1.6666665459e-1f));
	p = v_fma(p, r, v_set(5.0000001201e-1f));
	p = v_fma(p, r * r, r) + v_set(1.0f);
	return v_less(in, v_set(-87.0f), v_set(0.0f), v_pow2(p, n));
}

// The hyperbolic tangent, to 2 parts in 10⁷ (Cephes' tanhf: a polynomial near zero, where the exponential cancels).
INLINE vf v_tanh(vf x) {
	vf z = x * x;
	vf p = v_set(-5.70498872745e-3f);
	p = v_fma(p, z, v_set(2.06390887954e-2f));
	p = v_fma(p, z, v_set(-5.37397155531e-2f));
	p = v_fma(p, z, v_set(1.33314422036e-1f));
	p = v_fma(p, z, v_set(-3.33332819422e-1f));
	vf near = v_fma(p * z, x, x);
	vf far = v_set(1.0f) - v_set(2.0f) / (v_exp(v_min(v_abs(x), v_set(20.0f)) * v_set(2.0f)) + v_set(1.0f));
	far = v_less(x, v_set(0.0f), -far, far);
	return v_less(v_abs(x), v_set(0.625f), near, far);
}

#endif
