package ui

import (
	"testing"

	"fyne.io/fyne/v2"
)

// TestRevealFocus goes through the panel of parameters by Tab: what has the focus is in sight.
func TestRevealFocus(t *testing.T) {
	f := newFake()
	f.load()
	w := open(t, f, 1000, 500)
	w.toggleParameters()
	w.params.openRare(true)
	w.params.scroll.Refresh()
	canvas, driver := w.win.Canvas(), fyne.CurrentApp().Driver()
	seen, scrolled := map[fyne.Focusable]bool{}, false
	for range 200 {
		canvas.FocusNext()
		o := canvas.Focused()
		if seen[o] {
			break
		}
		seen[o] = true
		object := o.(fyne.CanvasObject)
		inside := false
		for _, e := range focusable(w.params.list) {
			inside = inside || e == object
		}
		if !inside {
			continue
		}
		scroll := w.params.scroll
		top := driver.AbsolutePositionForObject(object).Y - driver.AbsolutePositionForObject(scroll).Y
		if top < 0 || top+object.Size().Height > scroll.Size().Height+0.5 {
			t.Errorf("%T is at %v of %v", object, top, scroll.Size().Height)
		}
		scrolled = scrolled || scroll.Offset.Y > 500
	}
	if !scrolled {
		t.Error("the panel was not scrolled")
	}
}

// focusable returns all that can have the focus in the panel.
func focusable(list *fyne.Container) (all []fyne.CanvasObject) {
	for _, e := range in[*entry](list) {
		all = append(all, e)
	}
	for _, e := range in[*keySlider](list) {
		all = append(all, e)
	}
	for _, e := range in[*keySelect](list) {
		all = append(all, e)
	}
	return all
}
