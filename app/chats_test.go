package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"burble/inference"
	"burble/inference/chat"
	"burble/inference/sample"
)

func TestConversation(t *testing.T) {
	a, f := start(t, t.TempDir())
	log := record(t, a)
	c := newChat(t, a)
	if err := a.Settings.Update(func(v *Values) { v.SystemPrompt = "Be brief."; v.Overflow = OverflowDrop; v.Lookup = 8 }); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Send(c.ID, "What does\nCut do?"); err != nil {
		t.Fatal(err)
	}
	id, r := f.asked(t, 1)
	want := []chat.Message{{Role: chat.System, Content: "Be brief."}, {Role: chat.User, Content: "What does\nCut do?"}}
	if fmt.Sprint(r.Messages) != fmt.Sprint(want) {
		t.Errorf("messages = %v, want %v", r.Messages, want)
	}
	if r.Overflow != inference.DropOldest || r.Lookup != 8 || r.Sampling.Temperature != sample.Defaults().Temperature {
		t.Errorf("request = %+v", r)
	}
	if m := messages(t, a, c.ID); len(m) != 2 || m[1].Status != StatusStreaming || !m[1].Progress.Queued {
		t.Fatalf("messages before the start = %+v", m)
	}
	if err := a.Chats.Send(c.ID, "And?"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second Send = %v, want ErrBusy", err)
	}
	if err := a.Chats.Regenerate(c.ID); !errors.Is(err, ErrBusy) {
		t.Errorf("Regenerate = %v, want ErrBusy", err)
	}
	f.send(inference.Started{ID: id, PromptTokens: 20, Reused: 5, Dropped: 2}, inference.Prefill{ID: id, Done: 12, Total: 20})
	answerID := messages(t, a, c.ID)[1].ID
	eventually(t, "prefill", func() bool {
		m, err := a.Chats.Message(answerID)
		return err == nil && m.Progress != nil && *m.Progress == Progress{PromptDone: 12, PromptTotal: 20, Reused: 5}
	})
	f.send(inference.Token{ID: id, Reasoning: "Hm.", Tokens: 1})
	time.Sleep(40 * time.Millisecond)
	f.send(inference.Token{ID: id, Text: "It ", Tokens: 2}, inference.Token{ID: id, Text: "cuts.", Tokens: 3})
	find(t, log, func(s MessageStreaming) bool {
		m, err := a.Chats.Message(s.MessageID)
		return err == nil && m.Content == "It cuts." && m.Reasoning == "Hm." && m.Progress.Tokens == 3 && m.Thought >= 30*time.Millisecond
	})
	stats := inference.Stats{PromptTokens: 20, Tokens: 3, Seed: 1<<64 - 1, DecodeTime: time.Second}
	f.send(inference.Done{ID: id, Reason: inference.FinishLength, Stats: stats})
	if d := find(t, log, any1[AnswerDone]); d.MessageID != answerID || d.ChatID != c.ID {
		t.Errorf("AnswerDone = %+v", d)
	}
	m := messages(t, a, c.ID)[1]
	if m.Status != StatusComplete || m.Content != "It cuts." || m.Reasoning != "Hm." || m.Thought < 30*time.Millisecond || m.Thought > 10*time.Second || m.Model != "fake.gguf" || m.Progress != nil ||
		m.Finish != inference.FinishLength || m.Stats == nil || *m.Stats != stats || !strings.Contains(m.Warning, "2 messages were left out") {
		t.Errorf("the answer = %+v", m)
	}
	list, err := a.Chats.List()
	if err != nil || len(list) != 1 || list[0].Title != "What does" {
		t.Errorf("List = %+v, %v", list, err)
	}
	// A second turn carries the first.
	if err := a.Chats.Send(c.ID, "Thanks"); err != nil {
		t.Fatal(err)
	}
	id, r = f.asked(t, 2)
	if len(r.Messages) != 4 || r.Messages[2] != (chat.Message{Role: chat.Assistant, Content: "It cuts.", Reasoning: "Hm."}) {
		t.Errorf("messages = %v", r.Messages)
	}
	f.answer(id, "Bye")
	settled(t, a, c.ID)
}

func TestSendRefused(t *testing.T) {
	o := folders(t.TempDir())
	f := newFake()
	f.hold = true
	o.Engine = f
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); !errors.Is(err, ErrNoModel) {
		t.Errorf("Send without a model = %v", err)
	}
	if err := a.Chats.SetDraft(c.ID, "Hello"); err != nil {
		t.Error(err)
	}
	if m := messages(t, a, c.ID); len(m) != 0 {
		t.Errorf("it stored %v", m)
	}
	// With a model on its way, the engine answers when it is there.
	a.Models.Load("x.gguf")
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Errorf("Send while loading = %v", err)
	}
	if got, _ := a.Chats.Chat(c.ID); got.Draft != "" || !got.Busy {
		t.Errorf("chat after Send = %+v", got)
	}
	f.asked(t, 1)
	for _, err := range []error{a.Chats.Send(c.ID, " \n"), a.Chats.Edit(1, "")} {
		if !errors.Is(err, ErrEmpty) {
			t.Errorf("sending nothing = %v", err)
		}
	}
	if err := a.Chats.Send(999, "Hello"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Send to no chat = %v", err)
	}
}

