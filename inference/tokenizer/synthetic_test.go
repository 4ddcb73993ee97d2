package tokenizer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"burble/gguf"
)

// metadata returns file metadata with the given keys, each below "tokenizer.ggml." unless it has a dot.
func metadata(t testing.TB, values map[string]any) *gguf.Metadata {
	t.Helper()
	var b bytes.Buffer
	w := gguf.NewWriter(&b)
	if _, ok := values["general.architecture"]; !ok {
		values["general.architecture"] = "llama"
	}
	for k, v := range values {
		if !strings.Contains(k, ".") {
			k = "tokenizer.ggml." + k
		}
		if err := w.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return f.Metadata
}

// entry is a token of a made-up vocabulary.
type entry struct {
	text  string
	kind  tokenKind
	score float32
}

func vocabularyOf(entries []entry, more map[string]any) map[string]any {
	var tokens []string
	var kinds []int32
	var scores []float32
	for _, e := range entries {
		tokens, kinds, scores = append(tokens, e.text), append(kinds, int32(e.kind)), append(scores, e.score)
	}
	out := map[string]any{"tokens": tokens, "token_type": kinds, "scores": scores}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func build(t testing.TB, entries []entry, more map[string]any) *Tokenizer {
	t.Helper()
	tok, err := New(metadata(t, vocabularyOf(entries, more)))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// byteEntries are the 256 byte tokens: in GPT-2's alphabet, or named <0x00> to <0xFF>.
func byteEntries(named bool) []entry {
	var out []entry
	for b := range 256 {
		if named {
			out = append(out, entry{byteName(byte(b)), kindByte, 0})
		} else {
			out = append(out, entry{string(byteRune(byte(b))), kindNormal, 0})
		}
	}
	return out
}

func pieces(t *Tokenizer, ids []int32) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, t.Token(id))
	}
	return out
}

// chatVocabulary is a small byte-level vocabulary with special tokens of all sorts.
func chatVocabulary(t testing.TB, more map[string]any) *Tokenizer {
	entries := append(byteEntries(false),
		entry{"he", kindNormal, 0}, entry{"ll", kindNormal, 0}, entry{"hell", kindNormal, 0}, entry{"hello", kindNormal, 0}, // 256–259
		entry{"<s>", kindControl, 0}, entry{"<|im_end|>", kindControl, 0}, entry{"<|im_end|>x", kindControl, 0}, // 260–262
		entry{"<tool>", kindUser, 0}, entry{"<unk>", kindUnknown, 0}, entry{"<|end|>", kindNormal, 0}, // 263–265
		entry{"", kindNormal, 0}, entry{"<spare>", kindUnused, 0}) // 266, 267
	keys := map[string]any{"model": "gpt2", "pre": "gpt-2", "merges": []string{"h e", "l l", "he ll", "hell o"}, "bos_token_id": uint32(260), "eos_token_id": uint32(261)}
	for k, v := range more {
		keys[k] = v
	}
	return build(t, entries, keys)
}

func TestSpecialTokens(t *testing.T) {
	tok := chatVocabulary(t, map[string]any{"add_bos_token": true, "add_eos_token": true})
	for _, tc := range []struct {
		text string
		o    Options
		want []string
	}{
		{"hello<|im_end|>", Options{Special: true}, []string{"hello", "<|im_end|>"}},
		{"hello<|im_end|>", Options{}, []string{"hello", "<", "|", "i", "m", "_", "e", "n", "d", "|", ">"}},
		{"<|im_end|>x<|im_end|>y", Options{Special: true}, []string{"<|im_end|>x", "<|im_end|>", "y"}}, // the longest wins
		{"he<tool>", Options{}, []string{"he", "<tool>"}},                                              // user-defined, always
		{"<<tool>", Options{}, []string{"<", "<tool>"}},
		{"<tool", Options{Special: true}, []string{"<", "t", "o", "o", "l"}},
		{"<unk>", Options{Special: true}, []string{"<unk>"}},
		{"", Options{AddSpecial: true}, []string{"<s>", "<|im_end|>"}},
		{"ll", Options{AddSpecial: true}, []string{"<s>", "ll", "<|im_end|>"}},
		{"", Options{}, []string{}},
		{"hellhe hello", Options{}, []string{"hell", "he", "Ġ", "hello"}},
		{"a\xffb", Options{}, []string{"a", "ï", "¿", "½", "b"}}, // U+FFFD
	} {
		if got := pieces(tok, tok.Encode(tc.text, tc.o)); !slices.Equal(got, tc.want) {
			t.Errorf("%q %+v: got %q, want %q", tc.text, tc.o, got, tc.want)
		}
	}
	if tok.Token(266) != "[EMPTY_266]" || tok.Token(-1) != "" || tok.Token(9999) != "" {
		t.Error("Token is wrong for odd ids")
	}
	if id, ok := tok.BOS(); id != 260 || !ok || tok.BOSText() != "<s>" || tok.EOSText() != "<|im_end|>" || !tok.AddsBOS() {
		t.Error("BOS or EOS is wrong")
	}
	if !tok.IsSpecial(260) || tok.IsSpecial(263) || tok.IsSpecial(97) || tok.IsSpecial(-1) {
		t.Error("IsSpecial is wrong")
	}
	// <|end|> is typed as normal, which would show it to the user.
	if !tok.IsEOG(261) || !tok.IsEOG(265) || !tok.IsSpecial(265) || tok.IsEOG(260) || tok.IsEOG(-1) {
		t.Error("IsEOG is wrong")
	}
}

