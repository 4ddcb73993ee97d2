package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"burble/inference"
	"burble/inference/chat"
	"burble/inference/model/modeltest"
)

// eager makes titles come at once, whatever the model.
func eager(a *App) {
	a.Chats.titles.idle, a.Chats.titles.tiny = time.Millisecond, -1
}

func titleOf(t testing.TB, a *App, id int64) string {
	t.Helper()
	c, err := a.Chats.Chat(id)
	must(t, err)
	return c.Title
}

// begun sends a first message and has it answered by request n.
func begun(t testing.TB, a *App, f *fakeEngine, n int, text string) Chat {
	t.Helper()
	c := newChat(t, a)
	must(t, a.Chats.Send(c.ID, text))
	id, _ := f.asked(t, n)
	f.answer(id, "An answer.")
	settled(t, a, c.ID)
	return c
}

func TestTitles(t *testing.T) {
	a, f := start(t, t.TempDir())
	eager(a)
	c := begun(t, a, f, 1, "how do I cut a string in two in go please")
	if got := titleOf(t, a, c.ID); got != "how do I cut a string in two in go please" {
		t.Errorf("the first title is %q", got)
	}
	id, r := f.asked(t, 2)
	if n := len(r.Messages); n != 3 || r.Messages[n-1].Role != chat.User || r.Messages[n-1].Content != titleQuestion {
		t.Fatalf("asked %+v", r.Messages)
	}
	if r.MaxPrefill == 0 || r.MaxTokens == 0 || r.Sampling.Temperature != 0 || r.Overflow != inference.Refuse {
		t.Errorf("asked with %+v", r)
	}
	f.send(inference.Started{ID: id, PromptTokens: 40, Reused: 30}, inference.Token{ID: id, Text: "\n**Title: Cutting"},
		inference.Token{ID: id, Text: " strings in Go.**\n\nMore"}, inference.Done{ID: id, Reason: inference.FinishLength})
	eventually(t, "the title", func() bool { return titleOf(t, a, c.ID) == "Cutting strings in Go" })
	if m := messages(t, a, c.ID); len(m) != 2 {
		t.Errorf("the question for a title is among the messages: %+v", m)
	}

	// Whatever the user asks for ends it at once, in this chat or another, and its words are not used.
	c = begun(t, a, f, 3, "second chat")
	id, _ = f.asked(t, 4)
	f.send(inference.Token{ID: id, Text: "Half a ti"})
	must(t, a.Chats.Send(c.ID, "wait"))
	f.mu.Lock()
	stopped := len(f.stopped) == 1 && f.stopped[0] == id
	f.mu.Unlock()
	if !stopped {
		t.Fatalf("the title was not stopped: %v", f.stopped)
	}
	f.send(inference.Done{ID: id, Reason: inference.FinishStopped})
	id, _ = f.asked(t, 5)
	f.answer(id, "I wait.")
	settled(t, a, c.ID)
	id, _ = f.asked(t, 6) // the next answer gives it another chance
	if got := titleOf(t, a, c.ID); got != "second chat" {
		t.Errorf("half a title was used: %q", got)
	}
	// The user's own title is not replaced.
	must(t, a.Chats.Rename(c.ID, "Mine"))
	f.answer(id, "The Model's")
	eventually(t, "the end of the title", func() bool { return idle(a) })
	must(t, a.Chats.flush())
	if got := titleOf(t, a, c.ID); got != "Mine" {
		t.Errorf("the user's title was replaced by %q", got)
	}
	// What is no title, or fails, leaves the first words.
	for i, ev := range []inference.Event{inference.Token{ID: 0, Text: "  \"\" "}, inference.Failed{Err: inference.ErrPrefill}} {
		c = begun(t, a, f, 7+2*i, "third chat")
		id, _ = f.asked(t, 8+2*i)
		switch ev := ev.(type) {
		case inference.Token:
			f.answer(id, ev.Text)
		case inference.Failed:
			f.send(inference.Failed{ID: id, Err: ev.Err})
		}
		eventually(t, "the end of the title", func() bool { return idle(a) })
		if got := titleOf(t, a, c.ID); got != "third chat" {
			t.Errorf("the title is %q", got)
		}
	}
	// A model that is to be loaded need not wait for it.
	begun(t, a, f, 11, "fourth chat")
	id, _ = f.asked(t, 12)
	a.Models.Load("other.gguf")
	f.mu.Lock()
	if f.stopped[len(f.stopped)-1] != id {
		t.Error("a load waits for a title")
	}
	f.mu.Unlock()
}

// idle reports whether no title is on its way or waited for.
func idle(a *App) bool {
	a.Chats.titles.mu.Lock()
	defer a.Chats.titles.mu.Unlock()
	return a.Chats.titles.job == nil && a.Chats.titles.waiting == 0
}

