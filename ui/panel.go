package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"
)

// panel is a pop-up over the window for a moment: the palette, and the overview of keys. There is one at a time. A click
// beside it closes it, as Fyne's pop-ups do by themselves.
type panel struct {
	w      *window
	popup  *widget.PopUp
	opener fyne.KeyName // the key that opened it closes it
}

// openPanel shows content over the window, no larger than size.
func (w *window) openPanel(opener fyne.KeyName, content fyne.CanvasObject, size fyne.Size) *panel {
	if p := w.openedPanel(); p != nil {
		p.close()
	}
	c := w.win.Canvas()
	p := &panel{w: w, opener: opener, popup: widget.NewPopUp(container.New(layout.NewCustomPaddedLayout(6, 6, 8, 8), content), c)}
	room := c.Size()
	size = fyne.NewSize(min(size.Width, room.Width-32), min(size.Height, room.Height-32))
	p.popup.Resize(size)
	w.panel = p
	p.popup.ShowAtPosition(fyne.NewPos((room.Width-size.Width)/2, (room.Height-size.Height)/3))
	return p
}

// openedPanel returns the panel that is open, or nil.
func (w *window) openedPanel() *panel {
	if w.panel != nil && !w.panel.popup.Visible() {
		w.panel = nil
	}
	return w.panel
}

// close closes the panel. The focus goes back to what had it before.
func (p *panel) close() {
	p.popup.Hide()
	if p.w.panel == p {
		p.w.panel = nil
	}
}
