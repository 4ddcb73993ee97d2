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
			rewrite(t, old, filepath.Join(dir, "model.gguf"), olderLatentMetadata, olderLatentTensors)
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

// rewrite writes the model at path from to path to, with every key and tensor as the two functions write it.
func rewrite(t *testing.T, to, from string, key func(w *gguf.Writer, f *gguf.File, key string) error, tensor func(w *gguf.Writer, f *gguf.File, tensor *gguf.Tensor) error) {
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
	for _, k := range f.Metadata.Keys() {
		if err := key(w, f, k); err != nil {
			t.Fatal(err)
		}
	}
	for _, each := range f.Tensors {
		if err := tensor(w, f, each); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// sameKey copies a key.
func sameKey(w *gguf.Writer, f *gguf.File, key string) error {
	value, _ := f.Metadata.Value(key)
	return w.Set(key, value)
}

// olderLatentMetadata gives the lengths of keys and values as they come out of the vector.
func olderLatentMetadata(w *gguf.Writer, f *gguf.File, key string) error {
	value, _ := f.Metadata.Value(key)
	switch {
	case strings.HasSuffix(key, "_mla"):
		return w.Set(strings.TrimSuffix(key, "_mla"), value)
	case strings.HasSuffix(key, "attention.key_length"), strings.HasSuffix(key, "attention.value_length"):
		return nil
	case strings.HasSuffix(key, "attention.head_count_kv"):
		heads, _ := f.Metadata.Value("deepseek2.attention.head_count")
		return w.Set(key, heads)
	}
	return w.Set(key, value)
}

// olderLatentTensors writes attn_kv_b for attn_k_b and attn_v_b.
func olderLatentTensors(w *gguf.Writer, f *gguf.File, tensor *gguf.Tensor) error {
	switch {
	case strings.HasSuffix(tensor.Name, "attn_v_b.weight"):
		return nil
	case strings.HasSuffix(tensor.Name, "attn_k_b.weight"):
		prefix := strings.TrimSuffix(tensor.Name, "attn_k_b.weight")
		v, _ := f.Tensor(prefix + "attn_v_b.weight")
		data, rows := mergeLatent(tensor, v)
		return w.AddTensor(prefix+"attn_kv_b.weight", gguf.F32, []int{rows, tensor.Shape[1]}, data)
	}
	return w.AddTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Data)
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

// TestOlderDeltaNet holds files of Qwen3-Next as they were first written, with one matrix for queries, keys, values and gates, to
// the same logits as the newer ones.
func TestOlderDeltaNet(t *testing.T) {
	const keyHeads, keyDim, valueDim = 2, 16, 32 // of the golden; a key head's two value heads together
	dir := shared(t, "goldens", "qwen3_next")
	old := filepath.Join(t.TempDir(), "old.gguf")
	rewrite(t, old, filepath.Join(dir, "model.gguf"), sameKey, func(w *gguf.Writer, f *gguf.File, tensor *gguf.Tensor) error {
		prefix, isQKV := strings.CutSuffix(tensor.Name, "attn_qkv.weight")
		switch {
		case strings.HasSuffix(tensor.Name, "attn_gate.weight"):
			return nil
		case !isQKV:
			return w.AddTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Data)
		}
		gate, _ := f.Tensor(prefix + "attn_gate.weight")
		row := 4 * tensor.Shape[1]
		var data []byte
		for h := range keyHeads {
			rows := func(t *gguf.Tensor, from, n int) { data = append(data, t.Data[from*row:(from+n)*row]...) }
			rows(tensor, h*keyDim, keyDim)
			rows(tensor, (keyHeads+h)*keyDim, keyDim)
			rows(tensor, 2*keyHeads*keyDim+h*valueDim, valueDim)
			rows(gate, h*valueDim, valueDim)
		}
		return w.AddTensor(prefix+"ssm_in.weight", gguf.F32, []int{len(data) / row, tensor.Shape[1]}, data)
	})
	var tokens []int32
	readJSON(t, filepath.Join(dir, "tokens.json"), &tokens)
	for _, rows := range []int{1, 7, 64} {
		got := logits(t, old, newCPU(t, cpu.Options{}), tokens, gguf.F32, rows)
		if e := relativeError(got, readFloats(t, filepath.Join(dir, "logits.f32"))); !(e <= 2e-5) {
			t.Errorf("%d rows: relative error %.2e, want at most 2e-5", rows, e)
		}
	}
}
