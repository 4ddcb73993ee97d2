package model_test

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"burble/gguf"
	"burble/inference/compute/cpu"
)

// TestOlderLatentAttention holds files as they were written until April 2025, with one matrix for the keys and values of all heads
// and the cache that they make, to the same logits as the newer ones.
func TestOlderLatentAttention(t *testing.T) {
	for _, name := range []string{"deepseek_v2", "deepseek_v2_lite", "deepseek_v3_yarn"} {
		t.Run(name, func(t *testing.T) {
			dir := shared(t, "goldens", name)
			old := filepath.Join(t.TempDir(), "old.gguf")
			writeOlderLatentAttention(t, old, filepath.Join(dir, "model.gguf"))
			var tokens []int32
			readJSON(t, filepath.Join(dir, "tokens.json"), &tokens)
			for _, rows := range []int{1, 7, 64} {
				got := logits(t, old, newCPU(t, cpu.Options{}), tokens, gguf.F32, rows)
				if e := relativeError(got, readFloats(t, filepath.Join(dir, "logits.f32"))); !(e <= 2e-5) {
					t.Errorf("%d rows: relative error %.2e, want at most 2e-5", rows, e)
				}
			}
		})
	}
}

// writeOlderLatentAttention writes the model at path from to path to, with attn_kv_b for attn_k_b and attn_v_b.
func writeOlderLatentAttention(t *testing.T, to, from string) {
	t.Helper()
	f, err := gguf.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := gguf.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range f.Metadata.Keys() {
		value, _ := f.Metadata.Value(key)
		switch {
		case strings.HasSuffix(key, "_mla"): // the older files have these as the plain lengths
			check(w.Set(strings.TrimSuffix(key, "_mla"), value))
		case strings.HasSuffix(key, "attention.key_length"), strings.HasSuffix(key, "attention.value_length"):
		case strings.HasSuffix(key, "attention.head_count_kv"):
			heads, _ := f.Metadata.Value("deepseek2.attention.head_count")
			check(w.Set(key, heads))
		default:
			check(w.Set(key, value))
		}
	}
	for _, tensor := range f.Tensors {
		switch {
		case strings.HasSuffix(tensor.Name, "attn_v_b.weight"):
		case strings.HasSuffix(tensor.Name, "attn_k_b.weight"):
			prefix := strings.TrimSuffix(tensor.Name, "attn_k_b.weight")
			v, _ := f.Tensor(prefix + "attn_v_b.weight")
			data, rows := mergeLatent(tensor, v)
			check(w.AddTensor(prefix+"attn_kv_b.weight", gguf.F32, []int{rows, tensor.Shape[1]}, data))
		default:
			check(w.AddTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Data))
		}
	}
	check(w.Close())
}

// mergeLatent makes the matrix [heads · (nope + valueDim), rank] of k [heads, rank, nope] and v [heads, valueDim, rank].
func mergeLatent(k, v *gguf.Tensor) (data []byte, rows int) {
	heads, rank, nope, valueDim := k.Shape[0], k.Shape[1], k.Shape[2], v.Shape[1]
	at := func(t *gguf.Tensor, i int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	for h := range heads {
		for i := range nope {
			for r := range rank {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(at(k, (h*rank+r)*nope+i)))
			}
		}
		for i := range valueDim {
			for r := range rank {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(at(v, (h*valueDim+i)*rank+r)))
			}
		}
	}
	return data, heads * (nope + valueDim)
}
