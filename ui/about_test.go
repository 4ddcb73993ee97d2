package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/assets"
)

// TestAbout wants the version in the dialog, and the licences of what is built in behind it.
func TestAbout(t *testing.T) {
	w := open(t, newFake(), 1000, 700)
	w.showAbout()
	top := w.win.Canvas().Overlays().Top()
	if top == nil || !strings.Contains(test.RenderObjectToMarkup(top), "Version "+app.Version) {
		t.Fatal("the version is not shown")
	}
	w.showLicences()
	text := test.RenderObjectToMarkup(w.win.Canvas().Overlays().Top())
	if first, _, _ := strings.Cut(assets.Licences, "\n"); !strings.Contains(text, first) {
		t.Error("the licences are not shown")
	}
	if !strings.Contains(assets.Licences, "\nfyne.io/fyne/v2 ") || !strings.Contains(assets.Licences, "\nmodernc.org/sqlite ") {
		t.Error("licences are missing")
	}
}
