// Activations made ready for matrix products.
#include "common.hip"

// x [n, k] to signed bytes and scales in groups of 32, rows of x ldx elements apart. Thread t of the grid has element t.
KERNEL(128) quantize(i8 *q, F2 *scale, const float *x, int k, i64 ldx, i64 total) {
	let_next_start();
	await_previous();
	i64 t = (i64)block_x() * 128 + thread_x();
	// Groups are whole, so all 32 threads of one leave or stay.
	if (t >= total) return;
	quantize_group(q, scale, t, x[t / k * ldx + t % k]);
}

// x [n, k], k even, to bfloat16, for a vendor's library. Row by block.
KERNEL(256) bfloat(u32 *out, const float *x, int k, i64 ldx) {
	const float *row = x + (i64)block_x() * ldx;
	u32 *to = out + (i64)block_x() * (k / 2);
	for (int i = thread_x(); i < k / 2; i += 256) to[i] = float_to_bfloat(row[2 * i]) | (u32)float_to_bfloat(row[2 * i + 1]) << 16;
}

// out [n, m] = out · scale[row] + bias: what the library leaves to do. scale and bias may be null. Element t of the grid.
KERNEL(256) finish_product(float *out, const float *scale, const float *bias, int m, i64 total) {
	i64 t = (i64)block_x() * 256 + thread_x();
	if (t >= total) return;
	float v = out[t];
	if (scale) v *= scale[t / m];
	if (bias) v += bias[t % m];
	out[t] = v;
}

// x [n, k] to halves, each row divided by a power of two that brings its largest element to 64..128, so that no
// product of a tile overflows. unscale[row] undoes it. Row by block.
KERNEL(256) halve(u32 *out, float *unscale, const float *x, int k, i64 ldx) {
	SHARED float room[256 / WARP];
	const float *row = x + (i64)block_x() * ldx;
	float top = 0;
	for (int i = thread_x(); i < k; i += 256) top = max32(top, abs32(row[i]));
	top = block_max<256>(top, room);
	int exponent = (float_bits(top) >> 23 & 255) - 127 - 6;
	exponent = exponent < -100 ? -100 : exponent > 100 ? 100 : exponent;
	float scale = bits_float((127 - exponent) << 23);
	if (thread_x() == 0) unscale[block_x()] = bits_float((127 + exponent) << 23);
	u32 *to = out + (i64)block_x() * (k / 2);
	for (int i = thread_x(); i < k / 2; i += 256) to[i] = pack_halves(row[2 * i] * scale, row[2 * i + 1] * scale);
}