func TestStop(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.send(inference.Started{ID: id, PromptTokens: 1}, inference.Token{ID: id, Text: "Hel", Tokens: 1})
	a.Chats.Stop(c.ID)
	f.mu.Lock()
	if len(f.stopped) != 1 || f.stopped[0] != id {
		t.Errorf("stopped = %v", f.stopped)
	}
	f.mu.Unlock()
	f.send(inference.Done{ID: id, Reason: inference.FinishStopped})
	if m := settled(t, a, c.ID)[1]; m.Status != StatusStopped || m.Content != "Hel" {
		t.Errorf("stopped answer = %+v", m)
	}
	if err := a.Chats.Continue(c.ID); err != nil {
		t.Fatal(err)
	}
	id, r := f.asked(t, 2)
	if last := r.Messages[len(r.Messages)-1]; !r.Continue || last.Role != chat.Assistant || last.Content != "Hel" {
		t.Errorf("request = %+v", r)
	}
	f.answer(id, "lo")
	if m := settled(t, a, c.ID); len(m) != 2 || m[1].Content != "Hello" || m[1].Status != StatusComplete {
		t.Errorf("continued = %+v", m)
	}
}

func TestRegenerate(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	if err := a.Chats.Regenerate(c.ID); err == nil {
		t.Error("Regenerate in an empty chat worked")
	}
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	// An answer that fails without a word: its place is taken.
	id, _ := f.asked(t, 1)
	f.send(inference.Failed{ID: id, Err: errors.New("no luck")})
	m := settled(t, a, c.ID)
	if m[1].Status != StatusFailed || m[1].Error != "no luck" {
		t.Fatalf("failed answer = %+v", m[1])
	}
	failed := m[1].ID
	if err := a.Chats.Regenerate(c.ID); err != nil {
		t.Fatal(err)
	}
	id, r := f.asked(t, 2)
	if len(r.Messages) != 1 || r.Messages[0].Content != "Hello" {
		t.Errorf("messages = %v", r.Messages)
	}
	f.answer(id, "First")
	m = settled(t, a, c.ID)
	if len(m) != 2 || m[1].ID != failed || m[1].Content != "First" || m[1].Error != "" || m[1].Siblings != 1 {
		t.Errorf("after trying again = %+v", m)
	}
	// An answer with words: it is kept beside the new one.
	if err := a.Chats.Regenerate(c.ID); err != nil {
		t.Fatal(err)
	}
	id, _ = f.asked(t, 3)
	f.answer(id, "Second")
	m = settled(t, a, c.ID)
	if len(m) != 2 || m[1].Content != "Second" || m[1].Siblings != 2 {
		t.Errorf("after Regenerate = %+v", m)
	}
	ids, err := a.Chats.Siblings(m[1].ID)
	if err != nil || len(ids) != 2 || ids[0] != failed || ids[1] != m[1].ID {
		t.Errorf("Siblings = %v, %v", ids, err)
	}
	if err := a.Chats.Show(failed); err != nil {
		t.Fatal(err)
	}
	if m := messages(t, a, c.ID); len(m) != 2 || m[1].Content != "First" {
		t.Errorf("after Show = %+v", m)
	}
	// An edit makes another branch, and the old one comes back.
	user := m[0].ID
	if err := a.Chats.Edit(user, "Good day"); err != nil {
		t.Fatal(err)
	}
	id, r = f.asked(t, 4)
	if len(r.Messages) != 1 || r.Messages[0].Content != "Good day" {
		t.Errorf("messages = %v", r.Messages)
	}
	f.answer(id, "Third")
	if m := settled(t, a, c.ID); len(m) != 2 || m[0].Content != "Good day" || m[0].Siblings != 2 || m[1].Content != "Third" {
		t.Errorf("after Edit = %+v", m)
	}
	if err := a.Chats.Show(user); err != nil {
		t.Fatal(err)
	}
	if m := messages(t, a, c.ID); len(m) != 2 || m[0].Content != "Hello" || m[1].Content != "Second" {
		t.Errorf("after Show of the old branch = %+v", m)
	}
	if err := a.Chats.Edit(m[1].ID, "x"); err == nil {
		t.Error("an answer could be edited")
	}
}

// TestFailedTurn sends on after an answer that failed without a word: the template must see turns that alternate.
func TestFailedTurn(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "One"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.send(inference.Failed{ID: id, Err: errors.New("no luck")})
	settled(t, a, c.ID)
	if err := a.Chats.Send(c.ID, "Two"); err != nil {
		t.Fatal(err)
	}
	if _, r := f.asked(t, 2); len(r.Messages) != 1 || r.Messages[0].Content != "One\n\nTwo" {
		t.Errorf("messages = %v", r.Messages)
	}
}

