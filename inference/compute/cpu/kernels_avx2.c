//go:build cgo

// The level "avx2": 256-bit vectors (Haswell, Zen and later).
#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#define VEC_AVX2
#include "vec.h"

#include "kernels.h"

#include "float.h"

#include "attention.h"

#include "recurrent.h"

#include "blocks_avx2.h"

#include "quant_avx2.h"

#define LEVEL_NAME "avx2"
#define LEVEL_TABLE burble_avx2
#include "table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
