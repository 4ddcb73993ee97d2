// What a kernel sees when it is compiled for the software device: HIP's built-in variables, barriers, warp
// collectives, atomics, vector types and dot products, for host C++. It is included before every kernel source.
//
// A block runs on one host thread. Each of its threads is a fiber that runs until it has to wait for others: at
// __syncthreads, or in a warp collective. A kernel that forgets a barrier therefore reads what has not been
// written yet, every time. Shared memory starts out as NaN (all bits set), like device memory.
//
// Defined for kernels: BURBLE_SOFT, and BURBLE_WARP (32 or 64, also warpSize). No standard header is included, so that
// a kernel's own typedefs of uint8_t and the like do not clash.
//
// Differences a kernel must know: __shared__ variables may be arrays, scalars or plain structs; dynamic shared memory is
// "extern __shared__ T name[];" with a type of one word, or of several without commas; kernels are extern "C" and not
// templates (device functions may be). A collective must be reached by all threads of the warp that have not returned.
#pragma once

#define __global__ __soft_global__
#define __shared__ __soft_shared__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define HIP_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(soft_dynamic);

typedef unsigned char soft_u8;
typedef unsigned int soft_u32;
typedef unsigned long long soft_u64;
typedef __SIZE_TYPE__ soft_size;

extern "C" {
void* memcpy(void*, const void*, soft_size);
void* memset(void*, int, soft_size);
float expf(float); float exp2f(float); float logf(float); float log2f(float); float log1pf(float); float sqrtf(float);
float tanhf(float); float erff(float); float sinf(float); float cosf(float); float powf(float, float); float fabsf(float);
float fmaxf(float, float); float fminf(float, float); float floorf(float); float ceilf(float); float roundf(float);
float rintf(float); float truncf(float); float fmaf(float, float, float); float expm1f(float); float copysignf(float, float);
float log10f(float); float fmodf(float, float); float nearbyintf(float);
double exp(double); double log(double); double sqrt(double); double fabs(double); double pow(double, double);
double sin(double); double cos(double); double floor(double);
}

struct dim3 {
  soft_u32 x, y, z;
  constexpr dim3(soft_u32 a = 1, soft_u32 b = 1, soft_u32 c = 1) : x(a), y(b), z(c) {}
};

// ---- the executor: one block at a time -------------------------------------------------------------------------

constexpr unsigned warpSize = BURBLE_WARP;
constexpr unsigned soft_max_threads = 1024;
constexpr soft_size soft_stack_bytes = 64 << 10;
constexpr soft_u64 soft_stack_mark = 0x5afe57ac5afe57acull;

// What the runtime and the executor tell each other. softhip.cpp declares the same struct.
struct soft_env {
  soft_u8* stacks;      // soft_max_threads × soft_stack_bytes
  soft_u32 seed;        // of the order of warps
  soft_u32 block[3];    // the block that is running
  soft_u32 thread[3];   // and its thread
  const char* failure;  // why the kernel was given up
};

struct soft_warp {
  soft_u64 slot[2][64];  // what each lane brings to a collective; two, for a fast lane may be one ahead
  soft_u64 present[2];   // which lanes have brought something
  soft_u32 arrived, live, gen;
};

struct soft_lane {
  dim3 tid;
  soft_u32 lane, warp_gen, block_gen;
  bool finished;
  soft_warp* warp;
  void* sp;
};

struct soft_block_state {
  dim3 idx, dim, grid;
  soft_u32 arrived, live, gen;
};

struct soft_dynamic_memory {
  alignas(256) soft_u8 bytes[(64 << 10) + 256];
};

static soft_block_state soft_block;
static soft_lane soft_lanes[soft_max_threads];
static soft_warp soft_warps[soft_max_threads / BURBLE_WARP];
static soft_lane* soft_cur;
static void* soft_scheduler_sp;
static void (*soft_kernel)(void**);
static void** soft_params;
static soft_dynamic_memory soft_dynamic_store;
static soft_u8* const soft_dynamic = soft_dynamic_store.bytes;

#define threadIdx (soft_cur->tid)
#define blockIdx (soft_block.idx)
#define blockDim (soft_block.dim)
#define gridDim (soft_block.grid)

