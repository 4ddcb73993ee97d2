// out[i, r] = x[i, :] · w[r, :] with float weights and x as it is. A warp computes one row of w for up to N rows of x;
// block_y picks the group of N rows, so that any number of them works (the fallback of the matrix units).
#pragma once
#include "units.hip"

template <int N, bool WIDE>
DEVICE void matvec_float(const u8 *w, i64 ldw, const float *bias, float *out, int ldo, const float *x, i64 ldx, int k, int m, int n) {
	let_next_start();
	await_previous(); // first of all: an activation may serve as a weight
	int row = block_x() * (128 / WARP) + thread_x() / WARP, first = block_y() * N;
	if (row >= m) return;
	n -= first;
	x += first * ldx;
	const u8 *p = w + (i64)row * ldw * WEIGHT::BYTES;
	float sum[N];
#pragma unroll
	for (int i = 0; i < N; i++) sum[i] = 0;
	if (WIDE) { // 16 bytes of weights at a time; rows are aligned
		const int STEP = 16 / WEIGHT::BYTES;
		for (int j = lane() * STEP; j < k; j += WARP * STEP) {
			I4 v = load_once(p + (i64)j * WEIGHT::BYTES);
			float f[STEP];
			WEIGHT::unpack(f, v);
#pragma unroll
			for (int i = 0; i < N; i++) {
				const F4 *xr = (const F4 *)(x + min_int(i, n - 1) * ldx + j);
#pragma unroll
				for (int c = 0; c < STEP / 4; c++) {
					F4 a = xr[c];
					sum[i] += a.x * f[4 * c] + a.y * f[4 * c + 1] + a.z * f[4 * c + 2] + a.w * f[4 * c + 3];
				}
			}
		}
	} else {
		for (int j = lane(); j < k; j += WARP) {
			float f = WEIGHT::value(p, j);
#pragma unroll
			for (int i = 0; i < N; i++) sum[i] += f * x[min_int(i, n - 1) * ldx + j];
		}
	}
	float b = bias ? bias[row] : 0;
#pragma unroll
	for (int i = 0; i < N; i++) {
		float s = group_sum<WARP>(sum[i]);
		if (lane() == 0 && i < n) out[(i64)(first + i) * ldo + row] = s + b;
	}
}

#define MATVEC_FLOAT_KERNEL(NAME, N, WIDE) \
	KERNEL(128) NAME(const u8 *w, i64 ldw, const float *bias, float *out, int ldo, const float *x, i64 ldx, int k, int m, int n) { \
		matvec_float<N, WIDE>(w, ldw, bias, out, ldo, x, ldx, k, m, n); \
	}

MATVEC_FLOAT_KERNEL(matvec_float_1, 1, true)
MATVEC_FLOAT_KERNEL(matvec_float_2, 2, true)
MATVEC_FLOAT_KERNEL(matvec_float_4, 4, true)
MATVEC_FLOAT_KERNEL(matvec_float_8, 8, true)
MATVEC_FLOAT_KERNEL(matvec_narrow, 4, false)
