package gguf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// synthShape has the dimensions of a published model. Sources: the models'
// config.json files.
type synthShape struct {
	name, arch               string
	layers, dim, hidden      int
	heads, kvHeads, headDim  int
	words, vocab             int // words: the vocabulary without special tokens
	context                  int
	ropeBase, eps            float32
	tied                     bool    // the output matrix is the token embedding
	ropeFactor               float64 // Llama 3's frequency scaling, 0 for none
	preTokenizer, published  string
	qkvBias, normQueriesKeys bool
}

// synthShapes lists the shapes that Synth knows. The tiny ones have every
// feature of their family at a size for tests.
func synthShapes() []synthShape {
	llama := synthShape{arch: "llama", preTokenizer: "llama-bpe", words: 128000, vocab: 128256, context: 131072, ropeBase: 5e5, eps: 1e-5}
	qwen := synthShape{preTokenizer: "qwen2", words: 151643, vocab: 151936, context: 32768, ropeBase: 1e6, eps: 1e-6, tied: true}
	size := func(s synthShape, name, published string, layers, dim, hidden, heads, kvHeads, headDim int) synthShape {
		s.name, s.published, s.layers, s.dim, s.hidden, s.heads, s.kvHeads, s.headDim = name, published, layers, dim, hidden, heads, kvHeads, headDim
		return s
	}
	tiny := func(s synthShape) synthShape {
		s.words, s.vocab, s.context = 1000, 1024, 2048
		return s
	}
	llama1 := size(llama, "llama-1b", "Llama 3.2 1B", 16, 2048, 8192, 32, 8, 64)
	llama1.tied, llama1.ropeFactor = true, 32
	llama8 := size(llama, "llama-8b", "Llama 3.1 8B", 32, 4096, 14336, 32, 8, 128)
	llama8.ropeFactor = 8
	qwen2 := size(qwen, "qwen2-0.5b", "Qwen2.5 0.5B", 24, 896, 4864, 14, 2, 64)
	qwen2.arch, qwen2.qkvBias = "qwen2", true
	qwen3 := size(qwen, "qwen3-4b", "Qwen3 4B", 36, 2560, 9728, 32, 8, 128)
	qwen3.arch, qwen3.normQueriesKeys, qwen3.context = "qwen3", true, 40960
	return []synthShape{
		qwen2, llama1, qwen3, llama8,
		tiny(size(llama8, "tiny-llama", "no published model", 8, 256, 512, 4, 2, 64)),
		tiny(size(qwen2, "tiny-qwen2", "no published model", 8, 96, 256, 3, 1, 32)),
		tiny(size(qwen3, "tiny-qwen3", "no published model", 8, 256, 512, 4, 2, 128)),
	}
}

// SynthShapes lists the names of the shapes that Synth knows.
func SynthShapes() []string {
	var names []string
	for _, s := range synthShapes() {
		names = append(names, s.name)
	}
	return names
}

// SynthMixes lists the quantisations that Synth knows.
func SynthMixes() []string { return []string{"Q4_K_M", "Q8_0", "Q4_0", "F16"} }

// Synth writes a model file with the true dimensions of a published model
// ("qwen2-0.5b", "llama-1b", "qwen3-4b", "llama-8b", or a "tiny-…" shape for
// tests) and random weights, for measuring speed and memory where the real
// model is not at hand. mix is "Q4_K_M", "Q8_0", "Q4_0" or "F16", with the
// tensor types that llama.cpp's quantiser would choose. The weights have a
// variance that keeps activations and logits near one, and the same seed gives
// the same file. The vocabulary has the true size, but its merges are made up.
func Synth(path, shape, mix string, seed uint64) error {
	w, err := Create(path)
	if err != nil {
		return err
	}
	if err := synth(w, shape, mix, seed); err != nil {
		return errors.Join(err, w.Discard())
	}
	return w.Close()
}

