// out[i, r] = x[i, :] · w[r, :] for few rows of x: every weight is read once, so the time is that of reading. Weights
// are quantised, and x in groups of 32 to signed bytes (see quantize.hip), so that four products cost one dot4.
//
// A warp computes PER rows of w, each thread a unit of 32 weights at a time. Up to three weights share a launch (queries,
// keys and values); GLU pairs the rows of two.
#pragma once
#include "units.hip"
#include "activation.hip"

const int MATVEC_THREADS = 128;
const int MATVEC_WARPS = MATVEC_THREADS / WARP;
const int MATVEC_PER = 2; // rows of w per warp

// One of the weights of a launch, with what becomes of its products.
struct Projection {
	Planes w;
	float *out;
	const float *bias; // [m], or null
	int m, ldo; // rows of w, and elements between rows of out
};

// add_unit adds unit u of two rows of a weight, r0 and r1, times N rows of x.
template <class W, int N>
DEVICE void add_unit(float (&sum)[N][2], const typename W::Raw &r0, const typename W::Raw &r1, int u, const i8 *xq, const F2 *xs, int k, int n) {
	int p0 = W::pos0(u), p1 = W::pos1(u);
	Scales s0 = W::scales(r0, u), s1 = W::scales(r1, u);
#pragma unroll
	for (int i = 0; i < N; i++) {
		int row = min_int(i, n - 1) * k;
		I4 xa = *(const I4 *)(xq + row + p0), xb = *(const I4 *)(xq + row + p1);
		F2 da = xs[(row + p0) >> 5], db = W::SPLIT ? xs[(row + p1) >> 5] : da;
		int v0 = dot4(W::template quad<0>(r0, u), xa.x, 0), v1 = dot4(W::template quad<0>(r1, u), xa.x, 0);
		v0 = dot4(W::template quad<1>(r0, u), xa.y, v0), v1 = dot4(W::template quad<1>(r1, u), xa.y, v1);
		v0 = dot4(W::template quad<2>(r0, u), xa.z, v0), v1 = dot4(W::template quad<2>(r1, u), xa.z, v1);
		v0 = dot4(W::template quad<3>(r0, u), xa.w, v0), v1 = dot4(W::template quad<3>(r1, u), xa.w, v1);
		int h0 = dot4(W::template quad<4>(r0, u), xb.x, 0), h1 = dot4(W::template quad<4>(r1, u), xb.x, 0);
		h0 = dot4(W::template quad<5>(r0, u), xb.y, h0), h1 = dot4(W::template quad<5>(r1, u), xb.y, h1);
		h0 = dot4(W::template quad<6>(r0, u), xb.z, h0), h1 = dot4(W::template quad<6>(r1, u), xb.z, h1);
		h0 = dot4(W::template quad<7>(r0, u), xb.w, h0), h1 = dot4(W::template quad<7>(r1, u), xb.w, h1);
		sum[i][0] += da.x * s0.d0 * (float)v0 + db.x * s0.d1 * (float)h0;
		sum[i][1] += da.x * s1.d0 * (float)v1 + db.x * s1.d1 * (float)h1;
		if (W::HALF_OFFSETS) {
			const int ONES = 0x01010101;
			float a = da.x * (float)dot4(xa.x, ONES, dot4(xa.y, ONES, dot4(xa.z, ONES, dot4(xa.w, ONES, 0))));
			float b = da.y - a;
			sum[i][0] += s0.m0 * a + s0.m1 * b;
			sum[i][1] += s1.m0 * a + s1.m1 * b;
		} else if (W::OFFSET) {
			// The sum of x is that of its whole group of 32. Where the halves belong to two groups, the unit next to
			// this one has the other halves of both: each adds the offset of one group.
			bool second = W::SPLIT && (u & 1);
			float s = second ? db.y : da.y;
			sum[i][0] += s * (second ? s0.m1 : s0.m0);
			sum[i][1] += s * (second ? s1.m1 : s1.m0);
		}
	}
}

