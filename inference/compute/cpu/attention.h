// Template: attention with the softmax computed as the keys come (Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et
// al. 2022, arXiv:2205.14135). Compiled by each level, on vectors of vec.h.

INLINE const char *cache_row(const view *v, const attention *a, int64_t h, int64_t pos) {
	return v->p + pos % a->slots * v->stride[1] + h * v->stride[2];
}

// The first and one past the last position of [lo, hi) that query i sees.
INLINE void visible(const attention *a, int64_t i, int64_t lo, int64_t hi, int64_t *from, int64_t *to) {
	int64_t p = a->past + i;
	*from = lo;
	if (a->window > 0 && *from < p - a->window + 1) *from = p - a->window + 1;
	*to = hi < p + 1 ? hi : p + 1;
}

// Bytes of n elements of a row.
INLINE int64_t c_bytes(int64_t n, int type) {
	switch (type) {
	case T_F32: return 4 * n;
	case T_Q8_0: return n / 32 * 34;
	case T_Q4_0: return n / 32 * 18;
	default: return 2 * n;
	}
}

INLINE vf c_load(const char *p, int64_t j, int type) {
	switch (type) {
	case T_F32: return v_load((const float *)p + j);
	case T_F16: return v_half((const uint16_t *)p + j);
	case T_BF16: return v_brain((const uint16_t *)p + j);
	case T_Q8_0: return q8_0_load(p, j);
	default: return q4_0_load(p, j);
	}
}

// Elements j … j + count · VW. Of quantised types they begin a block, or are half of one: a scale is read once for all.
INLINE void c_loads(vf *x, const char *p, int64_t j, int count, int type) {
	if (type != T_Q8_0 && type != T_Q4_0) {
		for (int v = 0; v < count; v++) x[v] = c_load(p, j + v * VW, type);
		return;
	}
	vf d = v_set(0);
	p += c_bytes(j & ~(int64_t)31, type);
	int64_t rest = j % 32;
	for (int v = 0; v < count; v++) {
		const char *block = p + c_bytes(v * VW / 32 * 32, type);
		int64_t l = rest + v * VW % 32;
		if (v * VW % 32 == 0) d = v_half_all(block);
		x[v] = d * (type == T_Q8_0 ? v_bytes((const int8_t *)block + 2 + l) : v_nibbles((const uint8_t *)block + 2 + l % 16, l >= 16));
	}
}

// The end of a row, which quantised ones don't have.
INLINE vf c_load_n(const char *p, int64_t j, int n, int type) {
	switch (type) {
	case T_F32: return v_load_n((const float *)p + j, n);
	case T_F16: return v_half_n((const uint16_t *)p + j, n);
	case T_BF16: return v_brain_n((const uint16_t *)p + j, n);
	default: return v_set(0);
	}
}

// What the logits of query i are multiplied by.
INLINE float logit_scale(const attention *a, int64_t i) {
	const op *o = a->o;
	if (o->i[1] == 0) return o->f[0];
	int64_t p = a->past + i > 0 ? a->past + i : 0;
	return o->f[0] * (float)(1 + (double)o->f[2] * log1p(p / o->i[1]));
}

enum { FEW = 4 }; // queries that share a key

// Logits of count queries with keys at the given addresses, of positions at, at + 1 …: s[c][pos - lo]. The sums of
// eight are added up across vectors together.
INLINE void few_dots(const attention *a, const char *const *keys, const float *q, int count, int rows, float *s, int type) {
	int64_t kd = a->kd, j = 0;
	vf sum[8];
	for (int l = 0; l < 8; l++) sum[l] = v_set(0);
	if (type == T_Q8_0 || type == T_Q4_0) {
		for (; j < kd; j += 32)
			for (int l = 0; l < rows; l++) {
				vf k[PARTS];
				c_loads(k, keys[l], j, PARTS, type);
				for (int v = 0; v < PARTS; v++)
					for (int c = 0; c < count; c++)
						sum[l * count + c] = v_fma(k[v], v_load(q + c * kd + j + v * VW), sum[l * count + c]);
			}
	}
	for (; j + VW <= kd; j += VW) {
		vf x[FEW];
		for (int c = 0; c < count; c++) x[c] = v_load(q + c * kd + j);
		for (int l = 0; l < rows; l++) {
			vf k = c_load(keys[l], j, type);
			for (int c = 0; c < count; c++) sum[l * count + c] = v_fma(k, x[c], sum[l * count + c]);
		}
	}
	if (j < kd)
		for (int l = 0; l < rows; l++) {
			vf k = c_load_n(keys[l], j, kd - j, type);
			for (int c = 0; c < count; c++) sum[l * count + c] = v_fma(k, v_load_n(q + c * kd + j, kd - j), sum[l * count + c]);
		}
	float t[8];
	v_sum8(t, sum);
	for (int l = 0; l < rows; l++) for (int c = 0; c < count; c++) s[c * ATTEND_SPAN + l] = t[l * count + c];
}

