package model_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/compute/cpu"
	"burble/inference/model"
)

// TestHostileMetadata opens a file of every architecture with one number after the other out of place. It may be refused or run,
// but not panic or ask for memory beyond reason.
func TestHostileMetadata(t *testing.T) {
	done := map[string]bool{}
	for _, name := range goldens(t) {
		path := shared(t, "goldens", name, "model.gguf")
		f, err := gguf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		arch, _, err := model.Architecture(f)
		if err != nil {
			t.Fatal(err)
		}
		if done[arch] {
			f.Close()
			continue
		}
		done[arch] = true
		t.Run(arch, func(t *testing.T) {
			dev := newCPU(t, cpu.Options{})
			damaged := filepath.Join(t.TempDir(), "damaged.gguf")
			for _, key := range f.Metadata.Keys() {
				value, _ := f.Metadata.Value(key)
				if _, whole := value.Uint(); !whole || !strings.HasPrefix(key, arch+".") {
					continue
				}
				for _, n := range []uint32{0, 3, 1 << 20} {
					copyWith(t, damaged, f, key, n)
					g, err := gguf.Open(damaged)
					if err != nil {
						t.Fatal(err)
					}
					if _, layers, err := model.Architecture(g); err == nil && layers < 1<<10 {
						t.Logf("%s = %d", key, n)
						if m, err := model.Open(context.Background(), g, model.OnOne(dev, layers), model.Options{Rows: 4}, func(int64, int64) {}); err == nil {
							if cache, err := m.NewCache(8, gguf.F32); err == nil {
								_ = m.Forward(context.Background(), cache, []int32{3, 4, 5}, 0, true)
								cache.Close()
							}
							m.Close()
						}
					}
					g.Close()
				}
			}
			if err := os.Remove(damaged); err != nil {
				t.Fatal(err)
			}
		})
		f.Close()
	}
}

// copyWith writes f to path with one number changed.
func copyWith(t *testing.T, path string, f *gguf.File, changed string, n uint32) {
	t.Helper()
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range f.Metadata.Keys() {
		value, _ := f.Metadata.Value(key)
		if err := w.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Set(changed, n); err != nil {
		t.Fatal(err)
	}
	for _, tensor := range f.Tensors {
		if err := w.AddTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
