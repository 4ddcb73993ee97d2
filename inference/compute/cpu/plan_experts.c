//go:build cgo

// Phases of the choice of experts and of products with them.
#include "plan.h"

#include <math.h>
#include <string.h>

// ---- routing

enum { GATE_SOFTMAX, GATE_SIGMOID, GATE_SOFTMAX_CHOSEN, GATE_NORMALISE = 1 << 8 };

// Makes the experts of all but the best groups worse than any other.
static void limit_groups(const kernels *k, const op *o, float *biased, int64_t experts, float *scratch) {
	int64_t groups = o->i[0], used = o->i[1], best = o->i[2], size = experts / groups;
	float *scores = scratch, *values = scores + groups;
	int32_t *ids = (int32_t *)(values + experts);
	for (int64_t g = 0; g < groups; g++) {
		k->top_k(values, ids, biased + g * size, size, best);
		scores[g] = 0;
		for (int64_t j = 0; j < best; j++) scores[g] += values[j];
	}
	k->top_k(values, ids, scores, groups, used);
	for (int64_t g = 0; g < groups; g++) scores[g] = 0;
	for (int64_t j = 0; j < used; j++) scores[ids[j]] = 1;
	for (int64_t j = 0; j < experts; j++) if (scores[j / size] == 0) biased[j] = -INFINITY;
}

static void run_route(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t experts = o->a.dim[3], used = o->out.dim[3];
	int gate = o->mode & ~GATE_NORMALISE;
	float *gated = worker_scratch(e, w, 4 * 6 * experts), *biased = gated + experts;
	RANGE(o->a.dim[2]);
	for (int64_t r = lo; gated && r < hi; r++) {
		const float *scores = view_row(&o->a, r);
		float *weights = view_row(&o->out, r);
		int32_t *ids = view_row(&o->b, r);
		if (gate == GATE_SIGMOID) e->k->activate(gated, scores, NULL, experts, A_SIGMOID);
		else if (gate == GATE_SOFTMAX) e->k->softmax(gated, scores, experts);
		else memcpy(gated, scores, 4 * experts);
		if (o->c.p) e->k->add(biased, gated, (const float *)o->c.p, experts);
		else memcpy(biased, gated, 4 * experts);
		if (o->i[0] > 1) limit_groups(e->k, o, biased, experts, biased + experts);
		e->k->top_k(weights, ids, biased, experts, used);
		for (int64_t j = 0; j < used; j++) weights[j] = gated[ids[j]];
		if (gate == GATE_SOFTMAX_CHOSEN) e->k->softmax(weights, weights, used);
		float factor = o->f[1];
		if (o->mode & GATE_NORMALISE) {
			float sum = o->f[0];
			for (int64_t j = 0; j < used; j++) sum += weights[j];
			factor /= sum;
		}
		for (int64_t j = 0; j < used; j++) weights[j] *= factor;
	}
}

int plan_route(engine *e, const op *o) {
	if (e->step > 0) return 0;
	return cut(e, o, run_route, o->a.dim[2], 16 * o->a.dim[3]);
}

static void run_combine(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t used = o->a.dim[2];
	RANGE(o->out.dim[2]);
	for (int64_t r = lo; r < hi; r++)
		e->k->combine(view_row(&o->out, r), o->a.p + r * o->a.stride[1], o->a.stride[2], view_row(&o->b, r), used, o->out.dim[3]);
}

int plan_combine(engine *e, const op *o) {
	if (e->step > 0) return 0;
	return cut(e, o, run_combine, o->out.dim[2], o->a.dim[2] * o->a.dim[3]);
}

// ---- products

// Row u of the output is token u / used with its choice u % used. Its row of x, counted as plan_quantise counts them:
static int64_t row_of_x(const op *o, int64_t u) { return o->a.stride[2] == 0 ? u / o->a.dim[2] : u; }

// x without the repetition of rows.
static view rows_of_x(const op *o) {
	view x = o->a;
	if (x.stride[2] == 0) {
		x.dim[2] = x.dim[1];
		x.stride[2] = x.stride[1];
		x.dim[1] = 1;
		x.stride[1] = 0;
	}
	return x;
}