func TestQueuedChats(t *testing.T) {
	a, f := start(t, t.TempDir())
	one, two := newChat(t, a), newChat(t, a)
	for _, c := range []Chat{one, two} {
		if err := a.Chats.Send(c.ID, "Hello"); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := f.asked(t, 1)
	second, _ := f.asked(t, 2)
	f.send(inference.Started{ID: first, PromptTokens: 1})
	eventually(t, "the first answer's start", func() bool { return !messages(t, a, one.ID)[1].Progress.Queued })
	if !messages(t, a, two.ID)[1].Progress.Queued {
		t.Error("the second answer is not queued")
	}
	f.answer(first, "1")
	f.answer(second, "2")
	if m := settled(t, a, two.ID); m[1].Content != "2" {
		t.Errorf("second answer = %+v", m[1])
	}
	if m := settled(t, a, one.ID); m[1].Content != "1" {
		t.Errorf("first answer = %+v", m[1])
	}
	// Deleting a chat stops its answer.
	if err := a.Chats.Send(one.ID, "More"); err != nil {
		t.Fatal(err)
	}
	third, _ := f.asked(t, 3)
	if err := a.Chats.Delete(one.ID); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.stopped) != 1 || f.stopped[0] != third {
		t.Errorf("stopped = %v", f.stopped)
	}
}

func TestChatList(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	c := newChat(t, a)
	if err := a.Chats.Rename(c.ID, "  My \n chat "); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.answer(id, "Hi")
	settled(t, a, c.ID)
	if got, _ := a.Chats.Chat(c.ID); got.Title != "My chat" {
		t.Errorf("title = %q: a message replaced the user's own", got.Title)
	}
	if err := a.Chats.Rename(c.ID, " "); err == nil {
		t.Error("an empty title was taken")
	}
	if err := a.Chats.Delete(c.ID); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Delete(c.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleting again = %v", err)
	}
	if list, _ := a.Chats.List(); len(list) != 0 {
		t.Errorf("List = %v", list)
	}
	if list, _ := a.Chats.Deleted(); len(list) != 1 {
		t.Errorf("Deleted = %v", list)
	}
	if err := a.Chats.Send(c.ID, "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Send to a deleted chat = %v", err)
	}
	if err := a.Chats.Restore(c.ID); err != nil {
		t.Fatal(err)
	}
	if m := messages(t, a, c.ID); len(m) != 2 || m[1].Content != "Hi" {
		t.Errorf("restored messages = %v", m)
	}
	// Purged after 30 days, not before.
	if err := a.Chats.Delete(c.ID); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, p := range []struct {
		days, left int
	}{{29, 1}, {31, 0}} {
		if err := a.store.purge(ctx, time.Now().Add(time.Duration(p.days)*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if list, _ := a.Chats.Deleted(); len(list) != p.left {
			t.Errorf("after %d days %d deleted chats are left, want %d", p.days, len(list), p.left)
		}
	}
	var n int
	if err := a.store.db.QueryRow("SELECT count(*) FROM messages").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d messages of a purged chat are left (%v)", n, err)
	}
}

func TestChatOptions(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	seed, yes, system, limit := uint64(5), true, "Speak French.", 100
	o := ChatOptions{System: &system, Sampling: &sample.Params{Temperature: 900, Seed: &seed}, Thinking: &yes, MaxTokens: &limit}
	if err := a.Chats.SetOptions(c.ID, o); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	_, r := f.asked(t, 1)
	if r.Sampling.Temperature != 100 || *r.Sampling.Seed != 5 || !*r.Thinking || r.MaxTokens != 100 || r.Messages[0].Content != system {
		t.Errorf("request = %+v", r)
	}
	if err := r.Sampling.Validate(); err != nil {
		t.Error(err)
	}
}

func TestTitle(t *testing.T) {
	for in, want := range map[string]string{
		"Hello": "Hello", "\n\n  # Two   words\nmore": "Two words", " \n": "",
		strings.Repeat("word ", 30): strings.Repeat("word ", 10) + "word word…",
		strings.Repeat("é", 61):     strings.Repeat("é", 59) + "…",
		strings.Repeat("é", 60):     strings.Repeat("é", 60),
		"- a list\n- that goes on":  "a list",
		"日本語の質問です\nもっと":             "日本語の質問です",
	} {
		got := title(in)
		if want == strings.Repeat("word ", 10)+"word word…" {
			if n := len([]rune(got)); n > titleLength || !strings.HasSuffix(got, "word…") {
				t.Errorf("title of many words = %q (%d characters)", got, n)
			}
			continue
		}
		if got != want {
			t.Errorf("title(%q) = %q, want %q", in, got, want)
		}
	}
}
