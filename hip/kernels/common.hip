// The portability layer: one kernel source for AMD (hiprtc, clang), NVIDIA (NVRTC, clang) and the software device
// (host clang, BURBLE_SOFT). Nothing is included: NVRTC has no include path and clang gets no headers.
//
// WARP is the number of threads that execute in step, 32 or 64; the build defines it. Halves are kept as u16
// everywhere, because NVRTC has no half type without its headers.
#pragma once

#ifndef WARP
#error "define WARP as 32 or 64"
#endif

#if defined(BURBLE_SOFT)
#define ON_SOFT 1
#elif defined(__AMDGCN__) || defined(__HIP_PLATFORM_AMD__) || defined(__HIPCC_RTC__) || defined(__HIP__)
#define ON_AMD 1
#else
#define ON_NVIDIA 1
#endif

#if defined(ON_NVIDIA)
#define INLINE_LAMBDA
#else
#define INLINE_LAMBDA __attribute__((always_inline))
#endif

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

struct alignas(16) I4 { int x, y, z, w; };
struct alignas(16) F4 { float x, y, z, w; };
struct alignas(8) F2 { float x, y; };
struct alignas(8) I2 { int x, y; };

// ---- AMD -----------------------------------------------------------------------------------------------------------
#if defined(ON_AMD)

#define DEVICE __attribute__((device)) static inline __attribute__((always_inline))
#define SHARED __attribute__((shared)) static
#define KERNEL(threads) extern "C" __attribute__((global)) __attribute__((amdgpu_flat_work_group_size(threads, threads))) void

#define TABLE __attribute__((device)) static const

