//go:build cgo

// How ops are cut into phases and chunks. Where a cut falls never depends on the number of threads in a way that could
// change a result: only between rows, or at fixed positions of the cache.
#include "plan.h"

#include <math.h>
#include <string.h>

int cut(engine *e, const op *o, void (*run)(engine *, worker *, int64_t), int64_t total, int64_t cost) {
	int64_t per = max64(SMALL / max64(cost, 1), 1);
	per = max64(per, (total + e->threads * 8 - 1) / (e->threads * 8));
	if (e->threads == 1) per = total;
	per = max64(per, (total + MAX_CHUNKS - 1) / MAX_CHUNKS);
	e->phase = (phase){o, run, (total + per - 1) / per, per};
	return 1;
}

void *worker_scratch(engine *e, worker *w, int64_t size) {
	void *p = buffer_get(&w->scratch, size);
	if (!p) e->failed = 1;
	return p;
}

// ---- rows and elements

static int64_t bytes_of_row(const view *v) {
	switch (v->type) {
	case T_F32: case T_I32: return 4 * v->dim[3];
	default: return 2 * v->dim[3]; // F16, BF16
	}
}

static void run_copy(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	RANGE(view_rows(&o->out));
	for (int64_t r = lo; r < hi; r++) memmove(view_row(&o->out, r), view_row(&o->a, r), bytes_of_row(&o->out));
}

static void run_gather(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	const int32_t *ids = (const int32_t *)o->b.p;
	RANGE(view_rows(&o->out));
	for (int64_t r = lo; r < hi; r++) {
		float *out = view_row(&o->out, r);
		if (ids[r] >= 0 && ids[r] < view_rows(&o->a)) {
			e->k->decode(out, view_row(&o->a, ids[r]), o->out.dim[3], o->a.type);
		} else {
			memset(out, 0, 4 * o->out.dim[3]);
		}
	}
}

static void run_rms_norm(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	RANGE(view_rows(&o->out));
	for (int64_t r = lo; r < hi; r++)
		e->k->rms_norm(view_row(&o->out, r), view_row(&o->a, r), (float *)o->b.p, o->out.dim[3], o->f[0]);
}

static void run_layer_norm(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	RANGE(view_rows(&o->out));
	for (int64_t r = lo; r < hi; r++)
		e->k->layer_norm(view_row(&o->out, r), view_row(&o->a, r), (float *)o->b.p, (float *)o->c.p, o->out.dim[3], o->f[0]);
}

static void run_top_k(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	RANGE(view_rows(&o->out));
	for (int64_t r = lo; r < hi; r++)
		e->k->top_k(view_row(&o->out, r), view_row(&o->b, r), view_row(&o->a, r), o->a.dim[3], o->out.dim[3]);
}

// Elementwise ops are cut into pieces of SMALL elements of a row, so that one wide row is shared too.
static void run_elements(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t cols = o->out.dim[3], pieces = (cols + SMALL - 1) / SMALL;
	RANGE(view_rows(&o->out) * pieces);
	for (int64_t u = lo; u < hi; u++) {
		int64_t r = u / pieces, from = u % pieces * SMALL, n = min64(cols - from, SMALL);
		float *out = (float *)view_row(&o->out, r) + from;
		const float *a = (float *)view_row(&o->a, r) + from;
		const float *b = o->b.p ? (float *)view_row(&o->b, r) + from : NULL;
		switch (o->kind) {
		case OP_GLU: case OP_ACTIVATE: e->k->activate(out, a, b, n, o->mode); break;
		case OP_ADD: e->k->add(out, a, b, n); break;
		case OP_MUL: e->k->mul(out, a, b, n); break;
		case OP_SCALE: e->k->scale(out, a, n, o->f[0]); break;
		case OP_SOFTCAP: e->k->soft_cap(out, a, n, o->f[0]); break;
		}
	}
}

static int plan_elements(engine *e, const op *o, int64_t cost) {
	int64_t cols = o->out.dim[3], pieces = (cols + SMALL - 1) / SMALL;
	return cut(e, o, run_elements, view_rows(&o->out) * pieces, min64(cols, SMALL) * cost);
}

// ---- rotary position embedding

