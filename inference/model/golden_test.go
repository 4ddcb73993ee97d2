package model_test

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
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model"
)

// shared returns a path in testdata or in the folder of further reference data beside the repository, or skips the test.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	own := filepath.Join(append([]string{"testdata"}, path...)...)
	if _, err := os.Stat(own); err == nil {
		return own
	}
	full := filepath.Join(append([]string{"..", "..", "..", "shared"}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("no reference data: %v", err)
	}
	return full
}

func readFloats(t testing.TB, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), len(b)/4)
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// relativeError is ‖got − want‖ / ‖want‖, in float64.
func relativeError(got, want []float32) float64 {
	var d, w float64
	for i := range want {
		e := float64(got[i]) - float64(want[i])
		d += e * e
		w += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(d / w)
}

// medianError is the median of the tokens' relative errors. With experts the rounding of activations makes a router choose
// otherwise at a token now and then, here or in llama.cpp, and a mean would say which had more of those.
func medianError(got, want []float32, tokens int) float64 {
	vocab := len(want) / tokens
	errors := make([]float64, tokens)
	for i := range errors {
		errors[i] = relativeError(got[i*vocab:(i+1)*vocab], want[i*vocab:(i+1)*vocab])
	}
	slices.Sort(errors)
	return errors[tokens/2]
}

// logits runs ids through the model at path, rows at a time, and returns the logits of every position.
func logits(t testing.TB, path string, dev compute.Device, ids []int32, kv gguf.Type, rows int) []float32 {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, layers, err := model.Architecture(f)
	if errors.Is(err, model.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	m, err := model.Open(ctx, f, model.OnOne(dev, layers), model.Options{Rows: rows}, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cache, err := m.NewCache(len(ids), kv)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	var out []float32
	for past := 0; past < len(ids); past += rows {
		n := min(rows, len(ids)-past)
		err := m.ForwardAll(ctx, cache, ids[past:past+n], past, func(_ int, l []float32) error {
			out = append(out, l...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func newCPU(t testing.TB, o cpu.Options) compute.Device {
	t.Helper()
	dev, err := cpu.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// goldens lists the folders of reference logits, in testdata and beside the repository.
func goldens(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, root := range []string{"testdata", filepath.Join("..", "..", "..", "shared")} {
		found, err := filepath.Glob(filepath.Join(root, "goldens", "*", "model.gguf"))
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

// TestGoldens holds every architecture to logits that transformers computed in float32: token by token, in uneven chunks,
// and all at once.
func TestGoldens(t *testing.T) {
	for _, name := range goldens(t) {
		for _, rows := range []int{1, 7, 64} {
			t.Run(fmt.Sprintf("%s/%d", name, rows), func(t *testing.T) {
				if e := goldenError(t, name, rows); !(e <= 2e-5) {
					t.Errorf("relative error %.2e, want at most 2e-5", e)
				}
			})
		}
	}
}

// goldenError is the relative error of the logits of a golden, computed rows tokens at a time.
func goldenError(t testing.TB, name string, rows int) float64 {
	t.Helper()
	dir := shared(t, "goldens", name)
	var tokens []int32
	readJSON(t, filepath.Join(dir, "tokens.json"), &tokens)
	got := logits(t, filepath.Join(dir, "model.gguf"), newCPU(t, cpu.Options{}), tokens, gguf.F32, rows)
	return relativeError(got, readFloats(t, filepath.Join(dir, "logits.f32")))
}

// TestQuantisedGoldens holds quantised files to logits of the exactly dequantised weights: with float activations
// closely, with quantised ones at least as closely as llama.cpp's own logits.
func TestQuantisedGoldens(t *testing.T) {
	files := map[string][]string{
		"gpt-oss": {"mxfp4_moe"},
		"llama":   {"q8_0", "q4_0", "q4_k_m", "iq4_xs"},
		"qwen3":   {"q8_0", "q4_0", "q4_k_m"},
	}
	for arch := range files {
		var golden struct {
			Tokens []int32 `json:"tokens"`
		}
		for _, file := range files[arch] {
			t.Run(arch+"/"+file, func(t *testing.T) {
				path := shared(t, "goldens-quantised", arch, file+".gguf")
				readJSON(t, shared(t, "goldens-quantised", arch, "golden.json"), &golden)
				exact := readFloats(t, shared(t, "goldens-quantised", arch, file+".exact.f32"))
				peer := readFloats(t, shared(t, "goldens-quantised", arch, file+".logits.f32"))

				float := logits(t, path, newCPU(t, cpu.Options{FloatActivations: true}), golden.Tokens, gguf.F32, 64)
				if e := relativeError(float, exact); !(e <= 1e-4) {
					t.Errorf("float activations: relative error %.2e, want at most 1e-4", e)
				}
				limit := medianError(peer, exact, len(golden.Tokens))
				for _, rows := range []int{1, 64} {
					fast := logits(t, path, newCPU(t, cpu.Options{}), golden.Tokens, gguf.F32, rows)
					e := medianError(fast, exact, len(golden.Tokens))
					t.Logf("%d rows: quantised activations: %.3e, llama.cpp: %.3e", rows, e, limit)
					if !(e <= limit) {
						t.Errorf("%d rows: quantised activations: relative error %.3e, llama.cpp's is %.3e", rows, e, limit)
					}
				}
			})
		}
	}
}
