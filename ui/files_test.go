package ui

import (
	"testing"

	"fyne.io/fyne/v2/test"
)

// TestAskFiles opens the dialog that attaches a file, which Escape closes, and again.
func TestAskFiles(t *testing.T) {
	f := furnished()
	f.load()
	w := open(t, f, 1000, 700)
	overlays := w.win.Canvas().Overlays()
	for range 2 {
		test.Tap(w.composer.clip)
		shown := overlays.Top()
		if shown == nil {
			t.Fatal("there is no dialog")
		}
		w.askFiles()
		if overlays.Top() != shown || len(overlays.List()) != 1 {
			t.Error("there are two dialogs")
		}
		w.escape()
		if overlays.Top() != nil {
			t.Fatal("Escape does not close it")
		}
	}
	w.saveReport()
	if overlays.Top() == nil {
		t.Error("a report can't be saved")
	}
}
