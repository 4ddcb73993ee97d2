package inference_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"burble/hip/softhip"
	"burble/inference"
	"burble/inference/chat"
	"burble/inference/model/modeltest"
)

// softEngine starts an engine whose GPUs are the software device. Compiled kernels are kept between runs of the tests; what
// the self-test found is not.
func softEngine(t *testing.T, c softhip.Config, deadline time.Duration) (*inference.Engine, *softhip.Device) {
	t.Helper()
	s := softhip.New(t, c)
	cache := t.TempDir()
	kernels := filepath.Join(os.TempDir(), "burble-gpu-test-kernels")
	if err := os.MkdirAll(kernels, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kernels, filepath.Join(cache, "kernels")); err != nil {
		t.Fatal(err)
	}
	e := inference.StartWith(context.Background(), inference.GPUsOf(s.Library, cache, deadline))
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, s
}

var softRequest = inference.Request{Messages: []chat.Message{says(chat.User, "hello")}, MaxTokens: 8}

// TestSoftwareGPU runs the whole engine on the software GPU, with streams in several orders and with both sizes of warp.
// The device itself fails the test for races and for accesses out of bounds.
func TestSoftwareGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kernels")
	}
	path := modeltest.Write(t, modeltest.Options{Seed: 5})
	plain := run(t)
	load(t, plain, path, inference.Placement{Device: "cpu"})
	want := ask(t, plain, softRequest)
	for name, c := range map[string]struct {
		config softhip.Config
		place  inference.Placement
		layers int
	}{
		"one GPU":            {softhip.Config{Seed: 1}, inference.Placement{Device: "gpu"}, 2},
		"another order":      {softhip.Config{Seed: 2}, inference.Placement{Device: "gpu"}, 2},
		"warps of 64":        {softhip.Config{Seed: 3, Warp: 64}, inference.Placement{Device: "gpu"}, 2},
		"a layer on the CPU": {softhip.Config{Seed: 4}, inference.Placement{Device: "gpu", Layers: 1}, 1},
		"two GPUs":           {softhip.Config{Seed: 5, Devices: 2, Memory: 1 << 30}, inference.Placement{Device: "gpu"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := softEngine(t, c.config, 0)
			var stages []inference.Stage
			for _, ev := range await(t, e, e.Load(path, c.place)) {
				switch ev := ev.(type) {
				case inference.Progress:
					if len(stages) == 0 || stages[len(stages)-1] != ev.Stage {
						stages = append(stages, ev.Stage)
					}
				case inference.Failed:
					t.Fatal(ev.Err)
				case inference.Loaded:
					if ev.Model.GPULayers != c.layers || !strings.Contains(ev.Model.Device, "gfx0") {
						t.Errorf("%d layers on %s, want %d", ev.Model.GPULayers, ev.Model.Device, c.layers)
					}
				}
			}
			t.Log(stages)
			for range 2 { // the second time with a prefix in the cache, and captured passes
				if got := ask(t, e, softRequest); got.err != nil || got.text != want.text {
					t.Errorf("answer %q (%v), the CPU's is %q", got.text, got.err, want.text)
				}
			}
		})
	}
}

// TestSoftwareGPUHangs makes an operation hang in the middle of an answer. It must be named, and the CPU must finish the
// answer as if nothing had happened.
func TestSoftwareGPUHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kernels")
	}
	path := modeltest.Write(t, modeltest.Options{Seed: 5})
	plain := run(t)
	load(t, plain, path, inference.Placement{Device: "cpu"})
	want := ask(t, plain, softRequest)
	for _, after := range []int{1, 40, 100} {
		e, s := softEngine(t, softhip.Config{Seed: uint64(after)}, 300*time.Millisecond)
		load(t, e, path, inference.Placement{Device: "gpu"})
		s.Hang("", after)
		events := await(t, e, e.Generate(softRequest))
		got := collect(events)
		if got.err != nil || got.text != want.text {
			t.Errorf("hanging at operation %d: answer %q (%v), the CPU's is %q", after, got.text, got.err, want.text)
		}
		moved := false
		for _, ev := range events {
			if ev, ok := ev.(inference.Moved); ok {
				moved = true
				t.Log(ev.Reason)
				if !strings.Contains(ev.Reason.Error(), "did not complete in ") || !strings.HasPrefix(ev.Model.Device, "CPU") {
					t.Errorf("moved to %s: %v", ev.Model.Device, ev.Reason)
				}
			}
		}
		if !moved {
			t.Errorf("the hang at operation %d was not noticed", after)
		}
		// The next question is the CPU's from the beginning.
		if next := ask(t, e, softRequest); next.err != nil || next.text != want.text {
			t.Errorf("after the hang: %q (%v)", next.text, next.err)
		}
	}
}

// TestSoftwareGPUOutOfMemory lets memory run out at several moments of a load: in the self-test, with the weights, and
// with the cache. The model then runs on the CPU, and says why.
func TestSoftwareGPUOutOfMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles kernels")
	}
	path := modeltest.Write(t, modeltest.Options{})
	e, s := softEngine(t, softhip.Config{}, 0)
	load(t, e, path, inference.Placement{Device: "gpu"}) // past the self-test, which is then remembered
	for _, first := range []int{1, 10, 25, 35} {
		await(t, e, e.Unload())
		const outOfMemory = 2 // hipErrorOutOfMemory
		s.Fail("hipMalloc", first, outOfMemory)
		l := loaded(t, await(t, e, e.Load(path, inference.Placement{})))
		if warnings := strings.Join(l.Warnings, " "); l.Model.GPULayers != 0 || !strings.Contains(warnings, "out of memory") {
			t.Errorf("allocation %d: %d layers on the GPU; warnings %q", first, l.Model.GPULayers, warnings)
		}
		if got := ask(t, e, softRequest); got.err != nil {
			t.Errorf("allocation %d: %v", first, got.err)
		}
		await(t, e, e.Unload())
		if l := loaded(t, await(t, e, e.Load(path, inference.Placement{}))); l.Model.GPULayers != 2 {
			t.Errorf("allocation %d: the GPU is not used again", first)
		}
	}
}
