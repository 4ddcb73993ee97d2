// Template: row operations, and products of float weights. Compiled by each level, on vectors of vec.h.

#include <math.h>

#define FOR_VECTORS(j, n) for (; j + VW <= (n); j += VW)

static void rms_norm(float *out, const float *x, const float *w, int64_t n, float eps) {
	vf s = v_set(0), s2 = v_set(0);
	int64_t j = 0;
	for (; j + 2 * VW <= n; j += 2 * VW) {
		vf a = v_load(x + j), b = v_load(x + j + VW);
		s = v_fma(a, a, s);
		s2 = v_fma(b, b, s2);
	}
	FOR_VECTORS(j, n) {
		vf a = v_load(x + j);
		s = v_fma(a, a, s);
	}
	if (j < n) {
		vf a = v_load_n(x + j, n - j);
		s2 = v_fma(a, a, s2);
	}
	vf f = v_set((float)(1 / sqrt((double)v_sum(s + s2) / n + eps)));
	j = 0;
	if (w) {
		FOR_VECTORS(j, n) v_store(out + j, v_load(x + j) * f * v_load(w + j));
		if (j < n) v_store_n(out + j, v_load_n(x + j, n - j) * f * v_load_n(w + j, n - j), n - j);
	} else {
		FOR_VECTORS(j, n) v_store(out + j, v_load(x + j) * f);
		if (j < n) v_store_n(out + j, v_load_n(x + j, n - j) * f, n - j);
	}
}

static void layer_norm(float *out, const float *x, const float *w, const float *bias, int64_t n, float eps) {
	vf s = v_set(0);
	int64_t j = 0;
	FOR_VECTORS(j, n) s = s + v_load(x + j);
	if (j < n) s = s + v_load_n(x + j, n - j);
	float mean = v_sum(s) / n, rest = 0;
	vf m = v_set(mean);
	s = v_set(0);
	j = 0;
	FOR_VECTORS(j, n) {
		vf a = v_load(x + j) - m;
		s = v_fma(a, a, s);
	}
	for (; j < n; j++) rest += (x[j] - mean) * (x[j] - mean);
	vf f = v_set((float)(1 / sqrt((double)(v_sum(s) + rest) / n + eps)));
	j = 0;
	FOR_VECTORS(j, n) {
		vf y = (v_load(x + j) - m) * f * v_load(w + j);
		if (bias) y = y + v_load(bias + j);
		v_store(out + j, y);
	}
	if (j < n) {
		vf y = (v_load_n(x + j, n - j) - m) * f * v_load_n(w + j, n - j);
		if (bias) y = y + v_load_n(bias + j, n - j);
		v_store_n(out + j, y, n - j);
	}
}

// ---- elementwise

INLINE vf v_sigmoid(vf x) { return v_set(1.0f) / (v_set(1.0f) + v_exp(-x)); }

INLINE vf v_each(vf x, float (*f)(float)) {
	float t[VW];
	v_store(t, x);
	for (int i = 0; i < VW; i++) t[i] = f(t[i]);
	return v_load(t);
}

static float gelu(float x) { return 0.5f * x * erfcf(-0.70710678f * x); }

static float softplus(float x) { return log1pf(expf(-fabsf(x))) + fmaxf(x, 0); }

INLINE vf v_activate(vf x, int act) {
	switch (act) {
	case A_SILU: return x / (v_set(1.0f) + v_exp(-x));
	case A_GELU: return v_each(x, gelu);
	// 1 + tanh(u) = 2 · sigmoid(2u), which doesn't cancel.
	case A_GELU_TANH: return x * v_sigmoid(x * v_fma(x * x, v_set(2 * 0.7978845608f * 0.044715f), v_set(2 * 0.7978845608f)));
	case A_RELU: return v_max(x, v_set(0));
	case A_RELU2: x = v_max(x, v_set(0)); return x * x;
	case A_SIGMOID: return v_sigmoid(x);
	case A_TANH: return v_tanh(x);
	default: return v_each(x, softplus);
	}
}

// The formula of compute.SwiGLUClamped.
static void swiglu_clamped(float *out, const float *gate, const float *up, int64_t n) {
	for (int64_t j = 0; j < n; j += VW) {
		int count = n - j < VW ? n - j : VW;
		vf g = count == VW ? v_load(gate + j) : v_load_n(gate + j, count), u = count == VW ? v_load(up + j) : v_load_n(up + j, count);
		g = v_min(g, v_set(7));
		u = v_max(v_min(u, v_set(7)), v_set(-7));
		v_store_n(out + j, g * v_sigmoid(g * v_set(1.702f)) * (u + v_set(1)), count);
	}
}

