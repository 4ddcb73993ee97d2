package chat

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// parse feeds pieces to a new parser and joins parts of a kind.
func parse(t *Template, prompt string, pieces ...string) []Part {
	p := NewParser(t, prompt)
	var parts []Part
	add := func(more []Part) {
		for _, m := range more {
			if n := len(parts); n > 0 && parts[n-1].Reasoning == m.Reasoning {
				parts[n-1].Text += m.Text
			} else {
				parts = append(parts, m)
			}
		}
	}
	for _, piece := range pieces {
		add(p.Add(piece))
	}
	add(p.Flush())
	return parts
}

func mustTemplate(t testing.TB, source string) *Template {
	t.Helper()
	tmpl, _, err := NewTemplate(source, "<s>", "</s>")
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func think(s string) Part  { return Part{s, true} }
func answer(s string) Part { return Part{s, false} }

var streams = []struct {
	name, format, prompt, output string
	want                         []Part
}{
	{"plain", "chatml", "", "Hello <b>there</b>", []Part{answer("Hello <b>there</b>")}},
	{"white space stays", "chatml", "", "  \n code", []Part{answer("  \n code")}},
	{"only white space", "chatml", "", " \n", []Part{answer(" \n")}},
	{"empty", "chatml", "", "", nil},
	{"think", "chatml", "", "<think>\nLet me see.\n\nYes.\n</think>\n\nIt is 4.", []Part{think("Let me see.\n\nYes."), answer("It is 4.")}},
	{"space before", "chatml", "", "\n <think>a</think>b", []Part{think("a"), answer("b")}},
	{"opened by the prompt", "chatml", "<|im_start|>assistant\n<think>\n", "Hm < 5?\n</think>\nYes", []Part{think("Hm < 5?"), answer("Yes")}},
	{"opened twice", "chatml", "<|im_start|>assistant\n<think>", "\n<think>\nHm\n</think>\nYes", []Part{think("Hm"), answer("Yes")}},
	{"closed by the prompt", "chatml", "<|im_start|>assistant\n<think>\n\n</think>\n\n", "Yes", []Part{answer("Yes")}},
	{"continued inside", "chatml", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\nSo far", " so good</think>Yes", []Part{think("so good"), answer("Yes")}},
	{"the user's tag", "chatml", "<|im_start|>user\nWhat is <think> good for?<|im_end|>\n<|im_start|>assistant\n", "Much", []Part{answer("Much")}},
	{"code with the tag", "chatml", "", "Use `<think>x</think>` so.", []Part{answer("Use `<think>x</think>` so.")}},
	{"code with the tag, after thinking", "chatml", "", "<think>t</think>Use <think>x</think>.", []Part{think("t"), answer("Use <think>x</think>.")}},
	{"never closed", "chatml", "", "<think>On and on </thin", []Part{think("On and on </thin")}},
	{"no reasoning", "chatml", "", "<think>\n\n</think>\n\nYes", []Part{answer("Yes")}},
	{"almost a tag", "chatml", "", "<thin ice", []Part{answer("<thin ice")}},
	{"almost a tag, at the end", "chatml", "", "<thin", []Part{answer("<thin")}},
	{"almost closed", "chatml", "", "<think>a </think b </think> c", []Part{think("a </think b"), answer("c")}},
	{"thinking", "chatml", "", "<thinking>a</thinking>b", []Part{think("a"), answer("b")}},
	{"mistral", "mistral-v7", "", "[THINK]a[/THINK]b", []Part{think("a"), answer("b")}},
	{"command", "command-r", "", "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>", []Part{think("a"), answer("b")}},
	{"command without thinking", "command-r", "", "<|START_RESPONSE|> b<|END_RESPONSE|>", []Part{answer("b")}},
	{"seed", "seed", "", "<seed:think>a</seed:think>b", []Part{think("a"), answer("b")}},
	{"gemma4", "gemma4", "<|turn>model\n", "<|channel>thought\na\n<channel|>b", []Part{think("a"), answer("b")}},
	{"granite", "granite", "", "<think>a</think><response>b</response>", []Part{think("a"), answer("b")}},
	{"characters of several bytes", "chatml", "", "<think>\u00a0é日\u00a0</think>😀", []Part{think("\u00a0é日\u00a0"), answer("😀")}},

	{"harmony", "harmony", "<|start|>assistant", "<|channel|>analysis<|message|>Let me\nsee. <|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>", []Part{think("Let me\nsee."), answer("Four.")}},
	{"harmony, answer at once", "harmony", "<|start|>assistant", "<|channel|>final<|message|>Four.", []Part{answer("Four.")}},
	{"harmony, in the answer", "harmony", "<|start|>assistant<|channel|>final<|message|>Fo", "ur.<|return|>", []Part{answer("ur.")}},
	{"harmony, in the reasoning", "harmony", "<|start|>assistant<|channel|>analysis<|message|>", "Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes", []Part{think("Hm."), answer("Yes")}},
	{"harmony, two thoughts", "harmony", "<|start|>assistant", "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>analysis<|message|> B <|end|><|start|>assistant<|channel|>final<|message|>C", []Part{think("A\n\nB"), answer("C")}},
	{"harmony, preamble", "harmony", "<|start|>assistant", "<|channel|>commentary<|message|>I'll look.<|end|><|start|>assistant to=functions.x<|channel|>commentary <|constrain|>json<|message|>{\"a\":1}<|call|>", []Part{answer("I'll look."), think("{\"a\":1}")}},
	{"harmony without markers", "harmony", "<|start|>assistant", "Just text <b>.", []Part{answer("Just text <b>.")}},
	{"harmony, a word like a header's", "harmony", "<|start|>assistant", "to", []Part{answer("to")}},
	{"harmony, cut in the header", "harmony", "<|start|>assistant", "<|channel|>ana", nil},
	{"harmony, code with a tag", "harmony", "<|start|>assistant", "<|channel|>final<|message|>Use <think> and <|x|>.", []Part{answer("Use <think> and <|x|>.")}},
}

// TestParser checks every stream whole, in single bytes, and cut in two and three at every place.
func TestParser(t *testing.T) {
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			tmpl := mustTemplate(t, s.format)
			check := func(pieces ...string) {
				t.Helper()
				if got := parse(tmpl, s.prompt, pieces...); !reflect.DeepEqual(got, s.want) {
					t.Fatalf("%q gives\n%+v, want\n%+v", pieces, got, s.want)
				}
			}
			check(s.output)
			check(strings.Split(s.output, "")...)
			bytes := make([]string, len(s.output))
			for i := range bytes {
				bytes[i] = s.output[i : i+1]
			}
			check(bytes...)
			for i := range s.output {
				check(s.output[:i], s.output[i:])
				for j := i; j < len(s.output); j += 3 {
					check(s.output[:i], s.output[i:j], s.output[j:])
				}
			}
		})
	}
}