// The table is computed in double precision: at position 100,000 a float's angle is off by 1e-2.
static void run_rotations(engine *e, worker *w, int64_t chunk) {
	rotations *t = e->turn;
	float *cosines = t->table.p, *sines = cosines + t->n * t->pairs;
	const float *freq = t->freq;
	RANGE(t->n);
	for (int64_t i = lo; i < hi; i++)
		for (int64_t j = 0; j < t->pairs; j++) {
			double angle = (double)(t->past + i) * freq[j];
			cosines[i * t->pairs + j] = (float)cos(angle) * t->magnitude;
			sines[i * t->pairs + j] = (float)sin(angle) * t->magnitude;
		}
}

static void run_rope(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	rotations *t = e->turn;
	const float *cosines = t->table.p, *sines = cosines + t->n * t->pairs;
	int64_t heads = o->out.dim[2];
	RANGE(t->n * heads);
	for (int64_t u = lo; u < hi; u++) {
		int64_t i = u / heads;
		e->k->rope(view_row(&o->out, u), cosines + i * t->pairs, sines + i * t->pairs, t->pairs, o->mode);
	}
}

static int plan_rope(engine *e, const op *o) {
	int64_t past = *(int32_t *)o->b.p, n = o->out.dim[1], pairs = o->c.dim[3];
	if (e->step == 1) return cut(e, o, run_rope, n * o->out.dim[2], 2 * pairs);
	if (e->step > 1) return 0;
	for (int i = 0; i < ROTATIONS; i++) {
		rotations *t = &e->rotations[i];
		if (t->valid && t->freq == o->c.p && t->past == past && t->n == n && t->pairs == pairs && t->magnitude == o->f[0]) {
			e->turn = t;
			e->step = 1;
			return plan_rope(e, o);
		}
	}
	rotations *t = &e->rotations[e->next_rotations];
	e->next_rotations = (e->next_rotations + 1) % ROTATIONS;
	if (!buffer_get(&t->table, 8 * n * pairs)) {
		e->failed = 1;
		t->valid = 0;
		return 0;
	}
	t->freq = o->c.p;
	t->past = past;
	t->n = n;
	t->pairs = pairs;
	t->magnitude = o->f[0];
	t->valid = 1;
	e->turn = t;
	return cut(e, o, run_rotations, n, 64 * pairs);
}

// ---- the cache

static void store(engine *e, const view *cache, const view *x, int64_t i, int64_t slot) {
	for (int64_t h = 0; h < x->dim[2]; h++) {
		void *dst = cache->p + slot * cache->stride[1] + h * cache->stride[2];
		const float *src = (float *)(x->p + i * x->stride[1] + h * x->stride[2]);
		e->k->store(dst, src, x->dim[3], cache->type);
	}
}

static void run_store(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t past = *(int32_t *)o->c.p, n = o->a.dim[1], slots = o->out.dim[1];
	int64_t first = max64(0, n - slots); // of more rows than slots the last ones stay
	RANGE(n - first);
	for (int64_t i = first + lo; i < first + hi; i++) {
		int64_t slot = (past + i) % slots;
		store(e, &o->out, &o->a, i, slot);
		store(e, &o->e, &o->b, i, slot);
	}
}

// ---- attention

// The scratch of a worker: attend_few needs the queries of a group, scores and a row; attend_many its tiles.
static int64_t attend_scratch(const attention *a, int64_t lanes) {
	int64_t few = a->n * a->group * (ATTEND_SPAN + a->kd) + a->kd + a->vd;
	int64_t many = lanes * (a->kd + a->vd + ATTEND_KEYS + 4) + ATTEND_KEYS * (a->kd + a->vd);
	return 4 * max64(few, many) + 4096;
}

// First position that any query of the pass sees.
static int64_t attend_first(const attention *a) {
	int64_t first = max64(0, a->past + a->n - a->slots); // older positions were overwritten
	if (a->window > 0) first = max64(first, a->past - a->window + 1);
	return first;
}

static void run_few(engine *e, worker *w, int64_t chunk) {
	const attention *a = &e->attention;
	float *scratch = worker_scratch(e, w, attend_scratch(a, e->k->lanes));
	if (!scratch) return;
	int64_t rows = a->n * a->group;
	RANGE(a->kv_heads * e->spans);
	for (int64_t u = lo; u < hi; u++) {
		int64_t h = u / e->spans, s = u % e->spans;
		int64_t base = attend_first(a) / ATTEND_SPAN + s; // spans begin at multiples, whatever came before
		int64_t from = max64(base * ATTEND_SPAN, attend_first(a));
		int64_t to = min64((base + 1) * ATTEND_SPAN, a->past + a->n);
		e->k->attend_few(a, h, from, to, (float *)e->partial.p + u * rows * (a->vd + 2), scratch);
	}
}

