//go:build cgo

// The level "avx512": 512-bit vectors with VPDPBUSD (Ice Lake, Zen 4 and later).
#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#endif

#define VEC_AVX512
#include "vec.h"

#include "kernels.h"

#include "float.h"

#include "attention.h"

#include "recurrent.h"

#include "blocks_avx512.h"

#include "quant_avx512.h"

#define LEVEL_NAME "avx512"
#define LEVEL_TABLE burble_avx512
#include "table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