// soft_switch saves the callee-saved registers on the stack, stores the stack pointer and continues on another stack. On
// x86-64 it jumps where it would return: the processor predicts jumps by where they went last, which is nearly
// always the same collective, and returns by calls that were made on the stack it has just left.
extern "C" __attribute__((visibility("hidden"))) void soft_switch(void** save, void* load);
#if defined(__x86_64__)
asm(R"(
.text
.hidden soft_switch
.globl soft_switch
.type soft_switch,@function
soft_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  popq %rcx
  jmpq *%rcx
.size soft_switch,.-soft_switch
)");
static void* soft_prepare(soft_u8* top, void (*entry)()) {
  void** sp = reinterpret_cast<void**>(top);
  *--sp = nullptr;  // entry's return address, which is not used
  *--sp = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; i++) *--sp = nullptr;
  return sp;
}
#elif defined(__aarch64__)
asm(R"(
.text
.hidden soft_switch
.globl soft_switch
.type soft_switch,%function
soft_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]; stp x21, x22, [sp, #16]; stp x23, x24, [sp, #32]; stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]; stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]; stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]; ldp x21, x22, [sp, #16]; ldp x23, x24, [sp, #32]; ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]; ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]; ldp d10, d11, [sp, #112]; ldp d12, d13, [sp, #128]; ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size soft_switch,.-soft_switch
)");
static void* soft_prepare(soft_u8* top, void (*entry)()) {
  soft_u64* sp = reinterpret_cast<soft_u64*>(top - 160);
  for (int i = 0; i < 20; i++) sp[i] = 0;
  sp[11] = reinterpret_cast<soft_u64>(entry);  // x30, where ret goes
  return sp;
}
#else
#error "the software device has fibers for x86-64 and 64-bit Arm"
#endif

static inline void soft_yield() {
  soft_lane* me = soft_cur;
  soft_switch(&me->sp, soft_scheduler_sp);
}

static inline void soft_release_warp(soft_warp* w) {
  w->arrived = 0;
  w->gen++;
  w->present[w->gen & 1] = 0;  // nobody has brought anything to the next collective yet
}

static inline void soft_release_block() {
  soft_block.arrived = 0;
  soft_block.gen++;
}

// soft_join_warp waits until every live lane of the warp has come.
static inline void soft_join_warp() {
  soft_lane* me = soft_cur;
  soft_warp* w = me->warp;
  me->warp_gen++;
  if (++w->arrived == w->live) soft_release_warp(w);
  while (w->gen < me->warp_gen) soft_yield();
}

static void soft_join_block() {
  soft_lane* me = soft_cur;
  me->block_gen++;
  if (++soft_block.arrived == soft_block.live) soft_release_block();
  while (soft_block.gen < me->block_gen) soft_yield();
}

static void soft_entry() {
  soft_kernel(soft_params);
  soft_lane* me = soft_cur;
  soft_warp* w = me->warp;
  me->finished = true;
  // Those who wait no longer wait for this one.
  if (--w->live > 0 && w->arrived == w->live) soft_release_warp(w);
  if (--soft_block.live > 0 && soft_block.arrived == soft_block.live) soft_release_block();
  for (;;) soft_yield();
}

static inline bool soft_runnable(const soft_lane* l) {
  return !l->finished && l->warp->gen >= l->warp_gen && soft_block.gen >= l->block_gen;
}

extern "C" soft_u8 __start_softshared[] __attribute__((weak, visibility("hidden")));
extern "C" soft_u8 __stop_softshared[] __attribute__((weak, visibility("hidden")));

