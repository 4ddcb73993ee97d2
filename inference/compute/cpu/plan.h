// How an op becomes phases: what plan.c and its parts share.
#ifndef BURBLE_PLAN_H
#define BURBLE_PLAN_H

#include "pool.h"

// A phase smaller than SMALL elements isn't worth waking anyone for.
enum { SMALL = 8192, MAX_CHUNKS = 60000 };

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

// The range of items of a chunk.
#define RANGE(total) \
	int64_t lo = chunk * e->phase.per, hi = min64(lo + e->phase.per, total)

// Cuts total items, each of cost elements, into chunks of at least SMALL elements, several for each thread.
int cut(engine *e, const op *o, void (*run)(engine *, worker *, int64_t), int64_t total, int64_t cost);

// Few rows of x read the weight as it lies; from GEMM_ROWS on repacking tiles of it pays.
enum { GEMM_ROWS = 8 };

// Whether products with a type of weight take activations that are rounded to 8 bits.
int rounds_activations(int64_t type);

// Bytes between rounded rows of k, and floats between their scales.
void quantised_strides(int64_t k, int64_t *q_stride, int64_t *scale_stride);

// Sets up a phase that rounds the rows of x, unless they are there already or the type doesn't round: then 0.
int plan_quantise(engine *e, const op *o, const view *x);

// The scratch memory of a worker, or NULL after noting the failure.
void *worker_scratch(engine *e, worker *w, int64_t size);

int plan_route(engine *e, const op *o);
int plan_experts(engine *e, const op *o);
int plan_combine(engine *e, const op *o);
int plan_conv1d(engine *e, const op *o);
int plan_selective_scan(engine *e, const op *o);
int plan_delta_scan(engine *e, const op *o);

#endif
