package gguf

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestSynthTiny(t *testing.T) {
	for _, shape := range []string{"tiny-llama", "tiny-qwen2", "tiny-qwen3"} {
		for _, mix := range SynthMixes() {
			path := filepath.Join(t.TempDir(), "m.gguf")
			if err := Synth(path, shape, mix, 7); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Quantisation(); got != mix {
				t.Errorf("%s %s: quantisation %s", shape, mix, got)
			}
			if tokens, ok := f.Metadata.Strings("tokenizer.ggml.tokens"); !ok || len(tokens) != 1024 {
				t.Errorf("%s: %d tokens", shape, len(tokens))
			}
			for _, x := range f.Tensors {
				if len(x.Shape) != 2 {
					continue
				}
				values := make([]float32, x.Elements())
				if err := Dequantize(x.Type, values, x.Data); err != nil {
					t.Fatal(err)
				}
				var sum float64
				for _, v := range values {
					sum += float64(v) * float64(v)
				}
				// Row norms are 1, or the branch gain of 1/√16 here.
				if n := math.Sqrt(sum / float64(x.Shape[0])); math.Abs(n-1) > 0.1 && math.Abs(n-0.25) > 0.025 {
					t.Errorf("%s %s: %v has row norm %g", shape, mix, x, n)
				}
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSynthTypes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := Synth(path, "tiny-qwen2", "Q4_K_M", 1); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Rows of 96 values do not fill K-quant blocks, rows of 256 do.
	for name, want := range map[string]Type{
		"token_embd.weight": Q8_0, "blk.0.attn_v.weight": Q8_0, "blk.1.attn_v.weight": Q5_0,
		"blk.0.attn_q.weight": Q5_0, "blk.0.ffn_down.weight": Q6_K, "blk.1.ffn_down.weight": Q4_K, "blk.0.attn_q.bias": F32,
	} {
		if x, ok := f.Tensor(name); !ok || x.Type != want {
			t.Errorf("%s: %v, want %v", name, x, want)
		}
	}
}

func TestSynthDeterministic(t *testing.T) {
	var a, b, c bytes.Buffer
	for out, seed := range map[*bytes.Buffer]uint64{&a: 3, &b: 3, &c: 4} {
		if err := SynthTo(out, "tiny-llama", "Q4_0", seed); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same seed gave different files")
	}
	if bytes.Equal(a.Bytes(), c.Bytes()) {
		t.Error("different seeds gave the same file")
	}
}

func TestSynthErrors(t *testing.T) {
	dir := t.TempDir()
	if err := Synth(filepath.Join(dir, "m.gguf"), "llama-900b", "Q4_0", 1); err == nil {
		t.Error("unknown shape accepted")
	}
	if err := Synth(filepath.Join(dir, "m.gguf"), "tiny-llama", "Q9", 1); err == nil {
		t.Error("unknown mix accepted")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("failed attempts left %v (%v)", left, err)
	}
}