static bool soft_run_block(soft_env* env, unsigned threads) {
  const unsigned warps = (threads + warpSize - 1) / warpSize;
  soft_block.arrived = soft_block.gen = 0;
  soft_block.live = threads;
  for (unsigned w = 0; w < warps; w++) {
    soft_warp& warp = soft_warps[w];
    warp.arrived = warp.gen = 0;
    warp.present[0] = warp.present[1] = 0;
    warp.live = threads - w * warpSize < warpSize ? threads - w * warpSize : warpSize;
  }
  for (unsigned i = 0; i < threads; i++) {
    soft_lane& l = soft_lanes[i];
    l.lane = i % warpSize;
    l.warp = &soft_warps[i / warpSize];
    l.warp_gen = l.block_gen = 0;
    l.finished = false;
    l.tid.x = i % soft_block.dim.x;
    l.tid.y = i / soft_block.dim.x % soft_block.dim.y;
    l.tid.z = i / (soft_block.dim.x * soft_block.dim.y);
    soft_u8* stack = env->stacks + i * soft_stack_bytes;
    *reinterpret_cast<soft_u64*>(stack) = soft_stack_mark;
    // Stacks a multiple of 4 KiB apart would all fall on the same cache sets.
    l.sp = soft_prepare(stack + soft_stack_bytes - (i % 16) * 192, soft_entry);
  }
  while (soft_block.live > 0) {
    bool progress = false;
    env->seed = env->seed * 1664525u + 1013904223u;
    const unsigned first = (env->seed >> 8) % warps, step = (env->seed >> 4) & 1;
    for (unsigned k = 0; k < warps; k++) {
      const unsigned w = step ? (first + k) % warps : (first + warps - k) % warps;
      const unsigned lo = w * warpSize, hi = lo + warpSize < threads ? lo + warpSize : threads;
      for (bool ran = true; ran;) {
        ran = false;
        for (unsigned i = lo; i < hi; i++) {
          soft_lane* l = &soft_lanes[i];
          if (!soft_runnable(l)) continue;
          soft_cur = l;
          env->thread[0] = l->tid.x;
          env->thread[1] = l->tid.y;
          env->thread[2] = l->tid.z;
          soft_switch(&soft_scheduler_sp, l->sp);
          ran = progress = true;
        }
      }
    }
    if (!progress) {
      env->failure = "its threads wait for each other for ever: a barrier or a warp collective is not reached by all of them";
      return false;
    }
  }
  for (unsigned i = 0; i < threads; i++) {
    if (*reinterpret_cast<soft_u64*>(env->stacks + i * soft_stack_bytes) != soft_stack_mark) {
      env->failure = "a thread used more than 64 KiB of stack";
      return false;
    }
  }
  return true;
}

// soft_run runs a kernel. It is what the runtime calls.
extern "C" __attribute__((visibility("default"))) bool soft_run(void (*kernel)(void**), void** params, const soft_u32* grid,
                                                                const soft_u32* block, soft_u32 shared, soft_env* env) {
  soft_kernel = kernel;
  soft_params = params;
  soft_block.grid = dim3(grid[0], grid[1], grid[2]);
  soft_block.dim = dim3(block[0], block[1], block[2]);
  if (__start_softshared) memset(__start_softshared, 0xff, __stop_softshared - __start_softshared);
  memset(soft_dynamic + shared, 0xa5, 256);
  for (soft_u32 z = 0; z < grid[2]; z++)
    for (soft_u32 y = 0; y < grid[1]; y++)
      for (soft_u32 x = 0; x < grid[0]; x++) {
        soft_block.idx = dim3(x, y, z);
        env->block[0] = x;
        env->block[1] = y;
        env->block[2] = z;
        memset(soft_dynamic, 0xff, shared);
        if (!soft_run_block(env, block[0] * block[1] * block[2])) return false;
        for (int i = 0; i < 256; i++)
          if (soft_dynamic[shared + i] != 0xa5) {
            env->failure = "it wrote beyond its dynamic shared memory";
            return false;
          }
      }
  return true;
}

// ---- how the runtime finds a kernel's parameters ----------------------------------------------------------------

enum : soft_u8 { soft_value = 0, soft_reads = 1, soft_writes = 2 };

struct soft_kernel_info {
  void (*call)(void**);
  soft_u32 count;
  const soft_u32* sizes;
  const soft_u8* kinds;
};

template <class T> struct soft_kind { static constexpr soft_u8 value = soft_value; };
template <class T> struct soft_kind<T*> { static constexpr soft_u8 value = soft_writes; };
template <class T> struct soft_kind<const T*> { static constexpr soft_u8 value = soft_reads; };
template <class T> struct soft_kind<T* __restrict> { static constexpr soft_u8 value = soft_writes; };
template <class T> struct soft_kind<const T* __restrict> { static constexpr soft_u8 value = soft_reads; };

