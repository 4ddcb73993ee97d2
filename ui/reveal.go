package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"burble/ui/look"
)

// revealFocus has what is in a tree scroll into sight when the keyboard comes to it, which Fyne leaves to its programs.
func revealFocus(scroll *container.Scroll, o fyne.CanvasObject) {
	show := func() { reveal(scroll, o) }
	switch x := o.(type) {
	case *entry:
		x.gained = show
	case *keySelect:
		x.gained = show
	case *keySlider:
		x.gained = show
	case *keyCheck:
		x.gained = show
	case *look.Button:
		x.OnFocus = show
	case *container.ThemeOverride:
		revealFocus(scroll, x.Content)
	case *fyne.Container:
		for _, child := range x.Objects {
			revealFocus(scroll, child)
		}
	}
}

// revealRoom is how much is to be seen above and below what has the focus.
const revealRoom = 36

// reveal scrolls so that o is in sight.
func reveal(scroll *container.Scroll, o fyne.CanvasObject) {
	d := fyne.CurrentApp().Driver()
	top := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(scroll).Y
	bottom := top + o.Size().Height
	offset := scroll.Offset
	switch room := min(revealRoom, max(scroll.Size().Height-o.Size().Height, 0)/2); {
	case top < room:
		offset.Y += top - room
	case bottom > scroll.Size().Height-room:
		offset.Y += bottom - scroll.Size().Height + room
	default:
		return
	}
	scroll.ScrollToOffset(offset)
}
