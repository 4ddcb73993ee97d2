// Template: short convolutions and recurrences. What is independent (channels, heads, columns of a state) is the caller's
// to share out; the tokens of a pass come one after the other. Compiled by each level, on vectors of vec.h.

INLINE vf v_some(const float *p, int n) { return n == VW ? v_load(p) : v_load_n(p, n); }
INLINE void v_store_some(float *p, vf v, int n) {
	if (n == VW) v_store(p, v);
	else v_store_n(p, v, n);
}

// ---- convolution

// Channels [lo, hi), at most a strip: their filters and history stay in the first-level cache. history holds the last taps - 1 inputs, the oldest at row `oldest`.
INLINE void conv_strip(const op *o, int64_t lo, int64_t hi, int64_t taps, float *scratch) {
	float *filter = scratch, *history = scratch + taps * CONV_STRIP, *bias = history + (taps - 1) * CONV_STRIP;
	int64_t width = hi - lo, kept = taps - 1;
	memset(scratch, 0, 4 * 2 * taps * CONV_STRIP);
	for (int64_t c = 0; c < width; c++) {
		const float *w = (const float *)(o->b.p + (lo + c) * o->b.stride[2]);
		for (int64_t j = 0; j < taps; j++) filter[j * CONV_STRIP + c] = w[j];
	}
	for (int64_t j = 0; j < kept; j++)
		memcpy(history + j * CONV_STRIP, (const float *)(o->e.p + j * o->e.stride[2]) + lo, 4 * width);
	if (o->c.p) memcpy(bias, (const float *)o->c.p + lo, 4 * width);
	int64_t oldest = 0;
	for (int64_t i = 0; i < o->out.dim[2]; i++) {
		const float *x = (const float *)(o->a.p + i * o->a.stride[2]) + lo;
		float *out = (float *)(o->out.p + i * o->out.stride[2]) + lo;
		for (int64_t c = 0; c < width; c += VW) {
			int count = width - c < VW ? width - c : VW;
			vf in = v_some(x + c, count), sum = v_load(bias + c);
			for (int64_t j = 0, at = oldest; j < kept; j++) {
				sum = v_fma(v_load(filter + j * CONV_STRIP + c), v_load(history + at * CONV_STRIP + c), sum);
				if (++at == kept) at = 0;
			}
			sum = v_fma(v_load(filter + kept * CONV_STRIP + c), in, sum);
			v_store(history + oldest * CONV_STRIP + c, in);
			v_store_some(out + c, sum, count);
		}
		if (++oldest == kept) oldest = 0;
	}
	for (int64_t j = 0; j < kept; j++) {
		memcpy((float *)(o->e.p + j * o->e.stride[2]) + lo, history + oldest * CONV_STRIP, 4 * width);
		if (++oldest == kept) oldest = 0;
	}
}

static void conv1d(const op *o, int64_t lo, int64_t hi, float *scratch) {
	int64_t taps = o->b.dim[3];
	for (; lo < hi; lo += CONV_STRIP) {
		int64_t end = hi - lo < CONV_STRIP ? hi : lo + CONV_STRIP;
		switch (taps) { // known to the compiler, loops over them unroll
		case 3: conv_strip(o, lo, end, 3, scratch); break;
		case 4: conv_strip(o, lo, end, 4, scratch); break;
		default: conv_strip(o, lo, end, taps, scratch); break;
		}
	}
}

// ---- selective scan

enum { SCAN_ROWS = 8 }; // rows of a state whose sums are added up together

