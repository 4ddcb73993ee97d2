package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The commands against the reference data beside the module: what a user of the command line gets, flags included.

func fromFile(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestTokenizeReference compares with the tokens that the models' own tokenizers made of some thousand texts.
func TestTokenizeReference(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared(t, "tokens"), "*.jsonl"))
	if len(files) == 0 {
		t.Fatal("no token files")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		model := shared(t, "vocab/ggml-vocab-"+name+".gguf")
		texts, want := map[string][]string{}, map[string][][]int32{}
		lines, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(lines) {
			var c struct {
				Text    string
				IDs     []int32
				Special bool `json:"parse_special"`
				Add     bool `json:"add_special"`
			}
			if err := json.Unmarshal(line, &c); err != nil {
				t.Fatal(err)
			}
			flags := fmt.Sprintf("--special=%v --add-special=%v", c.Special, c.Add)
			texts[flags], want[flags] = append(texts[flags], c.Text), append(want[flags], c.IDs)
		}
		if len(texts) != 4 {
			t.Fatalf("%s: cases for %d of 4 combinations of flags", name, len(texts))
		}
		for flags := range texts {
			for i, got := range tokenize(t, texts[flags], append([]string{"-m", model}, strings.Fields(flags)...)...) {
				if !slices.Equal(got, want[flags][i]) {
					t.Errorf("%s %s %.80q: %v, want %v", name, flags, texts[flags][i], got, want[flags][i])
				}
			}
		}
	}
}

// TestRenderReference compares with what Python's Jinja2 makes of real templates.
func TestRenderReference(t *testing.T) {
	dir := shared(t, "templates")
	var index struct{ Now string }
	fromFile(t, filepath.Join(dir, "index.json"), &index)
	files, _ := filepath.Glob(filepath.Join(dir, "*.cases.json"))
	rendered, raised := 0, 0
	for _, file := range files {
		var cases []map[string]any
		fromFile(t, file, &cases)
		var raw []map[string]json.RawMessage // the order of keys matters to a template
		fromFile(t, file, &raw)
		for i, c := range cases {
			raw[i]["now"], _ = json.Marshal(index.Now)
			input, err := json.Marshal(raw[i])
			if err != nil {
				t.Fatal(err)
			}
			label := fmt.Sprintf("%s/%v", filepath.Base(file), c["name"])
			code, out, said := burble(t, string(input), "debug", "render", "--template", strings.TrimSuffix(file, ".cases.json")+".jinja")
			want, renders := c["expected"]
			switch {
			case renders:
				rendered++
				if code != exitOK || out != want {
					t.Errorf("%s: exit code %d, %s\n got %q\nwant %q", label, code, said, out, want)
				}
			case c["raises_type"] == "TemplateError":
				raised++
				if code != exitRaised || out != "" || said == "" {
					t.Errorf("%s: exit code %d, %q, %q; it raises %q", label, code, out, said, c["raises"])
				}
			case code != exitOK && code != exitRaised:
				t.Errorf("%s: exit code %d, %s", label, code, said)
			}
		}
	}
	t.Logf("%d rendered, %d raised", rendered, raised)
	if rendered < 500 || raised < 10 {
		t.Errorf("only %d cases render and %d raise", rendered, raised)
	}
}

func TestDequantizeReference(t *testing.T) {
	dir := shared(t, "quants")
	files, _ := filepath.Glob(filepath.Join(dir, "*.bin"))
	if len(files) < 20 {
		t.Fatalf("only %d files of blocks", len(files))
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".bin")
		name, _, _ := strings.Cut(filepath.Base(base), ".")
		blocks, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(base + ".f32")
		if err != nil {
			t.Fatal(err)
		}
		if got := works(t, string(blocks), "debug", "dequantize", "--type", strings.ToUpper(name)); got != string(want) {
			t.Errorf("%s: the floats differ", filepath.Base(file))
		}
	}
}

// distance is ‖got − want‖ / ‖want‖.
func distance(got, want []float32) float64 {
	var d, w float64
	for i := range want {
		e := float64(got[i]) - float64(want[i])
		d += e * e
		w += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(d / w)
}

// floats reads a file of float32.
func floats(t *testing.T, path string, n int) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 4*n {
		t.Fatalf("%s has %d bytes, want %d floats", path, len(b), n)
	}
	return decodeFloats(b)
}

// TestLogitsReference compares the written files with logits computed elsewhere.
func TestLogitsReference(t *testing.T) {
	for _, name := range []string{"llama", "llama_tied", "mistral", "qwen2", "qwen3"} {
		dir := shared(t, "goldens/"+name)
		var ids []int32
		fromFile(t, filepath.Join(dir, "tokens.json"), &ids)
		got := slices.Concat(logits(t, filepath.Join(dir, "model.gguf"), ids)...)
		if e := distance(got, floats(t, filepath.Join(dir, "logits.f32"), len(got))); !(e <= 2e-5) {
			t.Errorf("%s: relative error %.2e", name, e)
		}
	}
}

// TestQuantisedLogitsReference holds quantised activations to the error of llama.cpp's, and float ones to almost none.
func TestQuantisedLogitsReference(t *testing.T) {
	for _, name := range []string{"llama/q8_0", "llama/q4_k_m", "qwen3/q4_0"} {
		base := strings.TrimSuffix(shared(t, "goldens-quantised/"+name+".gguf"), ".gguf")
		var golden struct{ Tokens []int32 }
		fromFile(t, filepath.Join(filepath.Dir(base), "golden.json"), &golden)
		fast := slices.Concat(logits(t, base+".gguf", golden.Tokens)...)
		exact, peer := floats(t, base+".exact.f32", len(fast)), floats(t, base+".logits.f32", len(fast))
		if e, limit := distance(fast, exact), distance(peer, exact); !(e <= limit) {
			t.Errorf("%s: relative error %.3e, llama.cpp's is %.3e", name, e, limit)
		}
		slow := slices.Concat(logits(t, base+".gguf", golden.Tokens, "--float-activations")...)
		if e := distance(slow, exact); !(e <= 1e-4) {
			t.Errorf("%s: relative error %.2e with float activations", name, e)
		}
	}
}