INLINE void few_scores(const attention *a, int64_t h, int64_t lo, int64_t hi, const float *q, int count, float *s, int type) {
	const view *v = &a->o->b;
	int64_t step = v->stride[1], pos = lo;
	const char *key = cache_row(v, a, h, lo), *end = v->p + a->slots * step;
	const int rows = 8 / count;
	while (pos < hi) {
		const char *keys[8];
		int n = 0;
		for (; n < rows && pos + n < hi; n++) {
			keys[n] = key;
			for (int64_t b = 0; b < c_bytes(a->kd, type); b += 64) __builtin_prefetch(key + 16 * step + b);
			key += step;
			if (key >= end) key -= a->slots * step;
		}
		if (n == rows) few_dots(a, keys, q, count, rows, s + pos - lo, type);
		else for (int l = 0; l < n; l++) few_dots(a, keys + l, q, count, 1, s + pos - lo + l, type);
		pos += n;
	}
}

// Adds the values [lo, hi) of head h, weighted with s, to count rows of out, from element j on, vectors at a time.
INLINE void few_values(const attention *a, int64_t h, int64_t lo, int64_t hi, const float *s, int count, float *out,
	int64_t width, int64_t j, int vectors, int type) {
	vf sum[FEW][V_FEW];
	for (int c = 0; c < count; c++) for (int v = 0; v < vectors; v++) sum[c][v] = v_set(0);
	const view *values = &a->o->c;
	int64_t step = values->stride[1];
	const char *value = cache_row(values, a, h, lo), *end = values->p + a->slots * step;
	for (int64_t pos = lo; pos < hi; pos++) {
		for (int64_t b = 0; b < c_bytes(vectors * VW, type); b += 64) __builtin_prefetch(value + 16 * step + c_bytes(j, type) + b);
		vf x[V_FEW];
		c_loads(x, value, j, vectors, type);
		value += step;
		if (value >= end) value -= a->slots * step;
		for (int c = 0; c < count; c++) {
			vf f = v_set(s[c * ATTEND_SPAN + pos - lo]);
			for (int v = 0; v < vectors; v++) sum[c][v] = v_fma(f, x[v], sum[c][v]);
		}
	}
	for (int c = 0; c < count; c++) for (int v = 0; v < vectors; v++) v_store(out + c * width + j + v * VW, sum[c][v]);
}

INLINE void few_heads(const attention *a, int64_t h, int64_t lo, int64_t hi, const float *q, int count, float *s,
	float *out, int64_t width, const int64_t *from, const int64_t *to, int type) {
	// Only what some query sees is read; a query's own limits are applied to its row of weights.
	int64_t first = hi, last = lo;
	for (int c = 0; c < count; c++) {
		if (from[c] < first) first = from[c];
		if (to[c] > last) last = to[c];
	}
	if (first < last) few_scores(a, h, first, last, q, count, s, type);
	for (int c = 0; c < count; c++) {
		float *row = s + c * ATTEND_SPAN, top = -INFINITY;
		int64_t n = last - first, b = from[c] - first, e = to[c] - first;
		vf sum = v_set(0);
		if (b < e) {
			if (a->o->f[1] > 0) soft_cap(row + b, row + b, e - b, a->o->f[1]);
			vf m = v_set(-INFINITY);
			int64_t j = b;
			FOR_VECTORS(j, e) m = v_max(m, v_load(row + j));
			top = v_top(m);
			for (; j < e; j++) top = row[j] > top ? row[j] : top;
			j = b;
			FOR_VECTORS(j, e) {
				vf p = v_exp(v_load(row + j) - v_set(top));
				v_store(row + j, p);
				sum = sum + p;
			}
			if (j < e) {
				float t[VW];
				for (int l = 0; l < VW; l++) t[l] = l < e - j ? row[j + l] - top : -1000;
				vf p = v_exp(v_load(t));
				v_store_n(row + j, p, e - j);
				sum = sum + p;
			}
		} else {
			b = e = 0;
		}
		for (int64_t j = 0; j < b; j++) row[j] = 0;
		for (int64_t j = e; j < n; j++) row[j] = 0;
		out[c * width + a->vd] = top;
		out[c * width + a->vd + 1] = v_sum(sum);
	}
	int64_t j = 0;
	if (first >= last) {
		for (int c = 0; c < count; c++) memset(out + c * width, 0, 4 * a->vd);
		return;
	}
	for (; j + V_FEW * VW <= a->vd; j += V_FEW * VW) few_values(a, h, first, last, s, count, out, width, j, V_FEW, type);
	FOR_VECTORS(j, a->vd) few_values(a, h, first, last, s, count, out, width, j, 1, type);
	if (j < a->vd) { // the rest of a row
		int n = a->vd - j;
		vf sum[FEW];
		for (int c = 0; c < count; c++) sum[c] = v_set(0);
		for (int64_t pos = first; pos < last; pos++) {
			vf x = c_load_n(cache_row(&a->o->c, a, h, pos), j, n, type);
			for (int c = 0; c < count; c++) sum[c] = v_fma(v_set(s[c * ATTEND_SPAN + pos - first]), x, sum[c]);
		}
		for (int c = 0; c < count; c++) v_store_n(out + c * width + j, sum[c], n);
	}
}

