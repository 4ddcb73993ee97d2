// Package kernels holds the source of the GPU kernels: HIP C++ that hiprtc, NVRTC and clang compile. common.hip says
// how one source suits all of them, docs/kernels.md lists the kernels and what the compiler makes of them.
package kernels

import "embed"

// Files are the sources, *.hip.
//
//go:embed *.hip
var Files embed.FS
