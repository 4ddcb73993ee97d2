//go:build cgo

#include "kernels.h"

#include <string.h>

int64_t gemm_scratch(int64_t k) { return 256 << 10; }

int burble_multiplies(const kernels *k, int64_t type) { return type >= 0 && type < T_COUNT && k->matvec[type]; }

#if defined(__x86_64__)
#include <cpuid.h>

extern const kernels burble_avx2, burble_avxvnni, burble_avx512;

// AVX-VNNI is bit 4 of EAX of leaf 7, subleaf 1 (Intel's manual, volume 2, CPUID).
static int has_avxvnni(void) {
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}

const kernels *burble_level(const char *name) {
	__builtin_cpu_init();
	unsigned a, b, c, d;
	int f16c = __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
	int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && f16c;
	int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
	if (!strcmp(name, "avx512") && avx512) return &burble_avx512;
	if (!strcmp(name, "avxvnni") && avx2 && has_avxvnni()) return &burble_avxvnni;
	if (!strcmp(name, "avx2") && avx2) return &burble_avx2;
	return NULL;
}
#elif defined(__aarch64__)
extern const kernels burble_neon, burble_dotprod;

#if defined(__linux__)
#include <sys/auxv.h>

static int has_dotprod(void) { return getauxval(AT_HWCAP) >> 20 & 1; } // HWCAP_ASIMDDP
#elif defined(__APPLE__)
static int has_dotprod(void) { return 1; } // every Apple processor that runs macOS
#else
static int has_dotprod(void) { return 0; } // not known how to ask
#endif

const kernels *burble_level(const char *name) {
	if (!strcmp(name, "dotprod") && has_dotprod()) return &burble_dotprod;
	if (!strcmp(name, "neon")) return &burble_neon;
	return NULL;
}
#else
const kernels *burble_level(const char *name) { return NULL; }
#endif