// Sorts the rows of the output by expert. Rows without one come last.
static int sort_rows(engine *e, const op *o) {
	experts *x = &e->experts;
	int64_t n = o->out.dim[1], used = o->out.dim[2], count = o->b.dim[1];
	int32_t *p = buffer_get(&x->memory, 4 * (2 * (count + 2) + n * used));
	if (!p) {
		e->failed = 1;
		return 0;
	}
	x->start = p;
	x->chosen = p + count + 2;
	x->rows = x->chosen + count + 2;
	memset(x->start, 0, 4 * (count + 2));
	for (int64_t i = 0; i < n; i++) {
		const int32_t *ids = (const int32_t *)(o->d.p + i * o->d.stride[2]);
		for (int64_t j = 0; j < used; j++) x->start[(ids[j] >= 0 && ids[j] < count ? ids[j] : count) + 1]++;
	}
	x->count = 0;
	for (int64_t i = 0; i <= count; i++) {
		if (i < count && x->start[i + 1] > 0) x->chosen[x->count++] = i;
		x->start[i + 1] += x->start[i];
	}
	for (int64_t i = 0; i < n; i++) {
		const int32_t *ids = (const int32_t *)(o->d.p + i * o->d.stride[2]);
		for (int64_t j = 0; j < used; j++) {
			int64_t id = ids[j] >= 0 && ids[j] < count ? ids[j] : count;
			x->rows[x->start[id]++] = i * used + j;
		}
	}
	for (int64_t i = count + 1; i > 0; i--) x->start[i] = x->start[i - 1];
	x->start[0] = 0;
	return 1;
}

// The product with rows [0, n) of expert id, which lie one after the other.
static product product_with(const engine *e, const op *o, int64_t id, int64_t n) {
	return (product){
		.w = o->b.p + id * o->b.stride[1], .w_stride = o->b.stride[2], .k = o->a.dim[3], .n = n, .type = o->b.type,
		.grid = e->codebooks[o->b.type],
	};
}

// A few rows: every one by itself, straight from x to the output.
static void run_row(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t m = o->b.dim[2], pieces = (m + e->phase.per - 1) / e->phase.per, u = chunk / pieces;
	int64_t lo = chunk % pieces * e->phase.per, hi = min64(lo + e->phase.per, m), used = o->out.dim[2];
	int64_t id = ((const int32_t *)(o->d.p + u / used * o->d.stride[2]))[u % used];
	float *out = view_row(&o->out, u);
	if (id < 0 || id >= o->b.dim[1]) {
		memset(out + lo, 0, 4 * (hi - lo));
		return;
	}
	product p = product_with(e, o, id, 1);
	int64_t row = row_of_x(o, u);
	p.x = view_row(&o->a, u);
	p.xq = e->quantised;
	p.xq.q += row * p.xq.q_stride;
	p.xq.scale += row * p.xq.scale_stride;
	p.out = (char *)out;
	e->k->matvec[p.type](&p, lo, hi);
	if (o->c.p) e->k->add(out + lo, out + lo, (const float *)(o->c.p + id * o->c.stride[2]) + lo, hi - lo);
}

// Collects the rows of x in the order of their experts.
static void run_collect(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	experts *x = &e->experts;
	int64_t k = o->a.dim[3];
	RANGE(x->start[o->b.dim[1]]);
	for (int64_t r = lo; r < hi; r++) {
		int64_t u = x->rows[r], row = row_of_x(o, u);
		if (x->x) {
			memcpy(x->x + r * x->x_stride, view_row(&o->a, u), 4 * k);
			continue;
		}
		memcpy(x->xq.q + r * x->xq.q_stride, e->quantised.q + row * e->quantised.q_stride, (k + 255) & ~(int64_t)255);
		memcpy(x->xq.scale + r * x->xq.scale_stride, e->quantised.scale + row * e->quantised.scale_stride, 4 * ((k + 255) / 256 * 32));
	}
}

