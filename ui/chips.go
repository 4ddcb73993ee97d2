package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// fileChip is a file that will go with the next message: its name and size, and a button that takes it off.
type fileChip struct {
	widget.BaseWidget
	ground *canvas.Rectangle
	icon   *canvas.Image
	name   *canvas.Text
	detail *canvas.Text
	remove *look.Button
	full   string // the name in full
}

const (
	chipHeight float32 = 44
	chipText   float32 = 190 // widest name
)

func newFileChip(name string, remove func()) *fileChip {
	c := &fileChip{full: name, ground: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil), name: canvas.NewText("", nil), detail: canvas.NewText("", nil)}
	c.ground.CornerRadius, c.ground.StrokeWidth = look.Radius, 1
	c.icon.FillMode = canvas.ImageFillContain
	c.name.TextSize, c.detail.TextSize = 13.5, 11.5
	c.name.Text = fitted(name, chipText, c.name.TextSize)
	c.remove = look.NewIconButton(look.IconClose, remove)
	c.remove.Height = 24
	c.ExtendBaseWidget(c)
	return c
}

// set shows what is known of the file. A note says that something of it is missing.
func (c *fileChip) set(detail, note string) {
	if note != "" {
		detail += " · " + note
	}
	c.detail.Text = fitted(detail, chipText+70, c.detail.TextSize)
	c.Refresh()
}

// fitted cuts a text in its middle until it is no wider than width.
func fitted(text string, width, size float32) string {
	fits := func(s string) bool { return fyne.MeasureText(s, size, fyne.TextStyle{}).Width <= width }
	if fits(text) {
		return text
	}
	r := []rune(text)
	for n := min(len(r)-1, int(width)); n > 4; n-- {
		if s := string(r[:n*2/3]) + "…" + string(r[len(r)-n/3:]); fits(s) {
			return s
		}
	}
	return "…"
}

// CreateRenderer is Fyne's.
func (c *fileChip) CreateRenderer() fyne.WidgetRenderer {
	r := &chipRenderer{c}
	r.Refresh()
	return r
}

type chipRenderer struct{ c *fileChip }

func (r *chipRenderer) Destroy() {}

func (r *chipRenderer) MinSize() fyne.Size {
	return fyne.NewSize(38+max(r.c.name.MinSize().Width, r.c.detail.MinSize().Width)+34, chipHeight)
}

func (r *chipRenderer) Objects() []fyne.CanvasObject {
	c := r.c
	return []fyne.CanvasObject{c.ground, c.icon, c.name, c.detail, c.remove}
}

func (r *chipRenderer) Layout(size fyne.Size) {
	c := r.c
	c.ground.Resize(size)
	c.icon.Resize(fyne.NewSquareSize(20))
	c.icon.Move(fyne.NewPos(10, (size.Height-20)/2))
	n, d := c.name.MinSize(), c.detail.MinSize()
	top := (size.Height - n.Height - d.Height) / 2
	c.name.Resize(n)
	c.name.Move(fyne.NewPos(38, top))
	c.detail.Resize(d)
	c.detail.Move(fyne.NewPos(38, top+n.Height))
	c.remove.Resize(fyne.NewSquareSize(24))
	c.remove.Move(fyne.NewPos(size.Width-29, (size.Height-24)/2))
}

func (r *chipRenderer) Refresh() {
	c := r.c
	c.ground.FillColor, c.ground.StrokeColor = look.Color(look.ColorSurface), look.Color(look.ColorBorder)
	c.name.Color, c.detail.Color = look.Color(theme.ColorNameForeground), look.Color(look.ColorMuted)
	c.icon.Resource = look.IconFile.In(look.ColorMuted)
	r.Layout(c.Size())
	for _, o := range r.Objects() {
		o.Refresh()
	}
}

// wrapLayout places objects in lines, one after another, each as large as it wants to be.
type wrapLayout struct{ gap float32 }

// MinSize is the size of the largest object; see height.
func (l *wrapLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var s fyne.Size
	for _, o := range objects {
		s = s.Max(o.MinSize())
	}
	return s
}

// Layout places the objects.
func (l *wrapLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.each(objects, size.Width, func(o fyne.CanvasObject, pos fyne.Position, size fyne.Size) {
		o.Resize(size)
		o.Move(pos)
	})
}

// height is what the objects take at a width.
func (l *wrapLayout) height(objects []fyne.CanvasObject, width float32) (h float32) {
	l.each(objects, width, func(_ fyne.CanvasObject, pos fyne.Position, size fyne.Size) { h = max(h, pos.Y+size.Height) })
	return h
}

func (l *wrapLayout) each(objects []fyne.CanvasObject, width float32, do func(fyne.CanvasObject, fyne.Position, fyne.Size)) {
	x, y, line := float32(0), float32(0), float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		s := o.MinSize()
		s.Width = min(s.Width, width)
		if x > 0 && x+s.Width > width {
			x, y, line = 0, y+line+l.gap, 0
		}
		do(o, fyne.NewPos(x, y), s)
		x += s.Width + l.gap
		line = max(line, s.Height)
	}
}