static void attend_few(const attention *a, int64_t h, int64_t lo, int64_t hi, float *partial, float *scratch) {
	int64_t rows = a->n * a->group, width = a->vd + 2;
	float *q = scratch, *s = q + FEW * a->kd;
	for (int64_t r = 0; r < rows; r += FEW) {
		int count = rows - r < FEW ? rows - r : FEW;
		int64_t from[FEW], to[FEW];
		for (int c = 0; c < count; c++) {
			int64_t i = (r + c) / a->group, g = (r + c) % a->group;
			visible(a, i, lo, hi, &from[c], &to[c]);
			scale(q + c * a->kd, (const float *)(a->o->a.p + i * a->o->a.stride[1] + (h * a->group + g) * a->o->a.stride[2]),
				a->kd, logit_scale(a, i));
		}
		float *out = partial + r * width;
#define FEW_CASE(N) \
	case N: \
		switch (a->type) { \
		case T_F32: few_heads(a, h, lo, hi, q, N, s, out, width, from, to, T_F32); break; \
		case T_F16: few_heads(a, h, lo, hi, q, N, s, out, width, from, to, T_F16); break; \
		case T_BF16: few_heads(a, h, lo, hi, q, N, s, out, width, from, to, T_BF16); break; \
		case T_Q8_0: few_heads(a, h, lo, hi, q, N, s, out, width, from, to, T_Q8_0); break; \
		default: few_heads(a, h, lo, hi, q, N, s, out, width, from, to, T_Q4_0); break; \
		} \
		break;
		switch (count) {
			FEW_CASE(1)
			FEW_CASE(2)
			FEW_CASE(3)
			FEW_CASE(4)
		}
#undef FEW_CASE
	}
}

// ---- many queries: each lane of a vector is a query and head, so that nothing is summed across a vector.

enum { LANES = V_TILE * VW, KEYS = 6 };

// out[key][lane] = Σ_d rows[key][d] · q[d][lane] for count keys.
INLINE void tile_scores(float *out, const float *rows, int64_t stride, const float *q, int64_t kd, int count) {
	vf s[KEYS][V_TILE];
	for (int c = 0; c < count; c++) for (int v = 0; v < V_TILE; v++) s[c][v] = v_set(0);
	for (int64_t d = 0; d < kd; d++) {
		vf x[V_TILE];
		for (int v = 0; v < V_TILE; v++) x[v] = v_load(q + d * LANES + v * VW);
		for (int c = 0; c < count; c++) {
			vf k = v_set(rows[c * stride + d]);
			for (int v = 0; v < V_TILE; v++) s[c][v] = v_fma(k, x[v], s[c][v]);
		}
	}
	for (int c = 0; c < count; c++) for (int v = 0; v < V_TILE; v++) v_store(out + c * LANES + v * VW, s[c][v]);
}

// out[d][lane] += Σ_key p[key][lane] · rows[key][d] for count dimensions d.
INLINE void tile_values(float *out, const float *rows, int64_t stride, const float *p, int64_t keys, int count) {
	vf s[KEYS][V_TILE];
	for (int c = 0; c < count; c++) for (int v = 0; v < V_TILE; v++) s[c][v] = v_load(out + c * LANES + v * VW);
	for (int64_t k = 0; k < keys; k++) {
		vf x[V_TILE];
		for (int v = 0; v < V_TILE; v++) x[v] = v_load(p + k * LANES + v * VW);
		for (int c = 0; c < count; c++) {
			vf y = v_set(rows[k * stride + c]);
			for (int v = 0; v < V_TILE; v++) s[c][v] = v_fma(y, x[v], s[c][v]);
		}
	}
	for (int c = 0; c < count; c++) for (int v = 0; v < V_TILE; v++) v_store(out + c * LANES + v * VW, s[c][v]);
}

