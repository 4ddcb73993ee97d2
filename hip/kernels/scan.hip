// Layers that carry a state from token to token: short convolutions, selective scans (Mamba) and the gated delta rule. Tokens
// come one after the other; what runs side by side is channels, heads, and the columns or rows of a state.
#include "common.hip"

// A causal convolution of every channel by itself, one thread each: out [n, c] from x [n, c], w [c, taps] and state
// [taps−1, c], which becomes the last inputs. TAPS is at least taps; the weights before the first are zero. Eight rows are on
// their way from memory at a time, and all of them are read before one is written, since out may be x.
template <int TAPS>
DEVICE void conv1d(float *out, i64 ldo, const float *x, i64 ldx, const float *w, i64 ldw, const float *bias, float *state, i64 lds, int taps, int n, int channels) {
	let_next_start();
	await_previous();
	int c = block_x() * 64 + thread_x();
	if (c >= channels) return;
	float f[TAPS], in[TAPS - 1 + 8]; // weights; inputs, oldest first
	int skip = TAPS - taps;
#pragma unroll
	for (int j = 0; j < TAPS; j++) f[j] = j < skip ? 0 : w[c * ldw + j - skip];
#pragma unroll
	for (int j = 0; j < TAPS - 1; j++) in[j] = j < skip ? 0 : state[(j - skip) * lds + c];
	float b = bias ? bias[c] : 0;
	x += c, out += c;
	for (int i = 0; i < n; i += 8) {
#pragma unroll
		for (int r = 0; r < 8; r++) in[TAPS - 1 + r] = x[min_int(i + r, n - 1) * ldx];
#pragma unroll
		for (int r = 0; r < 8; r++) {
			float sum = b;
#pragma unroll
			for (int j = 0; j < TAPS; j++) sum += f[j] * in[r + j];
			if (i + r < n) out[(i + r) * ldo] = sum;
		}
		// The last of the inputs that were real.
		int real = min_int(n - i, 8);
#pragma unroll
		for (int r = 1; r <= 8; r++) {
			if (r != real) continue;
#pragma unroll
			for (int j = 0; j < TAPS - 1; j++) in[j] = in[r + j];
		}
	}
#pragma unroll
	for (int j = 0; j < TAPS - 1; j++)
		if (j >= skip) state[(j - skip) * lds + c] = in[j];
}

#define CONV1D_KERNEL(TAPS) \
	KERNEL(64) conv1d_##TAPS(float *out, i64 ldo, const float *x, i64 ldx, const float *w, i64 ldw, const float *bias, float *state, i64 lds, \
		int taps, int n, int channels) { \
		conv1d<TAPS>(out, ldo, x, ldx, w, ldw, bias, state, lds, taps, n, channels); \
	}
CONV1D_KERNEL(4)
CONV1D_KERNEL(16)

const int SCAN_THREADS = 128;
const int SCAN_PARTS = 8; // threads of a column or row of a state, which exchange sums
const int SCAN_LINES = SCAN_THREADS / SCAN_PARTS; // columns or rows of a block

DEVICE float parts_sum(float v) { // over neighbouring threads
#pragma unroll
	for (int m = SCAN_PARTS / 2; m > 0; m /= 2) v += shuffle_xor(v, m);
	return v;
}

// The gated delta rule: state = e^g · state; state += k ⊗ beta · (v − kᵀ · state); out = qᵀ · state. The columns of a state
// [kDim, vDim] have nothing to do with each other. Eight threads share one and keep E elements each in registers; keys
// and queries of eight tokens at a time come through shared memory. With the decayed state S, out = qᵀS + (q·k) · d for
// d = beta · (v − kᵀS): three sums that don't wait for each other.
template <int E> struct DeltaRoom {
	static const int TOKENS = 8, SIZE = SCAN_PARTS * E;
	alignas(16) float k[TOKENS][SIZE], q[TOKENS][SIZE];
};

struct DeltaOperands {
	float *out; i64 o0, o1;
	const float *q; i64 q0, q1;
	const float *k; i64 k0, k1;
	const float *v; i64 v0, v1;
	const float *g; i64 g0;
	const float *beta; i64 b0;
	float *state; i64 s0, s1;
	int n, k_heads, v_heads, kd, vd, tiled;
};

