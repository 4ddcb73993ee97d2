// Experts: choosing them, sorting the rows of a pass by them, and adding up what they give. Their products are in experts.hip.
#include "common.hip"

const int MOST_EXPERTS = 1024, MOST_GROUPS = 256, MOST_CHOSEN = 256;

// The float that sortable made a number of.
DEVICE float unsortable(u32 k) { return bits_float((int)(k & 0x80000000u ? k & 0x7fffffffu : ~k)); }

// How many of the n numbers come before number i: greater ones, and equal ones of lower index.
DEVICE int rank_of(const u32 *key, int n, int i) {
	u32 mine = key[i];
	int rank = 0;
#pragma unroll 4
	for (int j = 0; j < n; j++) rank += key[j] > mine || (key[j] == mine && j < i);
	return rank;
}

// Chooses and weighs the experts of row block_x. Gates are numbered as compute.Gate. Ranks instead of one maximum after
// the other: a few hundred comparisons for each thread, and nobody waits for anybody.
KERNEL(256) route(int *ids, i64 ldi, float *weights, i64 ldw, const float *scores, i64 lds, const float *bias, int experts, int used,
	int gate, int groups, int groups_used, int group_top, int normalise, float eps, float scale) {
	SHARED float gated[MOST_EXPERTS];
	SHARED u32 key[MOST_EXPERTS];
	SHARED u32 group_key[MOST_GROUPS];
	SHARED int keep[MOST_GROUPS];
	SHARED int chosen[MOST_CHOSEN];
	SHARED float room[256 / WARP];
	let_next_start();
	await_previous();
	int t = thread_x();
	const float *row = scores + block_x() * lds;
	float top = MINUS_INFINITY, total = 1;
	if (gate == 0) {
#pragma unroll 1
		for (int j = t; j < experts; j += 256) top = max32(top, row[j]);
		top = block_max<256>(top, room);
		total = 0;
#pragma unroll 1
		for (int j = t; j < experts; j += 256) total += exp32(row[j] - top);
		total = block_sum<256>(total, room);
	}
#pragma unroll 1
	for (int j = t; j < experts; j += 256) {
		float s = row[j], g = gate == 0 ? exp32(s - top) / total : gate == 1 ? 1 / (1 + exp32(-s)) : s;
		gated[j] = g;
		key[j] = sortable(bias ? g + bias[j] : g);
	}
	barrier();
	if (groups > 1) {
		int size = experts / groups;
#pragma unroll 1
		for (int g = t; g < groups; g += 256) {
			// Its best ones, one after the other in their order.
			u32 last = 0xffffffffu;
			int at = -1;
			float sum = 0;
#pragma unroll 1
			for (int i = 0; i < group_top; i++) {
				u32 best = 0;
				int where = size;
#pragma unroll 1
				for (int j = 0; j < size; j++) {
					u32 k = key[g * size + j];
					bool left = k < last || (k == last && j > at);
					if (left && (where == size || k > best)) best = k, where = j;
				}
				sum += unsortable(best), last = best, at = where;
			}
			group_key[g] = sortable(sum);
		}
		barrier();
#pragma unroll 1
		for (int g = t; g < groups; g += 256) keep[g] = rank_of(group_key, groups, g) < groups_used;
		barrier();
#pragma unroll 1
		for (int j = t; j < experts; j += 256)
			if (!keep[j / size]) key[j] = 0; // less than any number
		barrier();
	}
#pragma unroll 1
	for (int j = t; j < experts; j += 256) {
		int rank = rank_of(key, experts, j);
		if (rank < used) chosen[rank] = j;
	}
	barrier();
	if (gate == 2) {
		top = MINUS_INFINITY, total = 0;
#pragma unroll 1
		for (int i = 0; i < used; i++) top = max32(top, gated[chosen[i]]);
#pragma unroll 1
		for (int i = 0; i < used; i++) total += exp32(gated[chosen[i]] - top);
	}
	float sum = eps;
#pragma unroll 1
	for (int i = 0; i < used; i++) {
		float g = gated[chosen[i]];
		sum += gate == 2 ? exp32(g - top) / total : g;
	}
	if (normalise) scale /= sum;
#pragma unroll 1
	for (int i = t; i < used; i += 256) {
		float g = gated[chosen[i]];
		ids[block_x() * ldi + i] = chosen[i];
		weights[block_x() * ldw + i] = (gate == 2 ? exp32(g - top) / total : g) * scale;
	}
}

// Sorts the pairs of a row and one of its experts by expert, for grouped products: order holds the pairs, and tiles one
// entry for every block of at most `rows` of them: expert, first place in order, and how many. Tiles beyond the last one
// have expert −1. Pairs whose expert does not exist come last, as those of expert number `experts`. One block.
KERNEL(512) sort_experts(int *order, I4 *tiles, const int *ids, i64 ldi, int used, int pairs, int experts, int rows, int most_tiles) {
	SHARED int count[MOST_EXPERTS + 1];
	SHARED int start[MOST_EXPERTS + 1];
	SHARED int places[512];
	SHARED int numbers[512];
	int t = thread_x(), buckets = experts + 1;
	for (int e = t; e < buckets; e += 512) count[e] = 0;
	barrier();
	for (int p = t; p < pairs; p += 512) {
		int e = ids[p / used * ldi + p % used];
		shared_add(&count[e < 0 || e > experts ? experts : e], 1);
	}
	barrier();
	// Each thread takes a run of experts; what comes before it is a sum over the threads before it (Hillis and Steele 1986).
	int per = (buckets + 511) / 512, lo = min_int(t * per, buckets), hi = min_int(lo + per, buckets), place = 0, tile = 0;
	for (int e = lo; e < hi; e++) place += count[e], tile += (count[e] + rows - 1) / rows;
	places[t] = place, numbers[t] = tile;
	barrier();
	for (int d = 1; d < 512; d *= 2) {
		int a = t >= d ? places[t - d] : 0, b = t >= d ? numbers[t - d] : 0;
		barrier();
		places[t] += a, numbers[t] += b;
		barrier();
	}
	place = places[t] - place, tile = numbers[t] - tile;
	for (int e = lo; e < hi; e++) {
		start[e] = place;
		for (int r = 0; r < count[e]; r += rows) tiles[tile++] = I4{e, place + r, min_int(rows, count[e] - r), 0};
		place += count[e];
	}
	for (int i = numbers[511] + t; i < most_tiles; i += 512) tiles[i] = I4{-1, 0, 0, 0};
	barrier();
	// The order within an expert is chance, and makes no difference to any row.
	for (int p = t; p < pairs; p += 512) {
		int e = ids[p / used * ldi + p % used];
		order[shared_add(&start[e < 0 || e > experts ? experts : e], 1)] = p;
	}
}

// out [n, m] = Σ_j weights[n, j] · x[n, j, m]: row by block_y, 256 columns by block_x.
KERNEL(256) combine(float *out, i64 ldo, const float *x, i64 x0, i64 x1, const float *weights, i64 ldw, int used, int m) {
	let_next_start();
	await_previous();
	int row = block_y(), c = block_x() * 256 + thread_x();
	if (c >= m) return;
	x += row * x0 + c, weights += row * ldw;
	float sum = 0;
	for (int j = 0; j < used; j++) sum += weights[j] * x[j * x1];
	out[row * ldo + c] = sum;
}