// Rows [j, j + rows) of a head's state, one token: y[r] = state[r] · C of the state after it took x[r] · dt · B.
INLINE void scan_rows(float *state, int64_t stride, const float *in, const float *b, const float *c, const float *decay, vf factor,
	int64_t dim, int rows, int matrix, float *y) {
	vf sum[SCAN_ROWS];
	for (int r = 0; r < SCAN_ROWS; r++) sum[r] = v_set(0);
	for (int64_t s = 0; s < dim; s += VW) {
		int count = dim - s < VW ? dim - s : VW;
		vf bv = v_some(b + s, count), cv = v_some(c + s, count), f = matrix ? v_load(decay + s) : factor;
		for (int r = 0; r < rows; r++) {
			float *p = state + r * stride + s;
			vf v = v_fma(f, v_some(p, count), v_set(in[r]) * bv);
			v_store_some(p, v, count);
			sum[r] = v_fma(v, cv, sum[r]);
		}
	}
	if (rows == SCAN_ROWS) v_sum8(y, sum);
	else for (int r = 0; r < rows; r++) y[r] = v_sum(sum[r]);
}

// Heads [lo, hi), few enough that their states stay in a cache while the tokens go by. scratch holds dim + VW floats.
static void selective_scan(const op *o, int64_t lo, int64_t hi, float *scratch) {
	int64_t n = o->out.dim[1], heads = o->out.dim[2], p = o->out.dim[3], dim = o->e.dim[3], per = heads / o->d.dim[2];
	for (int64_t i = 0; i < n; i++) {
		const float *dts = (const float *)(o->b.p + i * o->b.stride[2]);
		for (int64_t h = lo; h < hi; h++) {
			float dt = dts[h];
			vf factor = v_set(0);
			if (o->mode) { // a decay for each element of the state
				const float *a = (const float *)(o->c.p + h * o->c.stride[2]);
				for (int64_t s = 0; s < dim; s += VW) {
					int count = dim - s < VW ? dim - s : VW;
					v_store(scratch + s, v_exp(v_some(a + s, count) * v_set(dt)));
				}
			} else {
				factor = v_set(expf(dt * ((const float *)o->c.p)[h]));
			}
			const float *x = (const float *)(o->a.p + i * o->a.stride[1] + h * o->a.stride[2]);
			float *out = (float *)(o->out.p + i * o->out.stride[1] + h * o->out.stride[2]);
			const float *b = (const float *)(o->d.p + i * o->d.stride[1] + h / per * o->d.stride[2]);
			const float *c = (const float *)(o->g.p + i * o->g.stride[1] + h / per * o->g.stride[2]);
			float *state = (float *)(o->e.p + h * o->e.stride[1]);
			int64_t stride = o->e.stride[2] / 4;
			float d = o->h.p ? ((const float *)o->h.p)[h] : 0;
			for (int64_t j = 0; j < p; j += SCAN_ROWS) {
				int rows = p - j < SCAN_ROWS ? p - j : SCAN_ROWS;
				float in[SCAN_ROWS], y[SCAN_ROWS];
				for (int r = 0; r < rows; r++) in[r] = dt * x[j + r];
				if (o->mode) scan_rows(state + j * stride, stride, in, b, c, scratch, factor, dim, rows, 1, y);
				else if (rows == SCAN_ROWS) scan_rows(state + j * stride, stride, in, b, c, scratch, factor, dim, SCAN_ROWS, 0, y);
				else scan_rows(state + j * stride, stride, in, b, c, scratch, factor, dim, rows, 0, y);
				for (int r = 0; r < rows; r++) out[j + r] = o->h.p ? y[r] + d * x[j + r] : y[r];
			}
		}
	}
}

// ---- gated delta rule

