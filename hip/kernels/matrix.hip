// Matrix units: products of 16×16 tiles of halves, summed in floats. A tile comes from shared memory, row by row along
// the summed dimension; D[i, j] += Σ A[i, k] · B[j, k].
//
//   NVIDIA from sm_80   mma.sync m16n8k16, two of them (PTX ISA, "Matrix fragments for mma.m16n8k16")
//   RDNA 3              v_wmma_f32_16x16x16_f16, operands doubled in both halves of the wave (RDNA3 ISA, 7.9)
//   RDNA 4              the same instruction, operands split between the halves (RDNA4 ISA, 7.12)
//   CDNA                v_mfma_f32_16x16x16_f16 (CDNA3 ISA, 7.1)
//   others              plain products, two at a time where the GPU has dot2
#pragma once
#include "common.hip"

const int TILE_ACC = 256 / WARP; // floats of a 16×16 tile that a thread holds

struct TileAcc { float v[TILE_ACC]; };

#if defined(ON_NVIDIA) && __CUDA_ARCH__ >= 800
#define MATRIX_MMA 1
struct TileOperand { u32 v[4]; };
DEVICE TileOperand tile_load(const u16 *p, int stride) {
	// Thread l points at row l%16, column 8·(l/16): the four 8×8 matrices arrive as rows 0, rows 8, then the right half.
	const u16 *at = p + (lane() & 15) * stride + (lane() >> 4) * 8;
	u32 a;
	asm("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }" : "=r"(a) : "l"(at));
	TileOperand o;
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
		: "=r"(o.v[0]), "=r"(o.v[1]), "=r"(o.v[2]), "=r"(o.v[3]) : "r"(a) : "memory");
	return o;
}
DEVICE void tile_mma8(float *c, const TileOperand &a, u32 b0, u32 b1) {
	asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
		: "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
		: "r"(a.v[0]), "r"(a.v[1]), "r"(a.v[2]), "r"(a.v[3]), "r"(b0), "r"(b1));
}
DEVICE void tile_mma(TileAcc &d, const TileOperand &a, const TileOperand &b) {
	tile_mma8(d.v, a, b.v[0], b.v[2]);
	tile_mma8(d.v + 4, a, b.v[1], b.v[3]);
}
DEVICE int tile_row(int e) { return (lane() >> 2) + ((e >> 1) & 1) * 8; }
DEVICE int tile_col(int e) { return (lane() & 3) * 2 + (e & 1) + (e >> 2) * 8; }

#elif defined(ON_AMD) && defined(__GFX11__) && WARP == 32
#define MATRIX_MMA 1
typedef _Float16 half16 __attribute__((ext_vector_type(16)));
typedef _Float16 half8 __attribute__((ext_vector_type(8)));
typedef float float8 __attribute__((ext_vector_type(8)));
struct TileOperand { half16 v; };
DEVICE TileOperand tile_load(const u16 *p, int stride) {
	const half8 *row = (const half8 *)(p + (lane() & 15) * stride);
	TileOperand o;
	o.v = __builtin_shufflevector(row[0], row[1], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	return o;
}
DEVICE void tile_mma(TileAcc &d, const TileOperand &a, const TileOperand &b) {
	float8 c = __builtin_bit_cast(float8, d);
	c = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(a.v, b.v, c);
	d = __builtin_bit_cast(TileAcc, c);
}
DEVICE int tile_row(int e) { return 2 * e + (lane() >> 4); }
DEVICE int tile_col(int) { return lane() & 15; }

#elif defined(ON_AMD) && defined(__GFX12__) && WARP == 32
#define MATRIX_MMA 1
typedef _Float16 half8 __attribute__((ext_vector_type(8)));
typedef float float8 __attribute__((ext_vector_type(8)));
struct TileOperand { half8 v; };
DEVICE TileOperand tile_load(const u16 *p, int stride) {
	TileOperand o;
	o.v = *(const half8 *)(p + (lane() & 15) * stride + (lane() >> 4) * 8);
	return o;
}
DEVICE void tile_mma(TileAcc &d, const TileOperand &a, const TileOperand &b) {
	float8 c = __builtin_bit_cast(float8, d);
	c = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32_gfx12(a.v, b.v, c);
	d = __builtin_bit_cast(TileAcc, c);
}
DEVICE int tile_row(int e) { return (lane() >> 4) * 8 + e; }
DEVICE int tile_col(int) { return lane() & 15; }

#elif defined(ON_AMD) && (defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx941__) || defined(__gfx942__) || defined(__gfx950__))
#define MATRIX_MMA 1
typedef _Float16 half4 __attribute__((ext_vector_type(4)));
typedef float float4v __attribute__((ext_vector_type(4)));
struct TileOperand { half4 v; };
DEVICE TileOperand tile_load(const u16 *p, int stride) {
	TileOperand o;
	o.v = *(const half4 *)(p + (lane() & 15) * stride + (lane() >> 4) * 4);
	return o;
}
DEVICE void tile_mma(TileAcc &d, const TileOperand &a, const TileOperand &b) {
	float4v c = __builtin_bit_cast(float4v, d);
	c = __builtin_amdgcn_mfma_f32_16x16x16f16(a.v, b.v, c, 0, 0, 0);
	d = __builtin_bit_cast(TileAcc, c);
}
DEVICE int tile_row(int e) { return (lane() >> 4) * 4 + e; }
DEVICE int tile_col(int) { return lane() & 15; }

#else
// No matrix unit: an operand is the place of the tile, and the product reads from there.
struct TileOperand { const u16 *p; int stride; };
DEVICE TileOperand tile_load(const u16 *p, int stride) { return TileOperand{p, stride}; }
DEVICE int tile_row(int e) { return (WARP / 16) * e + (lane() >> 4); }
DEVICE int tile_col(int) { return lane() & 15; }
DEVICE float dot2(u32 a, u32 b, float c) {
#if defined(ON_AMD) && (defined(__gfx906__) || defined(__gfx1011__) || defined(__gfx1012__) || defined(__gfx1030__) || defined(__gfx1031__) || \
	defined(__gfx1032__) || defined(__gfx1033__) || defined(__gfx1034__) || defined(__gfx1035__) || defined(__gfx1036__))
	typedef _Float16 half2 __attribute__((ext_vector_type(2)));
	return __builtin_amdgcn_fdot2(__builtin_bit_cast(half2, a), __builtin_bit_cast(half2, b), c, false);
#else
	c = fma32(half_to_float((u16)a), half_to_float((u16)b), c);
	return fma32(half_to_float((u16)(a >> 16)), half_to_float((u16)(b >> 16)), c);
#endif
}
DEVICE void tile_mma(TileAcc &d, const TileOperand &a, const TileOperand &b) {
	const u32 *col = (const u32 *)(b.p + tile_col(0) * b.stride);
#pragma unroll
	for (int half = 0; half < 8; half += 4) {
		u32 y[4] = {col[half], col[half + 1], col[half + 2], col[half + 3]};
#pragma unroll
		for (int e = 0; e < TILE_ACC; e++) {
			const u32 *row = (const u32 *)(a.p + tile_row(e) * a.stride);
#pragma unroll
			for (int i = 0; i < 4; i++) d.v[e] = dot2(row[half + i], y[i], d.v[e]);
		}
	}
}
#endif

// How far steps along the summed dimension are unrolled: not at all where operands are not registers.
#ifdef MATRIX_MMA
const int TILE_UNROLL = 8;
#else
const int TILE_UNROLL = 1;
#endif
