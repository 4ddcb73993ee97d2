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
	licences, err := assets.Licences()
	if err != nil {
		t.Fatal(err)
	}
	text := test.RenderObjectToMarkup(w.win.Canvas().Overlays().Top())
	if first, _, _ := strings.Cut(licences, "\n"); !strings.Contains(text, first) {
		t.Error("the licences are not shown")
	}
	if !strings.Contains(licences, "\nfyne.io/fyne/v2 ") || !strings.Contains(licences, "\nmodernc.org/sqlite ") {
		t.Error("licences are missing")
	}
}