static void attend_many(const attention *a, int64_t h, int64_t lo, int64_t hi, float *scratch) {
	const op *o = a->o;
	int64_t kd = a->kd, vd = a->vd;
	float *q = scratch, *acc = q + kd * LANES, *p = acc + vd * LANES; // [kd][lane], [vd][lane], [key][lane]
	float *keys = p + ATTEND_KEYS * LANES, *values = keys + ATTEND_KEYS * kd;
	float *top = values + ATTEND_KEYS * vd, *sum = top + LANES, *begin = sum + LANES, *end = begin + LANES;
	int lanes = hi - lo;
	int64_t first = a->past + a->n, last = 0, all_from = 0, all_to = a->past + a->n;
	int64_t oldest = a->past + a->n - a->slots > 0 ? a->past + a->n - a->slots : 0;
	for (int l = 0; l < LANES; l++) {
		int64_t r = lo + (l < lanes ? l : lanes - 1), i = r / a->group, g = r % a->group, from, to;
		const float *x = (const float *)(o->a.p + i * o->a.stride[1] + (h * a->group + g) * o->a.stride[2]);
		float f = logit_scale(a, i);
		for (int64_t d = 0; d < kd; d++) q[d * LANES + l] = x[d] * f;
		visible(a, i, oldest, a->past + a->n, &from, &to);
		// Positions are compared as floats, exact below 2²⁴ because they are relative to the oldest.
		begin[l] = from - oldest;
		end[l] = to - oldest;
		if (from < first) first = from;
		if (to > last) last = to;
		if (from > all_from) all_from = from;
		if (to < all_to) all_to = to;
		top[l] = o->e.p ? ((float *)o->e.p)[h * a->group + g] : -1e30f;
		sum[l] = o->e.p ? 1 : 0;
	}
	memset(acc, 0, 4 * vd * LANES);
	for (int64_t pos = first; pos < last; pos += ATTEND_KEYS) {
		int64_t count = last - pos < ATTEND_KEYS ? last - pos : ATTEND_KEYS, k = 0;
		int64_t slot = pos % a->slots;
		for (; k < count; k++) {
			decode(keys + k * kd, o->b.p + slot * o->b.stride[1] + h * o->b.stride[2], kd, a->type);
			decode(values + k * vd, o->c.p + slot * o->c.stride[1] + h * o->c.stride[2], vd, a->type);
			if (++slot == a->slots) slot = 0;
		}
		for (k = 0; k + KEYS <= count; k += KEYS) tile_scores(p + k * LANES, keys + k * kd, kd, q, kd, KEYS);
		for (; k < count; k++) tile_scores(p + k * LANES, keys + k * kd, kd, q, kd, 1);
		if (o->f[1] > 0) soft_cap(p, p, count * LANES, o->f[1]);
		int masked = pos < all_from || pos + count > all_to;
		for (int v = 0; v < LANES; v += VW) {
			vf old = v_load(top + v), m = old;
			if (masked) {
				vf b = v_load(begin + v), e = v_load(end + v);
				for (k = 0; k < count; k++) {
					vf at = v_set(pos + k - oldest), x = v_load(p + k * LANES + v);
					x = v_less(at, b, v_set(-INFINITY), v_less(at, e, x, v_set(-INFINITY)));
					v_store(p + k * LANES + v, x);
					m = v_max(m, x);
				}
			} else {
				for (k = 0; k < count; k++) m = v_max(m, v_load(p + k * LANES + v));
			}
			vf f = v_exp(old - m), s = v_load(sum + v) * f;
			for (k = 0; k < count; k++) {
				vf x = v_exp(v_load(p + k * LANES + v) - m);
				v_store(p + k * LANES + v, x);
				s = s + x;
			}
			v_store(top + v, m);
			v_store(sum + v, s);
			if (v_any_greater(m, old))
				for (int64_t d = 0; d < vd; d++) v_store(acc + d * LANES + v, v_load(acc + d * LANES + v) * f);
		}
		int64_t d = 0;
		for (; d + KEYS <= vd; d += KEYS) tile_values(acc + d * LANES, values + d, vd, p, count, KEYS);
		for (; d < vd; d++) tile_values(acc + d * LANES, values + d, vd, p, count, 1);
	}
	for (int l = 0; l < lanes; l++) {
		int64_t r = lo + l, i = r / a->group, g = r % a->group;
		float *out = (float *)(o->out.p + i * o->out.stride[1] + (h * a->group + g) * o->out.stride[2]);
		float f = sum[l] > 0 ? 1 / sum[l] : 0;
		for (int64_t d = 0; d < vd; d++) out[d] = acc[d * LANES + l] * f;
	}
}
