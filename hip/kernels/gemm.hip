// out[i, r] = x[i, :] · w[r, :] for many rows of x, on the matrix units: x as halves (see quantize.hip, halve), w
// turned into halves on the way into shared memory. A block makes ROWS rows of x by 128 rows of w, 64 elements of the sum at
// a time; what the next step needs is read from memory while this one is multiplied.
#pragma once
#include "units.hip"
#include "matrix.hip"

const int GEMM_THREADS = 256;
const int GEMM_COLS = 128;  // rows of w per block
const int GEMM_DEPTH = 64;  // elements of the sum per step
const int GEMM_STRIDE = GEMM_DEPTH + 8; // of a row in shared memory: 16 bytes more, so that rows begin in different banks

#ifdef FLOAT_WEIGHT
// 32 float weights of a row on their way to shared memory.
struct GemmWeights {
	I4 v[4];
	DEVICE int slab_base(int slab) { return slab * GEMM_DEPTH; }
	static const int GROUP_STEP = 32;
	DEVICE GemmWeights load(Planes w, i64 row_unit, int unit, bool inside) {
		GemmWeights g;
#pragma unroll
		for (int i = 0; i < 4; i++) g.v[i] = I4{0, 0, 0, 0};
		if (inside) {
#pragma unroll
			for (int i = 0; i < 4; i++) g.v[i] = *(const I4 *)(w.q + (row_unit + unit) * 64 + i * 16);
		}
		return g;
	}
	DEVICE void store(u16 *row, const GemmWeights &g, int unit) {
		I4 *to = (I4 *)(row + (unit & 1) * 32);
#pragma unroll
		for (int i = 0; i < 4; i++)
			to[i] = I4{(int)WEIGHT::as_halves(g.v[i].x), (int)WEIGHT::as_halves(g.v[i].y), (int)WEIGHT::as_halves(g.v[i].z), (int)WEIGHT::as_halves(g.v[i].w)};
	}
};
#else
struct GemmWeights {
	WEIGHT::Raw raw;
	DEVICE int slab_base(int slab) { return WEIGHT::slab_base(slab); }
	static const int GROUP_STEP = WEIGHT::GROUP_STEP;
	DEVICE GemmWeights load(Planes w, i64 row_unit, int unit, bool inside) {
		// Outside, the last block is read instead and multiplied with zeros of x.
		return GemmWeights{WEIGHT::load(w, row_unit + (inside ? unit : unit & ~1))};
	}
	template <int I> DEVICE I2 quad_halves(const GemmWeights &g, int unit, float d, float m) {
		int q = WEIGHT::template quad<I>(g.raw, unit);
		return I2{(int)pack_halves(fma32(byte_float<0>(q), d, m), fma32(byte_float<1>(q), d, m)),
			(int)pack_halves(fma32(byte_float<2>(q), d, m), fma32(byte_float<3>(q), d, m))};
	}
	template <int I> DEVICE I4 eight(const GemmWeights &g, int unit, float d, float m) {
		I2 a = quad_halves<I>(g, unit, d, m), b = quad_halves<I + 1>(g, unit, d, m);
		return I4{a.x, a.y, b.x, b.y};
	}
	DEVICE void store(u16 *row, const GemmWeights &g, int unit) {
		int h = unit & 1;
		Scales s = WEIGHT::scales(g.raw, unit);
		I4 *to = (I4 *)(row + (WEIGHT::SPLIT ? 16 : 32) * h);
		to[0] = eight<0>(g, unit, s.d0, s.m0);
		to[1] = eight<2>(g, unit, s.d0, s.m0);
		to = (I4 *)(row + (WEIGHT::SPLIT ? 32 + 16 * h : 32 * h + 16));
		to[0] = eight<4>(g, unit, s.d1, s.m1);
		to[1] = eight<6>(g, unit, s.d1, s.m1);
	}
};
#endif

// Which rows of x a block takes, and where their products go: neighbours from first on. Beyond the n-th the last one repeats.
struct NextRows {
	int first, n;
	i64 ldo;
	DEVICE bool has(const NextRows &s, int r) { return s.first + r < s.n; }
	DEVICE int in(const NextRows &s, int r) { return min_int(s.first + r, s.n - 1); }
	DEVICE i64 out(const NextRows &s, int r) { return (s.first + r) * s.ldo; }
};