template <int E>
DEVICE void delta_scan(DeltaRoom<E> *room, const DeltaOperands &o) {
	typedef DeltaRoom<E> R;
	let_next_start();
	await_previous();
	int t = thread_x(), part = t % SCAN_PARTS, column = block_x() * SCAN_LINES + t / SCAN_PARTS, head = block_y();
	int k_head = o.tiled ? head % o.k_heads : head / (o.v_heads / o.k_heads);
	bool real = column < o.vd;
	column = min_int(column, o.vd - 1);
	float s[E]; // elements (4 · SCAN_PARTS) · i + 4 · part + c
	float *at = o.state + head * o.s0 + column;
#pragma unroll
	for (int e = 0; e < E; e++) {
		int i = e / 4 * (4 * SCAN_PARTS) + part * 4 + e % 4;
		s[e] = at[min_int(i, o.kd - 1) * o.s1]; // the last repeats, times keys and queries of zero
	}
	for (int first = 0; first < o.n; first += R::TOKENS) {
		int tokens = min_int(R::TOKENS, o.n - first);
		barrier();
		for (int i = t; i < R::TOKENS * R::SIZE; i += SCAN_THREADS) {
			int token = i / R::SIZE, e = i % R::SIZE;
			bool in = token < tokens && e < o.kd;
			room->k[token][e] = in ? o.k[(first + token) * o.k0 + k_head * o.k1 + e] : 0;
			room->q[token][e] = in ? o.q[(first + token) * o.q0 + k_head * o.q1 + e] : 0;
		}
		float decay[R::TOKENS], beta[R::TOKENS], v[R::TOKENS];
#pragma unroll
		for (int i = 0; i < R::TOKENS; i++) {
			i64 token = first + min_int(i, tokens - 1);
			decay[i] = exp32(o.g[token * o.g0 + head]);
			beta[i] = o.beta[token * o.b0 + head];
			v[i] = o.v[token * o.v0 + head * o.v1 + column];
		}
		barrier();
#pragma unroll
		for (int i = 0; i < R::TOKENS; i++) {
			if (i >= tokens) break;
			float ks = 0, qs = 0, qk = 0;
#pragma unroll
			for (int e = 0; e < E; e += 4) {
				F4 k = *(const F4 *)&room->k[i][e * SCAN_PARTS + part * 4], q = *(const F4 *)&room->q[i][e * SCAN_PARTS + part * 4];
				s[e] *= decay[i], s[e + 1] *= decay[i], s[e + 2] *= decay[i], s[e + 3] *= decay[i];
				ks += k.x * s[e] + k.y * s[e + 1] + k.z * s[e + 2] + k.w * s[e + 3];
				qs += q.x * s[e] + q.y * s[e + 1] + q.z * s[e + 2] + q.w * s[e + 3];
				qk += q.x * k.x + q.y * k.y + q.z * k.z + q.w * k.w;
			}
			ks = parts_sum(ks), qs = parts_sum(qs), qk = parts_sum(qk);
			float d = beta[i] * (v[i] - ks);
#pragma unroll
			for (int e = 0; e < E; e += 4) {
				F4 k = *(const F4 *)&room->k[i][e * SCAN_PARTS + part * 4];
				s[e] += k.x * d, s[e + 1] += k.y * d, s[e + 2] += k.z * d, s[e + 3] += k.w * d;
			}
			if (part == 0 && real) o.out[(first + i) * o.o0 + head * o.o1 + column] = qs + qk * d;
		}
	}
	if (!real) return;
#pragma unroll
	for (int e = 0; e < E; e++) {
		int i = e / 4 * (4 * SCAN_PARTS) + part * 4 + e % 4;
		if (i < o.kd) at[i * o.s1] = s[e];
	}
}

// delta_scan_<largest kDim>: a block takes 16 columns of the state of value head block_y.
#define DELTA_KERNEL(DIM) \
	KERNEL(128) delta_scan_##DIM(float *out, i64 o0, i64 o1, const float *q, i64 q0, i64 q1, const float *k, i64 k0, i64 k1, \
		const float *v, i64 v0, i64 v1, const float *g, i64 g0, const float *beta, i64 b0, float *state, i64 s0, i64 s1, \
		int n, int k_heads, int v_heads, int kd, int vd, int tiled) { \
		SHARED DeltaRoom<DIM / SCAN_PARTS> room; \
		delta_scan<DIM / SCAN_PARTS>(&room, DeltaOperands{out, o0, o1, q, q0, q1, k, k0, k1, v, v0, v1, g, g0, beta, b0, state, s0, s1, \
			n, k_heads, v_heads, kd, vd, tiled}); \
	}
