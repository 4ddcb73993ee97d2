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

template <int THREADS, bool LAYER> DEVICE void norm(NormRow n, float *room) {
	float total = 0;
	for (int i = thread_x(); i < n.d; i += THREADS) {
		float v = n.x[i];
		if (n.add) {
			v += n.add[i];
			n.sum[i] = v; // this thread reads it again below
		}
		total += LAYER ? v : v * v;
	}
	const float *x = n.add ? n.sum : n.x;
	total = block_sum<THREADS>(total, room);
	float mean = 0, square = total;
	if (LAYER) {
		mean = total / n.d;
		square = 0;
		for (int i = thread_x(); i < n.d; i += THREADS) {
			float v = x[i] - mean;
			square += v * v;
		}
		square = block_sum<THREADS>(square, room);
	}
	float scale = 1 / sqrt32(square / n.d + n.eps);
	for (int i = thread_x(); i < n.d; i += THREADS) {
		float v = (x[i] - mean) * scale;
		if (n.w) v *= n.w[i];
		if (n.bias) v += n.bias[i];
		n.out[i] = v;
		if (n.q) quantize_group(n.q, n.scale, n.q0 + i, v);
	}
}

// Row block_x of [n, heads, d]: row i, head h at i·stride0 + h·stride1.
#define NORM_KERNEL(NAME, THREADS, LAYER) \
	KERNEL(THREADS) NAME(float *out, i64 o0, i64 o1, float *sum, i64 s0, const float *x, i64 x0, i64 x1, const float *add, i64 a0, \
		const float *w, const float *bias, i8 *q, F2 *scale, int heads, int d, float eps) { \
		SHARED float room[THREADS / WARP]; \
		int r = block_x(), i = r / heads, h = r % heads; \
		norm<THREADS, LAYER>(NormRow{out + i * o0 + h * o1, sum ? sum + i * s0 : 0, x + i * x0 + h * x1, add ? add + i * a0 : 0, w, bias, q, scale, \
			(i64)r * d, d, eps}, room); \
	}

NORM_KERNEL(rms_norm, 512, false)
NORM_KERNEL(rms_norm_short, 64, false)
NORM_KERNEL(layer_norm, 512, true)
NORM_KERNEL(layer_norm_short, 64, true)
