// Elementwise operations over up to four dimensions, collapsed by the host where memory allows. Block by block_x: its
// row is block/chunks, decoded into three outer dimensions with strides of their own; b repeats where its stride is 0.
#include "activation.hip"

// What to do, as package gpu counts them.
enum { OP_ADD, OP_MUL, OP_SCALE, OP_SOFTCAP, OP_ACTIVATE, OP_GLU };

struct Place { i64 out, a, b; };

DEVICE Place place(int row, int d1, int d2, i64 o0, i64 o1, i64 o2, i64 a0, i64 a1, i64 a2, i64 b0, i64 b1, i64 b2) {
	int i2 = row % d2, i1 = row / d2 % d1, i0 = row / d2 / d1;
	return Place{i0 * o0 + i1 * o1 + i2 * o2, i0 * a0 + i1 * a1 + i2 * a2, i0 * b0 + i1 * b1 + i2 * b2};
}

// A thread makes four elements that lie a block apart. out may be a or b: each element is read before it is written, by
// the same thread.
KERNEL(256) elementwise(int op, int act, float s, int inner, int chunks, int d1, int d2, float *out, i64 o0, i64 o1, i64 o2,
	const float *a, i64 a0, i64 a1, i64 a2, const float *b, i64 b0, i64 b1, i64 b2) {
	let_next_start();
	await_previous();
	int block = block_x();
	Place p = place(block / chunks, d1, d2, o0, o1, o2, a0, a1, a2, b0, b1, b2);
	int first = block % chunks * 1024 + thread_x();
	out += p.out, a += p.a;
	if (b) b += p.b;
	for (int j = 0; j < 4; j++) {
		int i = first + j * 256;
		if (i >= inner) return;
		float x = a[i], r;
		switch (op) {
		case OP_ADD: r = x + b[i]; break;
		case OP_MUL: r = x * b[i]; break;
		case OP_SCALE: r = x * s; break;
		case OP_SOFTCAP: r = s * tanh32(x / s); break;
		case OP_ACTIVATE: r = activate(x, act); break;
		default: r = gated_unit(x, b[i], act);
		}
		out[i] = r;
	}
}

template <class T>
DEVICE void copy(int inner, int chunks, int d1, int d2, T *out, i64 o0, i64 o1, i64 o2, const T *a, i64 a0, i64 a1, i64 a2) {
	int block = block_x();
	Place p = place(block / chunks, d1, d2, o0, o1, o2, a0, a1, a2, 0, 0, 0);
	int first = block % chunks * 1024 + thread_x();
	for (int j = 0; j < 4; j++) {
		int i = first + j * 256;
		if (i < inner) out[p.out + i] = a[p.a + i];
	}
}

KERNEL(256) copy_32(int inner, int chunks, int d1, int d2, u32 *out, i64 o0, i64 o1, i64 o2, const u32 *a, i64 a0, i64 a1, i64 a2) {
	copy(inner, chunks, d1, d2, out, o0, o1, o2, a, a0, a1, a2);
}
KERNEL(256) copy_16(int inner, int chunks, int d1, int d2, u16 *out, i64 o0, i64 o1, i64 o2, const u16 *a, i64 a0, i64 a1, i64 a2) {
	copy(inner, chunks, d1, d2, out, o0, o1, o2, a, a0, a1, a2);
}

// Rows of an activation: out [m, d], row ids[i] of x [n, d]. An id outside x gives zeros.
KERNEL(256) rows(float *out, i64 ldo, const float *x, i64 ldx, const int *ids, int d, int n) {
	let_next_start();
	await_previous();
	int i = block_x() * 256 + thread_x(), id = ids[block_y()];
	if (i < d) out[block_y() * ldo + i] = id < 0 || id >= n ? 0 : x[id * ldx + i];
}
