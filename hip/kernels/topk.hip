// The largest elements of a row, largest first, the lower index first among equals.
#include "common.hip"

// Order: a greater value, then a lower index. NaN loses against everything.
DEVICE bool before(float a, int i, float b, int j) { return a > b || (!(a < b) && ((a == b && i < j) || (a == a && b != b))); }

struct Best { float v; int i; };
DEVICE Best better(Best a, Best b) { return before(b.v, b.i, a.v, a.i) ? b : a; }

DEVICE Best block_best(Best b, float *values, int *ids) {
#pragma unroll
	for (int m = WARP / 2; m > 0; m /= 2) {
		Best other = {shuffle_xor(b.v, m), shuffle_xor(b.i, m)};
		b = better(b, other);
	}
	if (lane() == 0) values[thread_x() / WARP] = b.v, ids[thread_x() / WARP] = b.i;
	barrier();
	b = Best{values[0], ids[0]};
#pragma unroll
	for (int w = 1; w < 256 / WARP; w++) b = better(b, Best{values[w], ids[w]});
	return b;
}

// Arg-max in two steps: part block_x of row block_y, then the best of the parts.
KERNEL(256) argmax_parts(float *values, int *ids, const float *x, i64 ldx, int d, int parts) {
	SHARED float room[256 / WARP];
	SHARED int places[256 / WARP];
	int size = (d + parts - 1) / parts, lo = block_x() * size, hi = min_int(lo + size, d);
	const float *row = x + block_y() * ldx;
	Best b = {MINUS_INFINITY, 0x7fffffff};
	let_next_start();
	await_previous();
	for (int i = lo + thread_x(); i < hi; i += 4 * 256) { // four on their way at a time
		Best c[4];
#pragma unroll
		for (int j = 0; j < 4; j++) c[j] = i + j * 256 < hi ? Best{row[i + j * 256], i + j * 256} : Best{MINUS_INFINITY, 0x7fffffff};
		b = better(b, better(better(c[0], c[1]), better(c[2], c[3])));
	}
	b = block_best(b, room, places);
	if (thread_x() == 0) values[block_y() * parts + block_x()] = b.v, ids[block_y() * parts + block_x()] = b.i;
}
KERNEL(256) argmax_finish(float *values, i64 ldv, int *ids, i64 ldi, const float *part_values, const int *part_ids, int parts, int d) {
	SHARED float room[256 / WARP];
	SHARED int places[256 / WARP];
	let_next_start();
	await_previous();
	int row = block_x();
	Best b = {MINUS_INFINITY, 0x7fffffff};
	for (int i = thread_x(); i < parts; i += 256) b = better(b, Best{part_values[row * parts + i], part_ids[row * parts + i]});
	b = block_best(b, room, places);
	if (thread_x() == 0) values[row * ldv] = b.v, ids[row * ldi] = min_int(b.i, d - 1); // a row of NaNs has no best
}

// The k largest of row block_x, k ≤ 1024. The k-th largest value is found by its bytes, from the top (radix select); then
// those above it and, by index, as many as needed of those equal to it are collected, and sorted (Batcher's bitonic
// network).
KERNEL(256) topk(float *values, i64 ldv, int *ids, i64 ldi, const float *x, i64 ldx, int d, int k) {
	SHARED int count[256]; // elements by byte; later by thread
	SHARED u32 key[1024];
	SHARED int index[1024];
	SHARED int chosen[2];
	int t = thread_x();
	const float *row = x + block_x() * ldx;
	u32 prefix = 0, mask = 0;
	int need = k; // elements still to be found among those with the prefix
	for (int shift = 24; shift >= 0; shift -= 8) {
		count[t] = 0;
		barrier();
		for (int i = t; i < d; i += 256) {
			u32 s = sortable(row[i]);
			if ((s & mask) == prefix) shared_add(&count[s >> shift & 255], 1);
		}
		barrier();
		if (t == 0) {
			int left = need, b = 255;
			while (b > 0 && left > count[b]) left -= count[b--];
			chosen[0] = b, chosen[1] = left;
		}
		barrier();
		prefix |= (u32)chosen[0] << shift, mask |= 255u << shift;
		need = chosen[1];
		barrier();
	}
	// prefix is the k-th largest value, and need how many of its kind belong to the k. Each thread looks through a run of
	// neighbours, so that counting the equal ones before it keeps their order.
	int size = (d + 255) / 256, lo = min_int(t * size, d), hi = min_int(lo + size, d), equal = 0;
	for (int i = lo; i < hi; i++) equal += sortable(row[i]) == prefix;
	count[t] = equal;
	if (t == 0) chosen[0] = 0;
	barrier();
	int rank = 0;
	for (int i = 0; i < t; i++) rank += count[i];
	for (int i = lo; i < hi; i++) {
		u32 s = sortable(row[i]);
		int to = -1;
		if (s > prefix) to = shared_add(&chosen[0], 1);
		else if (s == prefix && rank < need) to = k - need + rank++;
		if (to >= 0) key[to] = s, index[to] = i;
	}
	int span = 1;
	while (span < k) span *= 2;
	for (int i = k + t; i < span; i += 256) key[i] = 0, index[i] = 0x7fffffff;
	barrier();
	for (int length = 2; length <= span; length *= 2)
		for (int step = length / 2; step > 0; step /= 2) {
			for (int i = t; i < span / 2; i += 256) {
				int a = i / step * step * 2 + i % step, b = a + step;
				bool first = key[a] > key[b] || (key[a] == key[b] && index[a] < index[b]);
				if (first != ((a & length) == 0)) {
					u32 s = key[a];
					int j = index[a];
					key[a] = key[b], index[a] = index[b], key[b] = s, index[b] = j;
				}
			}
			barrier();
		}
	for (int i = t; i < k; i += 256) {
		values[block_x() * ldv + i] = row[index[i]];
		ids[block_x() * ldi + i] = index[i];
	}
}
