package tokenizer

import (
	"os"
	"strings"
	"testing"
	"time"

	"burble/gguf"
)

// english is about a megabyte of prose with some code: the licence texts and words every Go tree has would repeat
// too much, so the sentences are put together from a few parts that vary.
func english() string {
	subjects := []string{"The engine", "A model", "Every token", "This paragraph", "Nobody", "The old librarian", "Mathematics", "A user in 2024"}
	verbs := []string{"reads", "doesn't understand", "has carefully considered", "would've rejected", "translates", "isn't", "remembers"}
	objects := []string{"the weights of the network.", "three hundred and 42 letters,", "what they're looking for;", "\"quoted speech\" and (parentheses).", "an unreasonably complicated architecture!", "its neighbours' gardens?\n\n", "x = f(y[3]) + 0.125;\n"}
	joins := []string{" ", " However, ", " Meanwhile, in another country, ", "\n- ", " — and "}
	var b strings.Builder
	for i := uint32(1); b.Len() < 1<<20; {
		pick := func(s []string) string {
			i = i*1664525 + 1013904223
			return s[int(i>>16)%len(s)]
		}
		b.WriteString(pick(subjects) + " " + pick(verbs) + " " + pick(objects) + pick(joins))
	}
	return b.String()
}

// prose is real English where the test data has some, else the made-up kind.
func prose(b *testing.B) string {
	if path := os.Getenv("BURBLE_TEXT"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		return string(text)
	}
	return english()
}

func BenchmarkEncode(b *testing.B) {
	text := prose(b)
	for _, name := range vocabularies {
		b.Run(name, func(b *testing.B) {
			tok := openVocabulary(b, name)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text, Options{Special: true})
			}
		})
	}
}

func BenchmarkEncodeChinese(b *testing.B) {
	text := strings.Repeat("人工智能正在改变我们的生活方式，许多研究人员认为这只是一个开始。", 4000)
	for _, name := range []string{"llama-bpe", "qwen2", "llama-spm"} {
		b.Run(name, func(b *testing.B) {
			tok := openVocabulary(b, name)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text, Options{})
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, name := range vocabularies {
		b.Run(name, func(b *testing.B) {
			f, err := gguf.Open(shared(b, "vocab/ggml-vocab-"+name+".gguf"))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			for b.Loop() {
				if _, err := New(f.Metadata); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	tok := openVocabulary(b, "llama-bpe")
	ids := tok.Encode(english(), Options{})
	b.ReportAllocs()
	for b.Loop() {
		d := tok.Decoder(true)
		for _, id := range ids[:10000] {
			d.Add(id)
		}
	}
}

// A piece that nothing cuts must not take quadratic time.
func TestLongPieces(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	const size = 1 << 20
	for _, name := range []string{"llama-bpe", "llama-spm", "qwen2", "falcon"} {
		tok := openVocabulary(t, name)
		for what, text := range map[string]string{
			"letters": strings.Repeat("abcdefghij", size/10), "one letter": strings.Repeat("a", size),
			"spaces": strings.Repeat(" ", size) + "x", "newlines": strings.Repeat("\n ", size/2) + "x",
			"digits": strings.Repeat("1234567", size/7), "signs": strings.Repeat("-", size),
			"mixed": strings.Repeat("Ω", size/2), "chinese": strings.Repeat("智能", size/6),
		} {
			start := time.Now()
			ids := tok.Encode(text, Options{})
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("%s: %d bytes of %s took %v", name, len(text), what, took)
			}
			if got := tok.Decode(ids); got != text {
				t.Errorf("%s: %s came back as %d bytes instead of %d", name, what, len(got), len(text))
			}
		}
	}
}
