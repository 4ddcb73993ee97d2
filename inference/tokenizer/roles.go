package tokenizer

import "burble/gguf"

// Files name their special tokens by id, but many leave some out. These are the texts they have in known models.

// endTexts end an answer.
var endTexts = [...]string{
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
	"<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
	"<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
}

// infillEnds are the tokens of fill-in-the-middle formats that, when generated, mean the model has left the answer:
// padding, the next file, the next repository. The file may name them by key.
var infillEnds = [...]struct {
	key   string
	texts []string
}{
	{"tokenizer.ggml.fim_pad_token_id", []string{"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
	{"tokenizer.ggml.fim_rep_token_id", []string{"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
	{"tokenizer.ggml.fim_sep_token_id", []string{"<|file_sep|>"}},
}

// infillTexts are the other tokens of these formats.
var infillTexts = [...]string{
	"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>",
	"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>",
	"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>",
}

func isSpecial(k tokenKind) bool { return k == kindControl || k == kindUnknown || k == kindUser }

// loadSpecial finds the tokens that have a role.
func (t *Tokenizer) loadSpecial(md *gguf.Metadata, vocabulary string) {
	v := t.model.vocabulary
	id := func(key string, fallback int32) int32 {
		if n, ok := md.Uint(key); ok && n < uint64(len(v.tokens)) {
			return int32(n)
		}
		if int(fallback) >= len(v.tokens) {
			return -1
		}
		return fallback
	}
	if vocabulary == "llama" { // SentencePiece's defaults
		t.bos, t.eos, t.model.unknown = 1, 2, 0
	}
	t.bos = id("tokenizer.ggml.bos_token_id", t.bos)
	t.eos = id("tokenizer.ggml.eos_token_id", t.eos)
	t.model.unknown = id("tokenizer.ggml.unknown_token_id", t.model.unknown)

	t.addBOS = t.pre.addBOS
	if b, ok := md.Bool("tokenizer.ggml.add_bos_token"); ok {
		t.addBOS = b
	}
	t.addBOS = t.addBOS || t.pre.forceBOS
	if b, ok := md.Bool("tokenizer.ggml.add_eos_token"); ok {
		t.addEOS = b
	}

	t.eog = make(map[int32]bool)
	// Some files type these as normal or user-defined; they would then be shown to the user, and recognised in what
	// the user writes.
	control := func(id int32) {
		if id >= 0 && v.kinds[id] != kindUnknown {
			v.kinds[id] = kindControl
		}
	}
	end := func(id int32) {
		if id >= 0 {
			t.eog[id] = true
			control(id)
		}
	}
	for _, text := range infillTexts {
		control(v.find(text))
	}
	for _, f := range infillEnds {
		found := id(f.key, -1)
		for _, text := range f.texts {
			if found < 0 {
				found = v.find(text)
			}
		}
		end(found)
	}
	for _, text := range endTexts {
		end(v.find(text))
	}
	for _, key := range []string{"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"} {
		if found := id(key, -1); found >= 0 {
			t.eog[found] = true
		}
	}
	if t.eos >= 0 {
		t.eog[t.eos] = true
	}
	t.correctEnds()
	t.loadStrip(md, vocabulary)
}

// correctEnds takes back texts that mean something else in the vocabularies that have them along with others.
func (t *Tokenizer) correctEnds() {
	v := t.model.vocabulary
	has := func(text string) bool { return v.find(text) >= 0 }
	// In harmony (gpt-oss) <|end|> ends a message, such as the reasoning, after which the answer goes on.
	if has("<|return|>") && has("<|call|>") || has("<|calls|>") && has("<|flush|>") {
		if id := v.find("<|end|>"); id >= 0 && id != t.eos {
			delete(t.eog, id)
		}
	}
	// Gemma 4 has </s> as a piece of HTML.
	if has("<|tool_response>") {
		if id := v.find("</s>"); id >= 0 && id != t.eos {
			delete(t.eog, id)
			if v.kinds[id] == kindControl {
				v.kinds[id] = kindNormal
			}
		}
	}
}

// loadStrip finds the tokens that swallow the white space after them. The GGUF file doesn't say which do; Phi-3's
// tokenizer.json has it for all its added tokens but these three.
func (t *Tokenizer) loadStrip(md *gguf.Metadata, vocabulary string) {
	if arch, _ := md.String("general.architecture"); arch != "phi3" || vocabulary != "llama" {
		return
	}
	v := t.model.vocabulary
	t.stripAfter = make(map[int32]bool)
	for i, k := range v.kinds {
		if isSpecial(k) {
			t.stripAfter[int32(i)] = true
		}
	}
	if id := v.find("</s>"); id >= 0 {
		t.stripAfter[id] = true
	}
	for _, text := range []string{"<unk>", "<s>", "<|endoftext|>"} {
		delete(t.stripAfter, v.find(text))
	}
}