DEVICE int thread_x() { return __builtin_amdgcn_workitem_id_x(); }
DEVICE int block_x() { return __builtin_amdgcn_workgroup_id_x(); }
DEVICE int block_y() { return __builtin_amdgcn_workgroup_id_y(); }
DEVICE int block_z() { return __builtin_amdgcn_workgroup_id_z(); }
DEVICE void barrier() {
	__builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
	__builtin_amdgcn_s_barrier();
	__builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
DEVICE int lane() {
#if WARP == 64
	return __builtin_amdgcn_mbcnt_hi(~0u, __builtin_amdgcn_mbcnt_lo(~0u, 0));
#else
	return __builtin_amdgcn_mbcnt_lo(~0u, 0);
#endif
}
DEVICE int shuffle_xor(int v, int mask) { return __builtin_amdgcn_ds_bpermute((lane() ^ mask) << 2, v); }

DEVICE float half_to_float(u16 h) { return (float)__builtin_bit_cast(_Float16, h); }
DEVICE u16 float_to_half(float f) { return __builtin_bit_cast(u16, (_Float16)f); }
DEVICE u32 pack_halves(float lo, float hi) { return float_to_half(lo) | (u32)float_to_half(hi) << 16; }

DEVICE float fma32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float exp2_32(float x) { return __builtin_amdgcn_exp2f(x); }
DEVICE float log2_32(float x) { return __builtin_amdgcn_logf(x); }
DEVICE float sqrt32(float x) { return __builtin_sqrtf(x); }
DEVICE float round32(float x) { return __builtin_rintf(x); }
DEVICE float max32(float a, float b) { return __builtin_fmaxf(a, b); }

DEVICE int dot4(int a, int b, int c) {
#if defined(__GFX11__) || defined(__GFX12__)
	return __builtin_amdgcn_sudot4(true, a, true, b, c, false);
#elif defined(__gfx906__) || defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx941__) || \
	defined(__gfx942__) || defined(__gfx1011__) || defined(__gfx1012__) || defined(__gfx1030__) || defined(__gfx1031__) || \
	defined(__gfx1032__) || defined(__gfx1033__) || defined(__gfx1034__) || defined(__gfx1035__) || defined(__gfx1036__)
	return __builtin_amdgcn_sdot4(a, b, c, false);
#else
#define PLAIN_DOT4 1
	return c + (i8)a * (i8)b + (i8)(a >> 8) * (i8)(b >> 8) + (i8)(a >> 16) * (i8)(b >> 16) + (a >> 24) * (b >> 24);
#endif
}

// Adds to a counter in shared memory and returns what it was.
DEVICE int shared_add(int *p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }

typedef int int_vector4 __attribute__((ext_vector_type(4)));
DEVICE I4 load_once(const void *p) { // 16 bytes that nobody reads again
	int_vector4 v = __builtin_nontemporal_load((const int_vector4 *)p);
	return I4{v.x, v.y, v.z, v.w};
}
#endif

// ---- NVIDIA --------------------------------------------------------------------------------------------------------
#if defined(ON_NVIDIA)

#if defined(__CUDACC_RTC__) || defined(__NVCC__)
#define DEVICE __device__ __forceinline__ static
#define SHARED __shared__
#define KERNEL(threads) extern "C" __global__ __launch_bounds__(threads) void
#define TABLE __device__ static const
#else
#define DEVICE __attribute__((device)) static inline __attribute__((always_inline))
#define SHARED __attribute__((shared)) static
#define KERNEL(threads) extern "C" __attribute__((global)) __attribute__((launch_bounds(threads))) void
#define TABLE __attribute__((device)) static const
#endif

DEVICE int thread_x() { int v; asm("mov.u32 %0, %%tid.x;" : "=r"(v)); return v; }
DEVICE int block_x() { int v; asm("mov.u32 %0, %%ctaid.x;" : "=r"(v)); return v; }
DEVICE int block_y() { int v; asm("mov.u32 %0, %%ctaid.y;" : "=r"(v)); return v; }
DEVICE int block_z() { int v; asm("mov.u32 %0, %%ctaid.z;" : "=r"(v)); return v; }
DEVICE void barrier() { asm volatile("bar.sync 0;" ::: "memory"); }
DEVICE int lane() { return thread_x() & 31; }
DEVICE int shuffle_xor(int v, int mask) {
	int r;
	asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(mask));
	return r;
}
DEVICE float half_to_float(u16 h) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h)); return f; }
DEVICE u16 float_to_half(float f) { u16 h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
DEVICE u32 pack_halves(float lo, float hi) {
	u32 r;
#if __CUDA_ARCH__ >= 800
	asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
#else
	r = float_to_half(lo) | (u32)float_to_half(hi) << 16;
#endif
	return r;
}
DEVICE float fma32(float a, float b, float c) { float r; asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c)); return r; }
DEVICE float exp2_32(float x) { float r; asm("ex2.approx.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
DEVICE float log2_32(float x) { float r; asm("lg2.approx.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
DEVICE float sqrt32(float x) { float r; asm("sqrt.rn.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
DEVICE float round32(float x) { float r; asm("cvt.rni.f32.f32 %0, %1;" : "=f"(r) : "f"(x)); return r; }
DEVICE float max32(float a, float b) { float r; asm("max.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b)); return r; }
DEVICE int dot4(int a, int b, int c) {
	int r;
	asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));
	return r;
}
DEVICE int shared_add(int *p, int v) {
	int r;
	asm volatile("{ .reg .u64 t; cvta.to.shared.u64 t, %1; atom.shared.add.u32 %0, [t], %2; }" : "=r"(r) : "l"(p), "r"(v) : "memory");
	return r;
}

// A kernel that is launched before its predecessor's end (hip.Function.StartsEarly) may read weights at once, but touches nothing
// that another kernel writes before await_previous. let_next_start allows the same to its successor.
#if __CUDA_ARCH__ >= 900
DEVICE void await_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
DEVICE void let_next_start() { asm volatile("griddepcontrol.launch_dependents;"); }
#endif

DEVICE I4 load_once(const void *p) {
	I4 v;
#if __CUDA_ARCH__ >= 700
	asm("ld.global.nc.L1::no_allocate.v4.s32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
#else
	v = *(const I4 *)p;
#endif
	return v;
}
#endif

// ---- The software device -------------------------------------------------------------------------------------------
#if defined(ON_SOFT)

#define DEVICE static inline
#define SHARED __shared__
#define KERNEL(threads) extern "C" __global__ void
#define TABLE static const

DEVICE int thread_x() { return threadIdx.x; }
DEVICE int block_x() { return blockIdx.x; }
DEVICE int block_y() { return blockIdx.y; }
DEVICE int block_z() { return blockIdx.z; }
DEVICE void barrier() { __syncthreads(); }
DEVICE int lane() { return threadIdx.x & (WARP - 1); }
DEVICE int shuffle_xor(int v, int mask) { return __shfl_xor(v, mask); }
DEVICE float half_to_float(u16 h) { return (float)__builtin_bit_cast(_Float16, h); }
DEVICE u16 float_to_half(float f) { return __builtin_bit_cast(u16, (_Float16)f); }
DEVICE u32 pack_halves(float lo, float hi) { return float_to_half(lo) | (u32)float_to_half(hi) << 16; }
DEVICE float fma32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float exp2_32(float x) { return __builtin_exp2f(x); }
DEVICE float log2_32(float x) { return __builtin_log2f(x); }
DEVICE float sqrt32(float x) { return __builtin_sqrtf(x); }
DEVICE float round32(float x) { return __builtin_rintf(x); }
DEVICE float max32(float a, float b) { return __builtin_fmaxf(a, b); }
DEVICE int dot4(int a, int b, int c) {
	return c + (i8)a * (i8)b + (i8)(a >> 8) * (i8)(b >> 8) + (i8)(a >> 16) * (i8)(b >> 16) + (a >> 24) * (b >> 24);
}
DEVICE int shared_add(int *p, int v) { // the threads of a block take turns
	int r = *p;
	*p = r + v;
	return r;
}
DEVICE I4 load_once(const void *p) { return *(const I4 *)p; }
#endif

// ---- All -----------------------------------------------------------------------------------------------------------

#if !defined(ON_NVIDIA) || !(__CUDA_ARCH__ >= 900)
DEVICE void await_previous() {}
DEVICE void let_next_start() {}
#endif

union FloatBits { float f; int i; u32 u; };
DEVICE int float_bits(float f) { FloatBits b; b.f = f; return b.i; }
DEVICE float bits_float(int i) { FloatBits b; b.i = i; return b.f; }
DEVICE float shuffle_xor(float v, int mask) { return bits_float(shuffle_xor(float_bits(v), mask)); }
DEVICE float bfloat_to_float(u16 h) { return bits_float((int)((u32)h << 16)); }
DEVICE u16 float_to_bfloat(float f) {
	u32 b = (u32)float_bits(f);
	if (f != f) return (u16)(b >> 16 | 64);
	return (u16)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

DEVICE int min_int(int a, int b) { return a < b ? a : b; }
DEVICE int max_int(int a, int b) { return a > b ? a : b; }
DEVICE float abs32(float x) { return bits_float(float_bits(x) & 0x7fffffff); }

#define LOG2E 1.44269504088896341f
#define LN2 0.693147180559945309f
#define MINUS_INFINITY bits_float((int)0xff800000u)

DEVICE float exp32(float x) { return exp2_32(x * LOG2E); }

// tanh from an exponential, and from its series where the difference of nearly equal numbers would lose digits.
DEVICE float tanh32(float x) {
	float a = abs32(x), s = x * x;
	if (a < 0.1f) return x * (1 + s * (-1.0f / 3 + s * (2.0f / 15 - s * (17.0f / 315))));
	float t = exp32(-2 * a), r = (1 - t) / (1 + t);
	return x < 0 ? -r : r;
}

// erf by Abramowitz and Stegun, formula 7.1.26: within 1.5e-7.
DEVICE float erf32(float x) {
	float a = abs32(x), t = 1 / (1 + 0.3275911f * a);
	float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
	float r = 1 - p * exp32(-a * a);
	return x < 0 ? -r : r;
}

// Sums, and maxima, over the threads of a warp; every thread gets the result. WIDTH threads form a group.
template <int WIDTH> DEVICE float group_sum(float v) {
#pragma unroll
	for (int m = WIDTH / 2; m > 0; m /= 2) v += shuffle_xor(v, m);
	return v;
}
template <int WIDTH> DEVICE float group_max(float v) {
#pragma unroll
	for (int m = WIDTH / 2; m > 0; m /= 2) v = max32(v, shuffle_xor(v, m));
	return v;
}

// Sum over a block of THREADS; room holds a float per warp. All threads call it and get the result.
template <int THREADS> DEVICE float block_sum(float v, float *room) {
	v = group_sum<WARP>(v);
	if (THREADS == WARP) return v;
	barrier(); // room may still be read from before
	if (lane() == 0) room[thread_x() / WARP] = v;
	barrier();
	float s = 0;
#pragma unroll
	for (int i = 0; i < THREADS / WARP; i++) s += room[i];
	return s;
}
template <int THREADS> DEVICE float block_max(float v, float *room) {
	v = group_max<WARP>(v);
	if (THREADS == WARP) return v;
	barrier();
	if (lane() == 0) room[thread_x() / WARP] = v;
	barrier();
	float s = room[0];
#pragma unroll
	for (int i = 1; i < THREADS / WARP; i++) s = max32(s, room[i]);
	return s;
}

// A float as a number that sorts the same way: zeros are equal, NaN is the least.
DEVICE u32 sortable(float f) {
	u32 b = (u32)float_bits(f + 0.0f);
	if (f != f) return 0;
	return b & 0x80000000u ? ~b : b | 0x80000000u;
}

// Activations are quantised in groups of 32 along a row: q = round(x / d), d = max|x| / 127. sum is d · Σq, which
// weights with an offset need. The 32 threads of an aligned group call it together, one element each.
DEVICE void quantize_group(i8 *q, F2 *scale, i64 index, float x) {
	float top = group_max<32>(abs32(x));
	float d = top / 127;
	float r = round32(d > 0 ? x / d : 0);
	float sum = group_sum<32>(r);
	q[index] = (i8)(int)r;
	if ((index & 31) == 0) scale[index >> 5] = F2{d, d * sum};
}
