package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	builtin "burble/assets/guide"
	"burble/gguf"
	"burble/inference/tokenizer"
)

const guide = ".."

// TestCorpus wants every fact to be asked for in the evaluation, and no training question to be one of its questions.
func TestCorpus(t *testing.T) {
	c, err := readCorpus(guide + "/corpus")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := readEvaluation(guide + "/evaluation")
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	held := map[string]bool{}
	for _, q := range tests {
		times[q.Fact]++
		held[plain(q.Text)] = true
	}
	inside := 0
	for _, f := range c.Facts {
		if times[f.ID] < 2 && len(f.Ask) > 0 {
			t.Errorf("fact %q is asked for %d times", f.ID, times[f.ID])
		}
		inside += times[f.ID]
	}
	if inside+times[""] != len(tests) || inside < 300 || times[""] < 150 {
		t.Errorf("%d questions about Burble and %d others, of %d", inside, times[""], len(tests))
	}
	for i, list := range generate(c, tests, 100, 5000) {
		for _, q := range list {
			if held[plain(q.text)] {
				t.Fatalf("%q is in the evaluation", q.text)
			}
			for kind := range c.Lists {
				if strings.Contains(q.text, "{"+kind+"}") || strings.Contains(q.text, " | ") && i < len(c.Facts) {
					t.Fatalf("%q was not filled in", q.text)
				}
			}
		}
	}
	a := asker{rand.New(rand.NewPCG(1, 1)), c.Lists}
	for range 12 {
		f := &c.Facts[a.IntN(len(c.Facts))]
		if len(f.Ask) > 0 {
			t.Logf("%s: %s", f.ID, a.ask(f, false))
		}
		t.Logf("outside: %s", a.ask(&c.Outside, true))
	}
}

// TestBPE learns a vocabulary and wants text back as it was, in fewer tokens than bytes.
func TestBPE(t *testing.T) {
	text := strings.Repeat("How do I load a model? The model picker opens with Ctrl+O. ", 20)
	tokens, merges, err := trainBPE([]string{text, "naïve café — 東京"}, 400)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := vocabulary{tokens, merges}.tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{text, "naïve café — 東京 unseen WORDS 123\n\n"} {
		ids := tok.Encode(s, tokenizer.Options{})
		if got := tok.Decode(ids); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
	if n := len(tok.Encode(text, tokenizer.Options{})); n > len(text)/3 {
		t.Errorf("%d tokens for %d bytes", n, len(text))
	}
	if len(tokens) > 400 || len(tokens) < 259+len(merges)-5 {
		t.Errorf("%d tokens, %d merges", len(tokens), len(merges))
	}
}

func TestGerund(t *testing.T) {
	for x, want := range map[string]string{"load a model": "loading a model", "change it": "changing it", "stop": "stopping", "get help": "getting help",
		"open a file": "opening a file", "see it": "seeing it", "copy code": "copying code", "show it": "showing it", "tie a knot": "tying a knot", "read": "reading"} {
		if got := gerund(x); got != want {
			t.Errorf("gerund(%q) = %q, want %q", x, got, want)
		}
	}
}

// TestDeclining wants guide.Declining to be the token that the built-in guide declines with.
func TestDeclining(t *testing.T) {
	c, err := readCorpus(guide + "/corpus")
	if err != nil {
		t.Fatal(err)
	}
	path, err := builtin.Install(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tk, err := tokenizer.New(f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if first := tk.Encode(c.Outside.Answer, tokenizer.Options{})[0]; first != builtin.Declining {
		t.Errorf("declining begins with token %d, and guide.Declining is %d", first, builtin.Declining)
	}
}
