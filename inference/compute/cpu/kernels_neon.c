//go:build cgo

// The level "neon": 128-bit vectors, on every 64-bit Arm processor.
#if defined(__aarch64__)

#define VEC_NEON
#include "vec.h"

#include "kernels.h"

#include "float.h"

#include "attention.h"

#include "recurrent.h"

#include "quant_neon.h"

#define LEVEL_NAME "neon"
#define LEVEL_TABLE burble_neon
#include "table.h"

#endif
