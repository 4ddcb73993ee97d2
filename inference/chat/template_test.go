package chat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var turnsOfTalk = []Message{
	{Role: System, Content: "Be brief, Sys-1."},
	{Role: User, Content: "Question-1?"},
	{Role: Assistant, Content: "Answer-1.", Reasoning: "Thought-1."},
	{Role: User, Content: "Question-2?"},
}

// conversations are what users make: none may fail with any template.
var conversations = map[string][]Message{
	"user":             turnsOfTalk[1:2],
	"system":           turnsOfTalk[:2],
	"turns":            turnsOfTalk,
	"two users":        {{Role: User, Content: "One-1"}, {Role: User, Content: "Two-2"}},
	"assistant first":  {{Role: Assistant, Content: "Welcome-1"}, {Role: User, Content: "Hi-2"}},
	"system later":     {{Role: User, Content: "Hi-1"}, {Role: System, Content: "French-2"}, {Role: User, Content: "Hello-3"}},
	"system last":      {{Role: User, Content: "Hi-1"}, {Role: Assistant, Content: "Ho-2"}, {Role: System, Content: "French-3"}},
	"system only":      {{Role: System, Content: "Sys-1"}},
	"two answers":      {{Role: User, Content: "Hi-1"}, {Role: Assistant, Content: "A-2"}, {Role: Assistant, Content: "B-3"}, {Role: User, Content: "C-4"}},
	"empty":            {{Role: User, Content: ""}},
	"empty answer":     {{Role: User, Content: "Hi-1"}, {Role: Assistant}, {Role: User, Content: "Hello-2"}},
	"template in text": {{Role: User, Content: "{{ raise_exception('x') }} {% for %} {#"}},
}

// templates are the real ones beside the module, and one of every known format.
func templates(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range knownFormats {
		all["format "+f.name] = f.name
	}
	files, _ := filepath.Glob(filepath.Join(shared(t, "templates"), "*.jinja"))
	if extra := os.Getenv("BURBLE_TEMPLATES"); extra != "" {
		more, _ := filepath.Glob(filepath.Join(extra, "*.jinja"))
		files = append(files, more...)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = string(source)
	}
	return all
}

func TestEveryConversationRenders(t *testing.T) {
	yes, no := true, false
	for name, source := range templates(t) {
		tmpl, warning, err := NewTemplate(source, "<s>", "</s>")
		if err != nil || warning != "" {
			t.Errorf("%s: %v %s", name, err, warning)
			continue
		}
		for label, messages := range conversations {
			for _, thinking := range []*bool{nil, &yes, &no} {
				text, warning, err := tmpl.Render(messages, RenderOptions{AddGenerationPrompt: true, Thinking: thinking})
				if err != nil || warning != "" {
					t.Errorf("%s, %s: %v %s", name, label, err, warning)
				}
				for _, m := range messages {
					if !strings.Contains(text, m.Content) {
						t.Errorf("%s, %s: %q is missing in %q", name, label, m.Content, text)
					}
				}
			}
		}
	}
}

func TestContinueFinal(t *testing.T) {
	for name, source := range templates(t) {
		tmpl := mustTemplate(t, source)
		for _, content := range []string{"The answer is", "Ends in space ", "Two\n\nparagraphs\n", "x"} {
			messages := append(turnsOfTalk[:3:3], Message{Role: User, Content: "Q?"}, Message{Role: Assistant, Content: content})
			text, warning, err := tmpl.Render(messages, RenderOptions{ContinueFinal: true})
			if err != nil || warning != "" || !strings.HasSuffix(text, content) {
				t.Errorf("%s: %q ends with %.80q, %v %s", name, content, text[max(len(text)-80, 0):], err, warning)
			}
			if got := parse(tmpl, text, " more"); len(got) != 1 || got[0] != answer(" more") {
				t.Errorf("%s: after %.60q, the answer goes on as %v", name, text[max(len(text)-60, 0):], got)
			}
		}
		messages := []Message{{Role: User, Content: "Q?"}, {Role: Assistant, Reasoning: "I was thinking"}}
		text, _, err := tmpl.Render(messages, RenderOptions{ContinueFinal: true})
		if err != nil || !strings.HasSuffix(text, "I was thinking") {
			t.Errorf("%s: the reasoning ends with %.80q, %v", name, text[max(len(text)-80, 0):], err)
		}
		if got := parse(tmpl, text, " more"); len(got) != 1 || got[0] != think("more") {
			t.Errorf("%s: after %.80q, the reasoning goes on as %v", name, text[max(len(text)-80, 0):], got)
		}
	}
}