// TestParserHoldsBackLittle checks that text is passed on as soon as it is certain.
func TestParserHoldsBackLittle(t *testing.T) {
	p := NewParser(mustTemplate(t, "chatml"), "")
	for i, piece := range []string{"<think>", "one", " two", "</th", "ink>", "three", " four <"} {
		want := []string{"[]", "[{one true}]", "[{ two true}]", "[]", "[]", "[{three false}]", "[{ four < false}]"}[i]
		if got := fmt.Sprint(p.Add(piece)); got != want {
			t.Errorf("after %q: %s, want %s", piece, got, want)
		}
	}
}

func FuzzParser(f *testing.F) {
	for _, s := range streams {
		f.Add(s.format, s.prompt, s.output, 3)
	}
	f.Fuzz(func(t *testing.T, format, prompt, output string, at int) {
		if formatNamed(format) == nil {
			format = "chatml"
		}
		tmpl := mustTemplate(t, format)
		whole := parse(tmpl, prompt, output)
		if at = max(at, 0); at > len(output) {
			at = len(output)
		}
		if got := parse(tmpl, prompt, output[:at], output[at:]); !reflect.DeepEqual(got, whole) {
			t.Errorf("%q cut at %d gives\n%+v, whole\n%+v", output, at, got, whole)
		}
		bytes := make([]string, len(output))
		for i := range bytes {
			bytes[i] = output[i : i+1]
		}
		if got := parse(tmpl, prompt, bytes...); !reflect.DeepEqual(got, whole) {
			t.Errorf("%q in bytes gives\n%+v, whole\n%+v", output, got, whole)
		}
	})
}