// Joins the partial results of a query and head.
static void run_join(engine *e, worker *w, int64_t chunk) {
	const attention *a = &e->attention;
	const op *o = a->o;
	int64_t rows = a->n * a->group, width = a->vd + 2;
	RANGE(a->n * a->heads);
	for (int64_t u = lo; u < hi; u++) {
		int64_t i = u / a->heads, h = u % a->heads, kv = h / a->group;
		const float *p = (float *)e->partial.p + (kv * e->spans * rows + i * a->group + h % a->group) * width;
		float *out = view_row(&o->out, u);
		float top = o->e.p ? ((float *)o->e.p)[h] : -INFINITY, sum = 0;
		for (int64_t s = 0; s < e->spans; s++) top = fmaxf(top, p[s * rows * width + a->vd]);
		if (o->e.p) sum = expf(((float *)o->e.p)[h] - top);
		for (int64_t j = 0; j < a->vd; j++) out[j] = 0;
		for (int64_t s = 0; s < e->spans; s++) {
			const float *part = p + s * rows * width;
			if (!(part[a->vd + 1] > 0)) continue; // sees nothing of this span
			float f = expf(part[a->vd] - top);
			sum += f * part[a->vd + 1];
			for (int64_t j = 0; j < a->vd; j++) out[j] += f * part[j];
		}
		float f = sum > 0 ? 1 / sum : 0;
		for (int64_t j = 0; j < a->vd; j++) out[j] *= f;
	}
}

static void run_many(engine *e, worker *w, int64_t chunk) {
	const attention *a = &e->attention;
	float *scratch = worker_scratch(e, w, attend_scratch(a, e->k->lanes));
	if (!scratch) return;
	int64_t rows = a->n * a->group, tiles = (rows + e->k->lanes - 1) / e->k->lanes;
	int64_t h = chunk % a->kv_heads, tile = tiles - 1 - chunk / a->kv_heads; // the longest first
	e->k->attend_many(a, h, tile * e->k->lanes, min64((tile + 1) * e->k->lanes, rows), scratch);
}

static int plan_attend(engine *e, const op *o) {
	attention *a = &e->attention;
	if (e->step == 0) {
		*a = (attention){
			.o = o, .n = o->a.dim[1], .past = *(int32_t *)o->d.p, .slots = o->b.dim[1], .heads = o->a.dim[2],
			.kv_heads = o->b.dim[2], .group = o->a.dim[2] / o->b.dim[2], .kd = o->a.dim[3], .vd = o->c.dim[3],
			.window = o->i[0], .type = o->b.type,
		};
		int64_t rows = a->n * a->group;
		if (a->n >= 4 && 4 * rows >= e->k->lanes * 3) {
			e->spans = 0;
			int64_t tiles = (rows + e->k->lanes - 1) / e->k->lanes;
			e->phase = (phase){o, run_many, tiles * a->kv_heads, 1};
			return 1;
		}
		int64_t first = attend_first(a), end = a->past + a->n;
		e->spans = (end + ATTEND_SPAN - 1) / ATTEND_SPAN - first / ATTEND_SPAN;
		if (!buffer_get(&e->partial, 4 * a->kv_heads * e->spans * rows * (a->vd + 2))) {
			e->failed = 1;
			return 0;
		}
		return cut(e, o, run_few, a->kv_heads * e->spans, min64(end - first, ATTEND_SPAN) * rows * (a->kd + a->vd) / 4);
	}
	if (e->step == 1 && e->spans > 0) return cut(e, o, run_join, a->n * a->heads, e->spans * a->vd);
	return 0;
}

// ---- products

// Bytes of the smallest piece of a weight, and how often the rest is halved.
enum { LEAST_PIECE = 16384, MOST_ROUNDS = 4 };

static int64_t padded(int64_t k) { return (k + 255) & ~(int64_t)255; }

