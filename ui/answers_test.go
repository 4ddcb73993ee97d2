package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/inference"
	"burble/ui/golden"
	"burble/ui/look"
)

// choose taps an item of a message's menu.
func choose(t testing.TB, w *window, id int64, label string) {
	t.Helper()
	for _, item := range w.messageMenu(id) {
		if item.Label == label {
			item.Action()
			return
		}
	}
	t.Fatalf("message %d has no %q in its menu", id, label)
}

func TestMessageMenu(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	first, last := w.messages[1].ID, w.messages[3].ID
	choose(t, w, last, "Continue")
	f.end(1, app.StatusStopped, "")
	drain(w, f)
	choose(t, w, first, "Delete, with what follows")
	drain(w, f)
	if !slices.Contains(f.calls, "delete message 3") || w.toast.action.Text != "Undo" {
		t.Fatalf("calls %v, toast %q", f.calls, w.toast.text.Text)
	}
	test.Tap(w.toast.action)
	if !slices.Contains(f.calls, "restore message 3") {
		t.Errorf("undo: %v", f.calls)
	}
	choose(t, w, first, "Answer again")
	drain(w, f)
	if !slices.Contains(f.calls, "regenerate message 3") || len(w.messages) != 2 {
		t.Errorf("an answer in the middle: %v, %d messages", f.calls, len(w.messages))
	}
	if items := w.messageMenu(w.messages[1].ID); items != nil {
		t.Error("while an answer is on its way, the tree can be changed")
	}
	f.end(1, app.StatusComplete, "")
	drain(w, f)
	choose(t, w, w.messages[1].ID, "Edit the answer…")
	entry := w.win.Canvas().Focused().(*entry)
	entry.SetText("Better")
	for _, o := range test.LaidOutObjects(w.win.Canvas().Overlays().Top()) {
		if b, ok := o.(*look.Button); ok && b.Text == "Save" {
			test.Tap(b)
		}
	}
	if !slices.ContainsFunc(f.calls, func(c string) bool { return strings.HasPrefix(c, "edit answer") && strings.HasSuffix(c, "Better") }) {
		t.Errorf("edited answer: %v", f.calls)
	}
}

func TestReceiptAndReplay(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 760)
	w.openChat(1)
	id := w.messages[1].ID
	choose(t, w, id, "Receipt…")
	if w.receipt == nil {
		t.Fatal("no receipt")
	}
	golden.Match(t, w.win, "receipt")
	keep(t, w, "receipt")
	test.Tap(w.receipt.replay)
	if !slices.Contains(f.calls, "replay 3") || !w.receipt.replay.Disabled() {
		t.Errorf("replay: %v", f.calls)
	}
	say := func(p app.Replay) string {
		p.MessageID = id
		f.signals <- app.Replayed{Replay: p}
		drain(w, f)
		return w.receipt.result.Text
	}
	if got := say(app.Replay{Identical: true, Same: 3}); !strings.Contains(got, "Identical: all 3 tokens") || w.receipt.replay.Disabled() {
		t.Errorf("identical: %q", got)
	}
	got := say(app.Replay{Same: 1, Was: inference.Alternative{ID: 5, Text: " cuts", P: 0.41}, Is: inference.Alternative{ID: -1}, Changed: []string{"device: then A, now B"}})
	if !strings.Contains(got, "first 1 tokens") || !strings.Contains(got, `" cuts" (41.0 %)`) || !strings.Contains(got, "the end of the answer") || !strings.Contains(got, "then A, now B") {
		t.Errorf("different: %q", got)
	}
	if got := say(app.Replay{Err: errors.New("the context is full")}); !strings.Contains(got, "context is full") {
		t.Errorf("failed: %q", got)
	}
	w.escape()
	if w.receipt != nil || w.sheet != nil {
		t.Error("Escape did not close the receipt")
	}
	f.failSave = app.ErrNoReceipt
	choose(t, w, id, "Receipt…")
	if w.receipt != nil {
		t.Error("a receipt that isn't there is shown")
	}
}

func TestTokenView(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 760)
	w.openChat(1)
	id := w.messages[1].ID
	choose(t, w, id, "Tokens…")
	if !slices.Contains(f.calls, "tokens 3") || w.tokens == nil {
		t.Fatalf("calls %v", f.calls)
	}
	var scores []inference.Score
	for i, text := range []string{"The", " quick", " brown", "\n", "fox", "‹e4›"} {
		p := float32(1) / float32(i+1)
		scores = append(scores, inference.Score{Token: inference.Alternative{ID: int32(i), Text: text, P: p},
			Best: []inference.Alternative{{ID: int32(i), Text: text, P: p}, {ID: 100, Text: " slow", P: p / 3}, {ID: 101, Text: "\n\n", P: 0.0001}}})
	}
	f.signals <- app.Scored{View: app.TokenView{MessageID: id + 1, Err: errors.New("of another")}}
	f.signals <- app.Scored{View: app.TokenView{MessageID: id, Scores: scores}}
	drain(w, f)
	x := w.tokens
	if len(x.field.texts) != 6 || x.field.texts[1].Text != "·quick" || x.field.texts[3].Text != "↵" || x.field.current != 0 {
		t.Fatalf("%d tokens, at %d", len(x.field.texts), x.field.current)
	}
	if x.field.at(4).Y <= x.field.at(3).Y || x.field.at(1).Y != x.field.at(0).Y {
		t.Error("a line break begins no line")
	}
	x.field.TypedKey(&fyne.KeyEvent{Name: fyne.KeyRight})
	golden.Match(t, w.win, "tokens")
	keep(t, w, "tokens")
	x.field.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	if x.field.current < 4 {
		t.Errorf("Down led to %d", x.field.current)
	}
	x.field.Tapped(&fyne.PointEvent{Position: x.field.at(2).AddXY(4, 4)})
	if x.field.current != 2 {
		t.Errorf("a tap led to %d", x.field.current)
	}
	x.branch(2, 100)
	if !slices.Contains(f.calls, "branch 3 at 2 with 100") || w.tokens != nil {
		t.Errorf("branch: %v", f.calls)
	}
	for s, want := range map[string]string{" a": "·a", "\n": "↵", "": "∅", "x": "x"} {
		if got := tokenText(s); got != want {
			t.Errorf("tokenText(%q) = %q", s, got)
		}
	}
}