static void run_expert(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	experts *x = &e->experts;
	int64_t m = o->b.dim[2], pieces = (m + e->phase.per - 1) / e->phase.per, id = x->chosen[chunk / pieces];
	int64_t lo = chunk % pieces * e->phase.per, hi = min64(lo + e->phase.per, m), first = x->start[id];
	product p = product_with(e, o, id, x->start[id + 1] - first);
	p.out = x->out + first * x->out_stride;
	p.out_stride = x->out_stride;
	if (x->x) {
		p.x = x->x + first * x->x_stride;
		p.x_stride = x->x_stride;
	} else {
		p.xq = x->xq;
		p.xq.q += first * p.xq.q_stride;
		p.xq.scale += first * p.xq.scale_stride;
	}
	if (p.n < GEMM_ROWS || !e->k->gemm[p.type]) {
		e->k->matvec[p.type](&p, lo, hi);
		return;
	}
	void *scratch = worker_scratch(e, w, gemm_scratch(p.k));
	if (scratch) e->k->gemm[p.type](&p, lo, hi, scratch);
}

// Puts the rows of the product where they belong.
static void run_spread(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	experts *x = &e->experts;
	int64_t m = o->b.dim[2], count = o->b.dim[1];
	RANGE(o->out.dim[1] * o->out.dim[2]);
	int64_t id = 0;
	for (int64_t r = lo; r < hi; r++) {
		while (id < count && r >= x->start[id + 1]) id++;
		float *out = view_row(&o->out, x->rows[r]);
		const float *from = (const float *)(x->out + r * x->out_stride);
		if (id == count) memset(out, 0, 4 * m);
		else if (o->c.p) e->k->add(out, from, (const float *)(o->c.p + id * o->c.stride[2]), m);
		else memcpy(out, from, 4 * m);
	}
}

// Memory for the collected rows and their products.
static int prepare_collected(engine *e, const op *o) {
	experts *x = &e->experts;
	int64_t rows = o->out.dim[1] * o->out.dim[2], k = o->a.dim[3], q_stride, scale_stride;
	quantised_strides(k, &q_stride, &scale_stride);
	int64_t x_stride = rounds_activations(o->b.type) ? q_stride + 4 * scale_stride : ((4 * k) | 64) + 64;
	x->out_stride = (4 * o->b.dim[2]) | 64;
	char *p = buffer_get(&x->collected, rows * (x_stride + x->out_stride) + 256);
	if (!p) {
		e->failed = 1;
		return 0;
	}
	x->x = NULL;
	if (rounds_activations(o->b.type)) {
		x->xq = (quantised){(int8_t *)p, (float *)(p + rows * q_stride), q_stride, scale_stride, 0};
	} else {
		x->x = p;
		x->x_stride = x_stride;
	}
	x->out = p + rows * x_stride;
	return 1;
}

int plan_experts(engine *e, const op *o) {
	int64_t n = o->out.dim[1], used = o->out.dim[2], m = o->b.dim[2], k = o->a.dim[3];
	if (e->step == 0) {
		view x = rows_of_x(o);
		if (plan_quantise(e, o, &x)) return 1;
		if (e->failed) return 0;
		e->step = 1;
	}
	if (e->step == 1 && n == 1) {
		int64_t per = max64(m * used / (e->threads * 16), 16384 / o->b.stride[2]);
		per = min64((per + 3) & ~(int64_t)3, m);
		int64_t pieces = (m + per - 1) / per;
		e->phase = (phase){o, run_row, used * pieces, per};
		return 1;
	}
	if (n == 1) return 0;
	experts *x = &e->experts;
	switch (e->step) {
	case 1:
		if (!sort_rows(e, o) || !prepare_collected(e, o)) return 0;
		if (x->count > 0) return cut(e, o, run_collect, x->start[o->b.dim[1]], k);
		e->step = 3;
		return cut(e, o, run_spread, n * used, m);
	case 2: {
		int64_t tile = max64(e->k->tile, 4), per = max64(1, min64(64, m * x->count / (e->threads * 6)) / tile) * tile;
		per = max64(per, (m * x->count / MAX_CHUNKS + 1 + tile - 1) / tile * tile);
		e->phase = (phase){o, run_expert, x->count * ((m + per - 1) / per), per};
		return 1;
	}
	case 3:
		return cut(e, o, run_spread, n * used, m);
	}
	return 0;
}
