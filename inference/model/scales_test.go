package model_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute/cpu"
)

// TestScales divides the matrices of goldens by numbers, writes those beside them, and wants the same logits.
func TestScales(t *testing.T) {
	for _, name := range []string{"llama3", "gpt_neox", "mixtral", "granitemoe_swa", "hunyuan_v1_moe", "nemotron_h_moe", "gemma4_moe"} {
		t.Run(name, func(t *testing.T) {
			dir := shared(t, "goldens", name)
			path := filepath.Join(t.TempDir(), "scaled.gguf")
			count := 0
			rewrite(t, path, filepath.Join(dir, "model.gguf"), sameKey, func(w *gguf.Writer, f *gguf.File, source *gguf.Tensor) error {
				data := append([]byte(nil), source.Data...)
				experts := strings.HasSuffix(source.Name, "_exps.weight")
				_, taken := f.Tensor(strings.TrimSuffix(source.Name, "weight") + "scale")
				if strings.HasPrefix(source.Name, "blk.") && strings.HasSuffix(source.Name, ".weight") && !taken &&
					(experts || strings.Contains(source.Name, ".attn_q") || strings.Contains(source.Name, ".ffn_") && len(source.Shape) == 2) && len(source.Shape) > 1 {
					scales := []float32{2}
					if experts {
						scales = make([]float32, source.Shape[0])
						for e := range scales {
							scales[e] = []float32{0.25, 2, 8, 0.5}[(e+count)%4]
						}
					}
					values := unsafe.Slice((*float32)(unsafe.Pointer(&data[0])), len(data)/4)
					for i := range values {
						values[i] /= scales[i*len(scales)/len(values)]
					}
					count++
					if err := w.AddTensor(strings.TrimSuffix(source.Name, "weight")+"scale", gguf.F32, []int{len(scales)},
						unsafe.Slice((*byte)(unsafe.Pointer(&scales[0])), 4*len(scales))); err != nil {
						return err
					}
				}
				return w.AddTensor(source.Name, source.Type, source.Shape, data)
			})
			if count == 0 {
				t.Fatal("nothing was scaled")
			}
			var tokens []int32
			readJSON(t, filepath.Join(dir, "tokens.json"), &tokens)
			for _, rows := range []int{1, 7} {
				got := logits(t, path, newCPU(t, cpu.Options{}), tokens, gguf.F32, rows)
				if e := relativeError(got, readFloats(t, filepath.Join(dir, "logits.f32"))); !(e <= 2e-5) {
					t.Errorf("%d rows: relative error %.2e, want at most 2e-5", rows, e)
				}
			}
		})
	}
}
