package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

// TestWelcome wants a first answer within three clicks of the first start: the guide is loaded then, and one is enough.
func TestWelcome(t *testing.T) {
	f := newFake()
	f.current = &inference.ModelInfo{Path: fakeModels{f}.Guide(), Name: "Built-in guide", ContextSize: 2048, Device: "CPU"}
	w := open(t, f, 1000, 700)
	first := w.empty.first
	if !first.box.Visible() || !first.asked.Visible() {
		t.Fatal("the guide offers no questions")
	}
	var hint strings.Builder
	objects(first.box, func(o fyne.CanvasObject) {
		if l, ok := o.(interface{ MinSize() fyne.Size }); ok {
			hint.WriteString(test.RenderObjectToMarkup(l.(fyne.CanvasObject)))
		}
	})
	if !strings.Contains(hint.String(), "Ctrl+O") || !strings.Contains(hint.String(), "Ctrl+K") {
		t.Error("the keys to know are not told")
	}
	for _, theme := range []app.Theme{app.ThemeLight, app.ThemeDark} {
		w.setTheme(theme)
		drain(w, f)
		if w.empty.title.Color != look.Color("foreground") {
			t.Errorf("%s: the title is %v", theme, w.empty.title.Color)
		}
		keep(t, w, string(theme)+"-first")
	}
	w.win.Resize(fyne.NewSize(420, 560))
	keep(t, w, "narrow-first")
	w.win.Resize(fyne.NewSize(1000, 700))
	test.Tap(first.questions.Objects[1].(*look.Button))
	drain(w, f)
	if !called(f, "send "+guideQuestions()[1]) || w.empty.box.Visible() {
		t.Errorf("a click asks nothing: %v", f.calls)
	}
	// With a model of the user's own there are no questions to click on.
	f.load()
	w.showModel()
	w.newChat()
	if first.box.Visible() {
		t.Error("the welcome stays")
	}
	// Without any model there are the keys alone.
	f.current = nil
	w.showModel()
	if !first.box.Visible() || first.asked.Visible() {
		t.Error("without a model")
	}
	keep(t, w, "light-first-without")
}
