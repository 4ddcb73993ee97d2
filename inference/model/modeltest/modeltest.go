// Package modeltest writes tiny random models for tests: real files with a tokenizer and a chat template, whose
// answers mean nothing but are the same every time.
package modeltest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"burble/gguf"
)

// Options of a tiny model. The zero value is a two-layer qwen3.
type Options struct {
	Arch    string    // "llama", "qwen2" or "qwen3"; "" is qwen3
	Layers  int       // 0: 2
	Type    gguf.Type // of the matrices; 0 is F32
	Context int       // context_length; 0: 512
	Seed    uint64
	NoVocab bool           // leave the tokenizer out
	Set     map[string]any // metadata set last, to damage the file
}

// Widths of every tiny model: two query heads share a key/value head.
const (
	dim, ffn       = 64, 96
	heads, kvHeads = 4, 2
	headDim        = 16
)

// template is ChatML.
const template = `{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

// Write writes a tiny model into a temporary folder of the test and returns its path.
func Write(t testing.TB, o Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := WriteFile(path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

// WriteFile writes a tiny model to path.
func WriteFile(path string, o Options) error {
	if o.Arch == "" {
		o.Arch = "qwen3"
	}
	if o.Layers == 0 {
		o.Layers = 2
	}
	if o.Context == 0 {
		o.Context = 512
	}
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Discard()
	tokens := vocabulary()
	b := builder{w: w, o: o, random: rand.New(rand.NewPCG(o.Seed, 1))}
	b.set("general.architecture", o.Arch)
	b.set("general.name", "Tiny "+o.Arch)
	for key, value := range map[string]any{
		"block_count": uint32(o.Layers), "context_length": uint32(o.Context),
		"embedding_length": uint32(dim), "feed_forward_length": uint32(ffn),
		"attention.head_count": uint32(heads), "attention.head_count_kv": uint32(kvHeads),
		"attention.key_length": uint32(headDim), "attention.value_length": uint32(headDim),
		"attention.layer_norm_rms_epsilon": float32(1e-5), "rope.freq_base": float32(10000),
	} {
		b.set(o.Arch+"."+key, value)
	}
	b.tokenizer(tokens)
	for key, value := range o.Set {
		b.set(key, value)
	}
	b.tensors(len(tokens))
	if b.err != nil {
		return b.err
	}
	return w.Close()
}

// vocabulary is the 256 bytes as byte-level BPE writes them, a few merges' results, and the special tokens.
func vocabulary() []string {
	var tokens []string
	next := rune(256) // bytes that don't print are written as the letters from U+0100 on (Radford et al. 2019)
	for c := range 256 {
		switch {
		case c >= '!' && c <= '~', c >= 0xA1 && c <= 0xAC, c >= 0xAE:
			tokens = append(tokens, string(rune(c)))
		default:
			tokens = append(tokens, string(next))
			next++
		}
	}
	return append(tokens, "he", "ll", "lo", "<|endoftext|>", "<|im_start|>", "<|im_end|>")
}

type builder struct {
	w      *gguf.Writer
	o      Options
	random *rand.Rand
	err    error
}

func (b *builder) set(key string, value any) {
	if err := b.w.Set(key, value); err != nil && b.err == nil {
		b.err = err
	}
}

func (b *builder) tokenizer(tokens []string) {
	if b.o.NoVocab {
		b.set("tokenizer.ggml.model", "no_vocab")
		return
	}
	types := make([]int32, len(tokens))
	for i := range types {
		types[i] = 1 // normal
		if i >= len(tokens)-3 {
			types[i] = 3 // control
		}
	}
	b.set("tokenizer.ggml.model", "gpt2")
	b.set("tokenizer.ggml.pre", "gpt-2")
	b.set("tokenizer.ggml.tokens", tokens)
	b.set("tokenizer.ggml.token_type", types)
	b.set("tokenizer.ggml.merges", []string{"h e", "l l", "l o"})
	b.set("tokenizer.ggml.eos_token_id", uint32(len(tokens)-1))
	b.set("tokenizer.chat_template", template)
}

func (b *builder) tensors(vocab int) {
	o := b.o
	b.matrix("token_embd.weight", vocab, dim)
	b.matrix("output.weight", vocab, dim)
	b.vector("output_norm.weight", dim, 1)
	for i := range o.Layers {
		p := fmt.Sprintf("blk.%d.", i)
		b.vector(p+"attn_norm.weight", dim, 1)
		b.vector(p+"ffn_norm.weight", dim, 1)
		b.matrix(p+"attn_q.weight", heads*headDim, dim)
		b.matrix(p+"attn_k.weight", kvHeads*headDim, dim)
		b.matrix(p+"attn_v.weight", kvHeads*headDim, dim)
		b.matrix(p+"attn_output.weight", dim, heads*headDim)
		b.matrix(p+"ffn_gate.weight", ffn, dim)
		b.matrix(p+"ffn_up.weight", ffn, dim)
		b.matrix(p+"ffn_down.weight", dim, ffn)
		switch o.Arch {
		case "qwen2":
			b.vector(p+"attn_q.bias", heads*headDim, 0)
			b.vector(p+"attn_k.bias", kvHeads*headDim, 0)
			b.vector(p+"attn_v.bias", kvHeads*headDim, 0)
		case "qwen3":
			b.vector(p+"attn_q_norm.weight", headDim, 1)
			b.vector(p+"attn_k_norm.weight", headDim, 1)
		}
	}
}

// vector adds n values around mean.
func (b *builder) vector(name string, n int, mean float64) {
	b.add(name, gguf.F32, []int{n}, b.values(n, mean, 0.1))
}

// matrix adds random weights that keep the size of what passes through them.
func (b *builder) matrix(name string, rows, cols int) {
	b.add(name, b.o.Type, []int{rows, cols}, b.values(rows*cols, 0, 1/math.Sqrt(float64(cols))))
}

func (b *builder) values(n int, mean, spread float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(mean + spread*b.random.NormFloat64())
	}
	return v
}

func (b *builder) add(name string, typ gguf.Type, shape []int, values []float32) {
	if b.err != nil {
		return
	}
	var data []byte
	if typ == gguf.F32 {
		for _, v := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
	} else {
		data = make([]byte, len(values)/typ.BlockElements()*typ.BlockBytes())
		if b.err = gguf.Quantize(typ, data, values); b.err != nil {
			return
		}
	}
	b.err = b.w.AddTensor(name, typ, shape, data)
}