// SynthTo is Synth for a stream.
func SynthTo(out io.Writer, shape, mix string, seed uint64) error {
	w := NewWriter(out)
	if err := synth(w, shape, mix, seed); err != nil {
		return err
	}
	return w.Close()
}

// synthesis is one model in the making.
type synthesis struct {
	synthShape
	mix   string
	seed  uint64
	w     *Writer
	pools map[poolKey]*blockPool
	count uint64 // tensors so far; each has its own random stream
	errs  []error
}

func synth(w *Writer, shape, mix string, seed uint64) error {
	shapes := synthShapes()
	i := slices.IndexFunc(shapes, func(s synthShape) bool { return s.name == shape })
	if i < 0 {
		return fmt.Errorf("gguf: no model shape is called %q: choose one of %s", shape, strings.Join(SynthShapes(), ", "))
	}
	if !slices.Contains(SynthMixes(), mix) {
		return fmt.Errorf("gguf: no synthetic model is made as %q: choose one of %s", mix, strings.Join(SynthMixes(), ", "))
	}
	s := &synthesis{synthShape: shapes[i], mix: mix, seed: seed, w: w, pools: make(map[poolKey]*blockPool)}
	s.hyperparameters()
	s.vocabulary()
	s.tensors()
	return errors.Join(s.errs...)
}

func (s *synthesis) set(key string, value any) {
	if err := s.w.Set(key, value); err != nil {
		s.errs = append(s.errs, err)
	}
}

func (s *synthesis) hyperparameters() {
	s.set("general.architecture", s.arch)
	s.set("general.type", "model")
	s.set("general.name", "Synthetic "+s.name)
	s.set("general.description", fmt.Sprintf("Random weights in the shape of %s, seed %d: for measurements only.", s.published, s.seed))
	s.set("general.file_type", fileTypeNumber(s.mix))
	s.set("general.quantization_version", uint32(2))
	for _, p := range []struct {
		key string
		n   int
	}{
		{"block_count", s.layers}, {"context_length", s.context}, {"embedding_length", s.dim},
		{"feed_forward_length", s.hidden}, {"attention.head_count", s.heads}, {"attention.head_count_kv", s.kvHeads},
		{"attention.key_length", s.headDim}, {"attention.value_length", s.headDim},
		{"rope.dimension_count", s.headDim}, {"vocab_size", s.vocab},
	} {
		s.set(s.arch+"."+p.key, uint32(p.n))
	}
	s.set(s.arch+".rope.freq_base", s.ropeBase)
	s.set(s.arch+".attention.layer_norm_rms_epsilon", s.eps)
}

// tensors announces all tensors under llama.cpp's names.
func (s *synthesis) tensors() {
	queries, keys := s.heads*s.headDim, s.kvHeads*s.headDim
	// Branches that are added to the residual stream are scaled down so that the
	// sum of all layers stays near one (GPT-2's initialisation).
	branch := 1 / math.Sqrt(float64(2*s.layers))

	s.matrix("token_embd.weight", -1, s.vocab, s.dim, 1)
	for i := range s.layers {
		name := func(tensor string) string { return fmt.Sprintf("blk.%d.%s", i, tensor) }
		s.vector(name("attn_norm.weight"), s.dim, 1, 0.05)
		s.matrix(name("attn_q.weight"), i, queries, s.dim, 1)
		s.matrix(name("attn_k.weight"), i, keys, s.dim, 1)
		s.matrix(name("attn_v.weight"), i, keys, s.dim, 1)
		if s.qkvBias {
			s.vector(name("attn_q.bias"), queries, 0, 0.1)
			s.vector(name("attn_k.bias"), keys, 0, 0.1)
			s.vector(name("attn_v.bias"), keys, 0, 0.1)
		}
		if s.normQueriesKeys {
			s.vector(name("attn_q_norm.weight"), s.headDim, 1, 0.05)
			s.vector(name("attn_k_norm.weight"), s.headDim, 1, 0.05)
		}
		s.matrix(name("attn_output.weight"), i, s.dim, queries, branch)
		s.vector(name("ffn_norm.weight"), s.dim, 1, 0.05)
		s.matrix(name("ffn_gate.weight"), i, s.hidden, s.dim, 1)
		s.matrix(name("ffn_up.weight"), i, s.hidden, s.dim, 1)
		s.matrix(name("ffn_down.weight"), i, s.dim, s.hidden, branch)
	}
	s.vector("output_norm.weight", s.dim, 1, 0.05)
	if !s.tied {
		s.matrix("output.weight", -1, s.vocab, s.dim, 1)
	}
	if s.ropeFactor > 0 {
		s.addFloats("rope_freqs.weight", ropeFactors(s.headDim, float64(s.ropeBase), s.ropeFactor))
	}
}

