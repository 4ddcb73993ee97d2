package gpu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/hip/softhip"
	"burble/inference/model"
)

// roots are where reference data may be: with package model, beside the repository, or carried inside it.
var roots = []string{"../../model/testdata", "../../../../shared", "../../../shared"}

// shared returns a path in one of the folders of reference data, or skips the test.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	for _, root := range roots {
		full := filepath.Join(append([]string{filepath.FromSlash(root)}, path...)...)
		if _, err := os.Stat(full); err == nil {
			return full
		}
	}
	t.Skipf("no reference data %s", filepath.Join(path...))
	return ""
}

// goldens lists the models with reference logits.
func goldens(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, root := range roots {
		found, err := filepath.Glob(filepath.Join(filepath.FromSlash(root), "goldens", "*", "model.gguf"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			names = append(names, filepath.Base(filepath.Dir(f)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func readFloats(t testing.TB, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}

func readTokens(t testing.TB, path string) []int32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []int32
	if json.Unmarshal(b, &list) == nil {
		return list
	}
	var object struct {
		Tokens []int32 `json:"tokens"`
	}
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return object.Tokens
}

func relativeError(got, want []float32) float64 {
	var d, w float64
	for i := range want {
		d += math.Pow(float64(got[i])-float64(want[i]), 2)
		w += math.Pow(float64(want[i]), 2)
	}
	return math.Sqrt(d / w)
}

// loaded is a model on a device.
type loaded struct {
	f     *gguf.File
	m     *model.Model
	cache *model.Cache
	d     *Device
}

func loadModel(t testing.TB, d *Device, path string, rows, size int, kv gguf.Type) *loaded {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, layers, err := model.Architecture(f)
	if errors.Is(err, model.ErrUnsupported) {
		err = errors.Join(f.Close(), d.Close())
		if err != nil {
			t.Fatal(err)
		}
		t.Skip("an architecture that is not supported")
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(context.Background(), f, model.OnOne(d, layers), model.Options{Rows: rows, Context: size}, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	cache, err := m.NewCache(size, kv)
	if err != nil {
		t.Fatal(err)
	}
	return &loaded{f, m, cache, d}
}

func (l *loaded) close(t testing.TB) {
	t.Helper()
	l.cache.Close()
	for _, err := range []error{l.m.Close(), l.d.Close(), l.f.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
}

// logits runs ids through a model, rows at a time.
func logits(t testing.TB, d *Device, path string, ids []int32, kv gguf.Type, rows int) []float32 {
	t.Helper()
	l := loadModel(t, d, path, rows, len(ids), kv)
	defer l.close(t)
	var out []float32
	for past := 0; past < len(ids); past += rows {
		n := min(rows, len(ids)-past)
		err := l.m.ForwardAll(context.Background(), l.cache, ids[past:past+n], past, func(_ int, v []float32) error {
			out = append(out, v...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func golden(t *testing.T, open func(t *testing.T) *Device, arch string, rows int) {
	dir := shared(t, "goldens", arch)
	tokens := readTokens(t, filepath.Join(dir, "tokens.json"))
	want := readFloats(t, filepath.Join(dir, "logits.f32"))
	path := filepath.Join(dir, "model.gguf")
	e := relativeError(logits(t, open(t), path, tokens, gguf.F16, rows), want)
	t.Logf("relative error %.2e", e)
	if e <= 2e-3 {
		return
	}
	// A rounded cache can tip the choice between two experts that are all but equal, on the CPU as well. Without rounding it
	// must come out right.
	if exact := relativeError(logits(t, open(t), path, tokens, gguf.F32, rows), want); !(exact <= 2e-5) || !(e <= 0.1) {
		t.Errorf("relative error %.2e, want at most 2e-3; with a cache of F32 %.2e, want at most 2e-5", e, exact)
	}
}

func quantisedGolden(t *testing.T, open func(t *testing.T) *Device, arch, file string, rows int) {
	path := shared(t, "goldens-quantised", arch, file+".gguf")
	tokens := readTokens(t, shared(t, "goldens-quantised", arch, "golden.json"))
	exact := readFloats(t, shared(t, "goldens-quantised", arch, file+".exact.f32"))
	peer := readFloats(t, shared(t, "goldens-quantised", arch, file+".logits.f32"))
	got := logits(t, open(t), path, tokens, gguf.F16, rows)
	// Both round activations to 8 bits, in the same groups; how the errors fall is chance.
	e, limit := relativeError(got, exact), 1.25*relativeError(peer, exact)
	t.Logf("relative error %.3e, llama.cpp's with a quarter added is %.3e", e, limit)
	if !(e <= max(limit, 2e-3)) {
		t.Errorf("relative error %.3e, want at most %.3e", e, limit)
	}
}

// TestGoldens runs golden models on the software device: a part of each, since it is slow, and with BURBLE_TEST_GOLDENS
// all of it. Warps, seeds and the rows of a pass change from model to model.
func TestGoldens(t *testing.T) {
	if testing.Short() {
		t.Skip("whole models on the software device take a while")
	}
	for i, name := range goldens(t) {
		for j, rows := range []int{7, 64, 1} {
			if j != i%3 && os.Getenv("BURBLE_TEST_GOLDENS") == "" {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", name, rows), func(t *testing.T) {
				golden(t, func(t *testing.T) *Device {
					d, _ := soft(t, softhip.Config{Warp: 32 << ((i + j) % 2), Seed: uint64(3*i + j + 1)}, Options{})
					return d
				}, name, rows)
			})
		}
	}
}

// TestGoldensGPU runs all of them on the machine's GPU.
func TestGoldensGPU(t *testing.T) {
	open := func(t *testing.T) *Device { return real(t, Options{}) }
	for _, name := range goldens(t) {
		for _, rows := range []int{1, 7, 64} {
			t.Run(fmt.Sprintf("%s/%d", name, rows), func(t *testing.T) { golden(t, open, name, rows) })
		}
	}
	for _, arch := range []string{"llama", "qwen3"} {
		for _, file := range []string{"q8_0", "q4_0", "q4_k_m", "iq4_xs"} {
			for _, rows := range []int{1, 64} {
				t.Run(fmt.Sprintf("%s/%s/%d", arch, file, rows), func(t *testing.T) { quantisedGolden(t, open, arch, file, rows) })
			}
		}
	}
}
