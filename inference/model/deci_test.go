package model_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute/cpu"
)

// rewriteFloats copies a file of F32. meta may change keys and values, and tensor the shape and data of tensors, or leave one
// out by returning nil.
func rewriteFloats(t *testing.T, from string, meta func(key string, value any) (string, any), tensor func(name string, shape []int, data []float32) ([]int, []float32)) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "rewritten.gguf")
	rewrite(t, to, from, func(w *gguf.Writer, f *gguf.File, key string) error {
		value, _ := f.Metadata.Value(key)
		key, changed := meta(key, value)
		return w.Set(key, changed)
	}, func(w *gguf.Writer, f *gguf.File, source *gguf.Tensor) error {
		data := slices.Clone(unsafe.Slice((*float32)(unsafe.Pointer(&source.Data[0])), source.Elements()))
		shape, data := tensor(source.Name, source.Shape, data)
		if data == nil {
			return nil
		}
		return w.AddTensor(source.Name, gguf.F32, shape, unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data)))
	})
	return to
}

// TestDeciBlocks makes a Llama whose first block's network and second block's attention add nothing, and the same as a Deci
// that lacks them, and whose first block has its key/value heads one by one.
func TestDeciBlocks(t *testing.T) {
	from := shared(t, "goldens", "llama3", "model.gguf")
	var tokens []int32
	readJSON(t, shared(t, "goldens", "llama3", "tokens.json"), &tokens)
	same := func(key string, value any) (string, any) { return key, value }
	llama := rewriteFloats(t, from, same, func(name string, shape []int, data []float32) ([]int, []float32) {
		if name == "blk.0.ffn_down.weight" || name == "blk.1.attn_output.weight" {
			clear(data)
		}
		return shape, data
	})
	const heads, kvHeads, width = 4, 2, 48
	deci := rewriteFloats(t, from, func(key string, value any) (string, any) {
		switch key {
		case "general.architecture":
			return key, "deci"
		case "llama.attention.head_count":
			value = []int32{heads, 0}
		case "llama.attention.head_count_kv":
			value = []int32{heads, 0}
		case "llama.feed_forward_length":
			value = []int32{0, width}
		}
		if rest, ok := strings.CutPrefix(key, "llama."); ok {
			key = "deci." + rest
		}
		return key, value
	}, func(name string, shape []int, data []float32) ([]int, []float32) {
		switch {
		case strings.HasPrefix(name, "blk.0.ffn_"), strings.HasPrefix(name, "blk.1.attn_"):
			return nil, nil
		case name == "blk.0.attn_k.weight" || name == "blk.0.attn_v.weight":
			var all []float32
			head := len(data) / kvHeads
			for h := range heads {
				j := h * kvHeads / heads
				all = append(all, data[j*head:(j+1)*head]...)
			}
			return []int{shape[0] * heads / kvHeads, shape[1]}, all
		}
		return shape, data
	})
	for _, rows := range []int{1, 64} {
		want := logits(t, llama, newCPU(t, cpu.Options{}), tokens, gguf.F32, rows)
		got := logits(t, deci, newCPU(t, cpu.Options{}), tokens, gguf.F32, rows)
		if e := relativeError(got, want); !(e <= 1e-6) {
			t.Errorf("%d rows: relative error %.2e, want at most 1e-6", rows, e)
		}
	}
}

// TestDeciLinear makes a Llama's second block's attention a matrix, which for a single token is the same.
func TestDeciLinear(t *testing.T) {
	from := shared(t, "goldens", "llama3", "model.gguf")
	const heads, kvHeads = 4, 2
	var v, o []float32
	rewriteFloats(t, from, func(key string, value any) (string, any) { return key, value }, func(name string, shape []int, data []float32) ([]int, []float32) {
		switch name {
		case "blk.1.attn_v.weight":
			v = data
		case "blk.1.attn_output.weight":
			o = data
		}
		return shape, data
	})
	deci := rewriteFloats(t, from, func(key string, value any) (string, any) {
		switch key {
		case "general.architecture":
			return key, "deci"
		case "llama.attention.head_count_kv":
			value = []int32{kvHeads, 0}
		}
		if rest, ok := strings.CutPrefix(key, "llama."); ok {
			key = "deci." + rest
		}
		return key, value
	}, func(name string, shape []int, data []float32) ([]int, []float32) {
		switch name {
		case "blk.1.attn_q.weight", "blk.1.attn_k.weight", "blk.1.attn_v.weight":
			return nil, nil
		case "blk.1.attn_output.weight": // attention's output is the values, each key/value head's once for each of its query heads
			dim := shape[0]
			size := dim / heads
			for i := range dim {
				for j := range dim {
					var sum float64
					for k := range dim {
						row := k / size * kvHeads / heads * size
						sum += float64(o[i*dim+k]) * float64(v[(row+k%size)*dim+j])
					}
					data[i*dim+j] = float32(sum)
				}
			}
		}
		return shape, data
	})
	want := logits(t, from, newCPU(t, cpu.Options{}), []int32{7}, gguf.F32, 1)
	got := logits(t, deci, newCPU(t, cpu.Options{}), []int32{7}, gguf.F32, 1)
	if e := relativeError(got, want); !(e <= 1e-5) {
		t.Errorf("relative error %.2e, want at most 1e-5", e)
	}
}
