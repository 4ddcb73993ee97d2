// Attention over the KV cache, split along the keys: for few queries and long caches, and for every shape that the tile
// kernel (attention_tile.hip) does not take. Softmax is online (Milakov & Gimelshein 2018, arXiv:1805.02867); the parts
// are put together by a second kernel, as in Flash-Decoding.
//
// Query i is at position past + i and sees positions max(0, p − window + 1)..p; position j lies in slot j mod slots.
#include "kvtypes.hip"

// What both kernels know of a launch. Strides are in elements.
struct AttendShape {
	int heads, group; // query heads, and how many of them share a KV head
	int kd, vd, slots, window;
	float scale, cap;
	int aligned; // dimensions and strides of the cache are multiples of eight
	float temperature;
	int length; // of the temperature
};

const int SPLIT_THREADS = 128;
const int MAX_SPLITS = 64;

// Floats of shared memory that attend needs.
template <int G, int LANES, int C> struct SplitRoom { static const int FLOATS = (SPLIT_THREADS / WARP) * G * (LANES * C * 8 + 2); };

// A block takes G query heads of one KV head, one query, and one part of its keys. LANES threads share a key, C times eight
// elements each, so a warp sees WARP/LANES keys at a time. With C above 1 the cache must be aligned.
template <int G, int LANES, int C, class KV>
DEVICE void attend(float *room, float *parts, F2 *stats, const float *q, i64 q0, i64 q1,
	const u8 *kc, i64 kc0, i64 kc1, const u8 *vc, i64 vc0, i64 vc1, const int *past, int splits, int head_blocks, AttendShape s) {
	const int WARPS = SPLIT_THREADS / WARP, KEYS = WARP / LANES; // keys of a warp at a time
	const int STEP = LANES * 8, SIZE = LANES * C * 8 + 2;        // from one of a thread's eights to the next; of a part in room
	int split = block_x(), kv = block_y() / head_blocks, first = kv * s.group + block_y() % head_blocks * G, query = block_z();
	int heads = min_int(G, (kv + 1) * s.group - first); // that exist of the G
	int position = past[0] + query;
	int lo = s.window > 0 ? max_int(0, position - s.window + 1) : 0;
	int count = position + 1 - lo;
	int part = (count + splits - 1) / splits;
	int begin = lo + split * part, end = min_int(begin + part, position + 1);

	int warp = thread_x() / WARP, at = (lane() % LANES) * 8, sub = lane() / LANES;
	float qr[G][C * 8], acc[G][C * 8], top[G], total[G];
	float scale = s.cap > 0 ? s.scale / s.cap : s.scale * LOG2E; // so that exp2 is enough
	if (s.length > 0) scale *= attend_temperature(position, s.temperature, s.length);
#pragma unroll
	for (int g = 0; g < G; g++) {
		top[g] = MINUS_INFINITY, total[g] = 0;
		const float *p = q + query * q0 + (first + min_int(g, heads - 1)) * q1;
#pragma unroll
		for (int i = 0; i < C * 8; i++) {
			int e = at + i / 8 * STEP + i % 8;
			bool in = C > 1 ? at + i / 8 * STEP < s.kd : e < s.kd;
			qr[g][i] = in ? p[e] * scale : 0, acc[g][i] = 0;
		}
	}
	// All threads of a warp make the same number of turns, since they exchange sums.
	for (int base = begin + warp * KEYS; base < end; base += WARPS * KEYS) {
		int key = base + sub;
		bool real = key < end;
		i64 slot = (real ? key : base) % s.slots;
		typename KV::Place kp = KV::place(kc, slot * kc0 + kv * kc1 + at), vp = KV::place(vc, slot * vc0 + kv * vc1 + at);
		float k[C][8], v[C][8];
#pragma unroll
		for (int c = 0; c < C; c++) {
			int e = at + c * STEP;
#pragma unroll
			for (int i = 0; i < 8; i++) k[c][i] = v[c][i] = 0;
			if (C > 1 || s.aligned) {
				if (e < s.kd) KV::load(k[c], c ? KV::place(kc, slot * kc0 + kv * kc1 + e) : kp);
				if (e < s.vd) KV::load(v[c], c ? KV::place(vc, slot * vc0 + kv * vc1 + e) : vp);
			} else {
#pragma unroll
				for (int i = 0; i < 8; i++) {
					if (e + i < s.kd) k[c][i] = KV::value(kp, i);
					if (e + i < s.vd) v[c][i] = KV::value(vp, i);
				}
			}
		}
#pragma unroll
		for (int g = 0; g < G; g++) {
			float dot = 0;
#pragma unroll
			for (int i = 0; i < C * 8; i++) dot += qr[g][i] * k[i / 8][i % 8];
			dot = group_sum<LANES>(dot);
			if (s.cap > 0) dot = s.cap * LOG2E * tanh32(dot);
			float t = real ? max32(top[g], dot) : top[g];
			float keep = top[g] > MINUS_INFINITY ? exp2_32(top[g] - t) : 0, p = real ? exp2_32(dot - t) : 0;
			top[g] = t;
			total[g] = total[g] * keep + p;
#pragma unroll
			for (int i = 0; i < C * 8; i++) acc[g][i] = acc[g][i] * keep + p * v[i / 8][i % 8];
		}
	}
	// The groups of a warp, then the warps.
#pragma unroll
	for (int g = 0; g < G; g++) {
#pragma unroll
		for (int m = LANES; m < WARP; m *= 2) {
			float other = shuffle_xor(top[g], m), t = max32(top[g], other);
			float keep = top[g] > MINUS_INFINITY ? exp2_32(top[g] - t) : 0;
			top[g] = t;
			total[g] *= keep;
			total[g] += shuffle_xor(total[g], m);
#pragma unroll
			for (int i = 0; i < C * 8; i++) {
				acc[g][i] *= keep;
				acc[g][i] += shuffle_xor(acc[g][i], m);
			}
		}
		float *mine = room + (warp * G + g) * SIZE;
		if (sub == 0) {
#pragma unroll
			for (int i = 0; i < C * 8; i++) mine[at + i / 8 * STEP + i % 8] = acc[g][i];
			if (at == 0) mine[SIZE - 2] = top[g], mine[SIZE - 1] = total[g];
		}
	}
	barrier();
	for (int j = thread_x(); j < heads * s.vd; j += SPLIT_THREADS) {
		int g = j / s.vd, i = j % s.vd;
		const float *r = room + g * SIZE;
		float t = MINUS_INFINITY;
#pragma unroll
		for (int w = 0; w < WARPS; w++) t = max32(t, r[w * G * SIZE + SIZE - 2]);
		float sum = 0, value = 0;
#pragma unroll
		for (int w = 0; w < WARPS; w++) {
			const float *of = r + w * G * SIZE;
			float keep = of[SIZE - 2] > MINUS_INFINITY ? exp2_32(of[SIZE - 2] - t) : 0;
			sum += keep * of[SIZE - 1];
			value += keep * of[i];
		}
		i64 to = ((i64)query * s.heads + first + g) * splits + split;
		parts[to * s.vd + i] = value;
		if (i == 0) stats[to] = F2{t, sum};
	}
}