// TestNoTitles has chats that get none: by the settings, of a tiny model, or temporary ones.
func TestNoTitles(t *testing.T) {
	for name, prepare := range map[string]func(a *App){
		"off":  func(a *App) { must(t, a.Settings.Update(func(v *Values) { v.AutoTitles = false })) },
		"tiny": func(a *App) { a.Chats.titles.tiny = tinyModel },
	} {
		a, f := start(t, t.TempDir())
		eager(a)
		prepare(a)
		begun(t, a, f, 1, "a chat")
		eventually(t, "nothing", func() bool { return idle(a) })
		f.mu.Lock()
		if len(f.requests) != 1 {
			t.Errorf("%s: the engine was asked for a title", name)
		}
		f.mu.Unlock()
	}
	a, f := start(t, t.TempDir())
	eager(a)
	c, err := a.Chats.CreateTemporary()
	must(t, err)
	must(t, a.Chats.Send(c.ID, "psst"))
	id, _ := f.asked(t, 1)
	f.answer(id, "yes?")
	settled(t, a, c.ID)
	time.Sleep(30 * time.Millisecond)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) != 1 {
		t.Error("the engine was asked for a temporary chat's title")
	}
}

func TestCleanTitle(t *testing.T) {
	for text, want := range map[string]string{
		"“Soup for a week.”\n":           "Soup for a week",
		"Title: A *bold* move":           "A *bold* move",
		"# Heading":                      "Heading",
		"":                               "",
		"…":                              "",
		"12:30":                          "",
		"東京の天気":                          "東京の天気",
		strings.Repeat("many words ", 9): "",

		"<think>\nThe user wants…\n</think>\n\nSoup for a week": "Soup for a week",
		"<think>\nThe user wants a title":                       "",
		"Soup for a week<|im_end|>\n<|im_start|>user":           "Soup for a week",
		"<|im_start|>": "",
		"Here is a title:\n\n**Soup for a week**":   "Soup for a week",
		"Sure! Here's a title: \"Soup for a week\"": "Soup for a week",
		"标题：一周的汤":                                   "一周的汤",
		"《一周的汤》":                                    "一周的汤",
		"Go: cutting strings":                       "Go: cutting strings",
		"```\nSoup\n```":                            "Soup",
		"Conversation":                              "",
		"New chat.":                                 "",
		titleQuestion:                               "",
		"Write a title for this conversation":       "",
		"strings strings strings strings":           "",
		"the the the The cat the":                   "",
		"Yes Yes":                                   "Yes Yes",
	} {
		if got := cleanTitle(text); got != want {
			t.Errorf("cleanTitle(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestBadTitles has a real, very small model make titles, which it was never taught: whatever it says, the chat has a sensible title.
func TestBadTitles(t *testing.T) {
	model, err := filepath.Abs(filepath.Join("..", "..", "shared", "models", "gopher-20m-Q8_0.gguf"))
	must(t, err)
	if _, err := os.Stat(model); err != nil {
		t.Skip(err)
	}
	o := folders(t.TempDir())
	o.Model = model
	a, err := New(context.Background(), o)
	must(t, err)
	defer a.Close()
	eager(a)
	must(t, a.Settings.Update(func(v *Values) { v.Sampling.Temperature, v.MaxTokens, v.Device = 0, 40, "cpu" }))
	for _, question := range []string{"What does strings.Cut do?", "```go\nfunc main() {}\n```\nWhat is this?", "hi"} {
		c := newChat(t, a)
		must(t, a.Chats.Send(c.ID, question))
		settled(t, a, c.ID)
		eventually(t, "the title", func() bool { return idle(a) })
		must(t, a.Chats.flush())
		got := titleOf(t, a, c.ID)
		t.Logf("%q is called %q", question, got)
		if got == "" || len([]rune(got)) > titleLength || strings.ContainsAny(got, "\n<`") || saysNothing(got) {
			t.Errorf("%q is called %q", question, got)
		}
	}
}

// TestTitlesKeepTheCache compares the tokens that a second answer reuses after a title was made, and without one, on the real
// engine: a title costs the conversation nothing.
func TestTitlesKeepTheCache(t *testing.T) {
	reused := map[bool]int{}
	for _, with := range []bool{false, true} {
		dir := t.TempDir()
		o := folders(dir)
		o.Model = filepath.Join(dir, "tiny.gguf")
		tiny(t, o.Model, modeltest.Options{Context: 512})
		a, err := New(context.Background(), o)
		must(t, err)
		eager(a)
		a.Chats.titles.prefill = 512 // the model's tokens are single letters
		must(t, a.Settings.Update(func(v *Values) {
			v.AutoTitles, v.MaxTokens, v.Sampling.Temperature, v.Device = with, 12, 0, "cpu"
		}))
		log := record(t, a)
		c := newChat(t, a)
		must(t, a.Chats.Send(c.ID, "What does strings.Cut do, and since when does it exist?"))
		settled(t, a, c.ID)
		if with { // the model is random: it makes some title, or none
			find(t, log, any1[AnswerDone])
			eventually(t, "the title", func() bool { return idle(a) })
		}
		must(t, a.Chats.Send(c.ID, "And then?"))
		m := settled(t, a, c.ID)
		if m[3].Stats == nil {
			t.Fatalf("second answer: %+v", m[3])
		}
		reused[with] = m[3].Stats.Reused
		t.Logf("titles %v: %d of %d tokens reused, title %q", with, m[3].Stats.Reused, m[3].Stats.PromptTokens, titleOf(t, a, c.ID))
		must(t, a.Close())
	}
	// The title's question has read the answer as text already, which makes other tokens than the answer was made of.
	if reused[true] <= reused[false] || reused[false] == 0 {
		t.Errorf("%d tokens are reused after a title, %d without", reused[true], reused[false])
	}
}
