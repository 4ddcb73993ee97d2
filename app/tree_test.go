package app

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/inference/model/modeltest"
	"burble/inference/sample"
)

// contents are the texts of the branch that is shown.
func contents(t testing.TB, a *App, chatID int64) string {
	t.Helper()
	list, err := a.Chats.Messages(chatID)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, m := range list {
		texts = append(texts, m.Content)
	}
	return strings.Join(texts, " | ")
}

func TestTree(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	answer := func(text string) {
		t.Helper()
		n++
		id, _ := f.asked(t, n)
		f.answer(id, text)
		settled(t, a, c.ID)
	}
	must(a.Chats.Send(c.ID, "one"))
	answer("A")
	must(a.Chats.Send(c.ID, "two"))
	answer("B")
	list := settled(t, a, c.ID)
	first, second := list[1].ID, list[3].ID

	// An answer in the middle is made again with a preset: the rest stays on its own branch.
	p, err := a.Presets.Create(Preset{Name: "Cold", Parameters: Parameters{System: "Be cold."}})
	must(err)
	must(a.Chats.RegenerateMessage(first, &p.ID))
	_, r := f.asked(t, 3)
	if len(r.Messages) != 2 || r.Messages[0].Content != "Be cold." || r.Messages[1].Content != "one" {
		t.Errorf("the request for another answer: %+v", r.Messages)
	}
	answer("A2")
	if got := contents(t, a, c.ID); got != "one | A2" {
		t.Errorf("after making the first answer again: %s", got)
	}
	if s, err := a.Chats.Siblings(first); err != nil || len(s) != 2 {
		t.Errorf("siblings %v, %v", s, err)
	}
	must(a.Chats.Show(first))
	if got := contents(t, a, c.ID); got != "one | A | two | B" {
		t.Errorf("back on the first branch: %s", got)
	}

	// An edited answer is another version, too.
	must(a.Chats.EditAnswer(second, "B, mended"))
	if got := contents(t, a, c.ID); got != "one | A | two | B, mended" {
		t.Errorf("after the edit: %s", got)
	}
	if err := a.Chats.EditAnswer(list[0].ID, "x"); err == nil {
		t.Error("a user's message was edited as an answer")
	}
	if err := a.Chats.EditAnswer(second, " \n"); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty answer: %v", err)
	}
	if err := a.Chats.RegenerateMessage(list[0].ID, nil); err == nil {
		t.Error("a user's message was made again")
	}

	// Deleting shows the version before; deleting the last one, the message before. Undo brings all of it back.
	edited := settled(t, a, c.ID)[3].ID
	must(a.Chats.DeleteMessage(edited))
	if got := contents(t, a, c.ID); got != "one | A | two | B" {
		t.Errorf("after deleting the edited version: %s", got)
	}
	if m := settled(t, a, c.ID)[3]; m.Siblings != 1 {
		t.Errorf("%d versions are counted, want 1", m.Siblings)
	}
	if hits, err := a.Chats.Search("mended", 10); err != nil || len(hits) != 0 {
		t.Errorf("what was deleted is found: %v, %v", hits, err)
	}
	must(a.Chats.RestoreMessage(edited))
	if got := contents(t, a, c.ID); got != "one | A | two | B, mended" {
		t.Errorf("after undoing it: %s", got)
	}
	must(a.Chats.DeleteMessage(first)) // with all that followed
	if got := contents(t, a, c.ID); got != "one | A2" {
		t.Errorf("after deleting a branch: %s", got)
	}
	must(a.Chats.DeleteMessage(settled(t, a, c.ID)[1].ID))
	if got := contents(t, a, c.ID); got != "one" {
		t.Errorf("after deleting the last answer: %s", got)
	}
	must(a.Chats.DeleteMessage(list[0].ID))
	if got := contents(t, a, c.ID); got != "" {
		t.Errorf("after deleting everything: %s", got)
	}
	must(a.Chats.RestoreMessage(list[0].ID))
	must(a.Chats.RestoreMessage(first))
	if got := contents(t, a, c.ID); got != "one | A | two | B, mended" {
		t.Errorf("after undoing all: %s", got)
	}
	if err := a.Chats.DeleteMessage(1 << 40); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleting what isn't there: %v", err)
	}

	// What was deleted long ago is gone for good, and nothing else.
	must(a.Chats.DeleteMessage(edited))
	must(a.store.purge(context.Background(), time.Now().Add(keepDeleted+time.Hour)))
	if err := a.Chats.RestoreMessage(edited); !errors.Is(err, ErrNotFound) {
		t.Errorf("a message deleted long ago: %v", err)
	}
	if got := contents(t, a, c.ID); got != "one | A | two | B" {
		t.Errorf("after the purge: %s", got)
	}
}