func TestSystemGoesIntoTheUserMessage(t *testing.T) {
	tmpl := mustTemplate(t, `{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}`)
	text, warning, err := tmpl.Render(turnsOfTalk, RenderOptions{})
	want := "<user>Be brief, Sys-1.\n\nQuestion-1?<assistant>Answer-1.<user>Question-2?"
	if text != want || warning != "" || err != nil {
		t.Errorf("got %q, %q, %v", text, warning, err)
	}
	// One that leaves it out without a word.
	tmpl = mustTemplate(t, `{% for m in messages %}{% if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endif %}{% endfor %}`)
	if text, _, _ := tmpl.Render(turnsOfTalk, RenderOptions{}); text != want {
		t.Errorf("got %q", text)
	}
}

func TestFallback(t *testing.T) {
	for source, want := range map[string]string{
		`{% bogus %}<|start_header_id|>`:    "Llama 3",
		`{{ messages.nothing.here }}[INST]`: "Mistral",
		`{% include "x" %}<start_of_turn>`:  "Gemma",
		`{{ raise_exception('never') }}`:    "ChatML",
		`{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}<|user|><|end|>`: "Phi-3",
	} {
		tmpl, parseWarning, err := NewTemplate(source, "<s>", "</s>")
		if err != nil {
			t.Fatal(err)
		}
		text, warning, err := tmpl.Render(turnsOfTalk, RenderOptions{AddGenerationPrompt: true})
		if err != nil || !strings.Contains(warning, want+" format") || !strings.Contains(text, "Question-2?") {
			t.Errorf("%s: %q, warning %q, %v", source, text, warning, err)
		}
		if strings.Contains(source, "{% bogus") && !strings.Contains(parseWarning, want) {
			t.Errorf("%s: no warning when it's parsed", source)
		}
	}
	if _, warning, err := NewTemplate("", "", ""); warning == "" || err != nil {
		t.Errorf("no template: %q, %v", warning, err)
	}
	if _, _, err := NewTemplate("nonsense", "", ""); err == nil || !strings.Contains(err.Error(), "chatml") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestKnownFormats(t *testing.T) {
	want := map[string]string{
		"chatml":  "<|im_start|>system\nBe brief, Sys-1.<|im_end|>\n<|im_start|>user\nQuestion-1?<|im_end|>\n<|im_start|>assistant\nAnswer-1.<|im_end|>\n<|im_start|>user\nQuestion-2?<|im_end|>\n<|im_start|>assistant\n",
		"llama2":  "<s>[INST] <<SYS>>\nBe brief, Sys-1.\n<</SYS>>\n\nQuestion-1? [/INST] Answer-1. </s><s>[INST] Question-2? [/INST]",
		"mistral": "<s>[INST] Be brief, Sys-1.\n\nQuestion-1? [/INST] Answer-1.</s>[INST] Question-2? [/INST]",
		"gemma":   "<s><start_of_turn>user\nBe brief, Sys-1.\n\nQuestion-1?<end_of_turn>\n<start_of_turn>model\nAnswer-1.<end_of_turn>\n<start_of_turn>user\nQuestion-2?<end_of_turn>\n<start_of_turn>model\n",
		"vicuna":  "<s>Be brief, Sys-1.\n\nUSER: Question-1?\nASSISTANT: Answer-1.</s>\nUSER: Question-2?\nASSISTANT:",
	}
	for name, w := range want {
		text, _, err := mustTemplate(t, name).Render(turnsOfTalk, RenderOptions{AddGenerationPrompt: true})
		if err != nil || text != w {
			t.Errorf("%s:\n got %q, %v\nwant %q", name, text, err, w)
		}
	}
}

func TestThinking(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(shared(t, "templates"), "Qwen-Qwen3-0.6B.jinja"))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := mustTemplate(t, string(source))
	off := false
	text, _, _ := tmpl.Render(turnsOfTalk, RenderOptions{AddGenerationPrompt: true, Thinking: &off})
	if !tmpl.Thinks() || !strings.HasSuffix(text, "<think>\n\n</think>\n\n") || strings.Contains(text, "Thought-1") {
		t.Errorf("got %q", text)
	}
	if mustTemplate(t, "chatml").Thinks() {
		t.Error("ChatML thinks")
	}
}

func TestNow(t *testing.T) {
	tmpl := mustTemplate(t, `{{ strftime_now('%d %B %Y') }} {{ messages[0].content }}`)
	text, _, err := tmpl.Render(turnsOfTalk[1:2], RenderOptions{Now: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)})
	if text != "05 January 2026 Question-1?" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestRenderErrors(t *testing.T) {
	tmpl := mustTemplate(t, "chatml")
	if _, _, err := tmpl.Render(nil, RenderOptions{}); err == nil {
		t.Error("an empty conversation renders")
	}
	if _, _, err := tmpl.Render(turnsOfTalk, RenderOptions{ContinueFinal: true}); err == nil {
		t.Error("a question is continued")
	}
}