template <class T> struct soft_bare { typedef T type; };
template <class T> struct soft_bare<const T> { typedef T type; };
template <class T> struct soft_bare<T* __restrict> { typedef T* type; };

template <class T> static inline typename soft_bare<T>::type soft_param(void** p, unsigned i) {
  typename soft_bare<T>::type v;
  memcpy(&v, p[i], sizeof v);  // an argument need not be aligned as C++ would
  return v;
}

template <class I, I... N> struct soft_sequence {};
#if __has_builtin(__make_integer_seq)
template <unsigned N> using soft_indices = __make_integer_seq<soft_sequence, unsigned, N>;
#else
template <unsigned N> using soft_indices = soft_sequence<unsigned, __integer_pack(N)...>;
#endif

template <auto F> struct soft_thunk;
template <class... A, void (*F)(A...)> struct soft_thunk<F> {
  template <unsigned... N> static inline void expand(void** p, soft_sequence<unsigned, N...>) { F(soft_param<A>(p, N)...); }
  static void call(void** p) { expand(p, soft_indices<sizeof...(A)>()); }
  static constexpr soft_u32 sizes[] = {sizeof(A)..., 0};
  static constexpr soft_u8 kinds[] = {soft_kind<A>::value..., 0};
  static constexpr soft_kernel_info info = {call, sizeof...(A), sizes, kinds};
};

// ---- HIP's functions --------------------------------------------------------------------------------------------

static inline void __syncthreads() { soft_join_block(); }
static inline void __syncwarp(soft_u64 = ~0ull) { soft_join_warp(); }
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline unsigned __lane_id() { return soft_cur->lane; }

// soft_exchange brings v to the warp and returns what lane from brought. A lane that has returned brings all bits set.
template <class T> static inline T soft_exchange(T v, unsigned from) {
  static_assert(sizeof(T) <= 8, "a warp collective moves at most 8 bytes");
  soft_lane* me = soft_cur;
  soft_warp* w = me->warp;
  const unsigned b = me->warp_gen & 1;
  w->slot[b][me->lane] = 0;
  memcpy(&w->slot[b][me->lane], &v, sizeof v);
  w->present[b] |= 1ull << me->lane;
  soft_join_warp();
  if (w->present[b] >> from & 1)
    memcpy(&v, &w->slot[b][from], sizeof v);
  else
    memset(&v, 0xff, sizeof v);
  return v;
}

template <class T> static inline T __shfl(T v, int src, int width = warpSize) {
  return soft_exchange(v, (soft_cur->lane & ~(width - 1)) + (src & (width - 1)));
}
template <class T> static inline T __shfl_xor(T v, int mask, int width = warpSize) {
  const unsigned lane = soft_cur->lane, from = lane ^ mask;
  return soft_exchange(v, from / width > lane / width ? lane : from % warpSize);
}
template <class T> static inline T __shfl_down(T v, unsigned delta, int width = warpSize) {
  const unsigned lane = soft_cur->lane;
  return soft_exchange(v, lane % width + delta < unsigned(width) ? lane + delta : lane);
}
template <class T> static inline T __shfl_up(T v, unsigned delta, int width = warpSize) {
  const unsigned lane = soft_cur->lane;
  return soft_exchange(v, lane % width >= delta ? lane - delta : lane);
}
template <class T> static inline T __shfl_sync(soft_u64, T v, int src, int width = warpSize) { return __shfl(v, src, width); }
template <class T> static inline T __shfl_xor_sync(soft_u64, T v, int m, int width = warpSize) { return __shfl_xor(v, m, width); }
template <class T> static inline T __shfl_down_sync(soft_u64, T v, unsigned d, int width = warpSize) { return __shfl_down(v, d, width); }
template <class T> static inline T __shfl_up_sync(soft_u64, T v, unsigned d, int width = warpSize) { return __shfl_up(v, d, width); }