DELTA_KERNEL(64)
DELTA_KERNEL(128)
DELTA_KERNEL(256)

// Mamba's recurrence: state = e^(dt·A) · state + dt · x ⊗ B; out = state · C + D · x. The rows of a state [p, dim] have
// nothing to do with each other. Eight threads share one and keep E elements each. A is one number per head, or with a0 ≠ 0
// one per element.
struct SelectiveOperands {
	float *out; i64 o0, o1;
	const float *x; i64 x0, x1;
	const float *dt; i64 d0;
	const float *a; i64 a0;
	const float *b; i64 b0, b1;
	const float *c; i64 c0, c1;
	const float *d;
	float *state; i64 s0, s1;
	int n, heads, p, groups, dim;
};

// With E the state stays in registers: dim is E · SCAN_PARTS. E = 0 takes any size and leaves the state in memory.
template <int E>
DEVICE void selective_scan(const SelectiveOperands &o) {
	let_next_start();
	await_previous();
	int t = thread_x(), part = t % SCAN_PARTS, row = block_x() * SCAN_LINES + t / SCAN_PARTS;
	bool real = row < o.heads * o.p;
	row = min_int(row, o.heads * o.p - 1);
	int head = row / o.p, j = row % o.p, group = head / (o.heads / o.groups);
	float *state = o.state + head * o.s0 + j * o.s1;
	const float *b = o.b + group * o.b1, *c = o.c + group * o.c1, *as = o.a + (o.a0 ? head * o.a0 : head);
	float s[E ? E : 1], a[E ? E : 1]; // element e · SCAN_PARTS + part
#pragma unroll
	for (int e = 0; e < E; e++) s[e] = state[e * SCAN_PARTS + part], a[e] = as[o.a0 ? e * SCAN_PARTS + part : 0];
	float skip = o.d ? o.d[head] : 0;
	for (int i = 0; i < o.n; i++) {
		float dt = o.dt[i * o.d0 + head], x = o.x[i * o.x0 + head * o.x1 + j], in = dt * x, y = 0;
		if (E) {
			float decay = exp32(dt * a[0]);
#pragma unroll
			for (int e = 0; e < E; e++) {
				int k = e * SCAN_PARTS + part;
				if (o.a0 && e > 0) decay = exp32(dt * a[e]);
				s[e] = decay * s[e] + in * b[i * o.b0 + k];
				y += s[e] * c[i * o.c0 + k];
			}
		} else if (real) {
			for (int k = part; k < o.dim; k += SCAN_PARTS) {
				float v = exp32(dt * as[o.a0 ? k : 0]) * state[k] + in * b[i * o.b0 + k];
				state[k] = v;
				y += v * c[i * o.c0 + k];
			}
		}
		y = parts_sum(y);
		if (part == 0 && real) o.out[i * o.o0 + head * o.o1 + j] = y + skip * x;
	}
	if (!real) return;
#pragma unroll
	for (int e = 0; e < E; e++) state[e * SCAN_PARTS + part] = s[e];
}

// selective_scan_<dim>: a block takes 16 rows of the states of all heads.
#define SELECTIVE_KERNEL(NAME, E) \
	KERNEL(128) NAME(float *out, i64 o0, i64 o1, const float *x, i64 x0, i64 x1, const float *dt, i64 d0, const float *a, i64 a0, \
		const float *b, i64 b0, i64 b1, const float *c, i64 c0, i64 c1, const float *d, float *state, i64 s0, i64 s1, \
		int n, int heads, int p, int groups, int dim) { \
		selective_scan<E>(SelectiveOperands{out, o0, o1, x, x0, x1, dt, d0, a, a0, b, b0, b1, c, c0, c1, d, state, s0, s1, \
			n, heads, p, groups, dim}); \
	}
SELECTIVE_KERNEL(selective_scan_any, 0)
SELECTIVE_KERNEL(selective_scan_16, 2)
SELECTIVE_KERNEL(selective_scan_64, 8)
SELECTIVE_KERNEL(selective_scan_128, 16)
SELECTIVE_KERNEL(selective_scan_256, 32)