#define ATTEND_KERNEL(NAME, G, LANES, C, KV) \
	KERNEL(128) NAME(float *parts, F2 *stats, const float *q, i64 q0, i64 q1, const u8 *kc, i64 kc0, i64 kc1, \
		const u8 *vc, i64 vc0, i64 vc1, const int *past, int splits, int head_blocks, \
		int heads, int group, int kd, int vd, int slots, int window, float scale, float cap, int aligned, float temperature, int length) { \
		SHARED float room[SplitRoom<G, LANES, C>::FLOATS]; \
		let_next_start(); \
		await_previous(); \
		attend<G, LANES, C, KV>(room, parts, stats, q, q0, q1, kc, kc0, kc1, vc, vc0, vc1, past, splits, head_blocks, \
			AttendShape{heads, group, kd, vd, slots, window, scale, cap, aligned, temperature, length}); \
	}

#ifdef CACHE
// attend_<heads of a block>_<elements of a head, at most, by eight>
ATTEND_KERNEL(attend_1_8, 1, 8, 1, CACHE)
ATTEND_KERNEL(attend_4_8, 4, 8, 1, CACHE)
ATTEND_KERNEL(attend_1_16, 1, 16, 1, CACHE)
ATTEND_KERNEL(attend_4_16, 4, 16, 1, CACHE)
ATTEND_KERNEL(attend_1_32, 1, 32, 1, CACHE)
ATTEND_KERNEL(attend_4_32, 4, 32, 1, CACHE)
ATTEND_KERNEL(attend_1_64, 1, 32, 2, CACHE)
ATTEND_KERNEL(attend_2_96, 2, 32, 3, CACHE)
#else
// attend_<cache>_<heads of a block>_<elements of a head, at most, by eight>
ATTEND_KERNEL(attend_f16_1_8, 1, 8, 1, KvF16)
ATTEND_KERNEL(attend_f16_4_8, 4, 8, 1, KvF16)
ATTEND_KERNEL(attend_f16_8_8, 8, 8, 1, KvF16)
ATTEND_KERNEL(attend_f16_1_16, 1, 16, 1, KvF16)
ATTEND_KERNEL(attend_f16_4_16, 4, 16, 1, KvF16)
ATTEND_KERNEL(attend_f16_8_16, 8, 16, 1, KvF16)
ATTEND_KERNEL(attend_f16_1_32, 1, 32, 1, KvF16)
ATTEND_KERNEL(attend_f16_4_32, 4, 32, 1, KvF16)
ATTEND_KERNEL(attend_f16_1_64, 1, 32, 2, KvF16)
ATTEND_KERNEL(attend_f16_4_64, 4, 32, 2, KvF16)
ATTEND_KERNEL(attend_f16_2_96, 2, 32, 3, KvF16)
ATTEND_KERNEL(attend_f32_1_8, 1, 8, 1, KvF32)
ATTEND_KERNEL(attend_f32_4_8, 4, 8, 1, KvF32)
ATTEND_KERNEL(attend_f32_1_16, 1, 16, 1, KvF32)
ATTEND_KERNEL(attend_f32_4_16, 4, 16, 1, KvF32)
ATTEND_KERNEL(attend_f32_1_32, 1, 32, 1, KvF32)
ATTEND_KERNEL(attend_f32_4_32, 4, 32, 1, KvF32)
ATTEND_KERNEL(attend_f32_1_64, 1, 32, 2, KvF32)
ATTEND_KERNEL(attend_f32_2_96, 2, 32, 3, KvF32)

