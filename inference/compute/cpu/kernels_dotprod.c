//go:build cgo

// The level "dotprod": 128-bit vectors with SDOT (Cortex-A76, Apple M1 and later).
#if defined(__aarch64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

#define VEC_NEON
#include "vec.h"

#include "kernels.h"

#include "float.h"

#include "attention.h"

#include "recurrent.h"

#define HAVE_DOTPROD
#include "quant_neon.h"

#define LEVEL_NAME "dotprod"
#define LEVEL_TABLE burble_dotprod
#include "table.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
