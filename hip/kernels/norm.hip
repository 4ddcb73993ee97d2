// RMSNorm and LayerNorm, with the addition before them and the quantisation after them where asked for.
#include "common.hip"

// Arguments of one row: out = norm(x) · w (+ bias). With add, x + add is normalised, and kept in sum. With q, out is also
// quantised (d is a multiple of 32 then); row r of q begins at r·d.
struct NormRow {
	float *out, *sum;
	const float *x, *add, *w, *bias;
	i8 *q;
	F2 *scale;
	i64 q0;
	int d;
	float eps;
};

DEVICE void norm_write(const NormRow &n, int i, float v, float w) {
	if (n.w) v *= w;
	if (n.bias) v += n.bias[i];
	n.out[i] = v;
	if (n.q) quantize_group(n.q, n.scale, n.q0 + i, v);
}

// The first PER·THREADS elements of a row stay in registers, and all loads are under way at once: one block has nothing else to
// hide their latency behind. The rest of a longer row is read again.
template <int THREADS, int PER, bool LAYER> DEVICE void norm(const NormRow &n, float *room) {
	const int HELD = PER * THREADS;
	float v[PER], w[PER], more[PER];
#pragma unroll
	for (int j = 0; j < PER; j++) {
		int i = thread_x() + j * THREADS;
		w[j] = n.w && i < n.d ? n.w[i] : 0;
	}
	await_previous();
#pragma unroll
	for (int j = 0; j < PER; j++) {
		int i = thread_x() + j * THREADS;
		v[j] = i < n.d ? n.x[i] : 0;
		more[j] = n.add && i < n.d ? n.add[i] : 0;
	}
	float total = 0;
#pragma unroll
	for (int j = 0; j < PER; j++) {
		int i = thread_x() + j * THREADS;
		if (n.add && i < n.d) n.sum[i] = v[j] += more[j];
		total += LAYER ? v[j] : v[j] * v[j];
	}
	for (int i = thread_x() + HELD; i < n.d; i += THREADS) {
		float u = n.x[i];
		if (n.add) {
			u += n.add[i];
			n.sum[i] = u; // this thread reads it again below
		}
		total += LAYER ? u : u * u;
	}
	const float *x = n.add ? n.sum : n.x;
	total = block_sum<THREADS>(total, room);
	float mean = 0, square = total;
	if (LAYER) {
		mean = total / n.d;
		square = 0;
#pragma unroll
		for (int j = 0; j < PER; j++) {
			float u = v[j] - mean;
			square += thread_x() + j * THREADS < n.d ? u * u : 0;
		}
		for (int i = thread_x() + HELD; i < n.d; i += THREADS) {
			float u = x[i] - mean;
			square += u * u;
		}
		square = block_sum<THREADS>(square, room);
	}
	float scale = 1 / sqrt32(square / n.d + n.eps);
#pragma unroll
	for (int j = 0; j < PER; j++) {
		int i = thread_x() + j * THREADS;
		if (i < n.d) norm_write(n, i, (v[j] - mean) * scale, w[j]);
	}
	for (int i = thread_x() + HELD; i < n.d; i += THREADS) norm_write(n, i, (x[i] - mean) * scale, n.w ? n.w[i] : 0);
}

// Row block_x of [n, heads, d]: row i, head h at i·stride0 + h·stride1.
#define NORM_KERNEL(NAME, THREADS, PER, LAYER) \
	KERNEL(THREADS) NAME(float *out, i64 o0, i64 o1, float *sum, i64 s0, const float *x, i64 x0, i64 x1, const float *add, i64 a0, \
		const float *w, const float *bias, i8 *q, F2 *scale, int heads, int d, float eps) { \
		SHARED float room[THREADS / WARP]; \
		let_next_start(); \
		int r = block_x(), i = r / heads, h = r % heads; \
		norm<THREADS, PER, LAYER>(NormRow{out + i * o0 + h * o1, sum ? sum + i * s0 : 0, x + i * x0 + h * x1, add ? add + i * a0 : 0, w, bias, q, scale, \
			(i64)r * d, d, eps}, room); \
	}

NORM_KERNEL(rms_norm, 512, 8, false)
NORM_KERNEL(rms_norm_short, 64, 4, false)
NORM_KERNEL(layer_norm, 512, 8, true)
NORM_KERNEL(layer_norm_short, 64, 4, true)
