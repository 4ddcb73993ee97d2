package gpu

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"burble/gguf"
	"burble/hip/softhip"
	"burble/inference/compute"
	"burble/inference/model"
)

// TestNothingIsAllocatedAfterLoading runs long and short passes, and captured ones, of models with and without experts, and watches
// the GPU's memory.
func TestNothingIsAllocatedAfterLoading(t *testing.T) {
	for _, arch := range []string{"llama", "qwen3_moe"} {
		t.Run(arch, func(t *testing.T) {
			path := filepath.Join(shared(t, "goldens", arch), "model.gguf")
			d, _ := soft(t, softhip.Config{Memory: 1 << 30}, Options{})
			l := loadModel(t, d, path, 24, 64, gguf.F16)
			free := d.Memory().Free
			past := 0
			for _, n := range []int{24, 1, 1, 1, 9, 3, 1} {
				ids := make([]int32, n)
				if err := l.m.Forward(context.Background(), l.cache, ids, past, true); err != nil {
					t.Fatal(err)
				}
				if _, err := l.m.Best(); err != nil {
					t.Fatal(err)
				}
				past += n
				if now := d.Memory().Free; now != free {
					t.Errorf("a pass of %d tokens took %d bytes", n, free-now)
					free = now
				}
			}
			l.close(t)
		})
	}
}

// TestTooLittleMemoryShowsAtLoading gives a GPU a little less memory than a model takes, which shows before the first pass.
func TestTooLittleMemoryShowsAtLoading(t *testing.T) {
	path := filepath.Join(shared(t, "goldens", "llama"), "model.gguf")
	const plenty = 1 << 30
	d, _ := soft(t, softhip.Config{Memory: plenty}, Options{})
	l := loadModel(t, d, path, 24, 64, gguf.F16)
	used := plenty - d.Memory().Free
	l.close(t)

	d, _ = soft(t, softhip.Config{Memory: used - 1}, Options{})
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, layers, err := model.Architecture(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(context.Background(), f, model.OnOne(d, layers), model.Options{Rows: 24, Context: 64}, func(int64, int64) {})
	if err == nil {
		_, err = m.NewCache(64, gguf.F16)
		err = errors.Join(err, m.Close())
	}
	if oom := (*compute.OutOfMemory)(nil); !errors.As(err, &oom) || oom.Need <= 0 || oom.Free < 0 {
		t.Errorf("got %v, want what was needed and what was free", err)
	}
	for _, err := range []error{d.Close(), f.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
}