static inline soft_u64 __ballot(int predicate) {
  soft_lane* me = soft_cur;
  soft_warp* w = me->warp;
  const unsigned b = me->warp_gen & 1;
  w->slot[b][me->lane] = predicate != 0;
  w->present[b] |= 1ull << me->lane;
  soft_join_warp();
  soft_u64 mask = 0;
  for (unsigned i = 0; i < warpSize; i++)
    if (w->present[b] >> i & w->slot[b][i] & 1) mask |= 1ull << i;
  return mask;
}
static inline soft_u64 __activemask() { return __ballot(1); }
static inline int __any(int p) { return __ballot(p) != 0; }
static inline int __all(int p) { return __ballot(!p) == 0; }
static inline soft_u64 __ballot_sync(soft_u64, int p) { return __ballot(p); }
static inline int __any_sync(soft_u64, int p) { return __any(p); }
static inline int __all_sync(soft_u64, int p) { return __all(p); }
static inline int __builtin_amdgcn_readfirstlane(int v) { return __shfl(v, 0); }
static inline void __builtin_amdgcn_s_barrier() { __syncthreads(); }
static inline void __builtin_amdgcn_wave_barrier() { __syncwarp(); }

// A block runs on one host thread and switches only when a thread waits: plain arithmetic is atomic.
template <class T, class U> static inline T atomicAdd(T* p, U v) { T old = *p; *p = T(old + T(v)); return old; }
template <class T, class U> static inline T atomicSub(T* p, U v) { T old = *p; *p = T(old - T(v)); return old; }
template <class T, class U> static inline T atomicMax(T* p, U v) { T old = *p; if (T(v) > old) *p = T(v); return old; }
template <class T, class U> static inline T atomicMin(T* p, U v) { T old = *p; if (T(v) < old) *p = T(v); return old; }
template <class T, class U> static inline T atomicOr(T* p, U v) { T old = *p; *p = old | T(v); return old; }
template <class T, class U> static inline T atomicAnd(T* p, U v) { T old = *p; *p = old & T(v); return old; }
template <class T, class U> static inline T atomicXor(T* p, U v) { T old = *p; *p = old ^ T(v); return old; }
template <class T, class U> static inline T atomicExch(T* p, U v) { T old = *p; *p = T(v); return old; }
template <class T, class U, class V> static inline T atomicCAS(T* p, U expect, V v) {
  T old = *p;
  if (old == T(expect)) *p = T(v);
  return old;
}
static inline soft_u32 atomicInc(soft_u32* p, soft_u32 limit) { soft_u32 old = *p; *p = old >= limit ? 0 : old + 1; return old; }

// Arithmetic.
static inline float __expf(float x) { return expf(x); }
static inline float __exp2f(float x) { return exp2f(x); }
static inline float __logf(float x) { return logf(x); }
static inline float __log2f(float x) { return log2f(x); }
static inline float __sinf(float x) { return sinf(x); }
static inline float __cosf(float x) { return cosf(x); }
static inline float __powf(float x, float y) { return powf(x, y); }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline void sincosf(float x, float* s, float* c) { *s = sinf(x); *c = cosf(x); }
static inline void __sincosf(float x, float* s, float* c) { sincosf(x, s, c); }
template <class T> static inline T soft_cast(const void* p) { T v; memcpy(&v, p, sizeof v); return v; }
static inline int __float_as_int(float v) { return soft_cast<int>(&v); }
static inline soft_u32 __float_as_uint(float v) { return soft_cast<soft_u32>(&v); }
static inline float __int_as_float(int v) { return soft_cast<float>(&v); }
static inline float __uint_as_float(soft_u32 v) { return soft_cast<float>(&v); }
static inline int __float2int_rn(float v) { return int(rintf(v)); }
static inline int __float2int_rz(float v) { return int(v); }
static inline int __popc(soft_u32 v) { return __builtin_popcount(v); }
static inline int __popcll(soft_u64 v) { return __builtin_popcountll(v); }
static inline int __clz(int v) { return v ? __builtin_clz(v) : 32; }
static inline int __clzll(long long v) { return v ? __builtin_clzll(v) : 64; }
static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline int __ffsll(long long v) { return __builtin_ffsll(v); }
static inline int __mul24(int a, int b) { return a * b; }
static inline soft_u32 __umulhi(soft_u32 a, soft_u32 b) { return soft_u32((soft_u64(a) * b) >> 32); }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline soft_u32 min(soft_u32 a, soft_u32 b) { return a < b ? a : b; }
static inline soft_u32 max(soft_u32 a, soft_u32 b) { return a > b ? a : b; }
static inline long long min(long long a, long long b) { return a < b ? a : b; }
static inline long long max(long long a, long long b) { return a > b ? a : b; }
static inline int abs(int a) { return a < 0 ? -a : a; }
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
template <class T> static inline T __ldg(const T* p) { return *p; }
static inline long long clock64() { static long long t; return ++t; }
static inline void __builtin_amdgcn_s_sleep(int) {}
#ifndef INFINITY
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#endif
#define __trap() __builtin_trap()

