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

// dots computes N·2 products of rows of x with two rows of a weight, which begin at unit ua of a and ub of b. Two units
// of each row are on their way from memory at a time.
template <class W, int N>
DEVICE void dots(float (&sum)[N][2], Planes a, i64 ua, Planes b, i64 ub, int units, const i8 *xq, const F2 *xs, int k, int n) {
#pragma unroll
	for (int i = 0; i < N; i++) sum[i][0] = sum[i][1] = 0;
	int u = lane();
	for (; u + WARP < units; u += 2 * WARP) {
		typename W::Raw r0 = W::load(a, ua + u), r1 = W::load(b, ub + u);
		typename W::Raw r2 = W::load(a, ua + u + WARP), r3 = W::load(b, ub + u + WARP);
		add_unit<W, N>(sum, r0, r1, u, xq, xs, k, n);
		add_unit<W, N>(sum, r2, r3, u + WARP, xq, xs, k, n);
	}
	if (u < units) {
		typename W::Raw r0 = W::load(a, ua + u), r1 = W::load(b, ub + u);
		add_unit<W, N>(sum, r0, r1, u, xq, xs, k, n);
	}
#pragma unroll
	for (int i = 0; i < N; i++) {
		sum[i][0] = group_sum<WARP>(sum[i][0]);
		sum[i][1] = group_sum<WARP>(sum[i][1]);
	}
}

#ifndef EXPERTS
template <class W, int N>
DEVICE void matvec(const Projection &p, int block, const i8 *xq, const F2 *xs, int k, int n) {
	int row = (block * MATVEC_WARPS + thread_x() / WARP) * MATVEC_PER;
	if (row >= p.m) return;
	int second = min_int(row + 1, p.m - 1);
	int units = k >> 5;
	float sum[N][2];
	dots<W, N>(sum, p.w, (i64)row * units, p.w, (i64)second * units, units, xq, xs, k, n);
	if (lane() != 0) return;
	float b0 = p.bias ? p.bias[row] : 0, b1 = p.bias ? p.bias[second] : 0;
#pragma unroll
	for (int i = 0; i < N; i++) {
		if (i >= n) break;
		p.out[(i64)i * p.ldo + row] = sum[i][0] + b0;
		if (second != row) p.out[(i64)i * p.ldo + second] = sum[i][1] + b1;
	}
}

#define MATVEC_KERNEL(N) \
	KERNEL(128) matvec_##N(const i8 *xq, const F2 *xs, int k, int n, int end0, int end1, \
		const u8 *q0, const u8 *s0, const u8 *e0, float *out0, const float *bias0, int m0, int ldo0, \
		const u8 *q1, const u8 *s1, const u8 *e1, float *out1, const float *bias1, int m1, int ldo1, \
		const u8 *q2, const u8 *s2, const u8 *e2, float *out2, const float *bias2, int m2, int ldo2) { \
		int b = block_x(); \
		Projection p = b < end0 ? Projection{{q0, s0, e0}, out0, bias0, m0, ldo0} \
			: b < end1 ? Projection{{q1, s1, e1}, out1, bias1, m1, ldo1} : Projection{{q2, s2, e2}, out2, bias2, m2, ldo2}; \
		matvec<WEIGHT, N>(p, b < end0 ? b : b < end1 ? b - end0 : b - end1, xq, xs, k, n); \
	}

MATVEC_KERNEL(1)
MATVEC_KERNEL(2)
MATVEC_KERNEL(4)
MATVEC_KERNEL(8)

// out[i, r] = act(x[i] · gate[r]) · (x[i] · up[r]).
template <int N>
DEVICE void matvec_glu(Planes gate, Planes up, float *out, int m, int ldo, int act, const i8 *xq, const F2 *xs, int k, int n) {
	int row = block_x() * MATVEC_WARPS + thread_x() / WARP;
	if (row >= m) return;
	int units = k >> 5;
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
#endif
