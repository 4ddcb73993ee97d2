//go:build cgo

#include "kernels.h"

#include <string.h>

int64_t gemm_scratch(int64_t k) { return 256 << 10; }

#if defined(__x86_64__)
extern const kernels burble_avx512;

const kernels *burble_level(const char *name) {
	__builtin_cpu_init();
	int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
	if (!strcmp(name, "avx512") && avx512) return &burble_avx512;
	return NULL;
}
#else
const kernels *burble_level(const char *name) { return NULL; }
#endif
