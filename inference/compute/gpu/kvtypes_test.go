package gpu

import (
	"fmt"
	"path/filepath"
	"testing"

	"burble/gguf"
	"burble/hip/softhip"
)

// TestCacheTypes runs a golden model with every type of KV cache, whose rounding is all that may make a difference.
func TestCacheTypes(t *testing.T) {
	test := func(t *testing.T, open func(t *testing.T, warp int) *Device) {
		dir := shared(t, "goldens", "llama")
		path := filepath.Join(dir, "model.gguf")
		tokens, want := readTokens(t, filepath.Join(dir, "tokens.json")), readFloats(t, filepath.Join(dir, "logits.f32"))
		for i, c := range []struct {
			typ     gguf.Type
			allowed float64
		}{{gguf.F32, 2e-5}, {gguf.F16, 2e-3}, {gguf.BF16, 4e-3}, {gguf.Q8_0, 8e-3}, {gguf.Q4_0, 0.15}} {
			for j, rows := range []int{1, 64} {
				t.Run(fmt.Sprintf("%s/%d", c.typ, rows), func(t *testing.T) {
					e := relativeError(logits(t, open(t, 32<<((i+j)%2)), path, tokens, c.typ, rows), want)
					t.Logf("relative error %.2e", e)
					if !(e <= c.allowed) {
						t.Errorf("relative error %.2e, want at most %.0e", e, c.allowed)
					}
				})
			}
		}
	}
	t.Run("soft", func(t *testing.T) {
		test(t, func(t *testing.T, warp int) *Device {
			d, _ := soft(t, softhip.Config{Warp: warp, Seed: 9}, Options{})
			return d
		})
	})
	t.Run("gpu", func(t *testing.T) { test(t, func(t *testing.T, _ int) *Device { return real(t, Options{}) }) })
}
