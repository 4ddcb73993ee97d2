// Attention for many queries on the matrix units (FlashAttention, Dao et al. 2022, arXiv:2205.14135): a block takes 64
// queries of one head and walks over their keys, 32 at a time. The cache becomes halves on the way;
// heads have 64 or 128 elements.
#include "matrix.hip"
#include "kvtypes.hip"

const int TILE_THREADS = 128;
const int TILE_QUERIES = 64;
const int TILE_KEYS = 32;
const int WARP_TILES = TILE_QUERIES / 16 / (TILE_THREADS / WARP); // tiles of 16 queries per warp

template <int D> struct TileRoom {
	static const int QS = D + 8, VS = TILE_KEYS + 8, SS = TILE_KEYS + 2; // strides: rows begin in different banks
	alignas(16) u16 q[TILE_QUERIES * QS];
	union {
		alignas(16) u16 k[TILE_KEYS * QS];
		float s[TILE_QUERIES * SS]; // logits, once the keys were used
	};
	alignas(16) u16 v[D * VS]; // transposed: element by key
	alignas(16) u16 p[TILE_QUERIES * VS];
	float keep[TILE_QUERIES], total[TILE_QUERIES];
};

template <int D, class KV>
DEVICE void attend_tile(TileRoom<D> *room, float *out, i64 o0, i64 o1, const float *q, i64 q0, i64 q1, const u8 *kc, i64 kc0, i64 kc1,
	const u8 *vc, i64 vc0, i64 vc1, const float *sinks, const int *past, int n, int group, int slots, int window, float scale, float cap,
	float temperature, int length) {
	typedef TileRoom<D> R;
	int t = thread_x(), warp = t / WARP, head = block_y(), first = block_x() * TILE_QUERIES;
	int start = past[0];
	scale = cap > 0 ? scale / cap : scale * LOG2E;
	for (int i = t; i < TILE_QUERIES * D / 2; i += TILE_THREADS) {
		int r = i / (D / 2), c = i % (D / 2) * 2;
		const float *p = q + min_int(first + r, n - 1) * q0 + head * q1 + c;
		float f = length > 0 ? scale * attend_temperature(start + first + r, temperature, length) : scale;
		*(u32 *)(room->q + r * R::QS + c) = pack_halves(p[0] * f, p[1] * f);
	}
	i64 kh = head / group * kc1, vh = head / group * vc1;

	TileAcc acc[WARP_TILES][D / 16];
#pragma unroll
	for (int i = 0; i < WARP_TILES; i++)
#pragma unroll
		for (int j = 0; j < D / 16; j++)
#pragma unroll
			for (int e = 0; e < TILE_ACC; e++) acc[i][j].v[e] = 0;

	// Threads 2r and 2r+1 keep the softmax of query r.
	int mine = t >> 1, position = start + first + mine;
	float top = MINUS_INFINITY, total = 0;
	if (sinks) top = sinks[head] * LOG2E, total = t & 1 ? 0 : 1;

	int last = start + min_int(first + TILE_QUERIES, n) - 1;
	int lo = window > 0 ? max_int(0, start + first - window + 1) : 0;
	for (int base = lo; base <= last; base += TILE_KEYS) {
		for (int i = t; i < TILE_KEYS * D / 8; i += TILE_THREADS) {
			int key = i / (D / 8), c = i % (D / 8) * 8;
			i64 slot = min_int(base + key, last) % slots;
			*(I4 *)(room->k + key * R::QS + c) = KV::halves(KV::place(kc, slot * kc0 + kh + c));
		}
		for (int i = t; i < TILE_KEYS * D / 8; i += TILE_THREADS) {
			int key = i % TILE_KEYS, c = i / TILE_KEYS * 8;
			i64 slot = min_int(base + key, last) % slots;
			I4 v = KV::halves(KV::place(vc, slot * vc0 + vh + c));
			int w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
			for (int j = 0; j < 4; j++) {
				room->v[(c + 2 * j) * R::VS + key] = (u16)w[j];
				room->v[(c + 2 * j + 1) * R::VS + key] = (u16)((u32)w[j] >> 16);
			}
		}
		barrier();
		TileAcc s[WARP_TILES][2];
#pragma unroll
		for (int i = 0; i < WARP_TILES; i++)
#pragma unroll
			for (int j = 0; j < 2; j++) {
#pragma unroll
				for (int e = 0; e < TILE_ACC; e++) s[i][j].v[e] = 0;
			}
#pragma unroll TILE_UNROLL
		for (int d = 0; d < D; d += 16) {
			TileOperand b0 = tile_load(room->k + d, R::QS), b1 = tile_load(room->k + 16 * R::QS + d, R::QS);
#pragma unroll
			for (int i = 0; i < WARP_TILES; i++) {
				TileOperand a = tile_load(room->q + (warp * WARP_TILES + i) * 16 * R::QS + d, R::QS);
				tile_mma(s[i][0], a, b0);
				tile_mma(s[i][1], a, b1);
			}
		}
		barrier(); // the keys' memory becomes the logits'
#pragma unroll
		for (int i = 0; i < WARP_TILES; i++)
#pragma unroll
			for (int j = 0; j < 2; j++)
#pragma unroll
				for (int e = 0; e < TILE_ACC; e++)
					room->s[((warp * WARP_TILES + i) * 16 + tile_row(e)) * R::SS + j * 16 + tile_col(e)] = s[i][j].v[e];
		barrier();
		{
			const float *row = room->s + mine * R::SS + (t & 1) * 16;
			float x[16], high = top;
#pragma unroll
			for (int i = 0; i < 16; i++) {
				int key = base + (t & 1) * 16 + i;
				float v = row[i];
				if (cap > 0) v = cap * LOG2E * tanh32(v);
				bool seen = key <= position && (window <= 0 || key > position - window);
				x[i] = seen ? v : MINUS_INFINITY;
				high = max32(high, x[i]);
			}
			high = max32(high, shuffle_xor(high, 1));
			bool any = high > MINUS_INFINITY;
			float keep = any ? exp2_32(top - high) : 1;
			float sum = 0;
			u32 *to = (u32 *)(room->p + mine * R::VS + (t & 1) * 16);
#pragma unroll
			for (int i = 0; i < 16; i += 2) {
				float a = any ? exp2_32(x[i] - high) : 0, b = any ? exp2_32(x[i + 1] - high) : 0;
				sum += a + b;
				to[i / 2] = pack_halves(a, b);
			}
			total = total * keep + sum;
			top = high;
			if (!(t & 1)) room->keep[mine] = keep;
		}
		barrier();
#pragma unroll
		for (int i = 0; i < WARP_TILES; i++) {
			float keep[TILE_ACC];
#pragma unroll
			for (int e = 0; e < TILE_ACC; e++) keep[e] = room->keep[(warp * WARP_TILES + i) * 16 + tile_row(e)];
#pragma unroll
			for (int j = 0; j < D / 16; j++)
#pragma unroll
				for (int e = 0; e < TILE_ACC; e++) acc[i][j].v[e] *= keep[e];
		}
#pragma unroll TILE_UNROLL
		for (int k = 0; k < TILE_KEYS; k += 16) {
			TileOperand a[WARP_TILES];
#pragma unroll
			for (int i = 0; i < WARP_TILES; i++) a[i] = tile_load(room->p + (warp * WARP_TILES + i) * 16 * R::VS + k, R::VS);
#pragma unroll
			for (int j = 0; j < D / 16; j++) {
				TileOperand b = tile_load(room->v + j * 16 * R::VS + k, R::VS);
#pragma unroll
				for (int i = 0; i < WARP_TILES; i++) tile_mma(acc[i][j], a[i], b);
			}
		}
		barrier();
	}
	total += shuffle_xor(total, 1);
	if (!(t & 1)) room->total[mine] = total;
	barrier();
#pragma unroll
	for (int i = 0; i < WARP_TILES; i++)
#pragma unroll
		for (int e = 0; e < TILE_ACC; e++) {
			int r = (warp * WARP_TILES + i) * 16 + tile_row(e);
			if (first + r >= n) continue;
			float scale = 1 / room->total[r];
#pragma unroll
			for (int j = 0; j < D / 16; j++) out[(first + r) * o0 + head * o1 + j * 16 + tile_col(e)] = acc[i][j].v[e] * scale;
		}
}

#define ATTEND_TILE_KERNEL(D, KV) \
	KERNEL(128) attend_tile_##D(float *out, i64 o0, i64 o1, const float *q, i64 q0, i64 q1, const u8 *kc, i64 kc0, i64 kc1, \
		const u8 *vc, i64 vc0, i64 vc1, const float *sinks, const int *past, int n, int group, int slots, int window, float scale, float cap, \
		float temperature, int length) { \
		SHARED TileRoom<D> room; \
		attend_tile<D, KV>(&room, out, o0, o1, q, q0, q1, kc, kc0, kc1, vc, vc0, vc1, sinks, past, n, group, slots, window, scale, cap, \
			temperature, length); \
	}

#ifndef CACHE
#define CACHE KvF16
#endif
ATTEND_TILE_KERNEL(64, CACHE)
ATTEND_TILE_KERNEL(128, CACHE)
