package gpu

import (
	"fmt"
	"path/filepath"
	"testing"

	"burble/gguf"
	"burble/hip/softhip"
	"burble/inference/compute"
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

// TestAttendTile holds the tile kernels, of every size of head and type of cache, to the ones that go key by key.
func TestAttendTile(t *testing.T) {
	onEach(t, func(t *testing.T, f *fixture) {
		for i, c := range []struct {
			typ    gguf.Type
			kd, vd int
			name   string
		}{
			{gguf.F16, 64, 64, "attend_tile_64"}, {gguf.F16, 256, 256, "attend_tile_256"}, {gguf.F16, 80, 80, "attend_tile_part_128"},
			{gguf.F16, 192, 128, "attend_tile_part_256"}, {gguf.F16, 72, 256, "attend_tile_part_256"}, {gguf.F16, 96, 40, "attend_tile_part_128"},
			{gguf.BF16, 128, 128, "attend_tile_128"}, {gguf.Q8_0, 256, 256, "attend_tile_256"}, {gguf.Q4_0, 64, 64, "attend_tile_64"},
		} {
			if k := tileKernel(c.typ, c.kd, c.vd); k.name != c.name {
				t.Errorf("%v: kernel %q", c, k.name)
			}
			const heads, kv, slots = 4, 2, 150
			for _, n := range []int{70, 17} {
				past := 60
				a := compute.Attention{Scale: 0.1, Bound: 256}
				switch i % 3 {
				case 1: // a window in a ring that has gone round
					a.Window, past = slots-n+1, 400
					a.Sinks = f.normal(heads)
				case 2:
					a.SoftCap, a.Temperature, a.TemperatureLength = 5, 0.3, 20
				}
				kc, vc := f.make(c.typ, slots, kv, c.kd), f.make(c.typ, slots, kv, c.vd)
				f.q.StoreKV(kc, vc, f.normal(past+n, kv, c.kd), f.normal(past+n, kv, c.vd), f.ints(0))
				x, at := f.normal(n, heads, c.kd), f.ints(int32(past))
				tiled, plain := f.make(gguf.F32, n, heads, c.vd), f.make(gguf.F32, n, heads, c.vd)
				f.q.Attend(tiled, x, kc, vc, at, a)
				f.d.disabled["attend_tile"] = true
				f.q.Attend(plain, x, kc, vc, at, a)
				f.d.disabled["attend_tile"] = false
				f.close(fmt.Sprintf("%s %d×%d, %d queries", c.typ, c.kd, c.vd, n), f.read(tiled), f.read(plain), 2e-3)
			}
		}
	})
}
