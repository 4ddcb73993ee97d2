package ui

import (
	"fmt"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/ui/look"
)

// TestEdit edits a message in its dialog, and goes through the versions of one.
func TestEdit(t *testing.T) {
	f := newFake()
	f.load()
	id := f.chatWith("Words", noon, "A tpyo", "An answer.")
	f.messages[id][0].Siblings = 2
	w := open(t, f, 1000, 700)
	w.openChat(id)
	drain(w, f)
	first := w.messages[0]
	if p := w.present(first, false); p.Version != 1 || p.Versions != 2 {
		t.Errorf("version %d of %d", p.Version, p.Versions)
	}
	if p := w.present(app.Message{ID: 5}, false); p.Versions != 0 {
		t.Errorf("a message that was never edited has %d versions", p.Versions)
	}

	w.view.OnEdit(first.ID)
	field, ok := w.win.Canvas().Focused().(*entry)
	if !ok || field.Text != "A tpyo" {
		t.Fatalf("the field holds %+v", field)
	}
	field.SetText("")
	test.Type(field, "A typo")
	send := findButton(w.win.Canvas().Overlays().Top(), "Send")
	if send == nil {
		t.Fatal("there is no Send button")
	}
	send.OnTapped()
	if want := fmt.Sprintf("edit %d A typo", first.ID); !called(f, want) {
		t.Errorf("calls %v, want %q", f.calls, want)
	}
	if w.win.Canvas().Overlays().Top() != nil {
		t.Error("the dialog stays open")
	}

	w.view.OnVersion(first.ID, -1) // there is none before the first
	w.view.OnVersion(first.ID, +1)
	if want := fmt.Sprintf("show %d", first.ID+1000); !called(f, want) {
		t.Errorf("calls %v, want %q", f.calls, want)
	}
	w.view.OnEdit(4711) // a message that has gone meanwhile
	if w.win.Canvas().Overlays().Top() != nil {
		t.Error("a dialog opens for a message that is not there")
	}
}

// findButton finds a button by its text.
func findButton(o fyne.CanvasObject, text string) *look.Button {
	switch o := o.(type) {
	case *look.Button:
		if o.Text == text {
			return o
		}
	case *fyne.Container:
		for _, child := range o.Objects {
			if b := findButton(child, text); b != nil {
				return b
			}
		}
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(o).Objects() {
			if b := findButton(child, text); b != nil {
				return b
			}
		}
	}
	return nil
}
