// Template: products of a quantised weight with few rows of x. A level has group, 256 elements of a row of the weight, and
// sums, what is added up for one row of x. LOAD(group *, bytes) reads a group of BYTES that is BLOCKS blocks; DOT(group *,
// numbers, scales, sums *, …) adds its product with 256 numbers, END(sums *, …) is the result. WOVEN: the numbers are woven.

#define MATVEC(FN, LOAD, BYTES, BLOCKS, WOVEN, DOT, END, ...) \
	INLINE void FN##_rows(const product *p, int64_t r, int64_t i, int count) { \
		const char *w = p->w + r * p->w_stride; \
		const int8_t *q = p->xq.q + i * p->xq.q_stride + (WOVEN ? p->xq.woven : 0); \
		const float *f = p->xq.scale + i * p->xq.scale_stride; \
		sums s[4]; \
		group g; \
		for (int c = 0; c < count; c++) s[c] = (sums){0}; \
		int64_t b = 0, full = p->k / 256; \
		for (; b < full; b++) { \
			const char *ahead = fetched(p, w + b * BYTES + AHEAD); \
			for (int l = 0; l < BYTES; l += 64) FETCH(ahead + l); \
			LOAD(&g, w + b * BYTES); \
			for (int c = 0; c < count; c++) DOT(&g, q + c * p->xq.q_stride + 256 * b, f + c * p->xq.scale_stride + 32 * b, &s[c], __VA_ARGS__); \
		} \
		if (BLOCKS > 1 && p->k % 256) { /* the last blocks, with nothing after them */ \
			char t[BYTES] = {0}; \
			memcpy(t, w + b * BYTES, p->k % 256 / (256 / BLOCKS) * (BYTES / BLOCKS)); \
			LOAD(&g, t); \
			for (int c = 0; c < count; c++) DOT(&g, q + c * p->xq.q_stride + 256 * b, f + c * p->xq.scale_stride + 32 * b, &s[c], __VA_ARGS__); \
		} \
		for (int c = 0; c < count; c++) *((float *)(p->out + (i + c) * p->out_stride) + r) = END(&s[c], __VA_ARGS__); \
	} \
	static void FN(const product *p, int64_t lo, int64_t hi) { \
		for (int64_t r = lo; r < hi; r++) { \
			int64_t i = 0; \
			for (; i + 4 <= p->n; i += 4) FN##_rows(p, r, i, 4); \
			for (; i < p->n; i++) FN##_rows(p, r, i, 1); \
		} \
	}