// ropeFactors are the divisors of Llama 3.1's rotary frequencies: those with a
// wavelength above the original context of 8192 are slowed by factor, those
// below a quarter of it are kept, and those between are interpolated. Source:
// the model's reference code, apply_scaling.
func ropeFactors(headDim int, base, factor float64) []float32 {
	const original, low, high = 8192.0, 1.0, 4.0
	out := make([]float32, headDim/2)
	for i := range out {
		wavelength := 2 * math.Pi * math.Pow(base, float64(2*i)/float64(headDim))
		switch {
		case wavelength < original/high:
			out[i] = 1
		case wavelength > original/low:
			out[i] = float32(factor)
		default:
			smooth := (original/wavelength - low) / (high - low)
			out[i] = float32(1 / ((1-smooth)/factor + smooth))
		}
	}
	return out
}

// matrixType is the type that llama.cpp's quantiser gives a matrix in the mix:
// llama_tensor_get_type in llama-quant.cpp.
func (s *synthesis) matrixType(name string, layer, cols int) Type {
	var t Type
	switch s.mix {
	case "F16":
		return F16
	case "Q8_0":
		return Q8_0
	case "Q4_0":
		t = Q4_0
	case "Q4_K_M":
		t = Q4_K
	}
	eighth := s.layers / 8
	moreBits := layer < eighth || layer >= 7*s.layers/8 || (layer-eighth)%3 == 2
	switch {
	case name == "output.weight" || s.tied && name == "token_embd.weight":
		t = Q6_K
	case t == Q4_K && moreBits && (strings.HasSuffix(name, "attn_v.weight") || strings.HasSuffix(name, "ffn_down.weight")):
		t = Q6_K
	}
	if cols%t.BlockElements() != 0 {
		switch t {
		case Q4_K:
			t = Q5_0
		case Q6_K:
			t = Q8_0
		}
	}
	return t
}

// matrix announces a matrix with variance gain²/cols.
func (s *synthesis) matrix(name string, layer, rows, cols int, gain float64) {
	t := s.matrixType(name, layer, cols)
	unit := 256
	if cols%unit != 0 {
		unit = 32
	}
	s.count++
	stream := rand.New(rand.NewPCG(s.seed, s.count))
	key := poolKey{t, unit, gain / math.Sqrt(float64(cols))}
	err := s.w.AddTensorFunc(name, t, []int{rows, cols}, func(out io.Writer) error {
		pool, err := s.pool(key)
		if err != nil {
			return err
		}
		return pool.fill(out, rows*cols/unit, stream)
	})
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// vector announces an F32 vector of the given mean and deviation.
func (s *synthesis) vector(name string, n int, mean, deviation float64) {
	s.count++
	stream := rand.New(rand.NewPCG(s.seed, s.count))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(mean + deviation*stream.NormFloat64())
	}
	s.addFloats(name, values)
}

func (s *synthesis) addFloats(name string, values []float32) {
	data := make([]byte, 4*len(values))
	encodeF32(data, values)
	if err := s.w.AddTensor(name, F32, []int{len(values)}, data); err != nil {
		s.errs = append(s.errs, err)
	}
}

