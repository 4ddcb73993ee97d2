package ui

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"burble/app"
)

// strike types a key with Ctrl, as the window gets it.
func strike(w *window, k fyne.KeyName, mod fyne.KeyModifier) {
	s := &desktop.CustomShortcut{KeyName: k, Modifier: mod}
	if e, ok := w.win.Canvas().Focused().(fyne.Shortcutable); ok {
		e.TypedShortcut(s)
		return
	}
	w.shortcut(s)
}

func TestConversationCommands(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	named := func(name string) command {
		t.Helper()
		for _, c := range w.conversationCommands() {
			if c.name == name {
				return c
			}
		}
		t.Fatalf("there is no command %q", name)
		return command{}
	}
	for _, name := range []string{"Continue the answer", "Compare two presets…", "Edit your last message…", "Copy the last answer"} {
		c := named(name)
		if c.when() {
			t.Errorf("%q is offered without a conversation", name)
		}
	}
	strike(w, fyne.KeyUp, ctrl) // does nothing
	w.openChat(1)
	strike(w, fyne.KeyC, ctrl|fyne.KeyModifierShift)
	if got := w.app.Clipboard().Content(); got != "`Cut` never allocates; `SplitN` makes a slice." {
		t.Errorf("copied: %q", got)
	}
	named("Receipt of the last answer…").do()
	if w.receipt == nil {
		t.Error("there is no receipt")
	}
	w.escape()
	named("Compare two presets…").do()
	if w.compare == nil {
		t.Error("there is no comparison")
	}
	w.escape()
	strike(w, fyne.KeyR, ctrl)
	drain(w, f)
	if !called(f, "regenerate 1") || !w.answering() {
		t.Errorf("answered again: %v", f.calls)
	}
	before := len(f.calls)
	strike(w, fyne.KeyR, ctrl)
	strike(w, fyne.KeyUp, ctrl)
	if len(f.calls) != before || w.win.Canvas().Overlays().Top() != nil {
		t.Errorf("while it is answered: %v", f.calls[before:])
	}
	f.end(1, app.StatusComplete, "")
	drain(w, f)
	if !named("Continue the answer").when() {
		t.Error("it can't be continued")
	}
}

func TestEditByKeys(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	w.openChat(1)
	id := w.messages[2].ID
	strike(w, fyne.KeyUp, ctrl)
	e, ok := w.win.Canvas().Focused().(*entry)
	if !ok || e.Text != "And how is it different from SplitN?" {
		t.Fatal("the last message is not edited")
	}
	press(e, fyne.KeyEscape)
	if w.win.Canvas().Overlays().Top() != nil || w.win.Canvas().Focused() != w.composer.entry {
		t.Error("Escape does not close it")
	}
	strike(w, fyne.KeyUp, ctrl)
	e = w.win.Canvas().Focused().(*entry)
	e.SetText("And from Split?")
	strike(w, fyne.KeyReturn, ctrl)
	if !called(f, fmt.Sprintf("edit %d And from Split?", id)) || w.win.Canvas().Overlays().Top() != nil {
		t.Errorf("Ctrl+Return: %v", f.calls)
	}
	// What was written stays where it can't be kept.
	f.failSave = errors.New("the disk is full")
	choose(t, w, w.messages[1].ID, "Edit the answer…")
	e = w.win.Canvas().Focused().(*entry)
	e.SetText("Much work")
	strike(w, fyne.KeyReturn, ctrl)
	if w.win.Canvas().Overlays().Top() == nil || w.toast.text.Text != "The disk is full." {
		t.Errorf("a failure closes it: %q", w.toast.text.Text)
	}
	press(e, fyne.KeyEscape)
	f.failSave = nil
	// Deleting is undone by the same key as anything else.
	choose(t, w, id, "Delete, with what follows")
	w.undo()
	if want := fmt.Sprintf("restore message %d", id); !slices.Contains(f.calls, want) {
		t.Errorf("undo: %v", f.calls)
	}
}