INLINE void activate_as(float *out, const float *gate, const float *up, int64_t n, int act) {
	int64_t j = 0;
	FOR_VECTORS(j, n) {
		vf y = v_activate(v_load(gate + j), act);
		if (up) y = y * v_load(up + j);
		v_store(out + j, y);
	}
	if (j < n) {
		vf y = v_activate(v_load_n(gate + j, n - j), act);
		if (up) y = y * v_load_n(up + j, n - j);
		v_store_n(out + j, y, n - j);
	}
}

static void activate(float *out, const float *gate, const float *up, int64_t n, int act) {
	switch (act) {
	case A_SILU: activate_as(out, gate, up, n, A_SILU); break;
	case A_GELU: activate_as(out, gate, up, n, A_GELU); break;
	case A_GELU_TANH: activate_as(out, gate, up, n, A_GELU_TANH); break;
	case A_RELU: activate_as(out, gate, up, n, A_RELU); break;
	case A_RELU2: activate_as(out, gate, up, n, A_RELU2); break;
	case A_SIGMOID: activate_as(out, gate, up, n, A_SIGMOID); break;
	case A_TANH: activate_as(out, gate, up, n, A_TANH); break;
	case A_SWIGLU_CLAMPED: swiglu_clamped(out, gate, up, n); break;
	default: activate_as(out, gate, up, n, A_SOFTPLUS); break;
	}
}

static void add(float *out, const float *a, const float *b, int64_t n) {
	int64_t j = 0;
	FOR_VECTORS(j, n) v_store(out + j, v_load(a + j) + v_load(b + j));
	for (; j < n; j++) out[j] = a[j] + b[j];
}

static void mul(float *out, const float *a, const float *b, int64_t n) {
	int64_t j = 0;
	FOR_VECTORS(j, n) v_store(out + j, v_load(a + j) * v_load(b + j));
	for (; j < n; j++) out[j] = a[j] * b[j];
}

static void scale(float *out, const float *a, int64_t n, float s) {
	int64_t j = 0;
	FOR_VECTORS(j, n) v_store(out + j, v_load(a + j) * v_set(s));
	for (; j < n; j++) out[j] = a[j] * s;
}

static void soft_cap(float *out, const float *a, int64_t n, float limit) {
	int64_t j = 0;
	FOR_VECTORS(j, n) v_store(out + j, v_tanh(v_load(a + j) / v_set(limit)) * v_set(limit));
	if (j < n) v_store_n(out + j, v_tanh(v_load_n(a + j, n - j) / v_set(limit)) * v_set(limit), n - j);
}

static void rope(float *x, const float *cosines, const float *sines, int64_t pairs, int interleaved) {
	int64_t j = 0;
	if (interleaved) {
		for (; j < pairs; j++) {
			float a = x[2 * j], b = x[2 * j + 1];
			x[2 * j] = a * cosines[j] - b * sines[j];
			x[2 * j + 1] = a * sines[j] + b * cosines[j];
		}
		return;
	}
	FOR_VECTORS(j, pairs) {
		vf a = v_load(x + j), b = v_load(x + pairs + j), c = v_load(cosines + j), s = v_load(sines + j);
		v_store(x + j, a * c - b * s);
		v_store(x + pairs + j, a * s + b * c);
	}
	for (; j < pairs; j++) {
		float a = x[j], b = x[pairs + j];
		x[j] = a * cosines[j] - b * sines[j];
		x[pairs + j] = a * sines[j] + b * cosines[j];
	}
}

// ---- rows of a KV cache

static void store_half(uint16_t *out, const float *x, int64_t n) {
	int64_t j = 0;
	FOR_VECTORS(j, n) v_store_half(out + j, v_load(x + j));
	if (j < n) v_store_half_n(out + j, v_load_n(x + j, n - j), n - j);
}

// To the nearest, ties to even.
static void store_brain(uint16_t *out, const float *x, int64_t n) {
	for (int64_t j = 0; j < n; j++) {
		uint32_t bits;
		memcpy(&bits, x + j, 4);
		uint32_t nan = (bits >> 16) | 0x40, near = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
		out[j] = (bits & 0x7fffffff) > 0x7f800000 ? nan : near;
	}
}

