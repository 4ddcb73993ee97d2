package transcript

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/tex"
)

// Key moves the transcript by a key: a page or a line up and down, or to its start or end. It reports whether the key
// is one of them.
func (v *View) Key(e *fyne.KeyEvent) bool {
	switch e.Name {
	case fyne.KeyPageUp:
		v.Page(-0.9)
	case fyne.KeyPageDown:
		v.Page(0.9)
	case fyne.KeyUp:
		v.scrollBy(-lineStep)
	case fyne.KeyDown:
		v.scrollBy(lineStep)
	case fyne.KeyHome:
		v.scrollBy(-v.column.total)
	case fyne.KeyEnd:
		v.ScrollToEnd()
	default:
		return false
	}
	return true
}

// FocusLast scrolls to the end, and gives the focus to the button there that copies the last message: Tab and Shift+Tab
// go on from it.
func (v *View) FocusLast() {
	v.ScrollToEnd()
	c := fyne.CurrentApp().Driver().CanvasForObject(v)
	if n := len(v.column.groups); n > 0 && c != nil {
		switch m := v.column.groups[n-1].message; {
		case m.footer != nil:
			c.Focus(m.footer.copy)
		case m.own != nil:
			c.Focus(m.own.copy)
		}
	}
}

// lineStep is how far an arrow key scrolls.
const lineStep = 60

func (v *View) scrollBy(dy float32) {
	v.column.scroll.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.Delta{DY: -dy}})
}

// key deals with a key that something in the transcript had the focus for, but no use. Escape gives up the focus.
func (v *View) key(e *fyne.KeyEvent) {
	if v.Key(e) {
		return
	}
	if e.Name == fyne.KeyEscape {
		if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil {
			c.Unfocus()
		}
	}
	if v.OnKey != nil {
		v.OnKey(e)
	}
}

// reveal scrolls so that something in the column is in view, with a little room around it.
func (v *View) reveal(o fyne.CanvasObject) {
	d := fyne.CurrentApp().Driver()
	scroll := v.column.scroll
	top := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(scroll).Y
	bottom := top + o.Size().Height
	switch {
	case top < revealRoom:
		v.scrollBy(top - revealRoom)
	case bottom > scroll.Size().Height-revealRoom:
		v.scrollBy(bottom - scroll.Size().Height + revealRoom)
	}
}

const revealRoom = 28

// own lets a button in the transcript be reached by the keyboard: it is scrolled to, and passes on the keys that it has
// no use for.
func own(h host, b *look.Button) *look.Button {
	b.OnFocus = func() { h.reveal(b) }
	b.OnKey = h.key
	return b
}

// switcher returns what goes through a message's versions, or nil.
func (m *message) switcher() *switcher {
	switch {
	case m.own != nil:
		return m.own.version
	case m.footer != nil:
		return m.footer.version
	}
	return nil
}

// switching returns the place of the message whose versions are being gone through with the keyboard, or -1, and whether
// forward.
func (v *View) switching() (at int, forward bool) {
	c := fyne.CurrentApp().Driver().CanvasForObject(v)
	if c == nil {
		return -1, false
	}
	b, ok := c.Focused().(*look.Button)
	if !ok {
		return -1, false
	}
	for i, g := range v.column.groups {
		if s := g.message.switcher(); s != nil && (s.before == b || s.after == b) {
			return i, s.after == b
		}
	}
	return -1, false
}

// goOnSwitching gives the focus to the same button of the version that stands there now.
func (v *View) goOnSwitching(at int, forward bool) {
	if at < 0 || at >= len(v.column.groups) {
		return
	}
	s := v.column.groups[at].message.switcher()
	if s == nil {
		return
	}
	b := s.before
	if forward {
		b = s.after
	}
	if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil && c.Focused() != fyne.Focusable(b) {
		c.Focus(b)
	}
}

func (v *View) formula(source string, displayed bool) *tex.Formula {
	return v.formulas.get(source, displayed)
}

func (v *View) showItems(at fyne.Position, items ...*fyne.MenuItem) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(v); c != nil {
		widget.ShowPopUpMenuAtPosition(fyne.NewMenu("", items...), c, at)
	}
}

// addressLine shows a link's address at the lower edge of the transcript, as browsers do.
type addressLine struct {
	container
	ground *canvas.Rectangle
	text   *canvas.Text
}

func newAddressLine() *addressLine {
	a := &addressLine{ground: canvas.NewRectangle(nil), text: canvas.NewText("", nil)}
	a.ground.CornerRadius, a.ground.StrokeWidth = 6, 1
	a.text.TextSize = look.SmallSize
	a.objects = []fyne.CanvasObject{a.ground, a.text}
	a.ExtendBaseWidget(a)
	a.Hide()
	return a
}

// show shows an address within a size of the transcript; what is too long loses its middle, so that the host and the
// end stay.
func (a *addressLine) show(address string, within fyne.Size) {
	if address == "" {
		a.Hide()
		return
	}
	room := within.Width - 2*addressX - 16
	shown := []rune(address)
	width := func(r []rune) float32 { return fyne.MeasureText(string(r), look.SmallSize, fyne.TextStyle{}).Width }
	if len(shown) > 400 {
		shown = append(append(shown[:300:300], '…'), shown[len(shown)-60:]...)
	}
	for len(shown) > 12 && width(shown) > room {
		cut := len(shown) * 2 / 3
		shown = append(append(shown[:cut-2:cut-2], '…'), shown[cut+1:]...)
	}
	a.text.Text, a.text.Color = string(shown), look.Color(theme.ColorNameForeground)
	a.ground.FillColor, a.ground.StrokeColor = look.Color(theme.ColorNameOverlayBackground), look.Color(look.ColorBorder)
	s := a.text.MinSize()
	size := fyne.NewSize(s.Width+2*addressX, s.Height+8)
	a.text.Resize(s)
	a.text.Move(fyne.NewPos(addressX, 4))
	a.ground.Resize(size)
	a.Resize(size)
	a.Move(fyne.NewPos(8, within.Height-size.Height-8))
	a.Show()
	a.ground.Refresh()
	a.text.Refresh()
}

const addressX = 10

func (v *View) showAddress(address string) { v.address.show(address, v.Size()) }
