// Everything that reads float weights of one type: the build defines WEIGHT as its name.
#include "matvec_float.hip"
#ifdef MATRIX_WEIGHT // 16 bits: F16 and BF16
#include "gemm.hip"
#endif
#include "embed.hip"