// Columns of a state depend on each other in nothing: a strip of them stays in the first-level cache while the tokens go by.
// What the state holds for the key of the next token is added up in the same pass over the state that takes this one's.
INLINE void delta_strip(const op *o, int64_t h, int64_t from, int count, int vectors) {
	int64_t n = o->out.dim[1], heads = o->out.dim[2], k_heads = o->a.dim[2], rows = o->a.dim[3];
	int64_t kh = o->mode ? h % k_heads : h / (heads / k_heads), stride = o->e.stride[2] / 4;
	float *state = (float *)(o->e.p + h * o->e.stride[1]) + from;
	vf held[V_FEW];
	for (int v = 0; v < vectors; v++) held[v] = v_set(0);
	const float *k = (const float *)(o->b.p + kh * o->b.stride[2]);
	for (int64_t a = 0; a < rows; a++)
		for (int v = 0; v < vectors; v++) held[v] = v_fma(v_set(k[a]), v_some(state + a * stride + v * VW, count), held[v]);
	for (int64_t i = 0; i < n; i++) {
		const float *q = (const float *)(o->a.p + i * o->a.stride[1] + kh * o->a.stride[2]);
		const float *next = i + 1 < n ? (const float *)((const char *)k + o->b.stride[1]) : k;
		const float *value = (const float *)(o->c.p + i * o->c.stride[1] + h * o->c.stride[2]) + from;
		float *out = (float *)(o->out.p + i * o->out.stride[1] + h * o->out.stride[2]) + from;
		vf decay = v_set(expf(((const float *)(o->d.p + i * o->d.stride[2]))[h]));
		vf beta = v_set(((const float *)(o->g.p + i * o->g.stride[2]))[h]);
		vf delta[V_FEW], sum[V_FEW];
		for (int v = 0; v < vectors; v++) {
			delta[v] = beta * (v_some(value + v * VW, count) - decay * held[v]);
			sum[v] = held[v] = v_set(0);
		}
		for (int64_t a = 0; a < rows; a++) {
			vf ka = v_set(k[a]), qa = v_set(q[a]), na = v_set(next[a]);
			for (int v = 0; v < vectors; v++) {
				float *p = state + a * stride + v * VW;
				vf s = v_fma(ka, delta[v], decay * v_some(p, count));
				v_store_some(p, s, count);
				sum[v] = v_fma(qa, s, sum[v]);
				held[v] = v_fma(na, s, held[v]);
			}
		}
		for (int v = 0; v < vectors; v++) v_store_some(out + v * VW, sum[v], count);
		k = next;
	}
}

// Columns [lo, hi) of head h.
static void delta_scan(const op *o, int64_t h, int64_t lo, int64_t hi) {
	for (; lo + V_FEW * VW <= hi; lo += V_FEW * VW) delta_strip(o, h, lo, VW, V_FEW);
	for (; lo + VW <= hi; lo += VW) delta_strip(o, h, lo, VW, 1);
	if (lo < hi) delta_strip(o, h, lo, hi - lo, 1);
}

// ---- experts

// out may be x.
static void softmax(float *out, const float *x, int64_t n) {
	float top = x[0], rest = 0;
	int64_t j = 0;
	vf m = v_set(-INFINITY), sum = v_set(0);
	FOR_VECTORS(j, n) m = v_max(m, v_load(x + j));
	if (j > 0) top = v_top(m);
	for (; j < n; j++) top = x[j] > top ? x[j] : top;
	j = 0;
	FOR_VECTORS(j, n) {
		vf p = v_exp(v_load(x + j) - v_set(top));
		v_store(out + j, p);
		sum = sum + p;
	}
	if (j < n) {
		float t[VW];
		v_store(t, v_exp(v_load_n(x + j, n - j) - v_set(top)));
		for (int l = 0; l < n - j; l++) {
			out[j + l] = t[l];
			rest += t[l];
		}
	}
	scale(out, out, n, 1 / (v_sum(sum) + rest));
}

// out = Σ weights[j] · x[j] over count rows of n that lie stride bytes apart.
static void combine(float *out, const char *x, int64_t stride, const float *weights, int64_t count, int64_t n) {
	for (int64_t l = 0; l < n; l += VW) {
		int some = n - l < VW ? n - l : VW;
		vf sum = v_set(0);
		for (int64_t j = 0; j < count; j++) sum = v_fma(v_set(weights[j]), v_some((const float *)(x + j * stride) + l, some), sum);
		v_store_some(out + l, sum, some);
	}
}
