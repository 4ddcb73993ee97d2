package tokenizer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"burble/gguf"
)

// shared returns the path of a file in the data folder next to the module, or skips the test.
func shared(t testing.TB, name string) string {
	dir, _ := os.Getwd()
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(filepath.Dir(dir), "shared", name)
			if _, err := os.Stat(path); err != nil {
				t.Skipf("no test data: %v", err)
			}
			return path
		}
		dir = filepath.Dir(dir)
	}
	t.Skip("no go.mod above the test")
	return ""
}

func openVocabulary(t testing.TB, name string) *Tokenizer {
	t.Helper()
	f, err := gguf.Open(shared(t, "vocab/ggml-vocab-"+name+".gguf"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tok, err := New(f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

var vocabularies = []string{"falcon", "gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2"}

func TestRecordedTokens(t *testing.T) {
	for _, name := range vocabularies {
		t.Run(name, func(t *testing.T) {
			tok := openVocabulary(t, name)
			f, err := os.Open(shared(t, "tokens/"+name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines := bufio.NewScanner(f)
			lines.Buffer(nil, 1<<24)
			cases, failed := 0, 0
			for lines.Scan() {
				var c struct {
					Text   string
					IDs    []int32
					Parse  bool    `json:"parse_special"`
					Add    bool    `json:"add_special"`
					Decode *string `json:"detok"`
				}
				if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
					t.Fatal(err)
				}
				cases++
				got := tok.Encode(c.Text, Options{Special: c.Parse, AddSpecial: c.Add})
				if !slices.Equal(got, c.IDs) {
					if failed++; failed <= 10 {
						t.Errorf("%.200q (special %v, add %v)\n got %v\nwant %v\n got %s", c.Text, c.Parse, c.Add, got, c.IDs, spell(tok, got))
					}
				}
				if c.Decode == nil {
					continue
				}
				text := tok.DecodeSpecial(c.IDs)
				if tok.model.byteLevel && name != "qwen2" {
					text = cleanSpaces(text)
				}
				if text != *c.Decode {
					if failed++; failed <= 10 {
						t.Errorf("decode %v\n got %q\nwant %q", c.IDs, text, *c.Decode)
					}
				}
			}
			if cases < 900 || failed > 0 {
				t.Errorf("%d of %d cases failed", failed, cases)
			}
		})
	}
}

// cleanSpaces is what the tool that recorded the decoded texts does for some vocabularies after decoding, and what
// Decode leaves alone, because it spoils code.
func cleanSpaces(s string) string {
	for _, r := range []struct{ from, to string }{
		{" ?", "?"}, {" !", "!"}, {" .", "."}, {" ,", ","}, {" ' ", "'"},
		{" 's", "'s"}, {" 'm", "'m"}, {" 're", "'re"}, {" 've", "'ve"},
	} {
		s = strings.ReplaceAll(s, r.from, r.to)
	}
	return s
}

func spell(t *Tokenizer, ids []int32) string {
	var out []string
	for _, id := range ids {
		out = append(out, t.Token(id))
	}
	return fmt.Sprintf("%.300q", out)
}

func TestRecordedTexts(t *testing.T) {
	for _, name := range vocabularies {
		t.Run(name, func(t *testing.T) {
			tok := openVocabulary(t, name)
			base := shared(t, "vocab/ggml-vocab-"+name+".gguf")
			in, err := os.ReadFile(base + ".inp")
			if err != nil {
				t.Fatal(err)
			}
			out, err := os.ReadFile(base + ".out")
			if err != nil {
				t.Fatal(err)
			}
			texts := strings.Split(string(in), "\n__ggml_vocab_test__\n")
			lines := strings.Split(string(out), "\n")
			if len(texts) < 40 {
				t.Fatalf("only %d texts", len(texts))
			}
			for i, text := range texts {
				var want []int32
				for _, f := range strings.Fields(lines[i]) {
					n, err := strconv.Atoi(f)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, int32(n))
				}
				if got := tok.Encode(text, Options{}); !slices.Equal(got, want) {
					t.Errorf("%q\n got %v\nwant %v", text, got, want)
				}
			}
		})
	}
}
