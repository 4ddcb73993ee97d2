// hipBLAS of the software device: the one call that package hip uses, by plain loops.
#include "softhip.h"

#include <cstring>

struct Handle {
  void* stream = nullptr;
};

SOFT_API int hipblasCreate(void** out) {
  *out = new Handle;
  return 0;
}

SOFT_API int hipblasDestroy(void* handle) {
  delete static_cast<Handle*>(handle);
  return 0;
}

SOFT_API int hipblasSetStream(void* handle, void* stream) {
  static_cast<Handle*>(handle)->stream = stream;
  return 0;
}

static float element(const void* p, size_t i, int type) {
  if (type == 0) return static_cast<const float*>(p)[i];
  const uint16_t bits = static_cast<const uint16_t*>(p)[i];
  if (type == 2) {
    _Float16 h;
    memcpy(&h, &bits, 2);
    return float(h);
  }
  const uint32_t wide = uint32_t(bits) << 16;
  float f;
  memcpy(&f, &wide, 4);
  return f;
}

// Columns, a transposed: c [m, n] = alpha · aᵀ [m, k] · b [k, n] + beta · c.
SOFT_API int hipblasGemmEx_v2(void* handle, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int at, int lda,
                              const void* b, int bt, int ldb, const void* beta, void* c, int ct, int ldc, int compute, int) {
  if (ta != 112 || tb != 111 || ct != 0 || compute != 2) return 1;
  const float al = *static_cast<const float*>(alpha), be = *static_cast<const float*>(beta);
  void* stream = static_cast<Handle*>(handle)->stream;
  Op op;
  op.name = "a BLAS multiply";
  auto use = [&](const void* p, size_t bytes, bool write) { op.uses.push_back({uintptr_t(p), uintptr_t(p) + bytes, write}); };
  use(a, size_t(m) * lda * (at ? 2 : 4), false);
  use(b, size_t(n) * ldb * (bt ? 2 : 4), false);
  use(c, size_t(n) * ldc * 4, true);
  op.run = [=]() -> hipError_t {
    float* out = static_cast<float*>(c);
    for (int j = 0; j < n; j++)
      for (int i = 0; i < m; i++) {
        float sum = 0;
        for (int x = 0; x < k; x++) sum += element(a, size_t(i) * lda + x, at) * element(b, size_t(j) * ldb + x, bt);
        float& o = out[size_t(j) * ldc + i];
        o = al * sum + (be == 0 ? 0 : be * o);
      }
    return ok;
  };
  return enqueue(stream ? static_cast<Stream*>(stream) : default_stream(), std::move(op)) == ok ? 0 : 6;
}

// The old one, whose numbers for types differ, is there and refuses.
SOFT_API int hipblasGemmEx(void*, int, int, int, int, int, const void*, const void*, int, int, const void*, int, int, const void*, void*, int,
                           int, int, int) {
  return 7;
}
