// Rotary position embedding and the KV cache's writes, one warp per head: queries are rotated in place, keys too and then
// stored, values stored. Where wq and wk are given, every query and key head goes through an RMS norm first.
#include "kvtypes.hip"

// Sine and cosine of position·frequency. The product is taken to twice the precision and reduced by multiples of
// π/2 in two pieces (Cody & Waite 1980), since a float alone is too coarse for positions beyond some thousands; the
// polynomials are those of Cephes (Moshier 1989), for −π/4..π/4.
DEVICE F2 sine_cosine(float position, float frequency) {
	float angle = position * frequency, rest = fma32(position, frequency, -angle);
	float turns = round32(angle * 0.636619772367581343f);
	float r = fma32(turns, -1.57079637050628662f, angle); // π/2 rounded to a float,
	r = fma32(turns, 4.37113900018624283e-08f, r) + rest; // and what the rounding added
	float z = r * r;
	float s = r + r * z * (-1.6666654611e-1f + z * (8.3321608736e-3f - z * 1.9515295891e-4f));
	float c = 1 - 0.5f * z + z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
	int quarter = (int)turns & 3;
	float sine = quarter & 1 ? c : s, cosine = quarter & 1 ? s : c;
	return F2{quarter & 2 ? -sine : sine, (quarter + 1) & 2 ? -cosine : cosine};
}

struct RopeTable {
	const float *frequency;
	int pairs, interleaved;
	float magnitude;
};

// One head of d elements by one warp: scaled by norm and w, rotated, and written to x and, if given, to the cache.
DEVICE void rope_head(float *x, int d, const float *w, float eps, const RopeTable &t, float position, void *cache, i64 at, int type) {
	float scale = 1;
	if (w) {
		float square = 0;
		for (int i = lane(); i < d; i += WARP) square += x[i] * x[i];
		scale = 1 / sqrt32(group_sum<WARP>(square) / d + eps);
		barrier(); // a block is one warp; nobody writes before everybody has read
	}
	bool blocks = type >= KV_Q8_0; // these need all of the head first
	auto put = [&](int i, float v, bool changed) INLINE_LAMBDA {
		if (changed) x[i] = v;
		if (cache && !blocks) kv_put(cache, at + i, v, type);
	};
	for (int j = lane(); j < t.pairs; j += WARP) {
		int a = t.interleaved ? 2 * j : j, b = t.interleaved ? 2 * j + 1 : j + t.pairs;
		F2 sc = sine_cosine(position, t.frequency[j]);
		float s = sc.x * t.magnitude, c = sc.y * t.magnitude;
		float u = x[a] * scale, v = x[b] * scale;
		if (w) u *= w[a], v *= w[b];
		put(a, u * c - v * s, true);
		put(b, u * s + v * c, true);
	}
	for (int i = 2 * t.pairs + lane(); i < d; i += WARP) put(i, w ? x[i] * scale * w[i] : x[i], w != 0);
	if (cache && blocks) {
		barrier();
		kv_put_blocks(cache, at, x, d, type);
	}
}

// Block (head, row): heads 0..hq are queries, the next hk keys, the rest values. Strides are per row and per head.
KERNEL(WARP) rope_store(const int *past, const float *frequency, int pairs, int interleaved, float magnitude, float eps,
	float *q, i64 q0, i64 q1, int hq, const float *wq,
	float *k, i64 k0, i64 k1, int hk, const float *wk, int kd,
	float *v, i64 v0, i64 v1, int vd,
	void *kc, i64 kc0, i64 kc1, void *vc, i64 vc0, i64 vc1, int slots, int type, int n) {
	let_next_start();
	await_previous();
	int head = block_x(), row = block_y(), position = past[0] + row;
	RopeTable t = {frequency, pairs, interleaved, magnitude};
	i64 slot = slots > 0 ? position % slots : 0;
	if (row + slots < n) kc = vc = 0; // a later row of this launch goes to the same slot
	if (head < hq) {
		rope_head(q + row * q0 + head * q1, kd, wq, eps, t, (float)position, 0, 0, 0);
	} else if (head < hq + hk) {
		head -= hq;
		rope_head(k + row * k0 + head * k1, kd, wk, eps, t, (float)position, kc, slot * kc0 + head * kc1, type);
	} else {
		head -= hq + hk;
		RopeTable none = {0, 0, 0, 1};
		rope_head(v + row * v0 + head * v1, vd, 0, eps, none, 0, vc, slot * vc0 + head * vc1, type);
	}
}