// Stores x as a 16-bit float, and returns what that is.
INLINE float put_half(char *p, float x) {
	uint16_t t[VW];
	v_store_half(t, v_set(x));
	memcpy(p, t, 2);
	float y[VW];
	v_store(y, v_half(t));
	return y[0];
}

enum { PARTS = 32 / VW }; // vectors of a block

static void store_q8_0(char *p, const float *x, int64_t n) {
	for (; n > 0; n -= 32, x += 32, p += 34) {
		vf v[PARTS], top = v_set(0);
		for (int j = 0; j < PARTS; j++) {
			v[j] = v_load(x + VW * j);
			top = v_max(top, v_abs(v[j]));
		}
		float d = put_half(p, v_top(top) / 127);
		vf inverse = v_set(d > 0 ? 1 / d : 0);
		for (int j = 0; j < PARTS; j++)
			v_store_bytes((int8_t *)p + 2 + VW * j, v_max(v_min(v[j] * inverse, v_set(127)), v_set(-127)));
	}
}

// Of eight scales that map the largest element near -8, the one with the least error, fitted to the numbers it gives.
static void store_q4_0(char *p, const float *x, int64_t n) {
	for (; n > 0; n -= 32, x += 32, p += 18) {
		vf v[PARTS];
		float peak = 0;
		for (int j = 0; j < PARTS; j++) v[j] = v_load(x + VW * j);
		for (int j = 0; j < 32; j++) peak = fabsf(x[j]) > fabsf(peak) ? x[j] : peak;
		float d = 0;
		if (fabsf(peak) > 1e-15f) {
			vf products[2][8];
			for (int t = 0; t < 8; t++) {
				vf inverse = v_set(-(8 + 0.1f * (2 * t - 7)) / peak), xq = v_set(0), qq = v_set(0);
				for (int j = 0; j < PARTS; j++) {
					vf q = v_max(v_min(v_round(v[j] * inverse), v_set(7)), v_set(-8));
					xq = v_fma(v[j], q, xq);
					qq = v_fma(q, q, qq);
				}
				products[0][t] = xq;
				products[1][t] = qq;
			}
			float xq[8], qq[8], best = 0;
			v_sum8(xq, products[0]);
			v_sum8(qq, products[1]);
			for (int t = 0; t < 8; t++)
				if (xq[t] * xq[t] > best * qq[t]) {
					best = xq[t] * xq[t] / qq[t];
					d = xq[t] / qq[t];
				}
		}
		d = put_half(p, d);
		vf inverse = v_set(d != 0 ? 1 / d : 0);
		int8_t q[32];
		for (int j = 0; j < PARTS; j++)
			v_store_bytes(q + VW * j, v_max(v_min(v_round(v[j] * inverse), v_set(7)), v_set(-8)) + v_set(8));
		for (int j = 0; j < 16; j++) p[2 + j] = (char)(q[j] | q[j + 16] << 4);
	}
}

static void store(void *out, const float *x, int64_t n, int64_t type) {
	switch (type) {
	case T_F32: memcpy(out, x, 4 * n); break;
	case T_F16: store_half(out, x, n); break;
	case T_BF16: store_brain(out, x, n); break;
	case T_Q8_0: store_q8_0(out, x, n); break;
	default: store_q4_0(out, x, n); break; // Q4_0
	}
}

// Elements j … j + VW of a row of quantised blocks. j is a multiple of VW.
INLINE vf q8_0_load(const char *p, int64_t j) {
	p += j / 32 * 34;
	return v_half_all(p) * v_bytes((const int8_t *)p + 2 + j % 32);
}
INLINE vf q4_0_load(const char *p, int64_t j) {
	p += j / 32 * 18;
	return v_half_all(p) * v_nibbles((const uint8_t *)p + 2 + j % 16, j % 32 >= 16);
}

// Keeps the best k so far in order; most vectors hold nothing better than the worst of them.
static void top_k(float *values, int32_t *ids, const float *x, int64_t n, int64_t k) {
	int64_t held = 0, j = 0;
	while (j < n) {
		int64_t end = j + VW <= n ? j + VW : n;
		if (held == k && end - j == VW && !v_any_greater(v_load(x + j), v_set(values[k - 1]))) {
			j = end;
			continue;
		}
		for (; j < end; j++) {
			float v = x[j];
			if (held == k && !(v > values[k - 1])) continue;
			if (held < k) held++;
			int64_t i = held - 1;
			for (; i > 0 && v > values[i - 1]; i--) {
				values[i] = values[i - 1];
				ids[i] = ids[i - 1];
			}
			values[i] = v;
			ids[i] = j;
		}
	}
}

