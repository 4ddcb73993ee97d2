// The op, as package cpu's Go side fills it in (op.go), and the engine that executes a list of them.
#ifndef BURBLE_OP_H
#define BURBLE_OP_H

#include <stddef.h>
#include <stdint.h>

// Kinds of op; the order is op.go's.
enum {
	OP_COPY = 1, OP_EMBED, OP_ROWS, OP_MATMUL, OP_RMSNORM, OP_LAYERNORM, OP_ROPE, OP_STOREKV, OP_ATTEND,
	OP_GLU, OP_ACTIVATE, OP_ADD, OP_MUL, OP_SCALE, OP_SOFTCAP, OP_TOPK,
	OP_ROUTE, OP_MATMUL_EXPERTS, OP_COMBINE, OP_CONV1D, OP_SELECTIVE_SCAN, OP_DELTA_SCAN,
};

// Tensor types, as GGUF numbers them.
enum {
	T_F32 = 0, T_F16 = 1, T_Q4_0 = 2, T_Q4_1 = 3, T_Q5_0 = 6, T_Q5_1 = 7, T_Q8_0 = 8, T_Q2_K = 10, T_Q3_K = 11, T_Q4_K = 12,
	T_Q5_K = 13, T_Q6_K = 14, T_IQ2_XXS = 16, T_IQ2_XS = 17, T_IQ3_XXS = 18, T_IQ1_S = 19, T_IQ4_NL = 20, T_IQ3_S = 21,
	T_IQ2_S = 22, T_IQ4_XS = 23, T_I32 = 26, T_IQ1_M = 29, T_BF16 = 30, T_TQ1_0 = 34, T_TQ2_0 = 35, T_MXFP4 = 39, T_NVFP4 = 40,
	T_Q1_0 = 41, T_Q2_0 = 42, T_COUNT = 43,
};

// Activations, as package compute numbers them.
enum { A_SILU, A_GELU, A_GELU_TANH, A_RELU, A_RELU2, A_SIGMOID, A_TANH, A_SOFTPLUS, A_SWIGLU_CLAMPED };

// A view is a tensor: dimensions aligned to the right, strides in bytes, the innermost dimension contiguous.
typedef struct {
	char *p;
	int64_t type;
	int64_t dim[4];
	int64_t stride[4];
} view;

typedef struct {
	int32_t kind;
	int32_t mode;
	view out, a, b, c, d, e, g, h;
	float f[4];
	int64_t i[4];
} op;

static inline int64_t view_rows(const view *v) { return v->dim[0] * v->dim[1] * v->dim[2]; }

// The address of innermost row r, counted over all outer dimensions.
static inline void *view_row(const view *v, int64_t r) {
	int64_t i2 = r % v->dim[2], rest = r / v->dim[2];
	int64_t i1 = rest % v->dim[1], i0 = rest / v->dim[1];
	return v->p + i0 * v->stride[0] + i1 * v->stride[1] + i2 * v->stride[2];
}

typedef struct engine engine;
struct kernels;

// Makes an engine with threads - 1 threads of its own; the caller of burble_run is the other one. NULL without memory
// or threads.
engine *burble_open(int threads, const struct kernels *k);
void burble_close(engine *e);

// Gives the engine the codebook of a type, which must stay where it is until the engine is closed.
void burble_codebook(engine *e, int64_t type, const int8_t *values);

// Whether a level multiplies by weights of a type.
int burble_multiplies(const struct kernels *k, int64_t type);

// Executes ops in order. changed says that memory was written to or freed other than by ops since the last call. Returns
// 0, or 1 when scratch memory ran out.
int burble_run(engine *e, const op *ops, int64_t n, int changed);

// The kernels of a level by name, NULL where this processor or build lacks them.
const struct kernels *burble_level(const char *name);

#endif
