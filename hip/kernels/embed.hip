// Rows of a weight as floats: out [n, k], row ids[i] of the table. Row by block_y, 256 elements by block_x.
#pragma once
#include "units.hip"

#ifdef FLOAT_WEIGHT
KERNEL(128) embed(float *out, i64 ldo, const u8 *q, const u8 *, const u8 *, const int *ids, int k, int rows) {
	let_next_start();
	await_previous();
	int i = block_x() * 128 + thread_x(), id = ids[block_y()];
	if (i >= k) return;
	out[block_y() * ldo + i] = id < 0 || id >= rows ? 0 : WEIGHT::value(q, (i64)id * k + i);
}
#else
template <int I> DEVICE void embed_quad(float *out, const WEIGHT::Raw &r, int unit, float d, float m) {
	int q = WEIGHT::template quad<I>(r, unit);
	out[0] = fma32(byte_float<0>(q), d, m), out[1] = fma32(byte_float<1>(q), d, m);
	out[2] = fma32(byte_float<2>(q), d, m), out[3] = fma32(byte_float<3>(q), d, m);
}

KERNEL(128) embed(float *out, i64 ldo, const u8 *q, const u8 *s, const u8 *e, const int *ids, int k, int rows) {
	let_next_start();
	await_previous();
	int unit = block_x() * 128 + thread_x(), id = ids[block_y()];
	if (unit >= k >> 5) return;
	out += block_y() * ldo;
	float *a = out + WEIGHT::pos0(unit), *b = out + WEIGHT::pos1(unit);
	if (id < 0 || id >= rows) { // an id outside the vocabulary must not read outside the table
		for (int i = 0; i < 16; i++) a[i] = b[i] = 0;
		return;
	}
	WEIGHT::Raw r = WEIGHT::load(Planes{q, s, e}, (i64)id * (k >> 5) + unit);
	Scales f = WEIGHT::scales(r, unit);
	embed_quad<0>(a, r, unit, f.d0, f.m0), embed_quad<1>(a + 4, r, unit, f.d0, f.m0);
	embed_quad<2>(a + 8, r, unit, f.d0, f.m0), embed_quad<3>(a + 12, r, unit, f.d0, f.m0);
	embed_quad<4>(b, r, unit, f.d1, f.m1), embed_quad<5>(b + 4, r, unit, f.d1, f.m1);
	embed_quad<6>(b + 8, r, unit, f.d1, f.m1), embed_quad<7>(b + 12, r, unit, f.d1, f.m1);
}
#endif
