package model_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model"
)

// TestGoldensOnDevices holds every architecture to the same logits where its blocks are on two devices and all its experts on
// a third. Where blocks can't be parted, that is said.
func TestGoldensOnDevices(t *testing.T) {
	const rows = 16
	for _, name := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			dir := shared(t, "goldens", name)
			f, err := gguf.Open(filepath.Join(dir, "model.gguf"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_, layers, err := model.Architecture(f)
			if err != nil {
				t.Fatal(err)
			}
			place := model.Placement{
				Devices: []compute.Device{newCPU(t, cpu.Options{}), newCPU(t, cpu.Options{})}, Until: []int{layers - 1, layers},
				Host: newCPU(t, cpu.Options{}), HostExperts: layers,
			}
			m, err := model.Open(context.Background(), f, place, model.Options{Rows: rows}, func(int64, int64) {})
			if err != nil && strings.Contains(err.Error(), "can't be on different devices") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			var tokens []int32
			readJSON(t, filepath.Join(dir, "tokens.json"), &tokens)
			cache, err := m.NewCache(len(tokens), gguf.F32)
			if err != nil {
				t.Fatal(err)
			}
			defer cache.Close()
			var got []float32
			for past := 0; past < len(tokens); past += rows {
				n := min(rows, len(tokens)-past)
				err := m.ForwardAll(context.Background(), cache, tokens[past:past+n], past, func(_ int, l []float32) error {
					got = append(got, l...)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if e := relativeError(got, readFloats(t, filepath.Join(dir, "logits.f32"))); !(e <= 2e-5) {
				t.Errorf("relative error %.2e, want at most 2e-5", e)
			}
		})
	}
}
