//go:build cgo

// Phases of convolutions and recurrences.
#include "plan.h"

static void run_conv1d(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	float *scratch = worker_scratch(e, w, 4 * 2 * o->b.dim[3] * CONV_STRIP);
	RANGE(o->out.dim[3]);
	if (scratch) e->k->conv1d(o, lo, hi, scratch);
}

int plan_conv1d(engine *e, const op *o) {
	if (e->step > 0) return 0;
	return cut(e, o, run_conv1d, o->out.dim[3], (o->out.dim[2] + 4) * o->b.dim[3]);
}

static void run_selective_scan(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t dim = o->e.dim[3], state = 4 * o->out.dim[3] * dim;
	float *scratch = worker_scratch(e, w, 4 * dim + 256);
	RANGE(o->out.dim[2]);
	int64_t step = max64(1, (16 << 10) / state); // heads whose states stay in the first-level cache
	for (; scratch && lo < hi; lo += step) e->k->selective_scan(o, lo, min64(lo + step, hi), scratch);
}

int plan_selective_scan(engine *e, const op *o) {
	if (e->step > 0) return 0;
	return cut(e, o, run_selective_scan, o->out.dim[2], 3 * o->out.dim[1] * o->out.dim[3] * o->e.dim[3]);
}

// Columns of a head's state that are handed out together.
enum { DELTA_COLUMNS = 64 };

static void run_delta_scan(engine *e, worker *w, int64_t chunk) {
	const op *o = e->phase.o;
	int64_t columns = o->out.dim[3], strips = (columns + DELTA_COLUMNS - 1) / DELTA_COLUMNS;
	RANGE(o->out.dim[2] * strips);
	for (; lo < hi; lo++) {
		int64_t from = lo % strips * DELTA_COLUMNS;
		e->k->delta_scan(o, lo / strips, from, min64(from + DELTA_COLUMNS, columns));
	}
}

int plan_delta_scan(engine *e, const op *o) {
	if (e->step > 0) return 0;
	int64_t strips = (o->out.dim[3] + DELTA_COLUMNS - 1) / DELTA_COLUMNS;
	return cut(e, o, run_delta_scan, o->out.dim[2] * strips, 3 * o->out.dim[1] * o->a.dim[3] * min64(o->out.dim[3], DELTA_COLUMNS));
}
