// Everything that reads quantised weights of one format: the build defines WEIGHT as its name.
#include "matvec.hip"
#include "gemm.hip"
#include "embed.hip"