// Two units of each of two rows, on their way from memory.
template <class W> struct Ahead { typename W::Raw a0, b0, a1, b1; };

template <class W> DEVICE void load_ahead(Ahead<W> &r, const Planes &a, i64 ua, const Planes &b, i64 ub, int u, int step, int units) {
	if (u < units) r.a0 = W::load(a, ua + u), r.b0 = W::load(b, ub + u);
	if (u + step < units) r.a1 = W::load(a, ua + u + step), r.b1 = W::load(b, ub + u + step);
}

// dots computes N·2 products of rows of x with two rows of a weight, which begin at unit ua of a and ub of b. A warp takes
// `share` of every `shares` runs of WARP units; its first weights are asked for before x is there.
template <class W, int N>
DEVICE void dots(float (&sum)[N][2], Planes a, i64 ua, Planes b, i64 ub, int units, const i8 *xq, const F2 *xs, int k, int n, int share = 0, int shares = 1) {
	int u = share * WARP + lane(), step = shares * WARP;
	Ahead<W> r;
	load_ahead<W>(r, a, ua, b, ub, u, step, units);
	await_previous();
#pragma unroll
	for (int i = 0; i < N; i++) sum[i][0] = sum[i][1] = 0;
	while (u < units) {
		add_unit<W, N>(sum, r.a0, r.b0, u, xq, xs, k, n);
		if (u + step < units) add_unit<W, N>(sum, r.a1, r.b1, u + step, xq, xs, k, n);
		u += 2 * step;
		load_ahead<W>(r, a, ua, b, ub, u, step, units);
	}
#pragma unroll
	for (int i = 0; i < N; i++) {
		sum[i][0] = group_sum<WARP>(sum[i][0]);
		sum[i][1] = group_sum<WARP>(sum[i][1]);
	}
}

#ifndef EXPERTS
// `shares` warps of a block, a power of two, share two rows: where there are few rows, more of them are read at once.
template <class W, int N>
DEVICE void matvec(float *room, const Projection &p, int block, const i8 *xq, const F2 *xs, int k, int n, int shares) {
	int warp = thread_x() / WARP, share = warp % shares;
	int row = (block * (MATVEC_WARPS / shares) + warp / shares) * MATVEC_PER;
	bool real = row < p.m;
	row = min_int(row, p.m - 1);
	int second = min_int(row + 1, p.m - 1);
	int units = real ? k >> 5 : 0; // all threads reach the barrier
	float sum[N][2];
	dots<W, N>(sum, p.w, (i64)row * (k >> 5), p.w, (i64)second * (k >> 5), units, xq, xs, k, n, share, shares);
	if (shares > 1) {
		if (lane() == 0) {
#pragma unroll
			for (int i = 0; i < N; i++) room[(warp * N + i) * 2] = sum[i][0], room[(warp * N + i) * 2 + 1] = sum[i][1];
		}
		barrier();
		if (share != 0) return;
		for (int w = 1; w < shares; w++) {
#pragma unroll
			for (int i = 0; i < N; i++) sum[i][0] += room[((warp + w) * N + i) * 2], sum[i][1] += room[((warp + w) * N + i) * 2 + 1];
		}
	}
	if (lane() != 0 || !real) return;
	float b0 = p.bias ? p.bias[row] : 0, b1 = p.bias ? p.bias[second] : 0;
#pragma unroll
	for (int i = 0; i < N; i++) {
		if (i >= n) break;
		p.out[(i64)i * p.ldo + row] = sum[i][0] + b0;
		if (second != row) p.out[(i64)i * p.ldo + second] = sum[i][1] + b1;
	}
}