static void run_quantise(engine *e, worker *w, int64_t chunk) {
	const view *x = &e->quantised_of;
	int64_t k = x->dim[3], blocks = padded(k) / 256;
	RANGE(view_rows(x) * blocks);
	while (lo < hi) {
		int64_t i = lo / blocks, from = lo % blocks, to = min64(blocks, from + hi - lo);
		e->k->quantise(&e->quantised, i, view_row(x, i), k, from, to);
		lo += to - from;
	}
}

// A weight of m rows is dealt to the threads in rounds: half of the rows, half of the rest and so on, and what is left in
// the last. Long runs of memory for most of the time, short ones in the end, when some thread may be late.
static int64_t rounds_of(const engine *e, const view *w) {
	int64_t rounds = 0, least = max64(4, LEAST_PIECE / w->stride[2]) * e->threads;
	while (e->threads > 1 && rounds < MOST_ROUNDS && w->dim[2] >> (rounds + 1) >= least) rounds++;
	return rounds;
}

// The first row of a piece, and the end of the one before it.
static int64_t piece(const engine *e, const view *w, int64_t rounds, int64_t chunk) {
	int64_t m = w->dim[2], round = min64(chunk / e->threads, rounds), left = m >> round;
	int64_t size = round < rounds ? left - (left >> 1) : left;
	int64_t row = m - left + size * (chunk - round * e->threads) / e->threads;
	return row == m ? m : row & ~(int64_t)3;
}

static void run_matvec(engine *e, worker *w, int64_t chunk) {
	const view *b = &e->phase.o->b;
	int64_t rounds = e->phase.per, lo = piece(e, b, rounds, chunk), hi = piece(e, b, rounds, chunk + 1);
	if (lo == hi) return;
	product p = e->product;
	p.end = p.w + hi * p.w_stride;
	// Threads that are equally fast take every so-many-th piece, and begin the next product in the same order.
	int64_t next = chunk + e->threads;
	if (next < e->phase.chunks) p.jump = p.w + piece(e, b, rounds, next) * p.w_stride - p.end;
	else if (e->then.p) p.jump = e->then.p + piece(e, &e->then, rounds_of(e, &e->then), chunk % e->threads) * e->then.stride[2] - p.end;
	e->k->matvec[b->type](&p, lo, hi);
}

// The weight of the next product of few rows, if it is near: what comes before it is done in microseconds.
static void look_ahead(engine *e) {
	e->then.p = NULL;
	for (int64_t i = e->at + 1; i < e->count && i < e->at + 16; i++) {
		const op *o = &e->ops[i];
		if (o->kind == OP_MATMUL) {
			if (o->a.dim[2] < GEMM_ROWS) e->then = o->b;
			return;
		}
	}
}

static void run_gemm(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	void *scratch = worker_scratch(e, w, gemm_scratch(o->a.dim[3]));
	if (!scratch) return;
	RANGE(o->b.dim[2]);
	e->k->gemm[o->b.type](&e->product, lo, hi, scratch);
}

int rounds_activations(int64_t type) { return type != T_F32 && type != T_F16 && type != T_BF16; }

void quantised_strides(int64_t k, int64_t *q_stride, int64_t *scale_stride) {
	// An odd number of cache lines between rows, so that neighbours don't fall into the same set.
	*q_stride = padded(k) | 64;
	*scale_stride = padded(k) / 8 + 16;
}

int plan_quantise(engine *e, const op *o, const view *x) {
	if (!rounds_activations(o->b.type) || !memcmp(&e->quantised_of, x, sizeof *x)) return 0;
	int64_t rows = view_rows(x), q_stride, scale_stride;
	quantised_strides(x->dim[3], &q_stride, &scale_stride);
	int64_t woven = rows < GEMM_ROWS && e->k->weaves ? padded(x->dim[3]) : 0;
	q_stride += woven;
	e->quantised_of.p = NULL;
	char *p = buffer_get(&e->quantised_memory, rows * (q_stride + 4 * scale_stride) + 64);
	if (!p) {
		e->failed = 1;
		return 0;
	}
	e->quantised = (quantised){(int8_t *)p, (float *)(p + rows * q_stride), q_stride, scale_stride, woven};
	e->quantised_of = *x;
	return cut(e, o, run_quantise, rows * padded(x->dim[3]) / 256, 256);
}

