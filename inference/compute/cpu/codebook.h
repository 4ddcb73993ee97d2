// Template: types whose values are looked up or unpacked one by one, in plain C: 256 values become signed bytes with a factor
// for each 16. (Formats: ggml-common.h, ggml-quants.c of ggml; package gguf has them in plain Go, and the codebooks.)

typedef struct {
	int8_t w[256];
	float f[16];
} __attribute__((aligned(64))) plain;

INLINE void group_of_plain(group *g, const plain *b);

INLINE uint8_t u8_at(const char *p) { return (uint8_t)*p; }

// Seven stored signs; the eighth makes the number of minus signs even.
INLINE uint32_t signs8(uint32_t seven) { return seven | (uint32_t)__builtin_parity(seven) << 7; }

// Eight positive bytes g, negated where the bit of signs is set.
INLINE uint64_t negate8(uint64_t g, uint32_t signs) {
	const uint64_t ones = 0x0101010101010101;
	uint64_t x = (signs & 255) * ones & 0x8040201008040201;
	uint64_t minus = (x + 0x7f7f7f7f7f7f7f7f) >> 7 & ones;
	return (g ^ minus * 255) + minus;
}

INLINE void put8(plain *b, int l, const int8_t *entry, uint32_t signs) {
	uint64_t g;
	memcpy(&g, entry, 8);
	g = negate8(g, signs);
	memcpy(b->w + 8 * l, &g, 8);
}

// Two entries of four.
INLINE void put44(plain *b, int l, const int8_t *low, const int8_t *high, uint32_t signs) {
	int8_t entry[8];
	memcpy(entry, low, 4);
	memcpy(entry + 4, high, 4);
	put8(b, l, entry, signs);
}

// Entries of -1, 0 and 1, less or more an eighth, times eight.
INLINE void put_shifted(plain *b, int l, const int8_t *entry, int minus) {
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	uint64_t g;
	memcpy(&g, entry, 8);
	g = g << 3 & 0xf8f8f8f8f8f8f8f8;
	g = minus ? ((g | tops) - ones) ^ (~g & tops) : g | ones;
	memcpy(b->w + 8 * l, &g, 8);
}

#define PLAIN(NAME) static __attribute__((noinline)) void plain_##NAME(plain *b, const char *p, const int8_t *grid)

PLAIN(iq2_xxs) {
	float d = half_at(p);
	for (int j = 0; j < 8; j++) {
		const char *q = p + 2 + 8 * j;
		uint32_t word = u32_at(q + 4);
		for (int l = 0; l < 4; l++) put8(b, 4 * j + l, grid + 8 * u8_at(q + l), signs8(word >> (7 * l) & 127));
		b->f[2 * j] = b->f[2 * j + 1] = d * (0.5f + (word >> 28)) * 0.25f;
	}
}

INLINE void scales_iq2(plain *b, float d, const char *p) {
	for (int j = 0; j < 16; j++) b->f[j] = d * (0.5f + (u8_at(p + j / 2) >> (j % 2 * 4) & 15)) * 0.25f;
}

PLAIN(iq2_xs) {
	for (int l = 0; l < 32; l++) {
		uint32_t word = u16_at(p + 2 + 2 * l);
		put8(b, l, grid + 8 * (word & 511), signs8(word >> 9));
	}
	scales_iq2(b, half_at(p), p + 66);
}

PLAIN(iq2_s) {
	for (int l = 0; l < 32; l++)
		put8(b, l, grid + 8 * (u8_at(p + 2 + l) | (u8_at(p + 66 + l / 4) >> (l % 4 * 2) & 3) << 8), u8_at(p + 34 + l));
	scales_iq2(b, half_at(p), p + 74);
}

PLAIN(iq3_xxs) {
	float d = half_at(p);
	for (int j = 0; j < 8; j++) {
		uint32_t word = u32_at(p + 66 + 4 * j);
		const char *q = p + 2 + 8 * j;
		for (int l = 0; l < 4; l++)
			put44(b, 4 * j + l, grid + 4 * u8_at(q + 2 * l), grid + 4 * u8_at(q + 2 * l + 1), signs8(word >> (7 * l) & 127));
		b->f[2 * j] = b->f[2 * j + 1] = d * (0.5f + (word >> 28)) * 0.5f;
	}
}

PLAIN(iq3_s) {
	float d = half_at(p);
	for (int j = 0; j < 8; j++) {
		uint32_t high = u8_at(p + 66 + j);
		const char *q = p + 2 + 8 * j;
		for (int l = 0; l < 4; l++)
			put44(b, 4 * j + l, grid + 4 * (u8_at(q + 2 * l) | (high >> (2 * l) & 1) << 8),
				grid + 4 * (u8_at(q + 2 * l + 1) | (high >> (2 * l + 1) & 1) << 8), u8_at(p + 74 + 4 * j + l));
		b->f[2 * j] = b->f[2 * j + 1] = d * (1 + 2 * (u8_at(p + 106 + j / 2) >> (j % 2 * 4) & 15));
	}
}