func TestCompare(t *testing.T) {
	f := furnished()
	f.load()
	f.presets = []app.Preset{{ID: 1, Name: "Balanced"}, {ID: 2, Name: "Precise"}}
	w := open(t, f, 1180, 780)
	w.openChat(1)
	id := last(w).ID
	choose(t, w, id, "Compare two presets…")
	x := w.compare
	if x == nil || x.sides[0].choice.Selected == x.sides[1].choice.Selected {
		t.Fatal("no comparison, or of one preset with itself")
	}
	x.sides[0].choice.SetSelected("Balanced")
	x.sides[1].choice.SetSelected("Precise")
	test.Tap(x.run)
	drain(w, f)
	if want := fmt.Sprintf("regenerate message %d with 1", id); !slices.Contains(f.calls, want) || !x.run.Disabled() {
		t.Fatalf("calls %v", f.calls)
	}
	f.grow(1, "The first answer, which is **balanced**.", "")
	f.end(1, app.StatusComplete, "")
	drain(w, f)
	first := x.sides[0].answer
	if want := fmt.Sprintf("regenerate message %d with 2", id); !slices.Contains(f.calls, want) || x.turn != 1 {
		t.Fatalf("after the first answer: %v, turn %d", f.calls, x.turn)
	}
	f.messages[1] = append(f.messages[1], app.Message{}) // the fake shows one branch, and the first answer is on another
	f.messages[1][len(f.messages[1])-1] = f.messages[1][len(f.messages[1])-2]
	f.messages[1][len(f.messages[1])-2] = app.Message{ID: first, ChatID: 1, Role: "assistant", Content: "The first answer, which is **balanced**.", Status: app.StatusComplete, Stats: &inference.Stats{Tokens: 9}}
	f.grow(1, "The second.", "")
	f.end(1, app.StatusComplete, "")
	drain(w, f)
	if x.turn != 2 || x.run.Disabled() || x.sides[0].keep.Disabled() || x.sides[1].keep.Disabled() {
		t.Fatalf("after both: turn %d", x.turn)
	}
	golden.Match(t, w.win, "compare")
	keep(t, w, "compare")
	test.Tap(x.sides[0].keep)
	if want := fmt.Sprintf("show %d", first); !slices.Contains(f.calls, want) || w.compare != nil {
		t.Errorf("keeping the first: %v", f.calls)
	}
	choose(t, w, last(w).ID, "Compare two presets…")
	f.failSave = errors.New("no model is loaded")
	test.Tap(w.compare.run)
	if !strings.Contains(w.compare.note.Text, "No model is loaded") || w.compare.run.Disabled() {
		t.Errorf("a failure: %q", w.compare.note.Text)
	}
	w.escape()
	if w.compare != nil {
		t.Error("Escape did not close the comparison")
	}
}

func TestContextMenu(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	labels := func() string {
		var list []string
		for _, i := range w.contextMenu().Items {
			mark := ""
			if i.Checked {
				mark = "*"
			}
			list = append(list, mark+i.Label)
		}
		return strings.Join(list, "\n")
	}
	if got := labels(); !strings.Contains(got, "1,204 of 4,096 tokens are used") || !strings.Contains(got, "Nothing is left out yet: 2,891 tokens to go") || !strings.Contains(got, "*As the settings say") {
		t.Errorf("menu:\n%s", got)
	}
	w.setOverflow(app.OverflowMiddle)
	drain(w, f)
	if got := labels(); !strings.Contains(got, "*Keep the first turn") || !strings.Contains(got, "1,868 tokens to go") {
		t.Errorf("after the choice:\n%s", got)
	}
	w.status.set("", 4000, 4096)
	if got := w.overflowText(app.OverflowRefuse); !strings.Contains(got, "95 tokens to go") {
		t.Error(got)
	}
	if got := w.overflowText(app.OverflowDrop); got != "The next answer will leave out about 2 messages" {
		t.Error(got)
	}
	if got := w.overflowText(app.OverflowMiddle); got != "The next answer will leave out about 0 messages" { // two turns: the first and the last stay
		t.Error(got)
	}
	w.status.set("", 4096, 4096)
	if got := w.overflowText(app.OverflowRefuse); got != "The next message does not fit" {
		t.Error(got)
	}
	w.status.Tapped(&fyne.PointEvent{Position: fyne.NewPos(900, 5)})
	if w.win.Canvas().Overlays().Top() == nil {
		t.Error("a click on the meter opens nothing")
	}
}