// ---- activations to 8 bits

// The scale is not simply the largest element's: of a few that are slightly different, the one with the least squared
// error is taken, and then fitted to the numbers that it gives. Rounding errors of a block of 32 vary by a sixth with
// the scale, so that this halves the distance to blocks of 16.
static void quantise_row(const quantised *out, int64_t i, const float *x, int64_t k, int64_t lo, int64_t hi) {
	enum { TRIES = 4 };
	static const float levels[TRIES] = {127.49f, 126.1f, 124.3f, 122.2f};
	int8_t *q = out->q + i * out->q_stride;
	float *scale = out->scale + i * out->scale_stride;
	for (int64_t b = lo; b < hi; b++) {
		float *s = scale + 32 * b;
		for (int64_t g = 0; g < 8; g++) {
			int64_t at = 256 * b + 32 * g;
			if (at >= k) {
				memset(q + at, 0, 32);
				s[g] = s[8 + g] = s[16 + 2 * g] = s[17 + 2 * g] = 0;
				continue;
			}
			vf v[PARTS], top = v_set(0);
			for (int j = 0; j < PARTS; j++) {
				v[j] = v_load(x + at + VW * j);
				top = v_max(top, v_abs(v[j]));
			}
			float inverse = v_top(top);
			inverse = inverse > 0 ? 1 / inverse : 0;
			if (!(inverse < 1e37f)) inverse = 0; // too small for its inverse to be a number
			// With r the numbers, the error is least for the scale x·r / r·r, and is x·x - (x·r)² / r·r.
			vf products[2 * TRIES];
			for (int t = 0; t < TRIES; t++) {
				vf xr = v_set(0), rr = v_set(0);
				for (int j = 0; j < PARTS; j++) {
					vf r = v_round(v[j] * v_set(inverse * levels[t]));
					xr = v_fma(v[j], r, xr);
					rr = v_fma(r, r, rr);
				}
				products[t] = xr;
				products[TRIES + t] = rr;
			}
			// The choice is made without branches: which one wins can't be predicted.
			float p[2 * TRIES], gain[TRIES];
			v_sum8(p, products);
			for (int t = 0; t < TRIES; t++) gain[t] = p[t] * p[t] / (p[TRIES + t] + 1e-30f);
			int low = gain[1] > gain[0], high = 2 + (gain[3] > gain[2]);
			int best = low + (gain[high] > gain[low]) * (high - low);
			float chosen = inverse * levels[best], d = p[best] / (p[TRIES + best] + 1e-30f);
			vf half[2] = {v_set(0), v_set(0)};
			for (int j = 0; j < PARTS; j++) {
				vf r = v_round(v[j] * v_set(chosen));
				v_store_bytes(q + at + VW * j, r);
				half[2 * j / PARTS] = half[2 * j / PARTS] + r;
			}
			float sum[2] = {v_sum(half[0]), v_sum(half[1])}; // of small whole numbers: exact
			s[g] = d;
			s[8 + g] = d * (sum[0] + sum[1]);
			s[16 + 2 * g] = d * sum[0];
			s[17 + 2 * g] = d * sum[1];
		}
	}
}

// Weaves blocks [lo, hi) of 256 of a row: eight bytes of each of its eight blocks of 32 in turn, so that in a vector of
// 64 bytes a product needs one factor for eight bytes, and adds all 32 before it does. The order of the blocks is the one
// in which two vectors of four blocks each are easily woven.
static void weave(int8_t *to, const int8_t *q, int64_t lo, int64_t hi) {
	static const int order[8] = {0, 4, 1, 5, 2, 6, 3, 7};
	for (int64_t b = lo; b < hi; b++)
		for (int j = 0; j < 4; j++)
			for (int i = 0; i < 8; i++) memcpy(to + 256 * b + 64 * j + 8 * i, q + 256 * b + 32 * order[i] + 8 * j, 8);
}

static void quantise(const quantised *out, int64_t i, const float *x, int64_t k, int64_t lo, int64_t hi) {
	quantise_row(out, i, x, k, lo, hi);
	int8_t *q = out->q + i * out->q_stride;
	if (out->woven) weave(q + out->woven, q, lo, hi);
}

