package inference

import "context"

// StartWith is Start with GPUs of the test's.
func StartWith(ctx context.Context, gpus gpuSource) *Engine { return start(ctx, Options{}, gpus) }