PLAIN(iq1_s) {
	float d = half_at(p) / 8;
	for (int j = 0; j < 8; j++) {
		uint32_t word = u16_at(p + 34 + 2 * j);
		for (int l = 0; l < 4; l++)
			put_shifted(b, 4 * j + l, grid + 8 * (u8_at(p + 2 + 4 * j + l) | (word >> (3 * l) & 7) << 8), word >> 15);
		b->f[2 * j] = b->f[2 * j + 1] = d * (2 * (word >> 12 & 7) + 1);
	}
}

PLAIN(iq1_m) {
	uint16_t bits = 0;
	for (int i = 0; i < 4; i++) bits |= (u16_at(p + 48 + 2 * i) >> 12) << (4 * i);
	float d = half_at((const char *)&bits) / 8;
	for (int l = 0; l < 32; l++) {
		uint32_t high = u8_at(p + 32 + l / 2) >> (l % 2 * 4);
		put_shifted(b, l, grid + 8 * (u8_at(p + l) | (high & 7) << 8), high >> 3 & 1);
	}
	for (int j = 0; j < 16; j++) b->f[j] = d * (2 * (u16_at(p + 48 + j / 4 * 2) >> (j % 4 * 3) & 7) + 1);
}

INLINE void same_factor(plain *b, int from, int count, float d) {
	for (int j = 0; j < count; j++) b->f[from + j] = d;
}

// Digit n of the base-3 fraction b / 256, less 1.
INLINE int8_t trit(uint8_t b, uint8_t power) { return (int8_t)(((uint16_t)(uint8_t)(b * power) * 3 >> 8) - 1); }

PLAIN(tq1_0) {
	static const uint8_t powers[5] = {1, 3, 9, 27, 81};
	for (int n = 0; n < 5; n++) {
		for (int i = 0; i < 32; i++) b->w[32 * n + i] = trit(p[i], powers[n]);
		for (int i = 0; i < 16; i++) b->w[160 + 16 * n + i] = trit(p[32 + i], powers[n]);
	}
	for (int n = 0; n < 4; n++)
		for (int i = 0; i < 4; i++) b->w[240 + 4 * n + i] = trit(p[48 + i], powers[n]);
	same_factor(b, 0, 16, half_at(p + 52));
}

PLAIN(tq2_0) {
	for (int j = 0; j < 8; j++)
		for (int i = 0; i < 32; i++) b->w[32 * j + i] = (int8_t)((u8_at(p + j / 4 * 32 + i) >> (j % 4 * 2) & 3) - 1);
	same_factor(b, 0, 16, half_at(p + 64));
}

PLAIN(q1_0) { // two blocks of 128
	for (int h = 0; h < 2; h++, p += 18) {
		for (int l = 0; l < 16; l++) {
			uint64_t g = negate8(0x0101010101010101, ~(uint32_t)u8_at(p + 2 + l));
			memcpy(b->w + 128 * h + 8 * l, &g, 8);
		}
		same_factor(b, 8 * h, 8, half_at(p));
	}
}

PLAIN(q2_0) { // four blocks of 64
	for (int h = 0; h < 4; h++, p += 18) {
		for (int i = 0; i < 64; i++) b->w[64 * h + i] = (int8_t)((u8_at(p + 2 + i / 4) >> (i % 4 * 2) & 3) - 1);
		same_factor(b, 4 * h, 4, half_at(p));
	}
}

INLINE void load_plain(group *g, const char *w, const int8_t *grid, void (*unpack)(plain *, const char *, const int8_t *)) {
	plain b;
	unpack(&b, w, grid);
	group_of_plain(g, &b);
}

// As the templates of products call them, which have a product p.
#define load_iq2_xxs(G, W) load_plain(G, W, p->grid, plain_iq2_xxs)
#define load_iq2_xs(G, W) load_plain(G, W, p->grid, plain_iq2_xs)
#define load_iq2_s(G, W) load_plain(G, W, p->grid, plain_iq2_s)
#define load_iq3_xxs(G, W) load_plain(G, W, p->grid, plain_iq3_xxs)
#define load_iq3_s(G, W) load_plain(G, W, p->grid, plain_iq3_s)
#define load_iq1_s(G, W) load_plain(G, W, p->grid, plain_iq1_s)
#define load_iq1_m(G, W) load_plain(G, W, p->grid, plain_iq1_m)
#define load_tq1_0(G, W) load_plain(G, W, NULL, plain_tq1_0)
#define load_tq2_0(G, W) load_plain(G, W, NULL, plain_tq2_0)
#define load_q1_0(G, W) load_plain(G, W, NULL, plain_q1_0)
#define load_q2_0(G, W) load_plain(G, W, NULL, plain_q2_0)

// Every type of this file: name, bytes of 256 values, blocks in them.
#define PLAIN_TYPES(X) \
	X(iq2_xxs, 66, 1) X(iq2_xs, 74, 1) X(iq2_s, 82, 1) X(iq3_xxs, 98, 1) X(iq3_s, 110, 1) X(iq1_s, 50, 1) X(iq1_m, 56, 1) \
	X(tq1_0, 54, 1) X(tq2_0, 66, 1) X(q1_0, 36, 2) X(q2_0, 72, 4)