// __byte_perm and V_PERM_B32 pick four of the eight bytes of two words.
static inline soft_u32 __byte_perm(soft_u32 a, soft_u32 b, soft_u32 s) {
  const soft_u64 both = soft_u64(b) << 32 | a;
  soft_u32 r = 0;
  for (int i = 0; i < 4; i++) r |= soft_u32(both >> 8 * (s >> 4 * i & 7) & 0xff) << 8 * i;
  return r;
}
static inline soft_u32 __builtin_amdgcn_perm(soft_u32 hi, soft_u32 lo, soft_u32 s) {
  const soft_u64 both = soft_u64(hi) << 32 | lo;
  soft_u32 r = 0;
  for (int i = 0; i < 4; i++) {
    const soft_u32 k = s >> 8 * i & 0xff;
    r |= (k < 8 ? soft_u32(both >> 8 * k & 0xff) : k == 12 ? 0 : 0xff) << 8 * i;
  }
  return r;
}

// Dot products of four bytes: NVIDIA's dp4a, AMD's sdot4 (signed), udot4, and sudot4 (each operand signed or not).
static inline int soft_dot4(soft_u32 a, bool a_signed, soft_u32 b, bool b_signed, int c) {
  for (int i = 0; i < 32; i += 8) {
    const int x = a_signed ? int((signed char)(a >> i)) : int((soft_u8)(a >> i));
    const int y = b_signed ? int((signed char)(b >> i)) : int((soft_u8)(b >> i));
    c = int(soft_u32(c) + soft_u32(x * y));
  }
  return c;
}
static inline int __dp4a(int a, int b, int c) { return soft_dot4(a, true, b, true, c); }
static inline soft_u32 __dp4a(soft_u32 a, soft_u32 b, soft_u32 c) { return soft_dot4(a, false, b, false, c); }
static inline int __builtin_amdgcn_sdot4(int a, int b, int c, bool) { return soft_dot4(a, true, b, true, c); }
static inline soft_u32 __builtin_amdgcn_udot4(soft_u32 a, soft_u32 b, soft_u32 c, bool) { return soft_dot4(a, false, b, false, c); }
static inline int __builtin_amdgcn_sudot4(bool as, int a, bool bs, int b, int c, bool) { return soft_dot4(a, as, b, bs, c); }

// Half precision.
typedef _Float16 __half;
struct alignas(4) __half2 { __half x, y; };
static inline float __half2float(__half h) { return float(h); }
static inline __half __float2half(float f) { return __half(f); }
static inline __half __float2half_rn(float f) { return __half(f); }
static inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
static inline float __low2float(__half2 h) { return float(h.x); }
static inline float __high2float(__half2 h) { return float(h.y); }

// Vector types.
#define SOFT_VECTORS(T, E)                                            \
  struct alignas(2 * sizeof(E)) T##2 { E x, y; };                     \
  struct T##3 { E x, y, z; };                                         \
  struct alignas(sizeof(E) * 4 > 16 ? 16 : sizeof(E) * 4) T##4 { E x, y, z, w; }; \
  static inline T##2 make_##T##2(E x, E y) { return {x, y}; }         \
  static inline T##3 make_##T##3(E x, E y, E z) { return {x, y, z}; } \
  static inline T##4 make_##T##4(E x, E y, E z, E w) { return {x, y, z, w}; }
SOFT_VECTORS(float, float)
SOFT_VECTORS(double, double)
SOFT_VECTORS(int, int)
SOFT_VECTORS(uint, unsigned int)
SOFT_VECTORS(short, short)
SOFT_VECTORS(ushort, unsigned short)
SOFT_VECTORS(char, signed char)
SOFT_VECTORS(uchar, unsigned char)
SOFT_VECTORS(longlong, long long)
SOFT_VECTORS(ulonglong, unsigned long long)
