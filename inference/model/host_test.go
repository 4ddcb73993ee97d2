package model_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"burble/gguf"
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model"
)

// TestHostExperts wants the same logits where the experts of some or all blocks are on another device than the rest.
func TestHostExperts(t *testing.T) {
	path := shared(t, "goldens", "qwen2_moe", "model.gguf")
	var tokens []int32
	readJSON(t, filepath.Join(filepath.Dir(path), "tokens.json"), &tokens)
	want := logits(t, path, newCPU(t, cpu.Options{}), tokens, gguf.F32, 16)
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, layers, err := model.Architecture(f)
	if err != nil {
		t.Fatal(err)
	}
	main, side := newCPU(t, cpu.Options{}), newCPU(t, cpu.Options{})
	for name, place := range map[string]model.Placement{
		"all experts on a further device":       {Devices: []compute.Device{main}, Until: []int{layers}, Host: side, HostExperts: layers},
		"some":                                  {Devices: []compute.Device{main}, Until: []int{layers}, Host: side, HostExperts: 1},
		"on the device that runs a first block": {Devices: []compute.Device{side, main}, Until: []int{1, layers}, Host: side, HostExperts: layers},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := model.Open(context.Background(), f, place, model.Options{Rows: 16}, func(int64, int64) {})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			cache, err := m.NewCache(len(tokens), gguf.F32)
			if err != nil {
				t.Fatal(err)
			}
			defer cache.Close()
			var got []float32
			for past := 0; past < len(tokens)-1; past += 16 {
				n := min(16, len(tokens)-1-past)
				if err := m.ForwardAll(context.Background(), cache, tokens[past:past+n], past, func(_ int, l []float32) error {
					got = append(got, l...)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			last := make([]float32, m.Vocab) // the last token as an answer's tokens are
			if err := m.Forward(context.Background(), cache, tokens[len(tokens)-1:], len(tokens)-1, true); err != nil {
				t.Fatal(err)
			}
			if err := m.Logits(last); err != nil {
				t.Fatal(err)
			}
			got = append(got, last...)
			if e := relativeError(got, want); !(e <= 1e-6) {
				t.Errorf("relative error %.2e against one device", e)
			}
		})
	}
}

// rewind is a network that can't always go back: with windows, recurrent states, or both.
var rewind = []string{"gemma2", "lfm2_tied", "qwen3_5_tied", "falcon_h1", "gpt_oss_plain", "mamba2"}

// TestCheckpoint goes back to a checkpoint and wants what follows to be as it was the first time.
func TestCheckpoint(t *testing.T) {
	for _, name := range rewind {
		t.Run(name, func(t *testing.T) {
			path := shared(t, "goldens", name, "model.gguf")
			var tokens []int32
			readJSON(t, filepath.Join(filepath.Dir(path), "tokens.json"), &tokens)
			f, err := gguf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_, layers, err := model.Architecture(f)
			if err != nil {
				t.Skip(err)
			}
			m, err := model.Open(context.Background(), f, model.OnOne(newCPU(t, cpu.Options{}), layers), model.Options{Rows: 4}, func(int64, int64) {})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			cache, err := m.NewCache(128, gguf.F32)
			if err != nil {
				t.Fatal(err)
			}
			defer cache.Close()
			if cache.Rewindable() {
				t.Fatal("this model's cache can always be cut back")
			}
			// run appends tokens, a few at a time, and returns the last logits.
			run := func(past int, ids []int32) []float32 {
				t.Helper()
				for len(ids) > 0 {
					n := min(3, len(ids))
					if err := m.Forward(context.Background(), cache, ids[:n], past, true); err != nil {
						t.Fatal(err)
					}
					past, ids = past+n, ids[n:]
				}
				l := make([]float32, m.Vocab)
				if err := m.Logits(l); err != nil {
					t.Fatal(err)
				}
				return l
			}
			const at = 17
			run(0, tokens[:at])
			cp, err := cache.Save(at)
			if err != nil {
				t.Fatal(err)
			}
			if cp.Length != at || cp.Bytes() != cache.CheckpointBytes(at) || cp.Bytes() == 0 {
				t.Errorf("a checkpoint of %d tokens and %d bytes, predicted %d", cp.Length, cp.Bytes(), cache.CheckpointBytes(at))
			}
			want := run(at, tokens[at:])
			if err := cache.Restore(cp); err != nil {
				t.Fatal(err)
			}
			other := slices.Clone(tokens[at:])
			slices.Reverse(other)
			run(at, append(other, tokens...)) // far enough for every ring to go round
			if cache.CanTruncate(at) {
				t.Error("the cache claims that it can still go back by itself")
			}
			if err := cache.Restore(cp); err != nil {
				t.Fatal(err)
			}
			if got := run(at, tokens[at:]); relativeError(got, want) > 1e-6 {
				t.Errorf("after a checkpoint: relative error %.2e", relativeError(got, want))
			}
			if !cache.Truncate(0) {
				t.Fatal("the cache can't be emptied")
			}
			if got := run(0, tokens); relativeError(got, want) > 1e-6 {
				t.Errorf("after starting anew: relative error %.2e", relativeError(got, want))
			}
		})
	}
}
