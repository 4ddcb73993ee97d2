//go:build cgo

// The level "avxvnni": 256-bit vectors with VPDPBUSD (Alder Lake and later).
#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,avxvnni")
#endif

#define VEC_AVX2
#include "vec.h"

#include "kernels.h"

#include "float.h"

#include "attention.h"

#include "recurrent.h"

#include "blocks_avx2.h"

#define HAVE_VNNI
#include "quant_avx2.h"

#define LEVEL_NAME "avxvnni"
#define LEVEL_TABLE burble_avxvnni
#include "table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