// ROWS of x by GEMM_COLS of w per block, from row w0 of w on; a warp makes TR×TC tiles of 16×16. w0 + m is the end of w.
template <int ROWS, int TR, int TC, class Rows>
DEVICE void gemm(u16 *xs, u16 *ws, Planes w, i64 w0, const float *bias, float *out, const u16 *x, const float *unscale, int k, int m, Rows rows) {
	const int WARPS_ACROSS = GEMM_COLS / (16 * TC);
	const int X_LOADS = ROWS * GEMM_DEPTH / 8 / GEMM_THREADS; // 16-byte loads of x per thread
	int t = thread_x(), warp = t / WARP;
	int col0 = block_x() * GEMM_COLS;
	int units = k >> 5, slabs = (k + GEMM_DEPTH - 1) / GEMM_DEPTH;

	// This thread's part of w: unit t%2 of row t/2. Rows beyond the end repeat the last, and are not stored.
	int wr = t >> 1;
	i64 w_unit = (w0 + min_int(col0 + wr, m - 1)) * units;
	// Its part of x: X_LOADS pieces of eight.
	I4 xr[X_LOADS];
	auto load_x = [&](int slab) INLINE_LAMBDA {
#pragma unroll
		for (int i = 0; i < X_LOADS; i++) {
			int piece = t + i * GEMM_THREADS, r = piece >> 3, c = piece & 7;
			int at = GemmWeights::slab_base(slab) + (c >> 2) * GemmWeights::GROUP_STEP + (c & 3) * 8;
			xr[i] = at < k ? *(const I4 *)(x + (i64)Rows::in(rows, r) * k + at) : I4{0, 0, 0, 0};
		}
	};

	TileAcc acc[TR][TC];
#pragma unroll
	for (int i = 0; i < TR; i++)
#pragma unroll
		for (int j = 0; j < TC; j++)
#pragma unroll
			for (int e = 0; e < TILE_ACC; e++) acc[i][j].v[e] = 0;

	int unit = t & 1;
	GemmWeights wreg = GemmWeights::load(w, w_unit, unit, unit < units);
	load_x(0);
	const u16 *a0 = xs + (warp / WARPS_ACROSS) * TR * 16 * GEMM_STRIDE, *b0 = ws + (warp % WARPS_ACROSS) * TC * 16 * GEMM_STRIDE;
	for (int slab = 0; slab < slabs; slab++) {
		GemmWeights::store(ws + wr * GEMM_STRIDE, wreg, unit);
#pragma unroll
		for (int i = 0; i < X_LOADS; i++) {
			int piece = t + i * GEMM_THREADS;
			*(I4 *)(xs + (piece >> 3) * GEMM_STRIDE + (piece & 7) * 8) = xr[i];
		}
		barrier();
		if (slab + 1 < slabs) {
			unit = (slab + 1) * 2 + (t & 1);
			wreg = GemmWeights::load(w, w_unit, unit, unit < units);
			load_x(slab + 1);
		}
#pragma unroll TILE_UNROLL
		for (int d = 0; d < GEMM_DEPTH; d += 16) {
			TileOperand b[TC];
#pragma unroll
			for (int j = 0; j < TC; j++) b[j] = tile_load(b0 + j * 16 * GEMM_STRIDE + d, GEMM_STRIDE);
#pragma unroll
			for (int i = 0; i < TR; i++) {
				TileOperand a = tile_load(a0 + i * 16 * GEMM_STRIDE + d, GEMM_STRIDE);
#pragma unroll
				for (int j = 0; j < TC; j++) tile_mma(acc[i][j], a, b[j]);
			}
		}
		barrier();
	}

	int row = (warp / WARPS_ACROSS) * TR * 16, col = col0 + (warp % WARPS_ACROSS) * TC * 16;
#pragma unroll
	for (int i = 0; i < TR; i++)
#pragma unroll
		for (int e = 0; e < TILE_ACC; e++) {
			int r = row + i * 16 + tile_row(e);
			if (!Rows::has(rows, r)) continue;
			float u = unscale[Rows::in(rows, r)];
			float *to = out + Rows::out(rows, r);
#pragma unroll
			for (int j = 0; j < TC; j++) {
				int c = col + j * 16 + tile_col(e);
				if (c < m) to[c] = acc[i][j].v[e] * u + (bias ? bias[c] : 0);
			}
		}
}

#ifndef EXPERTS
// Warps share the 128 rows of w two ways where a warp is 64 threads (four of them), four ways where it is 32 (eight).
#define GEMM_KERNEL(ROWS, TR, TC) \
	KERNEL(256) gemm_##ROWS(const u8 *wq, const u8 *wsc, const u8 *we, const float *bias, float *out, int ldo, const u16 *x, \
		const float *unscale, int k, int m, int n) { \
		SHARED __attribute__((aligned(16))) u16 xs[ROWS * GEMM_STRIDE]; \
		SHARED __attribute__((aligned(16))) u16 ws[GEMM_COLS * GEMM_STRIDE]; \
		gemm<ROWS, TR, TC>(xs, ws, Planes{wq, wsc, we}, 0, bias, out, x, unscale, k, m, NextRows{block_y() * ROWS, n, ldo}); \
	}

#if WARP == 64
GEMM_KERNEL(128, 4, 4)
GEMM_KERNEL(32, 2, 2)
#else
GEMM_KERNEL(128, 4, 2)
GEMM_KERNEL(32, 2, 1)
#endif
#endif
