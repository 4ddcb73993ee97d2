package model_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/compute"
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
			for i, key := range f.Metadata.Keys() {
				value, _ := f.Metadata.Value(key)
				if _, whole := value.Uint(); !whole || !strings.HasPrefix(key, arch+".") {
					continue
				}
				// One of the numbers each: the architectures share their keys, and take turns.
				n := []uint32{0, 3, 1 << 20}[(i+len(done))%3]
				copyWith(t, damaged, f, key, n)
				t.Logf("%s = %d", key, n)
				openAndRun(t, damaged, dev)
			}
			if err := os.Remove(damaged); err != nil {
				t.Fatal(err)
			}
		})
		f.Close()
	}
}

// openAndRun opens the model at path, and runs it if it can be opened.
func openAndRun(t *testing.T, path string, dev compute.Device) {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, layers, err := model.Architecture(f)
	if err != nil {
		return
	}
	ctx := context.Background()
	m, err := model.Open(ctx, f, model.OnOne(dev, layers), model.Options{Rows: 4}, func(int64, int64) {})
	if err != nil {
		return
	}
	defer m.Close()
	cache, err := m.NewCache(8, gguf.F32)
	if err != nil {
		return
	}
	defer cache.Close()
	if err := m.Forward(ctx, cache, []int32{3, 4, 5}, 0, true); err != nil {
		t.Log(err)
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