// ---- products of F32, F16 and BF16 weights

INLINE vf w_load(const char *w, int64_t j, int type) {
	switch (type) {
	case T_F32: return v_load((const float *)w + j);
	case T_F16: return v_half((const uint16_t *)w + j);
	default: return v_brain((const uint16_t *)w + j);
	}
}

INLINE vf w_load_n(const char *w, int64_t j, int n, int type) {
	switch (type) {
	case T_F32: return v_load_n((const float *)w + j, n);
	case T_F16: return v_half_n((const uint16_t *)w + j, n);
	default: return v_brain_n((const uint16_t *)w + j, n);
	}
}

static void decode(float *out, const void *w, int64_t n, int64_t type) {
	int64_t j = 0;
#define DECODE(T) \
	FOR_VECTORS(j, n) v_store(out + j, w_load(w, j, T)); \
	if (j < n) v_store_n(out + j, w_load_n(w, j, n - j, T), n - j);
	switch (type) {
	case T_F32: memcpy(out, w, 4 * n); break;
	case T_F16: DECODE(T_F16) break;
	case T_Q8_0: FOR_VECTORS(j, n) v_store(out + j, q8_0_load(w, j)); break;
	case T_Q4_0: FOR_VECTORS(j, n) v_store(out + j, q4_0_load(w, j)); break;
	default: DECODE(T_BF16) break;
	}
#undef DECODE
}

// How far ahead of its use a weight is fetched. Memory takes some 100 ns, in which a core reads about 1 to 2 KB; the
// hardware's own prefetching stops at each 4 KB page.
enum { AHEAD = 6144 };

// To the second-level cache: fetched to the first, weights wait for its few line buffers.
#define FETCH(p) __builtin_prefetch(p, 0, 2)

// What to fetch when at is due.
INLINE const char *fetched(const product *p, const char *at) { return at < p->end ? at : at + p->jump; }

// One row of the weight times COUNT rows of x. The sums are kept in four vectors each for one row, so that additions
// needn't wait for each other.
#define DOTS(COUNT, LANES) \
	INLINE void dots_##COUNT(const product *p, const char *w, int64_t i, int64_t r, int type) { \
		int64_t k = p->k, j = 0, size = type == T_F32 ? 4 : 2; \
		vf s[COUNT][LANES]; \
		for (int c = 0; c < COUNT; c++) for (int l = 0; l < LANES; l++) s[c][l] = v_set(0); \
		for (; j + LANES * VW <= k; j += LANES * VW) { \
			const char *ahead = fetched(p, w + j * size + AHEAD); \
			for (int64_t b = 0; b < LANES * VW * size; b += 64) FETCH(ahead + b); \
			for (int l = 0; l < LANES; l++) { \
				vf a = w_load(w, j + l * VW, type); \
				for (int c = 0; c < COUNT; c++) \
					s[c][l] = v_fma(a, v_load((const float *)(p->x + (i + c) * p->x_stride) + j + l * VW), s[c][l]); \
			} \
		} \
		FOR_VECTORS(j, k) { \
			vf a = w_load(w, j, type); \
			for (int c = 0; c < COUNT; c++) \
				s[c][0] = v_fma(a, v_load((const float *)(p->x + (i + c) * p->x_stride) + j), s[c][0]); \
		} \
		if (j < k) { \
			vf a = w_load_n(w, j, k - j, type); \
			for (int c = 0; c < COUNT; c++) \
				s[c][0] = v_fma(a, v_load_n((const float *)(p->x + (i + c) * p->x_stride) + j, k - j), s[c][0]); \
		} \
		for (int c = 0; c < COUNT; c++) { \
			vf sum = s[c][0]; \
			for (int l = 1; l < LANES; l++) sum = sum + s[c][l]; \
			*((float *)(p->out + (i + c) * p->out_stride) + r) = v_sum(sum); \
		} \
	}
DOTS(1, 4)
DOTS(4, 1)

INLINE void matvec_float(const product *p, int64_t lo, int64_t hi, int type) {
	for (int64_t r = lo; r < hi; r++) {
		const char *w = p->w + r * p->w_stride;
		int64_t i = 0;
		for (; i + 4 <= p->n; i += 4) dots_4(p, w, i, r, type);
		for (; i < p->n; i++) dots_1(p, w, i, r, type);
	}
}

