// Products with the experts of a layer, w [experts, m, k]. A pair is a row of x and one of the `used` experts chosen for it;
// pair p is row p / used, choice p % used. The build defines WEIGHT, and FLOAT_WEIGHT and MATRIX_WEIGHT where they hold.
#define EXPERTS 1
#ifdef FLOAT_WEIGHT
#include "units.hip"
#else
#include "matvec.hip"
#endif
#if !defined(FLOAT_WEIGHT) || defined(MATRIX_WEIGHT)
#include "gemm.hip"
#endif

const int PAIRS_ACROSS = 32768; // pairs of a row of blocks; further ones are along z

// Which expert a pair has, where its product goes, and which row of x it takes.
struct Pair { int expert, x; float *out; };

DEVICE Pair pair_of(int p, const int *ids, i64 ldi, int used, int shared, float *out, i64 o0, i64 o1) {
	int i = p / used, j = p % used;
	return Pair{ids[i * ldi + j], shared ? i : p, out + i * o0 + j * o1};
}

#ifndef FLOAT_WEIGHT
// One pair by block_y and z; every warp computes two rows of its expert's weight, as in matvec.hip. shared: the choices of
// a row have the same x.
KERNEL(128) experts_matvec(const i8 *xq, const F2 *xs, int k, const u8 *q, const u8 *s, const u8 *e, const float *bias, float *out, i64 o0, i64 o1,
	const int *ids, i64 ldi, int used, int shared, int m, int experts, int pairs) {
	let_next_start();
	await_previous(); // which experts there are to read is known only then
	int p = block_z() * PAIRS_ACROSS + block_y(), row = (block_x() * MATVEC_WARPS + thread_x() / WARP) * MATVEC_PER;
	if (p >= pairs || row >= m) return;
	Pair a = pair_of(p, ids, ldi, used, shared, out, o0, o1);
	int second = min_int(row + 1, m - 1), units = k >> 5;
	float r0 = 0, r1 = 0;
	if (a.expert >= 0 && a.expert < experts) {
		i64 first = (i64)a.expert * m;
		float sum[1][2];
		Planes w = {q, s, e};
		dots<WEIGHT, 1>(sum, w, (first + row) * units, w, (first + second) * units, units, xq + (i64)a.x * k, xs + (i64)a.x * units, k, 1);
		r0 = sum[0][0] + (bias ? bias[first + row] : 0), r1 = sum[0][1] + (bias ? bias[first + second] : 0);
	}
	if (lane() != 0) return;
	a.out[row] = r0;
	if (second != row) a.out[second] = r1;
}
#else
// One row of the weight of a pair's expert per warp, with x as it is: WIDE loads 16 bytes of weights at a time.
template <bool WIDE>
DEVICE float expert_dot(const u8 *w, i64 row, const float *x, int k) {
	const u8 *p = w + row * k * WEIGHT::BYTES;
	float sum = 0;
	if (WIDE) {
		const int STEP = 16 / WEIGHT::BYTES;
		for (int j = lane() * STEP; j < k; j += WARP * STEP) {
			float f[STEP];
			WEIGHT::unpack(f, load_once(p + (i64)j * WEIGHT::BYTES));
			const F4 *xr = (const F4 *)(x + j);
#pragma unroll
			for (int c = 0; c < STEP / 4; c++) {
				F4 a = xr[c];
				sum += a.x * f[4 * c] + a.y * f[4 * c + 1] + a.z * f[4 * c + 2] + a.w * f[4 * c + 3];
			}
		}
	} else {
		for (int j = lane(); j < k; j += WARP) sum += WEIGHT::value(p, j) * x[j];
	}
	return group_sum<WARP>(sum);
}

#define EXPERTS_KERNEL(NAME, WIDE) \
	KERNEL(128) NAME(const float *x, i64 x0, i64 x1, int k, const u8 *w, const float *bias, float *out, i64 o0, i64 o1, \
		const int *ids, i64 ldi, int used, int m, int experts, int pairs) { \
		let_next_start(); \
		await_previous(); \
		int p = block_z() * PAIRS_ACROSS + block_y(), row = block_x() * (128 / WARP) + thread_x() / WARP; \
		if (p >= pairs || row >= m) return; \
		Pair a = pair_of(p, ids, ldi, used, 0, out, o0, o1); \
		float r = 0; \
		if (a.expert >= 0 && a.expert < experts) { \
			i64 at = (i64)a.expert * m + row; \
			r = expert_dot<WIDE>(w, at, x + p / used * x0 + p % used * x1, k) + (bias ? bias[at] : 0); \
		} \
		if (lane() == 0) a.out[row] = r; \
	}
EXPERTS_KERNEL(experts_wide, true)
EXPERTS_KERNEL(experts_narrow, false)
#endif

#if !defined(FLOAT_WEIGHT) || defined(MATRIX_WEIGHT)
// The rows of x that chose an expert, from the list in shared memory: the pair for each.
struct ChosenRows {
	const int *pair;
	int n, used, shared;
	i64 o0, o1;
	DEVICE bool has(const ChosenRows &s, int r) { return r < s.n; }
	DEVICE int in(const ChosenRows &s, int r) { return s.shared ? s.pair[r] / s.used : s.pair[r]; }
	DEVICE i64 out(const ChosenRows &s, int r) { return s.pair[r] / s.used * s.o0 + s.pair[r] % s.used * s.o1; }
};

// Tile block_y of those that moe.hip's sort_experts made, 128 rows of the weight by block_x.
#define EXPERTS_GEMM_KERNEL(ROWS, TR, TC) \
	KERNEL(256) experts_gemm_##ROWS(const u8 *wq, const u8 *wsc, const u8 *we, const float *bias, float *out, i64 o0, i64 o1, const u16 *x, \
		const float *unscale, int k, int m, int experts, const int *order, const I4 *tiles, int used, int shared) { \
		SHARED __attribute__((aligned(16))) u16 xs[ROWS * GEMM_STRIDE]; \
		SHARED __attribute__((aligned(16))) u16 ws[GEMM_COLS * GEMM_STRIDE]; \
		SHARED int pair[ROWS]; \
		I4 tile = tiles[block_y()]; \
		if (tile.x < 0) return; \
		int t = thread_x(); \
		if (t < ROWS) pair[t] = order[tile.y + min_int(t, tile.z - 1)]; \
		barrier(); \
		ChosenRows rows = {pair, tile.z, used, shared, o0, o1}; \
		if (tile.x == experts) { /* no such expert */ \
			for (int i = t; i < tile.z * GEMM_COLS; i += GEMM_THREADS) { \
				int c = block_x() * GEMM_COLS + i % GEMM_COLS; \
				if (c < m) out[ChosenRows::out(rows, i / GEMM_COLS) + c] = 0; \
			} \
			return; \
		} \
		i64 first = (i64)tile.x * m; \
		gemm<ROWS, TR, TC>(xs, ws, Planes{wq, wsc, we}, first, bias ? bias + first : bias, out, x, unscale, k, m, rows); \
	}

#if WARP == 64
EXPERTS_GEMM_KERNEL(128, 4, 4)
EXPERTS_GEMM_KERNEL(32, 2, 2)
#else
EXPERTS_GEMM_KERNEL(128, 4, 2)
EXPERTS_GEMM_KERNEL(32, 2, 1)
#endif
#endif
