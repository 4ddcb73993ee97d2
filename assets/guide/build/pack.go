package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"burble/gguf"
)

// chatTemplate is ChatML.
const chatTemplate = `{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

// weights is what train.py says about the file of numbers beside it.
type weights struct {
	Layers, Dim, Heads, HeadDim, FFN, Context int
	Eps, Rope                                 float64
	Tensors                                   []struct {
		Name  string
		Shape []int
	}
}

// set writes the vocabulary into a file's metadata.
func (v vocabulary) set(w *gguf.Writer) error {
	types := make([]int32, len(v.Tokens))
	for i := range types {
		types[i] = 1 // normal
		if i >= len(types)-3 {
			types[i] = 3 // control
		}
	}
	return errors.Join(
		w.Set("general.architecture", "qwen3"),
		w.Set("tokenizer.ggml.model", "gpt2"),
		w.Set("tokenizer.ggml.pre", "qwen2"),
		w.Set("tokenizer.ggml.tokens", v.Tokens),
		w.Set("tokenizer.ggml.token_type", types),
		w.Set("tokenizer.ggml.merges", v.Merges),
		w.Set("tokenizer.ggml.eos_token_id", uint32(len(v.Tokens)-1)),
		w.Set("tokenizer.ggml.padding_token_id", uint32(len(v.Tokens)-3)),
		w.Set("tokenizer.ggml.add_bos_token", false),
		w.Set("tokenizer.chat_template", chatTemplate),
	)
}

// pack writes the guide's GGUF file, with the types that smaller says.
func pack(in, out string) error {
	var v vocabulary
	var m weights
	for name, to := range map[string]any{"vocabulary.json": &v, "weights.json": &m} {
		data, err := os.ReadFile(filepath.Join(in, name))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, to); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	parts, err := filepath.Glob(filepath.Join(in, "weights.bin*")) // in alphabetical order
	if err != nil {
		return err
	}
	var raw []byte // F16
	for _, p := range parts {
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		raw = append(raw, data...)
	}
	w, err := gguf.Create(out)
	if err != nil {
		return err
	}
	defer w.Discard()
	if err := errors.Join(v.set(w),
		w.Set("general.name", "Burble's built-in guide"),
		w.Set("general.description", "A very small model that knows Burble and nothing else."),
		w.Set("general.license", "MIT"),
		w.Set("general.file_type", uint32(mostlyQ4_1)),
		w.Set("general.quantization_version", uint32(2)),
		w.Set("qwen3.block_count", uint32(m.Layers)),
		w.Set("qwen3.context_length", uint32(m.Context)),
		w.Set("qwen3.embedding_length", uint32(m.Dim)),
		w.Set("qwen3.feed_forward_length", uint32(m.FFN)),
		w.Set("qwen3.attention.head_count", uint32(m.Heads)),
		w.Set("qwen3.attention.head_count_kv", uint32(m.Heads)),
		w.Set("qwen3.attention.key_length", uint32(m.HeadDim)),
		w.Set("qwen3.attention.value_length", uint32(m.HeadDim)),
		w.Set("qwen3.attention.layer_norm_rms_epsilon", float32(m.Eps)),
		w.Set("qwen3.rope.freq_base", float32(m.Rope)),
	); err != nil {
		return err
	}
	at := 0
	for _, t := range m.Tensors {
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		if at+2*n > len(raw) {
			return fmt.Errorf("the weights end before %s", t.Name)
		}
		values := make([]float32, n)
		if err := gguf.Dequantize(gguf.F16, values, raw[at:at+2*n]); err != nil {
			return err
		}
		at += 2 * n
		typ := smaller(t.Name)
		size, err := typ.RowBytes(n)
		if err != nil {
			return err
		}
		data := make([]byte, size)
		if err := gguf.Quantize(typ, data, values); err != nil {
			return err
		}
		if err := w.AddTensor(t.Name, typ, t.Shape, data); err != nil {
			return err
		}
	}
	if at != len(raw) {
		return fmt.Errorf("%d bytes of weights are left over", len(raw)-at)
	}
	return w.Close()
}
