// Attention for many queries on the matrix units (FlashAttention, Dao et al. 2022, arXiv:2205.14135): a block takes some
// queries of one head and walks over their keys, a few at a time. The cache becomes halves on the way.
#include "matrix.hip"
#include "kvtypes.hip"

const int TILE_THREADS = 128;
const int TILE_WARPS = TILE_THREADS / WARP;

// Heads of D elements, QUERIES and KEYS at a time, of which the warps share D in SPLIT parts: with large heads neither all
// results fit a warp's registers, nor many queries the shared memory.
template <int D, int QUERIES, int KEYS, int SPLIT> struct TileRoom {
	static const int QS = D + 8, VS = KEYS + 8, SS = KEYS + 2; // strides: rows begin in different banks
	alignas(16) u16 q[QUERIES * QS];
	union {
		alignas(16) u16 k[KEYS * QS];
		float s[SPLIT * QUERIES * SS]; // logits, once the keys were used: a sum for each part of D
	};
	alignas(16) u16 v[D * VS]; // transposed: element by key
	alignas(16) u16 p[QUERIES * VS];
	float keep[QUERIES], total[QUERIES];
};

// With WHOLE, keys and values have D elements; otherwise kd and vd, multiples of eight, and the rest is zeros.
template <int D, int QUERIES, int KEYS, int SPLIT, bool WHOLE, class KV>
DEVICE void attend_tile(TileRoom<D, QUERIES, KEYS, SPLIT> *room, float *out, i64 o0, i64 o1, const float *q, i64 q0, i64 q1, const u8 *kc, i64 kc0, i64 kc1,
	const u8 *vc, i64 vc0, i64 vc1, const float *sinks, const int *past, int n, int group, int slots, int window, float scale, float cap,
	float temperature, int length, int kd, int vd) {
	typedef TileRoom<D, QUERIES, KEYS, SPLIT> R;
	const int PART = D / SPLIT, TILES = QUERIES / 16 / (TILE_WARPS / SPLIT); // elements, and tiles of 16 queries, of a warp
	const int SHARE = TILE_THREADS / QUERIES, MINE = KEYS / SHARE;           // threads of a query's softmax, and keys of each
	if (WHOLE) kd = vd = D;
	int t = thread_x(), warp = t / WARP % (TILE_WARPS / SPLIT), part = t / WARP / (TILE_WARPS / SPLIT), head = block_y(), first = block_x() * QUERIES;
	int start = past[0];
	scale = cap > 0 ? scale / cap : scale * LOG2E;
	for (int i = t; i < QUERIES * D / 2; i += TILE_THREADS) {
		int r = i / (D / 2), c = i % (D / 2) * 2;
		float f = length > 0 ? scale * attend_temperature(start + first + r, temperature, length) : scale;
		const float *p = q + min_int(first + r, n - 1) * q0 + head * q1 + c;
		*(u32 *)(room->q + r * R::QS + c) = WHOLE || c < kd ? pack_halves(p[0] * f, p[1] * f) : 0;
	}
	i64 kh = head / group * kc1, vh = head / group * vc1;

	TileAcc acc[TILES][PART / 16];
#pragma unroll
	for (int i = 0; i < TILES; i++)
#pragma unroll
		for (int j = 0; j < PART / 16; j++)
#pragma unroll
			for (int e = 0; e < TILE_ACC; e++) acc[i][j].v[e] = 0;

	// Neighbouring threads keep the softmax of a query.
	int mine = t / SHARE, position = start + first + mine, from = t % SHARE * MINE;
	float top = MINUS_INFINITY, total = 0;
	if (sinks) top = sinks[head] * LOG2E, total = t % SHARE ? 0 : 1;

	int last = start + min_int(first + QUERIES, n) - 1;
	int lo = window > 0 ? max_int(0, start + first - window + 1) : 0;
	for (int base = lo; base <= last; base += KEYS) {
		for (int i = t; i < KEYS * D / 8; i += TILE_THREADS) {
			int key = i / (D / 8), c = i % (D / 8) * 8;
			i64 slot = min_int(base + key, last) % slots;
			*(I4 *)(room->k + key * R::QS + c) = WHOLE || c < kd ? KV::halves(KV::place(kc, slot * kc0 + kh + c)) : I4{0, 0, 0, 0};
		}
		for (int i = t; i < KEYS * D / 8; i += TILE_THREADS) {
			int key = i % KEYS, c = i / KEYS * 8;
			i64 slot = min_int(base + key, last) % slots;
			I4 v = WHOLE || c < vd ? KV::halves(KV::place(vc, slot * vc0 + vh + c)) : I4{0, 0, 0, 0};
			int w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
			for (int j = 0; j < 4; j++) {
				room->v[(c + 2 * j) * R::VS + key] = (u16)w[j];
				room->v[(c + 2 * j + 1) * R::VS + key] = (u16)((u32)w[j] >> 16);
			}
		}
		barrier();
		TileAcc s[TILES][KEYS / 16];
#pragma unroll
		for (int i = 0; i < TILES; i++)
#pragma unroll
			for (int j = 0; j < KEYS / 16; j++) {
#pragma unroll
				for (int e = 0; e < TILE_ACC; e++) s[i][j].v[e] = 0;
			}
#pragma unroll TILE_UNROLL
		for (int d = 0; d < PART; d += 16) {
			TileOperand b[KEYS / 16];
#pragma unroll
			for (int j = 0; j < KEYS / 16; j++) b[j] = tile_load(room->k + j * 16 * R::QS + part * PART + d, R::QS);
#pragma unroll
			for (int i = 0; i < TILES; i++) {
				TileOperand a = tile_load(room->q + (warp * TILES + i) * 16 * R::QS + part * PART + d, R::QS);
#pragma unroll
				for (int j = 0; j < KEYS / 16; j++) tile_mma(s[i][j], a, b[j]);
			}
		}
		barrier(); // the keys' memory becomes the logits'
#pragma unroll
		for (int i = 0; i < TILES; i++)
#pragma unroll
			for (int j = 0; j < KEYS / 16; j++)
#pragma unroll
				for (int e = 0; e < TILE_ACC; e++)
					room->s[(part * QUERIES + (warp * TILES + i) * 16 + tile_row(e)) * R::SS + j * 16 + tile_col(e)] = s[i][j].v[e];
		barrier();
		{
			const float *row = room->s + mine * R::SS + from;
			float x[MINE], high = top;
#pragma unroll
			for (int i = 0; i < MINE; i++) {
				int key = base + from + i;
				float v = row[i];
#pragma unroll
				for (int p = 1; p < SPLIT; p++) v += row[p * QUERIES * R::SS + i];
				if (cap > 0) v = cap * LOG2E * tanh32(v);
				bool seen = key <= position && (window <= 0 || key > position - window);
				x[i] = seen ? v : MINUS_INFINITY;
				high = max32(high, x[i]);
			}
			high = group_max<SHARE>(high);
			bool any = high > MINUS_INFINITY;
			float keep = any ? exp2_32(top - high) : 1;
			float sum = 0;
			u32 *to = (u32 *)(room->p + mine * R::VS + from);
#pragma unroll
			for (int i = 0; i < MINE; i += 2) {
				float a = any ? exp2_32(x[i] - high) : 0, b = any ? exp2_32(x[i + 1] - high) : 0;
				sum += a + b;
				to[i / 2] = pack_halves(a, b);
			}
			total = total * keep + sum;
			top = high;
			if (t % SHARE == 0) room->keep[mine] = keep;
		}
		barrier();
#pragma unroll
		for (int i = 0; i < TILES; i++) {
			float keep[TILE_ACC];
#pragma unroll
			for (int e = 0; e < TILE_ACC; e++) keep[e] = room->keep[(warp * TILES + i) * 16 + tile_row(e)];
#pragma unroll
			for (int j = 0; j < PART / 16; j++)
#pragma unroll
				for (int e = 0; e < TILE_ACC; e++) acc[i][j].v[e] *= keep[e];
		}
#pragma unroll TILE_UNROLL
		for (int k = 0; k < KEYS; k += 16) {
			TileOperand a[TILES];
#pragma unroll
			for (int i = 0; i < TILES; i++) a[i] = tile_load(room->p + (warp * TILES + i) * 16 * R::VS + k, R::VS);
#pragma unroll
			for (int j = 0; j < PART / 16; j++) {
				TileOperand b = tile_load(room->v + (part * PART + j * 16) * R::VS + k, R::VS);
#pragma unroll
				for (int i = 0; i < TILES; i++) tile_mma(acc[i][j], a[i], b);
			}
		}
		barrier();
	}
	total = group_sum<SHARE>(total);
	if (t % SHARE == 0) room->total[mine] = total;
	barrier();
#pragma unroll
	for (int i = 0; i < TILES; i++)
#pragma unroll
		for (int e = 0; e < TILE_ACC; e++) {
			int r = (warp * TILES + i) * 16 + tile_row(e);
			if (first + r >= n) continue;
			float scale = 1 / room->total[r];
#pragma unroll
			for (int j = 0; j < PART / 16; j++) {
				int c = part * PART + j * 16 + tile_col(e);
				if (WHOLE || c < vd) out[(first + r) * o0 + head * o1 + c] = acc[i][j].v[e] * scale;
			}
		}
}