static int plan_matmul(engine *e, const op *o) {
	int64_t type = o->b.type, n = o->a.dim[2], m = o->b.dim[2], k = o->a.dim[3];
	if (e->step == 0) {
		if (plan_quantise(e, o, &o->a)) return 1;
		if (e->failed) return 0;
		e->step = 1;
	}
	if (e->step > 1) return 0;
	e->product = (product){
		.w = o->b.p, .w_stride = o->b.stride[2], .k = k, .n = n, .x = o->a.p, .x_stride = o->a.stride[2],
		.xq = e->quantised, .out = o->out.p, .out_stride = o->out.stride[2], .type = type, .grid = e->codebooks[type],
	};
	if (n >= GEMM_ROWS && e->k->gemm[type]) {
		int64_t tile = e->k->tile, tiles = (m + tile - 1) / tile;
		int64_t most = max64(1, 64 / tile), per = max64(1, min64(most, tiles / (e->threads * 6)));
		per = max64(per, (tiles + MAX_CHUNKS - 1) / MAX_CHUNKS);
		if (e->threads == 1) per = most;
		e->phase = (phase){o, run_gemm, (tiles + per - 1) / per, per * tile};
		return 1;
	}
	look_ahead(e);
	int64_t rounds = rounds_of(e, &o->b);
	e->phase = (phase){o, run_matvec, e->threads * (rounds + 1), rounds};
	return 1;
}

// ----

int plan(engine *e, const op *o) {
	int64_t cols = o->out.dim[3];
	switch (o->kind) {
	case OP_MATMUL: return plan_matmul(e, o);
	case OP_ATTEND: return plan_attend(e, o);
	case OP_ROPE: return plan_rope(e, o);
	case OP_ROUTE: return plan_route(e, o);
	case OP_MATMUL_EXPERTS: return plan_experts(e, o);
	case OP_COMBINE: return plan_combine(e, o);
	case OP_CONV1D: return plan_conv1d(e, o);
	case OP_SELECTIVE_SCAN: return plan_selective_scan(e, o);
	case OP_DELTA_SCAN: return plan_delta_scan(e, o);
	}
	if (e->step > 0) return 0;
	switch (o->kind) {
	case OP_COPY: return cut(e, o, run_copy, view_rows(&o->out), cols);
	case OP_EMBED: case OP_ROWS: return cut(e, o, run_gather, view_rows(&o->out), cols);
	case OP_RMSNORM: return cut(e, o, run_rms_norm, view_rows(&o->out), cols);
	case OP_LAYERNORM: return cut(e, o, run_layer_norm, view_rows(&o->out), cols);
	case OP_STOREKV: return cut(e, o, run_store, min64(o->a.dim[1], o->out.dim[1]), o->a.dim[2] * (o->a.dim[3] + o->b.dim[3]));
	case OP_TOPK: return cut(e, o, run_top_k, view_rows(&o->out), o->a.dim[3]);
	case OP_GLU: case OP_ACTIVATE: return plan_elements(e, o, 4);
	default: return plan_elements(e, o, 1);
	}
}

// The addresses that a view spans.
static void span(const view *v, const char **lo, const char **hi) {
	*lo = v->p;
	*hi = v->p + 4 * v->dim[3];
	for (int i = 0; i < 3; i++) *hi += (v->dim[i] - 1) * v->stride[i];
}

static int overlap(const view *a, const view *b) {
	const char *alo, *ahi, *blo, *bhi;
	if (!a->p || !b->p) return 0;
	span(a, &alo, &ahi);
	span(b, &blo, &bhi);
	return alo < bhi && blo < ahi;
}

void forget(engine *e, const op *o) {
	const view *written[2] = {&o->out, NULL};
	switch (o->kind) {
	case OP_TOPK: case OP_ROUTE: written[1] = &o->b; break;
	case OP_STOREKV: case OP_CONV1D: case OP_SELECTIVE_SCAN: case OP_DELTA_SCAN: written[1] = &o->e; break;
	}
	for (int i = 0; i < 2 && written[i]; i++) {
		if (overlap(written[i], &e->quantised_of)) e->quantised_of.p = NULL;
		for (int j = 0; j < ROTATIONS; j++) {
			rotations *t = &e->rotations[j];
			view freq = {(char *)t->freq, T_F32, {1, 1, 1, t->pairs}, {0}};
			if (t->valid && overlap(written[i], &freq)) t->valid = 0;
		}
	}
}