// blockPool is a set of properly quantised runs of unit values, of which large
// tensors are tiled in random order: quantising billions of values would take
// hours.
type blockPool struct {
	data []byte
	size int // bytes of a run
}

type poolKey struct {
	typ       Type
	unit      int
	deviation float64
}

// poolRuns is how many different runs a pool has; a power of two.
const poolRuns = 512

func (s *synthesis) pool(key poolKey) (*blockPool, error) {
	if p, ok := s.pools[key]; ok {
		return p, nil
	}
	stream := rand.New(rand.NewPCG(s.seed, math.Float64bits(key.deviation)^uint64(key.typ)))
	values := make([]float32, poolRuns*key.unit)
	for i := range values {
		values[i] = float32(key.deviation * stream.NormFloat64())
	}
	n, err := key.typ.RowBytes(len(values))
	if err != nil {
		return nil, err
	}
	p := &blockPool{data: make([]byte, n), size: int(n) / poolRuns}
	if err := Quantize(key.typ, p.data, values); err != nil {
		return nil, err
	}
	s.pools[key] = p
	return p, nil
}

// fill writes runs random runs.
func (p *blockPool) fill(out io.Writer, runs int, stream *rand.Rand) error {
	buf := make([]byte, 0, 1024*p.size)
	for i := range runs {
		r := int(stream.Uint32()%poolRuns) * p.size
		if buf = append(buf, p.data[r:r+p.size]...); len(buf) == cap(buf) || i == runs-1 {
			if _, err := out.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return nil
}

// vocabulary stores a byte-level BPE vocabulary of s.words tokens and the
// special tokens of a ChatML conversation, filled up to s.vocab with reserved
// ones.
func (s *synthesis) vocabulary() {
	tokens, merges := synthVocabulary(s.words)
	types := slices.Repeat([]int32{1}, len(tokens)) // normal
	start := uint32(len(tokens))
	for _, special := range []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"} {
		tokens, types = append(tokens, special), append(types, 3) // control
	}
	for i := 0; len(tokens) < s.vocab; i++ {
		tokens, types = append(tokens, fmt.Sprintf("<|reserved_%d|>", i)), append(types, 3)
	}
	s.set("tokenizer.ggml.model", "gpt2")
	s.set("tokenizer.ggml.pre", s.preTokenizer)
	s.set("tokenizer.ggml.tokens", tokens)
	s.set("tokenizer.ggml.token_type", types)
	s.set("tokenizer.ggml.merges", merges)
	s.set("tokenizer.ggml.bos_token_id", start)
	s.set("tokenizer.ggml.padding_token_id", start)
	s.set("tokenizer.ggml.eos_token_id", start+2)
	s.set("tokenizer.ggml.add_bos_token", false)
	s.set("tokenizer.chat_template", "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
}

// synthVocabulary makes a byte-level BPE vocabulary: the 256 byte tokens, then
// words grown letter by letter from a space or a letter, each with the merge
// that makes it.
func synthVocabulary(n int) (tokens, merges []string) {
	for b := range 256 {
		tokens = append(tokens, string(byteRune(byte(b))))
	}
	letters := strings.Split("etaoinshrdlucmfwypvbgkqjxz", "")
	words := append([]string{string(byteRune(' '))}, letters...)
	for i := 0; i < len(words) && len(tokens) < n; i++ {
		for _, letter := range letters {
			word := words[i] + letter
			words = append(words, word)
			tokens, merges = append(tokens, word), append(merges, words[i]+" "+letter)
			if len(tokens) == n {
				break
			}
		}
	}
	return tokens, merges
}

// byteRune is the printable character that stands for a byte in byte-level BPE
// vocabularies: itself where it is printable, otherwise one from U+0100 on
// (bytes_to_unicode of GPT-2).
func byteRune(b byte) rune {
	printable := func(b byte) bool { return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae }
	if printable(b) {
		return rune(b)
	}
	next := rune(0x100)
	for c := byte(0); c < b; c++ {
		if !printable(c) {
			next++
		}
	}
	return next
}