#define ATTEND_TILE_KERNEL(NAME, D, QUERIES, KEYS, SPLIT, WHOLE, KV) \
	KERNEL(128) NAME(float *out, i64 o0, i64 o1, const float *q, i64 q0, i64 q1, const u8 *kc, i64 kc0, i64 kc1, \
		const u8 *vc, i64 vc0, i64 vc1, const float *sinks, const int *past, int n, int group, int slots, int window, float scale, float cap, \
		float temperature, int length, int kd, int vd) { \
		SHARED TileRoom<D, QUERIES, KEYS, SPLIT> room; \
		attend_tile<D, QUERIES, KEYS, SPLIT, WHOLE, KV>(&room, out, o0, o1, q, q0, q1, kc, kc0, kc1, vc, vc0, vc1, sinks, past, n, group, slots, \
			window, scale, cap, temperature, length, kd, vd); \
	}

#ifndef CACHE
#define CACHE KvF16
#endif
#ifdef TILE_PART // heads of other sizes
ATTEND_TILE_KERNEL(attend_tile_part_128, 128, 64, 32, 1, false, CACHE)
ATTEND_TILE_KERNEL(attend_tile_part_256, 256, 32, 16, 2, false, CACHE)
#else
ATTEND_TILE_KERNEL(attend_tile_64, 64, 64, 32, 1, true, CACHE)
ATTEND_TILE_KERNEL(attend_tile_128, 128, 64, 32, 1, true, CACHE)
ATTEND_TILE_KERNEL(attend_tile_256, 256, 32, 16, 2, true, CACHE)
#endif
