// The kernels of one level of instruction sets. Each level compiles the same templates (float.h, attention.h) and its
// own products of quantised weights. Everything in a table works on rows that one thread was given.
#ifndef BURBLE_KERNELS_H
#define BURBLE_KERNELS_H

#include "op.h"

// Activations rounded to 8 bits, in blocks of 32 with a scale each. A row is padded with zeros to a multiple of 256.
// For each 256 elements there are 32 floats: the scales of 8 blocks, those times the sum of the block's numbers, and
// the same for the 16 halves of blocks.
typedef struct {
	int8_t *q;       // row i starts at q + i·q_stride
	float *scale;    // row i starts at scale + i·scale_stride
	int64_t q_stride, scale_stride;
	int64_t woven;   // bytes from a row to itself woven, or 0: see weave
} quantised;

// A product out[i][r] = x[i] · w[r] for n rows of x.
typedef struct {
	const char *w;   // of row 0
	int64_t w_stride;
	int64_t k;
	int64_t n;
	const char *x;   // floats
	int64_t x_stride; // bytes
	quantised xq;
	char *out;
	int64_t out_stride; // bytes
	int64_t type;
	const int8_t *grid; // the type's codebook, where it has one
	// Weights are fetched ahead of their use. From end on that would be another thread's: what is fetched instead lies
	// jump bytes further.
	const char *end;
	int64_t jump;
} product;

// Attention of one op.
typedef struct {
	const op *o;
	int64_t n, past, slots, heads, kv_heads, group, kd, vd, window;
	int64_t type; // of the cache
} attention;

typedef struct kernels {
	const char *name;
	// out, x, w (or NULL), elements, eps
	void (*rms_norm)(float *, const float *, const float *, int64_t, float);
	// out, x, w, bias (or NULL), elements, eps
	void (*layer_norm)(float *, const float *, const float *, const float *, int64_t, float);
	// out, gate, up (or NULL), elements, activation
	void (*activate)(float *, const float *, const float *, int64_t, int);
	void (*add)(float *, const float *, const float *, int64_t);
	void (*mul)(float *, const float *, const float *, int64_t);
	void (*scale)(float *, const float *, int64_t, float);
	void (*soft_cap)(float *, const float *, int64_t, float);
	// a head, cosines, sines, pairs, interleaved
	void (*rope)(float *, const float *, const float *, int64_t, int);
	// a row of a KV cache, from floats; elements, type
	void (*store)(void *, const float *, int64_t, int64_t type);
	// values, ids, row, elements, k
	void (*top_k)(float *, int32_t *, const float *, int64_t, int64_t);
	// out, x, elements
	void (*softmax)(float *, const float *, int64_t);
	// out, rows of x, bytes between them, weights, rows, elements
	void (*combine)(float *, const char *, int64_t, const float *, int64_t, int64_t);
	// channels [lo, hi); scratch memory of 2 · taps · CONV_STRIP floats
	void (*conv1d)(const op *, int64_t lo, int64_t hi, float *scratch);
	// heads [lo, hi); scratch memory of a row of a state, to whole vectors
	void (*selective_scan)(const op *, int64_t lo, int64_t hi, float *scratch);
	// columns [lo, hi) of the state of head h
	void (*delta_scan)(const op *, int64_t h, int64_t lo, int64_t hi);
	// a row of a weight as floats; types F32, F16, BF16, Q8_0, Q4_0
	void (*decode)(float *, const void *, int64_t, int64_t type);
	// activations of row i to 8 bits, blocks [lo, hi) of 256
	void (*quantise)(const quantised *, int64_t i, const float *, int64_t k, int64_t lo, int64_t hi);
	// Rows [lo, hi) of the weight, for few rows of x: the weight is read once, straight from the file.
	void (*matvec[T_COUNT])(const product *, int64_t lo, int64_t hi);
	// The same for many: in tiles, repacked into scratch memory of gemm_scratch bytes.
	void (*gemm[T_COUNT])(const product *, int64_t lo, int64_t hi, void *scratch);
	int64_t tile; // rows of a tile
	int weaves;   // some matvec takes woven activations
	// Attention of few queries: queries [0, n) of the heads of KV head h over positions [lo, hi), unnormalised, to
	// n·group partial results of vd + 2 floats: values, maximum, sum.
	void (*attend_few)(const attention *, int64_t h, int64_t lo, int64_t hi, float *partial, float *scratch);
	// Attention of many: rows [lo, hi) of the n·group rows of KV head h.
	void (*attend_many)(const attention *, int64_t h, int64_t lo, int64_t hi, float *scratch);
	int64_t lanes; // rows that attend_many takes at once
} kernels;

// Bytes of scratch memory of a gemm for a weight with rows of k.
int64_t gemm_scratch(int64_t k);

// Channels that a convolution takes at once.
enum { CONV_STRIP = 64 };

// Positions of a partial result of attend_few, and of a block of keys of attend_many.
enum { ATTEND_SPAN = 512, ATTEND_KEYS = 64 };

#endif
