// Package pointer clicks in tests as Fyne's desktop driver does. Fyne's own test functions look for an object that does
// something with a click; a user's click ends at the topmost object that has to do with clicks at all, such as one that
// takes the keyboard's focus and does nothing else.
package pointer

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
)

// At returns the object that a click at a position of the canvas ends at, and the position in it; nil: none.
func At(c fyne.Canvas, p fyne.Position) (fyne.CanvasObject, fyne.Position) {
	var found fyne.CanvasObject
	var at fyne.Position
	var walk func(o fyne.CanvasObject, offset fyne.Position)
	walk = func(o fyne.CanvasObject, offset fyne.Position) {
		if !o.Visible() {
			return
		}
		pos := o.Position().Add(offset)
		inside := p.X >= pos.X && p.Y >= pos.Y && p.X < pos.X+o.Size().Width && p.Y < pos.Y+o.Size().Height
		switch o.(type) {
		case fyne.Tappable, fyne.SecondaryTappable, fyne.DoubleTappable, fyne.Focusable, desktop.Mouseable:
			if inside {
				found, at = o, p.Subtract(pos)
			}
		}
		var children []fyne.CanvasObject
		switch o := o.(type) {
		case *fyne.Container:
			children = o.Objects
		case fyne.Widget:
			r := test.WidgetRenderer(o)
			_, clips := r.(interface{ IsClip() })
			_, scrolls := o.(fyne.Scrollable)
			if (clips || scrolls) && !inside {
				return
			}
			children = r.Objects()
		}
		for _, child := range children {
			walk(child, pos)
		}
	}
	if overlay := c.Overlays().Top(); overlay != nil {
		walk(overlay, fyne.Position{})
	} else {
		walk(c.Content(), fyne.Position{})
	}
	return found, at
}

// Click clicks with the first button, and reports whether anything was done with it.
func Click(c fyne.Canvas, p fyne.Position) bool {
	o, at := At(c, p)
	t, ok := o.(fyne.Tappable)
	if ok {
		t.Tapped(&fyne.PointEvent{Position: at, AbsolutePosition: p})
	}
	return ok
}

// ClickSecond clicks with the second button, and reports whether anything was done with it.
func ClickSecond(c fyne.Canvas, p fyne.Position) bool {
	o, at := At(c, p)
	t, ok := o.(fyne.SecondaryTappable)
	if ok {
		t.TappedSecondary(&fyne.PointEvent{Position: at, AbsolutePosition: p})
	}
	return ok
}
