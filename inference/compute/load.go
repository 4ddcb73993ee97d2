package compute

import (
	"context"

	"burble/gguf"
)

// BulkLoader is a device that loads many weights faster together than one by one, because it overlaps reading the
// file with uploading.
type BulkLoader interface {
	// LoadAll is [LoadAll] on this device.
	LoadAll(ctx context.Context, weights []*gguf.Tensor, progress func(bytes int64)) ([]*Tensor, error)
}

// LoadAll loads weights onto d, in order. progress is told the bytes of each step. Cancelling ctx ends it within
// a step; the error then is ctx's. The tensors loaded so far are returned with every error, and belong to the caller.
func LoadAll(ctx context.Context, d Device, weights []*gguf.Tensor, progress func(bytes int64)) ([]*Tensor, error) {
	if b, ok := d.(BulkLoader); ok {
		return b.LoadAll(ctx, weights, progress)
	}
	loaded := make([]*Tensor, 0, len(weights))
	for _, w := range weights {
		if err := ctx.Err(); err != nil {
			return loaded, err
		}
		t, err := d.Load(w)
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, t)
		// A view of a mapped file is not in memory yet. Touching it here makes the wait visible, and cancellable.
		if err := touch(ctx, w.Data, progress); err != nil {
			return loaded, err
		}
	}
	return loaded, nil
}

// touch reads one byte of every page of data, so that the system reads a mapped file now.
func touch(ctx context.Context, data []byte, progress func(bytes int64)) error {
	const page, step = 4096, 4 << 20
	var sum byte
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(step, len(data))
		for i := 0; i < n; i += page {
			sum ^= data[i]
		}
		data = data[n:]
		progress(int64(n))
	}
	touched(sum)
	return nil
}

// touched keeps the compiler from dropping the reads.
//
//go:noinline
func touched(byte) {}
