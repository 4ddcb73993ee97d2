// How fast the memory reads: every thread adds up words of a buffer, four loads of 16 bytes on their way at a time.
#include "common.hip"

KERNEL(256) read_all(int *out, const I4 *x, i64 n, int blocks) {
	i64 step = (i64)blocks * 256;
	I4 sum = {0, 0, 0, 0};
	for (i64 i = (i64)block_x() * 256 + thread_x(); i < n; i += 4 * step) {
		I4 v[4];
#pragma unroll
		for (int j = 0; j < 4; j++) v[j] = i + j * step < n ? load_once(x + i + j * step) : I4{0, 0, 0, 0};
#pragma unroll
		for (int j = 0; j < 4; j++) sum.x ^= v[j].x, sum.y ^= v[j].y, sum.z ^= v[j].z, sum.w ^= v[j].w;
	}
	out[block_x() * 256 + thread_x()] = sum.x ^ sum.y ^ sum.z ^ sum.w;
}