static void matvec_f32(const product *p, int64_t lo, int64_t hi) { matvec_float(p, lo, hi, T_F32); }
static void matvec_f16(const product *p, int64_t lo, int64_t hi) { matvec_float(p, lo, hi, T_F16); }
static void matvec_bf16(const product *p, int64_t lo, int64_t hi) { matvec_float(p, lo, hi, T_BF16); }

// V_ROWS rows of w times cols rows of x, over n elements; added to the output unless first.
INLINE void float_tile(const float *w, int64_t w_stride, const char *x, int64_t x_stride, int64_t n,
	char *out, int64_t out_stride, int cols, int first) {
	vf s[V_COLS][V_ROWS];
	for (int c = 0; c < cols; c++) for (int r = 0; r < V_ROWS; r++) s[c][r] = v_set(0);
	int64_t j = 0;
	FOR_VECTORS(j, n) {
		vf a[V_ROWS];
		for (int r = 0; r < V_ROWS; r++) a[r] = v_load(w + r * w_stride + j);
		for (int c = 0; c < cols; c++) {
			vf b = v_load((const float *)(x + c * x_stride) + j);
			for (int r = 0; r < V_ROWS; r++) s[c][r] = v_fma(a[r], b, s[c][r]);
		}
	}
	if (j < n)
		for (int c = 0; c < cols; c++) {
			vf b = v_load_n((const float *)(x + c * x_stride) + j, n - j);
			for (int r = 0; r < V_ROWS; r++) s[c][r] = v_fma(v_load_n(w + r * w_stride + j, n - j), b, s[c][r]);
		}
	for (int c = 0; c < cols; c++) {
		float *to = (float *)(out + c * out_stride);
		for (int r = 0; r < V_ROWS; r++) {
			float y = v_sum(s[c][r]);
			to[r] = first ? y : to[r] + y;
		}
	}
}

// Rows of the weight and elements of k that are decoded at once. They stay in the second-level cache.
enum { FLOAT_GROUP = 32, FLOAT_SLAB = 1024 };

static void gemm_float(const product *p, int64_t lo, int64_t hi, void *scratch) {
	float *w = scratch;
	int64_t size = p->type == T_F32 ? 4 : 2;
	for (int64_t r0 = lo; r0 < hi; r0 += FLOAT_GROUP) {
		int64_t rows = hi - r0 < FLOAT_GROUP ? hi - r0 : FLOAT_GROUP;
		for (int64_t k0 = 0; k0 < p->k; k0 += FLOAT_SLAB) {
			int64_t n = p->k - k0 < FLOAT_SLAB ? p->k - k0 : FLOAT_SLAB;
			for (int64_t r = 0; r < rows; r++) {
				decode(w + r * (FLOAT_SLAB + VW), p->w + (r0 + r) * p->w_stride + k0 * size, n, p->type);
			}
			for (int64_t i = 0; i < p->n; i += V_COLS) {
				int64_t cols = p->n - i < V_COLS ? p->n - i : V_COLS;
				const char *x = p->x + i * p->x_stride + 4 * k0;
				for (int64_t r = 0; r < rows; r += V_ROWS) {
					char *out = p->out + i * p->out_stride + 4 * (r0 + r);
					const float *from = w + r * (FLOAT_SLAB + VW);
					if (rows - r < V_ROWS) { // the last rows, one after the other, in the same order of additions
						float t[V_COLS][V_ROWS];
						for (int c = 0; c < cols; c++)
							for (int64_t l = 0; l < V_ROWS; l++) t[c][l] = k0 && l < rows - r ? ((float *)(out + c * p->out_stride))[l] : 0;
						for (int c = 0; c < cols; c++)
							float_tile(from, FLOAT_SLAB + VW, x + c * p->x_stride, p->x_stride, n, (char *)t[c], 0, 1, k0 == 0);
						for (int c = 0; c < cols; c++)
							for (int64_t l = 0; l < rows - r; l++) ((float *)(out + c * p->out_stride))[l] = t[c][l];
					} else if (cols == V_COLS) {
						float_tile(from, FLOAT_SLAB + VW, x, p->x_stride, n, out, p->out_stride, V_COLS, k0 == 0);
					} else {
						for (int c = 0; c < cols; c++)
							float_tile(from, FLOAT_SLAB + VW, x + c * p->x_stride, p->x_stride, n, out + c * p->out_stride, 0, 1, k0 == 0);
					}
				}
			}
		}
	}
}