// Block (head, query) puts the parts together: out [n, heads, vd], of at most 64 parts. The sink is one more logit that
// adds nothing. With qs, the result is also quantised, row by row of heads·vd (vd is a multiple of 32 then). Short heads are
// shared by several threads an element, so that all parts are on their way at once.
KERNEL(128) attend_combine(float *out, i64 o0, i64 o1, const float *parts, const F2 *stats, const float *sinks, int splits, int vd,
	i8 *qs, F2 *scale, int heads) {
	SHARED float share[MAX_SPLITS];
	SHARED float room[128];
	let_next_start();
	await_previous();
	int head = block_x(), query = block_y(), t = thread_x();
	i64 from = ((i64)query * heads + head) * splits;
	// Every warp finds the largest logit and the sum; the first keeps each part's share of the result.
	const int PER = (MAX_SPLITS + WARP - 1) / WARP;
	F2 s[PER];
	float top = sinks ? sinks[head] * LOG2E : MINUS_INFINITY;
#pragma unroll
	for (int j = 0; j < PER; j++) {
		int i = lane() + j * WARP;
		s[j] = i < splits ? stats[from + i] : F2{MINUS_INFINITY, 0};
		top = max32(top, s[j].x);
	}
	top = group_max<WARP>(top);
	float total = 0;
#pragma unroll
	for (int j = 0; j < PER; j++) {
		s[j].x = s[j].y > 0 ? exp2_32(s[j].x - top) : 0; // an empty part has written zeros
		total += s[j].y * s[j].x;
	}
	total = group_sum<WARP>(total);
	if (sinks) total += exp2_32(sinks[head] * LOG2E - top);
	if (t < WARP) {
#pragma unroll
		for (int j = 0; j < PER; j++) {
			if (t + j * WARP < MAX_SPLITS) share[t + j * WARP] = s[j].x / total;
		}
	}
	barrier();
	int across = vd <= 64 ? vd <= 32 ? 4 : 2 : 1, width = 128 / across, lap = t / width;
	for (int base = 0; base < vd; base += width) { // all threads make the same turns
		int j = base + t % width;
		float v = 0;
		if (j < vd) {
			const float *p = parts + from * vd + j;
#pragma unroll 8
			for (int i = lap; i < splits; i += across) v += p[(i64)i * vd] * share[i];
		}
		if (across > 1) {
			room[t] = v;
			barrier();
			for (int l = 1; l < across; l++) v += lap == 0 ? room[t + l * width] : 0;
		}
		if (lap > 0 || j >= vd) continue;
		out[query * o0 + head * o1 + j] = v;
		if (qs) quantize_group(qs, scale, ((i64)query * heads + head) * vd + j, v);
	}
}
#endif
