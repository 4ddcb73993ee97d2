package ui

import (
	"testing"

	"fyne.io/fyne/v2/test"
)

// TestQuote quotes an answer below what was typed, and goes on typing after the quotation.
func TestQuote(t *testing.T) {
	f := newFake()
	f.load()
	id := f.chatWith("Words", noon, "Hello", "One.\n\nTwo.")
	w := open(t, f, 1000, 700)
	w.openChat(id)
	drain(w, f)
	test.Type(w.composer.entry, "First:")
	w.view.OnQuote(w.messages[1].Content)
	if w.win.Canvas().Focused() != w.composer.entry {
		t.Error("the composer has not the focus")
	}
	w.composer.entry.TypedRune('W')
	if got, want := w.composer.entry.Text, "First:\n\n> One.\n>\n> Two.\n\nW"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