#define MATVEC_KERNEL(N) \
	KERNEL(128) matvec_##N(const i8 *xq, const F2 *xs, int k, int n, int shares, int end0, int end1, \
		const u8 *q0, const u8 *s0, const u8 *e0, float *out0, const float *bias0, int m0, int ldo0, \
		const u8 *q1, const u8 *s1, const u8 *e1, float *out1, const float *bias1, int m1, int ldo1, \
		const u8 *q2, const u8 *s2, const u8 *e2, float *out2, const float *bias2, int m2, int ldo2) { \
		SHARED float room[MATVEC_WARPS * N * 2]; \
		let_next_start(); \
		int b = block_x(); \
		Projection p = b < end0 ? Projection{{q0, s0, e0}, out0, bias0, m0, ldo0} \
			: b < end1 ? Projection{{q1, s1, e1}, out1, bias1, m1, ldo1} : Projection{{q2, s2, e2}, out2, bias2, m2, ldo2}; \
		matvec<WEIGHT, N>(room, p, b < end0 ? b : b < end1 ? b - end0 : b - end1, xq, xs, k, n, shares); \
	}

MATVEC_KERNEL(1)
MATVEC_KERNEL(2)
MATVEC_KERNEL(4)
MATVEC_KERNEL(8)

// out[i, r] = act(x[i] · gate[r]) · (x[i] · up[r]).
template <int N>
DEVICE void matvec_glu(Planes gate, Planes up, float *out, int m, int ldo, int act, const i8 *xq, const F2 *xs, int k, int n) {
	let_next_start();
	int row = block_x() * MATVEC_WARPS + thread_x() / WARP, units = k >> 5;
	if (row >= m) return;
	float sum[N][2];
	dots<WEIGHT, N>(sum, gate, (i64)row * units, up, (i64)row * units, units, xq, xs, k, n);
	if (lane() != 0) return;
#pragma unroll
	for (int i = 0; i < N; i++) {
		if (i >= n) break;
		out[(i64)i * ldo + row] = gated_unit(sum[i][0], sum[i][1], act);
	}
}

#define MATVEC_GLU_KERNEL(N) \
	KERNEL(128) matvec_glu_##N(const i8 *xq, const F2 *xs, int k, int n, const u8 *gq, const u8 *gs, const u8 *ge, \
		const u8 *uq, const u8 *us, const u8 *ue, float *out, int m, int ldo, int act) { \
		matvec_glu<N>(Planes{gq, gs, ge}, Planes{uq, us, ue}, out, m, ldo, act, xq, xs, k, n); \
	}

MATVEC_GLU_KERNEL(1)
MATVEC_GLU_KERNEL(2)
MATVEC_GLU_KERNEL(4)
MATVEC_GLU_KERNEL(8)

// matvec_glu of one row of x, 32 rows of the weights to a block, which also quantises them for the product that follows. m is a
// multiple of 32.
const int GLU_THREADS = 512;
const int GLU_PER = 32 / (GLU_THREADS / WARP); // rows of gate and of up per warp

KERNEL(512) matvec_glu_bytes(const i8 *xq, const F2 *xs, int k, const u8 *gq, const u8 *gs, const u8 *ge,
	const u8 *uq, const u8 *us, const u8 *ue, float *out, int act, i8 *q, F2 *scale) {
	SHARED float room[32];
	let_next_start();
	int first = thread_x() / WARP * GLU_PER, units = k >> 5;
	i64 row = (i64)block_x() * 32;
	for (int j = first; j < first + GLU_PER; j++) {
		float sum[1][2];
		dots<WEIGHT, 1>(sum, Planes{gq, gs, ge}, (row + j) * units, Planes{uq, us, ue}, (row + j) * units, units, xq, xs, k, 1);
		if (lane() == 0) room[j] = gated_unit(sum[0][0], sum[0][1], act);
	}
	barrier();
	if (thread_x() >= 32) return;
	float v = room[thread_x()];
	out[row + thread_x()] = v;
	quantize_group(q, scale, row + thread_x(), v);
}
#endif
