package inference

import (
	"context"
	"time"

	"burble/hip"
)

// StartWith is Start with GPUs of the test's.
func StartWith(ctx context.Context, gpus gpuSource) *Engine { return start(ctx, Options{}, gpus) }

// GPUsOf are the GPUs of a driver library, with an allocation for every tensor.
func GPUsOf(library, cacheDir string, deadline time.Duration) gpuSource {
	return &hipGPUs{options: hip.Options{Driver: library, Deadline: deadline, SlabBytes: -1}, cacheDir: cacheDir}
}