// TestReceipts goes the whole way with a tiny model at temperature 1: the receipt, the replay, a planted difference, the tokens, and a
// branch from one of them.
func TestReceipts(t *testing.T) {
	dir := t.TempDir()
	o := folders(dir)
	o.Model = filepath.Join(dir, "data", "models", "tiny.gguf")
	tiny(t, o.Model, modeltest.Options{Context: 256, Set: map[string]any{"general.name": "Tiny"}})
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	log := record(t, a)
	c := newChat(t, a)
	if err := a.Settings.Update(func(v *Values) { v.MaxTokens = 20; v.Sampling.Temperature = 1; v.Device = "cpu" }); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Send(c.ID, "What does strings.Cut do?"); err != nil {
		t.Fatal(err)
	}
	m := settled(t, a, c.ID)[1]
	r, err := a.Chats.Receipt(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r.Model != "Tiny" || r.File != o.Model || r.Sampling.Seed == nil || *r.Sampling.Seed != m.Stats.Seed || len(r.Tokens) != m.Stats.Tokens || len(r.Prompt) != m.Stats.PromptTokens ||
		r.Chain == "" || r.Device == "" || r.Build != Version {
		t.Errorf("receipt %+v", r)
	}
	eventually(t, "the file's hash", func() bool { r, err = a.Chats.Receipt(m.ID); return err == nil && len(r.Hashes) == 1 })
	if len(r.Hashes[0].SHA256) != 64 || r.Hashes[0].Name != "tiny.gguf" {
		t.Errorf("hashes %v", r.Hashes)
	}
	if again := openHashes(a.Models.hashes.path).want(o.Model, r.Stamp); !slices.Equal(again, r.Hashes) {
		t.Errorf("after a restart: %v", again)
	}

	replay := func(what string, ok func(Replay) bool) {
		t.Helper()
		if err := a.Chats.Replay(m.ID); err != nil {
			t.Fatal(err)
		}
		var got Replay
		eventually(t, "the replay", func() bool {
			for _, s := range log.all() {
				if s, is := s.(Replayed); is {
					got = s.Replay
					log.mu.Lock()
					log.list = slices.DeleteFunc(log.list, func(s Signal) bool { _, is := s.(Replayed); return is })
					log.mu.Unlock()
					return true
				}
			}
			return false
		})
		if !ok(got) || got.MessageID != m.ID {
			t.Errorf("%s: %+v", what, got)
		}
	}
	replay("the same again", func(p Replay) bool {
		return p.Identical && p.Err == nil && p.Same == len(r.Tokens) && len(p.Changed) == 0
	})
	// A planted difference: the receipt says another token than the model wrote.
	planted := r
	planted.Tokens = slices.Clone(r.Tokens)
	planted.Tokens[7]++
	planted.Device = "another card"
	if err := a.store.keepReceipt(context.Background(), m.ID, &planted); err != nil {
		t.Fatal(err)
	}
	replay("with a planted difference", func(p Replay) bool {
		return !p.Identical && p.Same == 7 && p.Was.ID == r.Tokens[7]+1 && p.Is.ID == r.Tokens[7] && p.Is.P > 0 && len(p.Changed) == 1 && strings.Contains(p.Changed[0], "another card")
	})
	if err := a.store.keepReceipt(context.Background(), m.ID, &r); err != nil {
		t.Fatal(err)
	}

	if err := a.Chats.Tokens(m.ID); err != nil {
		t.Fatal(err)
	}
	view := find(t, log, func(s Scored) bool { return s.View.MessageID == m.ID }).View
	if view.Err != nil || len(view.Scores) != len(r.Tokens) || len(view.Scores[3].Best) != alternatives {
		t.Fatalf("view %+v", view)
	}
	other := view.Scores[5].Best[0]
	if other.ID == r.Tokens[5] {
		other = view.Scores[5].Best[1]
	}
	if err := a.Chats.Branch(m.ID, 5, other.ID); err != nil {
		t.Fatal(err)
	}
	b := settled(t, a, c.ID)[1]
	br, err := a.Chats.Receipt(b.ID)
	if err != nil || b.ID == m.ID || b.Siblings != 2 || br.Begun != 6 || !slices.Equal(br.Tokens[:5], r.Tokens[:5]) || br.Tokens[5] != other.ID {
		t.Errorf("branch %+v, %+v, %v", b, br, err)
	}
	if err := a.Chats.Branch(m.ID, 1000, 1); err == nil {
		t.Error("a branch from a token that isn't there")
	}

	// Two presets with one system prompt share the prompt: the second answer reads none of it but its last token.
	for _, temperature := range []float32{0.2, 0.9} {
		p, err := a.Presets.Create(Preset{Name: "P", Parameters: Parameters{Sampling: sample.Params{Temperature: temperature}, MaxTokens: 5}})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Chats.RegenerateMessage(m.ID, &p.ID); err != nil {
			t.Fatal(err)
		}
		again := settled(t, a, c.ID)[1]
		if r, err := a.Chats.Receipt(again.ID); err != nil || again.Stats.Reused < again.Stats.PromptTokens-1 || r.Sampling.Temperature != temperature {
			t.Errorf("with temperature %g: %+v reused, %v", temperature, again.Stats, err)
		}
	}

	// Without a receipt, it says so.
	if err := a.Chats.EditAnswer(m.ID, "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Chats.Receipt(settled(t, a, c.ID)[1].ID); !errors.Is(err, ErrNoReceipt) {
		t.Errorf("the receipt of what a person wrote: %v", err)
	}
}

func TestTokenIDs(t *testing.T) {
	for _, ids := range []TokenIDs{nil, {0}, {1, 127, 128, 151935, 1<<31 - 1}} {
		data, err := json.Marshal(ids)
		if err != nil {
			t.Fatal(err)
		}
		var got TokenIDs
		if err := json.Unmarshal(data, &got); err != nil || !slices.Equal(got, ids) {
			t.Errorf("%v became %s and %v, %v", ids, data, got, err)
		}
	}
	for _, bad := range []string{`"gA=="`, `"/////w//////////"`, `5`, `"!"`} {
		var got TokenIDs
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s was read as %v", bad, got)
		}
	}
}