func TestEndsByKey(t *testing.T) {
	tok := chatVocabulary(t, map[string]any{"eot_token_id": uint32(97), "eom_token_id": uint32(98), "eos_token_id": uint32(9999)})
	if !tok.IsEOG(97) || !tok.IsEOG(98) {
		t.Error("the file's eot and eom don't end an answer")
	}
	if _, ok := tok.EOS(); ok {
		t.Error("an EOS outside the vocabulary counts")
	}
	harmony := build(t, append(byteEntries(false), entry{"<|return|>", kindControl, 0}, entry{"<|call|>", kindControl, 0}, entry{"<|end|>", kindControl, 0}, entry{"<|channel|>", kindControl, 0}),
		map[string]any{"model": "gpt2", "pre": "gpt-4o", "merges": []string{"h e"}, "eos_token_id": uint32(256)})
	if !harmony.IsEOG(256) || !harmony.IsEOG(257) || harmony.IsEOG(258) {
		t.Error("in harmony <|return|> and <|call|> end an answer, and <|end|> doesn't")
	}
	if got := harmony.DecodeSpecial([]int32{259, 97, 258}); got != "<|channel|>"+harmony.Decode([]int32{97})+"<|end|>" {
		t.Errorf("got %q", got)
	}
}

func TestDecoder(t *testing.T) {
	tok := chatVocabulary(t, nil)
	byteIDs := func(s string) (ids []int32) {
		for i := range len(s) {
			ids = append(ids, tok.model.byteToken[s[i]])
		}
		return ids
	}
	for _, tc := range []struct{ in, want string }{
		{"grüße 👩\u200d🚀!", "grüße 👩\u200d🚀!"},
		{"a\xffb", "a\ufffdb"},
		{"\xe2\x82", "\ufffd"},                            // the beginning of € ends the text
		{"\xe2\x82A", "\ufffdA"},                          // one for the part that was right
		{"\xf0\x9f\x98\xe2\x82\xac", "\ufffd€"},           // a new character where the old one isn't finished
		{"\x80\x80", "\ufffd\ufffd"},                      // continuations without a beginning
		{"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},            // a surrogate is no character
		{"\xc0\xaf", "\ufffd\ufffd"},                      // overlong
		{"\xf4\x90\x80\x80", strings.Repeat("\ufffd", 4)}, // beyond U+10FFFF
	} {
		d := tok.Decoder(false)
		var got strings.Builder
		for _, id := range byteIDs(tc.in) {
			s := d.Add(id)
			if !utf8.ValidString(s) {
				t.Errorf("%q: half a character, %q", tc.in, s)
			}
			got.WriteString(s)
		}
		got.WriteString(d.Flush())
		if got.String() != tc.want {
			t.Errorf("%q: got %q, want %q", tc.in, got.String(), tc.want)
		}
		if whole := tok.Decode(byteIDs(tc.in)); whole != tc.want {
			t.Errorf("%q: decoded at once it is %q", tc.in, whole)
		}
		if d.Flush() != "" {
			t.Errorf("%q: Flush leaves something", tc.in)
		}
	}
	// What is complete comes at once, and a bad byte as soon as it is certain.
	d := tok.Decoder(false)
	for i, step := range []struct{ in, want string }{{"a", "a"}, {"\xe2", ""}, {"\x82", ""}, {"\xac", "€"}, {"\xe2", ""}, {"b", "\ufffdb"}, {"\xff", "\ufffd"}} {
		if got := d.Add(byteIDs(step.in)[0]); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	ids := []int32{260, 259, 261, 263, 264, 267, -5, 9999}
	if got := tok.Decode(ids); got != "hello<tool>" {
		t.Errorf("without special tokens: %q", got)
	}
	if got := tok.DecodeSpecial(ids); got != "<s>hello<|im_end|><tool><unk>" {
		t.Errorf("with special tokens: %q", got)
	}
	if got := string(tok.Bytes(259)); got != "hello" {
		t.Errorf("Bytes: %q", got)
	}
}

func TestSentencePiece(t *testing.T) {
	entries := append([]entry{{"<unk>", kindUnknown, 0}, {"<s>", kindControl, 0}, {"</s>", kindControl, 0}}, byteEntries(true)...)
	entries = append(entries, entry{"▁", kindNormal, -10}, entry{"a", kindNormal, -11}, entry{"b", kindNormal, -12}, entry{"c", kindNormal, -13},
		entry{"ab", kindNormal, -2}, entry{"bc", kindNormal, -1}, entry{"▁a", kindNormal, -3}, entry{"▁▁", kindNormal, -4}, entry{"abc", kindNormal, -9})
	plain := build(t, entries, map[string]any{"model": "llama"})
	bare := build(t, entries, map[string]any{"model": "llama", "add_space_prefix": false, "add_bos_token": false})
	squeezed := build(t, entries, map[string]any{"model": "llama", "remove_extra_whitespaces": true})
	for _, tc := range []struct {
		tok  *Tokenizer
		text string
		o    Options
		want []string
	}{
		{plain, "abc", Options{}, []string{"▁a", "bc"}}, // bc before ▁a, and ab never
		{bare, "abc", Options{}, []string{"abc"}},
		{plain, "", Options{AddSpecial: true}, []string{"<s>"}},
		{bare, "a", Options{AddSpecial: true}, []string{"a"}},
		{plain, "a  a", Options{}, []string{"▁a", "▁", "▁a"}}, // ▁a has the better score
		{bare, "   ", Options{}, []string{"▁▁", "▁"}},
		{plain, "</s>a", Options{Special: true}, []string{"</s>", "▁a"}}, // a space after a special token, too
		{bare, "é\n", Options{}, []string{"<0xC3>", "<0xA9>", "<0x0A>"}},
		{bare, "a\xff", Options{}, []string{"a", "<0xFF>"}},
		{squeezed, "  a   b ", Options{}, []string{"▁a", "▁", "b"}},
	} {
		if got := pieces(tc.tok, tc.tok.Encode(tc.text, tc.o)); !slices.Equal(got, tc.want) {
			t.Errorf("%q %+v: got %q, want %q", tc.text, tc.o, got, tc.want)
		}
	}
	if got := plain.Decode(plain.Encode("abc é", Options{AddSpecial: true})); got != "abc é" {
		t.Errorf("decoded %q", got)
	}
	d := plain.Decoder(false)
	if got := d.Add(plain.Encode("abc", Options{})[0]); got != " a" {
		t.Errorf("a stream begins with %q, want the space", got)
	}
}

func TestRawBPE(t *testing.T) {
	entries := append(byteEntries(true), entry{"<bos>", kindControl, 0}, entry{"▁", kindNormal, 0}, entry{"a", kindNormal, 0}, entry{"b", kindNormal, 0},
		entry{"▁a", kindNormal, 0}, entry{"▁ab", kindNormal, 0}, entry{"\n", kindNormal, 0}, entry{"\n\n\n", kindNormal, 0}, entry{"é", kindNormal, 0})
	for _, inner := range []bool{false, true} {
		merges := []string{"▁ a", "▁a b"}
		if inner { // makes merges go across words
			merges = append(merges, "b ▁")
		}
		tok := build(t, entries, map[string]any{"model": "gemma4", "merges": merges, "bos_token_id": uint32(256), "add_bos_token": false})
		if tok.model.innerSpace != inner {
			t.Errorf("innerSpace is %v", !inner)
		}
		for text, want := range map[string][]string{
			" ab ab": {"▁ab", "▁ab"}, "a b": {"a", "▁", "b"}, "\n\n\na": {"\n\n\n", "a"}, "\n\n": {"\n", "\n"},
			"éü": {"é", "<0xC3>", "<0xBC>"}, " a\n b": {"▁a", "\n", "▁", "b"},
		} {
			if got := pieces(tok, tok.Encode(text, Options{})); !slices.Equal(got, want) {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
			if got := tok.Decode(tok.Encode(text, Options{AddSpecial: true})); got != text {
				t.Errorf("%q comes back as %q", text, got)
			}
		}
		if ids := tok.Encode("", Options{AddSpecial: true}); !slices.Equal(ids, []int32{256}) {
			t.Errorf("Gemma 4 gets its BOS whatever the file says; got %v", ids)
		}
	}
}

// Merges may lead through texts that aren't tokens, and ignoring them takes a piece that is one as it is.
func TestMergesWithoutTokens(t *testing.T) {
	entries := append(byteEntries(false), entry{"abcd", kindNormal, 0}, entry{"bcd", kindNormal, 0})
	keys := map[string]any{"model": "gpt2", "pre": "qwen2", "merges": []string{"a b", "c d", "ab cd"}}
	tok := build(t, entries, keys)
	for text, want := range map[string][]string{"abcd": {"abcd"}, "abc": {"a", "b", "c"}, "bcd": {"b", "c", "d"}} {
		if got := pieces(tok, tok.Encode(text, Options{})); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	keys["pre"] = "llama-bpe"
	if got := pieces(build(t, entries, keys), build(t, entries, keys).Encode("bcd", Options{})); !slices.Equal(got, []string{"bcd"}) {
		t.Errorf("got %q", got)
	}
}

func TestNewErrors(t *testing.T) {
	some := byteEntries(false)
	for want, keys := range map[string]map[string]any{
		"no tokenizer.ggml.model":  {},
		"run on token ids":         {"model": "no_vocab"},
		"\"bert\" are not":         {"model": "bert"},
		"unknown kind":             {"model": "gpt5"},
		"unknown pre-tokenizer":    vocabularyOf(some, map[string]any{"model": "gpt2", "pre": "klingon", "merges": []string{"a b"}}),
		"no vocabulary":            {"model": "llama"},
		"no merges":                vocabularyOf(some, map[string]any{"model": "gpt2"}),
		"not two symbols":          vocabularyOf(some, map[string]any{"model": "gpt2", "merges": []string{"ab"}}),
		"only 1 token types":       {"model": "llama", "tokens": []string{"a", "b"}, "token_type": []int32{1}},
		"only 1 scores":            {"model": "llama", "tokens": []string{"a", "b"}, "scores": []float32{1}},
		"vocabulary but no scores": {"model": "llama", "tokens": []string{"a", "b"}},
	} {
		if _, err := New(metadata(t, keys)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if _, err := New(metadata(t, map[string]any{"model": "none"})); !errors.Is(err, ErrNoVocabulary) {
		t.Errorf("got %v, want ErrNoVocabulary", err)
	}
}

func TestMissingPreTokenizer(t *testing.T) {
	keys := map[string]any{"model": "gpt2", "merges": []string{"h e"}}
	if tok := build(t, byteEntries(false), keys); !strings.Contains(tok.Warning(), "tokenizer.ggml.pre") {
		t.Errorf("no warning about the missing pre-tokenizer, but %q", tok.Warning())
	}
	keys["pre"] = "default"
	if tok := build(t, byteEntries(false), keys); tok.Warning() != "" {
		t.Errorf("a warning: %s", tok.Warning())
	}
}

func TestByteAlphabet(t *testing.T) {
	seen := map[rune]bool{}
	for b := range 256 {
		r := byteRune(byte(b))
		back, ok := runeByte(r)
		if !ok || back != byte(b) || seen[r] {
			t.Errorf("byte %#x is spelt %q, which reads %#x", b, r, back)
		}
		seen[r] = true
	}
	for r := rune(0); r < 0x200; r++ {
		if _, ok := runeByte(r); ok != seen[r] {
			t.Errorf("%q reads as a byte: %v", r, ok)
		}
	}
	if byteRune(' ') != 'Ġ' || byteRune('\n') != 'Ċ' || byteRune(0xad) != 'Ń' || byteRune(0x7f) != 'ġ' {
		t.Error("the alphabet is not GPT-2's")
	}
}

// Several goroutines may encode at once: one has the cache, the others work without.
func TestConcurrentEncode(t *testing.T) {
	tok := openVocabulary(t, "llama-bpe")
	text := english()[:50000]
	want := tok.Encode(text, Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if got := tok.Encode(text, Options{}); !slices.Equal(got, want) {
					t.Error("tokens differ between goroutines")
				}
			}
		})
	}
	wg.Wait()
}

// Both ways of merging give the same, for pieces on both sides of the limit between them.
func TestMergeShortAndLong(t *testing.T) {
	for _, name := range []string{"gpt-2", "llama-spm"} {
		tok := openVocabulary(t, name)
		text := strings.Join(strings.Fields(english()[:20000]), "")
		for i := 0; i+30 < len(text); i += 7 {
			piece := text[i : i+30]
			short, long := merger{model: tok.model}, merger{model: tok.model}
			short.load(piece)
			short.mergeShort(piece)
			long.load(piece)
			long.mergeLong(piece)
			if !slices.Equal(short.id, long.id) || !slices.Equal(short.start, long.start) {
				t.Fatalf("%s: %q: %v and %v", name, piece, short.id, long.id)
			}
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range tricky {
		f.Add(s)
	}
	f.Add("hello <|im_end|> <tool> \xff\xfe")
	toks := []*Tokenizer{chatVocabulary(f, nil)}
	f.Fuzz(func(t *testing.T, s string) {
		for _, tok := range toks {
			if got := tok.Decode(tok.Encode(s, Options{})); got != validUTF8(s) {
				t.Errorf("%q comes back as %q", s, got)
			}
			tok.Encode(s, Options{Special: true, AddSpecial: true})
		}
	})
}
